"""Inputs of a policy, to be varied."""

from collections.abc import Callable

import pytest
from msgspec import structs

from bot.domain.time import Ns
from bot.hedging.band import BandInputs

_INPUTS = BandInputs(
    delta_coin_net=0.3,
    delta_coin_options=5.3528,
    gamma_coin_per_usd=7.44349e-4,
    vanna_coin_per_vol=0.5,
    option_coin_gross=10.0,
    price_usd=64_250.5,
    iv_mark=0.6,
    tau_years=7.0 / 365.0,
    fee_rate_taker=0.0005,
    half_spread_usd=0.0,
    funding_rate_8h=0.0,
    since_hedge_ns=None,
    price_at_hedge_usd=None,
    now_ns=Ns(0),
)


@pytest.fixture
def inputs() -> Callable[..., BandInputs]:
    """Ten weekly calls at the money, cost 5 bp (theory 4.1, whalley_wilmott_band.csv row 10), with changes by name."""

    def make(**changes: object) -> BandInputs:
        return structs.replace(_INPUTS, **changes)

    return make
