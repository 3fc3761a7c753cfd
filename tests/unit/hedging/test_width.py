"""How wide the band is now: policy, pin, regime and guards, each on top of the other, and all inside the limits."""

import math
from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import Features, RegimeChanged
from bot.domain.ids import Label
from bot.domain.reasons import Regime
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import Band, BandInputs, TradeTo, around
from bot.hedging.expiry import ExpiryParams, PinRule
from bot.hedging.regime import RegimeParams, RegimeSeen
from bot.hedging.situation import Hedge
from bot.hedging.stability import Guard, StabilityParams
from bot.hedging.width import Width
from bot.market.quality import Touch

NOW = Ns(1_795_000_000 * NS_PER_S)
INPUTS = BandInputs(
    delta_coin_net=0.0,
    delta_coin_options=0.5,
    gamma_coin_per_usd=1e-5,
    vanna_coin_per_vol=0.0,
    option_coin_gross=1.0,
    price_usd=100_000.0,
    iv_mark=0.6,
    tau_years=0.1,
    fee_rate_taker=0.00035,
    half_spread_usd=0.5,
    funding_rate_8h=0.0,
    since_hedge_ns=None,
    price_at_hedge_usd=None,
    now_ns=NOW,
)


@pytest.fixture
def hedge(make: Any) -> Hedge:
    """A thousand coins at a touch one dollar wide."""
    touch = Touch(
        bid_native=99_999.5,
        ask_native=100_000.5,
        bid_amount_native=1e8,
        ask_amount_native=1e8,
        received_ns=NOW,
        venue_ns=NOW,
    )
    return Hedge(
        spec=make.perpetual(), price_usd=100_000.0, touch=touch, index_usd=None, funding_rate_8h=0.0, age_ns=None
    )


def _policy(inputs: BandInputs) -> Band:
    """As wide as a thousand times the fee, and what the size costs beyond the touch: cheaper makes narrower."""
    return around(0.1, 1_000.0 * inputs.fee_rate_taker + 0.1 * inputs.beyond_touch_usd)


def _width(regime: RegimeParams | None = None, **change: Any) -> Width:
    fields: dict[str, Any] = {
        "expiry": ExpiryParams(pin=PinRule.WIDEN, pin_width_ratio=3.0),
        "delta_coin_max": 10.0,
        "stability": StabilityParams(),
        "regime": regime,
        "maker_cost_fraction": None,
        "trade_to": TradeTo.EDGE,
    }
    return Width(_policy, **(fields | change))


def _swung(width: Width) -> None:
    """Six hedges that took each other back, a moment ago."""
    for number in range(6):
        at = Ns(NOW - (7 - number) * NS_PER_S)
        width.stability.sent(Label(f"h{number}"), price_usd=100_000.0, now_ns=at, takes=True)
        width.stability.see_fill(Label(f"h{number}"), 5.0 * (-1.0) ** number, at)


def _regime(width: Width, **seen: Any) -> None:
    """What the watch sees, put in its place."""
    assert width._regime is not None
    width._regime.at = lambda *_: RegimeSeen(**seen)  # type: ignore[method-assign]


def test_without_anything_laid_over_it_the_band_is_the_policys(hedge: Hedge) -> None:
    """And nothing is recorded."""
    widths = _width().at(INPUTS, None, hedge, is_pinned=False)

    assert (widths.bands.acted_on, widths.bands.taker, widths.bands.narrow) == (around(0.1, 0.35), None, None)
    assert (widths.ratio, widths.guard, widths.features()) == (1.0, Guard(), None)


def test_pin_regime_and_guard_multiply_around_the_target(hedge: Hedge) -> None:
    """3 by the pin, 1.5 by the regime, 2 by the guard; the narrow band is that without the guard."""
    width = _width(RegimeParams())
    _regime(width, regime=Regime.HOT, width_ratio=1.5)
    _swung(width)
    widths = width.at(INPUTS, None, hedge, is_pinned=True)

    assert widths.bands.acted_on.high_coin == pytest.approx(0.1 + 0.35 * 9.0)
    assert widths.bands.narrow is not None
    assert widths.bands.narrow.high_coin == pytest.approx(0.1 + 0.35 * 4.5)
    assert widths.ratio == 3.0


def test_the_hard_limit_cuts_whatever_made_it_wide(hedge: Hedge) -> None:
    """Nothing an owner or a guard lays over a band may leave more delta than that."""
    width = _width(RegimeParams(), delta_coin_max=0.5)
    _regime(width, width_ratio=100.0)

    band = width.at(INPUTS, None, hedge, is_pinned=True).bands.acted_on

    assert (band.low_coin, band.high_coin) == (-0.5, 0.5)


def test_a_crisis_budget_cuts_and_never_widens(hedge: Hedge) -> None:
    """Half a width of 0.2 around the target where the regime asks for more; a generous one changes nothing."""
    width = _width(RegimeParams())
    _regime(width, width_ratio=2.0, half_coin_max=0.2)
    cut = width.at(INPUTS, None, hedge, is_pinned=False).bands.acted_on
    _regime(width, width_ratio=2.0, half_coin_max=math.inf)

    assert (cut.low_coin, cut.high_coin) == (pytest.approx(-0.1), pytest.approx(0.3))
    assert width.at(INPUTS, None, hedge, is_pinned=False).bands.acted_on.high_coin == pytest.approx(0.8)


def test_a_makers_band_stays_inside_the_takers(hedge: Hedge, make: Any) -> None:
    """Both are widened; the maker's cost is its fee and the adverse selection, without a spread."""
    width = _width(RegimeParams(), maker_cost_fraction=0.00005)
    _regime(width, width_ratio=2.0)
    cheap = width.at_maker_cost(INPUTS, make.perpetual())
    bands = width.at(INPUTS, cheap, hedge, is_pinned=False).bands

    assert cheap == structs.replace(INPUTS, fee_rate_taker=0.00015 + 0.00005, half_spread_usd=0.0)
    assert _width().at_maker_cost(INPUTS, make.perpetual()) is None
    assert bands.acted_on.high_coin == pytest.approx(0.1 + 2.0 * 0.2)
    assert bands.taker is not None
    assert bands.taker.high_coin == pytest.approx(0.1 + 2.0 * 0.35)


def test_what_was_seen_is_recorded_where_somebody_looks(hedge: Hedge) -> None:
    """Every feature of the regime, also while it asks for nothing; the gain beside it."""
    width = _width(RegimeParams())
    _regime(width, regime=Regime.CALM, vol_ratio=0.6, cusum_ratio=0.1, jump_test_sigmas=0.4, hour_ratio=1.1)

    assert width.at(INPUTS, None, hedge, is_pinned=False).features() == Features(
        width_ratio=1.0, regime=Regime.CALM, vol_ratio=0.6, cusum_ratio=0.1, jump_test_sigmas=0.4, hour_ratio=1.1
    )


def test_prices_reach_both_watchers() -> None:
    """An hour of equal minutes, then a wild one: noted once, handed over once."""
    width = _width(RegimeParams())
    price = 100_000.0
    for step in range(90 * 12):
        price *= math.exp((1e-4 if step < 80 * 12 else 1e-3) * (-1) ** (step * step // 3))
        width.see_price(price, Ns(NOW + step * 5 * NS_PER_S))
    notes = width.notes()

    assert any(isinstance(note, RegimeChanged) for note in notes)
    assert width.notes() == []


def test_a_size_beyond_the_touch_is_paid_for_in_width(hedge: Hedge) -> None:
    """Two coins due at a touch of one: the policy is asked again at the cost of both, and with that it is decided."""
    assert hedge.touch is not None
    thin = structs.replace(hedge, touch=structs.replace(hedge.touch, bid_amount_native=100_000.0))
    inputs = structs.replace(INPUTS, delta_coin_net=2.45)
    deep, flat = (_width().at(inputs, None, at, is_pinned=False) for at in (thin, hedge))

    assert (flat.inputs, flat.bands.acted_on) == (inputs, around(0.1, 0.35))
    assert deep.inputs.beyond_touch_usd > 0.0
    assert deep.bands.acted_on == around(0.1, 0.35 + 0.1 * deep.inputs.beyond_touch_usd)


def test_less_appetite_is_a_narrower_band_and_a_nearer_limit(hedge: Hedge) -> None:
    """An eighth of it: half the width; an eighth of the hard limit cuts what a regime makes wide."""
    width = _width(RegimeParams())
    _regime(width, width_ratio=1.0)
    half = width.at(INPUTS, None, hedge, is_pinned=False, appetite_share=0.125).bands.acted_on
    _regime(width, width_ratio=100.0)
    cut = width.at(INPUTS, None, hedge, is_pinned=False, appetite_share=0.125).bands.acted_on

    assert half.high_coin == pytest.approx(0.1 + 0.5 * 0.35)
    assert (cut.low_coin, cut.high_coin) == (-1.25, 1.25)
