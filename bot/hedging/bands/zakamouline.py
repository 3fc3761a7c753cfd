"""Zakamouline's fit to the utility optimum (Quantitative Finance 6(5), 2006): H0 + H1, centre shifted.

Made for a year and costs of a percent: its time does not scale with volatility, so that at crypto tenors and costs it
is a fifth too narrow (theory 4.3). What it has that others lack is the shift of the centre, worth it when |K| passes
0.15. The constant of K is 5.76 short and 4.76 long, as the exact solution decides.
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
    risk_aversion_of,
    taker_cost_fraction,
)

LAWS: Final = (Law.VANISHES_WITH_COST, Law.GROWS_WITH_COST, Law.SHRINKS_WITH_RISK_AVERSION)
SHIFT_SHORT: Final = 5.76
SHIFT_LONG: Final = 4.76


class Params(Struct, frozen=True, kw_only=True, tag="zakamouline"):
    """How much risk the owner minds, absolute or relative to the book."""

    risk_aversion_per_usd: float | None = None
    """Absolute, of the whole owner; None: `risk_aversion_relative` over the value of the options' coins."""
    risk_aversion_relative: float = 10.0


def gamma_half_coin(
    gamma_coin_per_usd: float,
    *,
    iv: float,
    tau_years: float,
    cost_fraction: float,
    risk_aversion_per_usd: float,
    discount: float = 1.0,
) -> float:
    """H1 = 1.12 λ^0.31 T^0.05 (e^{-rT}/σ)^0.25 (|Γ|/ra)^0.5, coins of the position."""
    root = math.sqrt(abs(gamma_coin_per_usd) / risk_aversion_per_usd)
    return 1.12 * math.pow(cost_fraction, 0.31) * math.pow(tau_years, 0.05) * math.pow(discount / iv, 0.25) * root


def shift_ratio(
    gamma_coin_per_usd: float,
    *,
    price_usd: float,
    iv: float,
    tau_years: float,
    cost_fraction: float,
    risk_aversion_per_usd: float,
    discount: float = 1.0,
) -> float:
    """K <= 0, of σ_m^2 = σ^2 (1 - K) short and σ^2 (1 + K) long; the constant goes by the sign of gamma."""
    constant = SHIFT_LONG if gamma_coin_per_usd > 0.0 else SHIFT_SHORT
    dollar_gamma = risk_aversion_per_usd * price_usd**2 * abs(gamma_coin_per_usd)
    fading = math.pow(tau_years, -0.02) * math.pow(discount / iv, 0.25)
    return -constant * math.pow(cost_fraction, 0.78) * fading * math.pow(dollar_gamma, 0.15)


def modified_iv(iv: float, shift_ratio: float, *, is_long: bool) -> float:
    """σ_m; a K at or below -1 would leave a long book no volatility: it is held above zero."""
    return iv * math.sqrt(max(1.0 + shift_ratio if is_long else 1.0 - shift_ratio, 0.0))


def parts(params: Params, inputs: BandInputs) -> dict[str, float]:
    """The figures the width is made of, in the units of their names; empty without options."""
    iv, tau = inputs.iv_mark, inputs.tau_years
    aversion = risk_aversion_of(inputs, params.risk_aversion_per_usd, params.risk_aversion_relative)
    if aversion is None or iv is None or tau is None or iv <= 0.0 or tau <= 0.0:
        return {}
    found = {"cost_fraction": taker_cost_fraction(inputs), "risk_aversion_per_usd": aversion}
    terms = {"iv": iv, "tau_years": tau, **found}
    ratio = shift_ratio(inputs.gamma_coin_per_usd, price_usd=inputs.price_usd, **terms)
    return found | {
        "dead_half_coin": dead_half_coin(price_usd=inputs.price_usd, **terms),
        "gamma_half_coin": gamma_half_coin(inputs.gamma_coin_per_usd, **terms),
        "shift_ratio": ratio,
        "shifted_iv": modified_iv(iv, ratio, is_long=inputs.gamma_coin_per_usd > 0.0),
        "vanna_coin_per_vol": inputs.vanna_coin_per_vol,
    }


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters. The shift of the delta is taken to first order in volatility."""

    def band(inputs: BandInputs) -> Band:
        iv, tau, cost = inputs.iv_mark, inputs.tau_years, taker_cost_fraction(inputs)
        aversion = risk_aversion_of(inputs, params.risk_aversion_per_usd, params.risk_aversion_relative)
        if aversion is None or iv is None or tau is None or iv <= 0.0 or tau <= 0.0:
            return around(0.0, 0.0)
        gamma = inputs.gamma_coin_per_usd
        half = dead_half_coin(
            price_usd=inputs.price_usd, iv=iv, tau_years=tau, cost_fraction=cost, risk_aversion_per_usd=aversion
        ) + gamma_half_coin(gamma, iv=iv, tau_years=tau, cost_fraction=cost, risk_aversion_per_usd=aversion)
        ratio = shift_ratio(
            gamma, price_usd=inputs.price_usd, iv=iv, tau_years=tau, cost_fraction=cost, risk_aversion_per_usd=aversion
        )
        # Hedging as if at σ_m: the book's own delta would be this much higher there, and the hedge offsets that one.
        higher_coin = inputs.vanna_coin_per_vol * (modified_iv(iv, ratio, is_long=gamma > 0.0) - iv)
        return around(-higher_coin, half)

    return band
