"""Whalley-Wilmott with a fixed cost per trade: wait longer, then trade further in.

Leaves at the outer band A and, traded to `inner`, lands on the inner band B (theory 4.1). What an order costs beside
its size: a call limit, a human who looks, the noise it makes.
"""

from typing import Final

from msgspec import Struct

from bot.hedging.band import (
    WIDEST_COIN,
    Band,
    BandInputs,
    BandPolicy,
    Law,
    around,
    risk_aversion_of,
    taker_cost_fraction,
    two_bands_coin,
)

LAWS: Final = (Law.GROWS_WITH_COST, Law.IGNORES_GAMMA_SIGN, Law.SHRINKS_WITH_RISK_AVERSION)


class Params(Struct, frozen=True, kw_only=True, tag="whalley_wilmott_fixed_cost"):
    """The fixed cost is per trade, whatever its size."""

    risk_aversion_per_usd: float | None = None
    """Absolute, of the whole owner; None: `risk_aversion_relative` over the value of the options' coins."""
    risk_aversion_relative: float = 10.0
    fixed_cost_usd: float


def parts(params: Params, inputs: BandInputs) -> dict[str, float]:
    """The figures the width is made of, in the units of their names; empty without options."""
    aversion = risk_aversion_of(inputs, params.risk_aversion_per_usd, params.risk_aversion_relative)
    if aversion is None:
        return {}
    found = {"cost_fraction": taker_cost_fraction(inputs), "risk_aversion_per_usd": aversion}
    outer, inner = two_bands_coin(
        inputs.gamma_coin_per_usd, price_usd=inputs.price_usd, fixed_cost_usd=params.fixed_cost_usd, **found
    )
    return found | {"outer_half_coin": outer, "inner_half_coin": inner}


def policy(params: Params) -> BandPolicy:
    """The policy with these parameters."""

    def band(inputs: BandInputs) -> Band:
        aversion = risk_aversion_of(inputs, params.risk_aversion_per_usd, params.risk_aversion_relative)
        if aversion is None:
            return around(0.0, 0.0)
        outer, inner = two_bands_coin(
            inputs.gamma_coin_per_usd,
            price_usd=inputs.price_usd,
            cost_fraction=taker_cost_fraction(inputs),
            fixed_cost_usd=params.fixed_cost_usd,
            risk_aversion_per_usd=aversion,
        )
        outer, inner = min(outer, WIDEST_COIN), min(inner, WIDEST_COIN)
        return Band(low_coin=-outer, high_coin=outer, target_coin=0.0, inner_low_coin=-inner, inner_high_coin=inner)

    return band
