"""The optimal band for proportional costs: as wide as cost allows, as narrow as gamma demands.

Half width sqrt(WW^2 + H0^2): Whalley-Wilmott (1997) where there is gamma, the exact width of a dead option where
there is none; within 0.1 to 1.2 % of the exact optimum (theory 4.3, 9.5). Its asymptotics hold for small costs: one-day
options at the money get about 10 % too little.
"""

import math
from typing import Final

from msgspec import Struct

from bot.hedging.band import (
    Band,
    BandInputs,
    BandPolicy,
    Law,
    around,
    dead_half_coin,
    gamma_half_coin,
    risk_aversion_of,
    taker_cost_fraction,
)

LAWS: Final = (
    Law.VANISHES_WITH_COST,
    Law.GROWS_WITH_COST,
    Law.TWO_THIRDS_POWER_OF_SIZE,
    Law.IGNORES_GAMMA_SIGN,
    Law.SHRINKS_WITH_RISK_AVERSION,
    Law.BEST_TRADED_TO_EDGE,
)
_DAYS_PER_YEAR: Final = 365.0


class Params(Struct, frozen=True, kw_only=True, tag="whalley_wilmott"):
    """How much risk the owner minds: absolute, or relative to the book, or as what may be left open."""

    risk_aversion_per_usd: float | None = None
    """Absolute, of the whole owner; None: `risk_aversion_relative` over the value of the options' coins."""
    risk_aversion_relative: float = 10.0
    residual_usd_per_day: float | None = None
    """Standard deviation a day that the delta left open may make; instead of a risk aversion."""
    is_plain: bool = False
    """The formula of 1997 alone, which closes dead options at any cost."""


def half_width_coin(
    *,
    gamma_coin_per_usd: float,
    price_usd: float,
    cost_fraction: float,
    risk_aversion_per_usd: float,
    iv: float | None = None,
    tau_years: float | None = None,
    discount: float = 1.0,
) -> float:
    """Half width of the position's band, coins, >= 0.

    `gamma_coin_per_usd` of the whole position (n contracts: n times one's), `cost_fraction` of notional one way,
    `risk_aversion_per_usd` absolute, of the owner. Without `iv` and `tau_years` the plain formula, else combined.
    """
    plain = gamma_half_coin(
        gamma_coin_per_usd,
        price_usd=price_usd,
        cost_fraction=cost_fraction,
        risk_aversion_per_usd=risk_aversion_per_usd,
        discount=discount,
    )
    if iv is None or tau_years is None:
        return plain
    dead = dead_half_coin(
        price_usd=price_usd,
        iv=iv,
        tau_years=tau_years,
        cost_fraction=cost_fraction,
        risk_aversion_per_usd=risk_aversion_per_usd,
    )
    return math.hypot(plain, dead)


def residual_half_coin(*, residual_usd_per_day: float, price_usd: float, iv: float) -> float:
    """Half width whose residual, uniform in the band with deviation h / sqrt(3), makes this a day (theory 4.1)."""
    return math.sqrt(3.0 * _DAYS_PER_YEAR) * residual_usd_per_day / (price_usd * iv)


def parts(params: Params, inputs: BandInputs) -> dict[str, float]:
    """The figures the width is made of, in the units of their names; empty where it is not made of any."""
    iv = inputs.iv_mark
    if params.residual_usd_per_day is not None:
        if iv is None or iv <= 0.0:
            return {}
        half = residual_half_coin(residual_usd_per_day=params.residual_usd_per_day, price_usd=inputs.price_usd, iv=iv)
        return {"residual_half_coin": half}
    aversion = risk_aversion_of(inputs, params.risk_aversion_per_usd, params.risk_aversion_relative)
    if aversion is None:
        return {}
    found = {"cost_fraction": taker_cost_fraction(inputs), "risk_aversion_per_usd": aversion}
    terms = {"price_usd": inputs.price_usd, **found}
    found["gamma_half_coin"] = gamma_half_coin(inputs.gamma_coin_per_usd, **terms)
    if iv is not None and inputs.tau_years is not None and not params.is_plain:
        found["dead_half_coin"] = dead_half_coin(iv=iv, tau_years=inputs.tau_years, **terms)
    return found


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def to_residual(inputs: BandInputs) -> Band:
        assert params.residual_usd_per_day is not None, "chosen by it"
        iv = inputs.iv_mark
        if iv is None or iv <= 0.0:
            return around(0.0, 0.0)
        return around(
            0.0,
            residual_half_coin(residual_usd_per_day=params.residual_usd_per_day, price_usd=inputs.price_usd, iv=iv),
        )

    def band(inputs: BandInputs) -> Band:
        aversion = risk_aversion_of(inputs, params.risk_aversion_per_usd, params.risk_aversion_relative)
        if aversion is None:
            return around(0.0, 0.0)
        half = half_width_coin(
            gamma_coin_per_usd=inputs.gamma_coin_per_usd,
            price_usd=inputs.price_usd,
            cost_fraction=taker_cost_fraction(inputs),
            risk_aversion_per_usd=aversion,
            iv=None if params.is_plain else inputs.iv_mark,
            tau_years=None if params.is_plain else inputs.tau_years,
        )
        return around(0.0, half)

    return band if params.residual_usd_per_day is None else to_residual
