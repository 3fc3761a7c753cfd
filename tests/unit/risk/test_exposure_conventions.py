"""Exposure under each convention: what the account adds, what old equity leaves open, what linear legs need."""

import math
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.pricing import black76
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Collateral, Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.legs import arrange

_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))
_PERP, _LINEAR_PERP = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL")
_CALL, _LINEAR = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC_USDC-27MAR26-100000-C")
_PUT = InstrumentId("BTC-27MAR26-120000-P")


@pytest.fixture
def view(make: Any) -> MarketView:
    """Forwards 2 % and linear marks 1 % over the index; nothing is known of the put."""
    market = MarketView(make.trust())
    for spec in (make.perpetual(), make.linear_perpetual(), *map(make.option, (_CALL, _LINEAR, _PUT))):
        market.list_instrument(spec)
    market.see_future(make.future_marked())
    market.see_future(make.future_marked(_LINEAR_PERP, mark_usd=101_000.0))
    for name in (_CALL, _LINEAR):
        market.see_option(make.option_marked(name, forward_usd=102_000.0))
    return market


def _measure(view: MarketView, make: Any, convention: Convention, held: dict[str, str], **more: Any) -> Exposure | None:
    terms = Terms(convention=convention, window=_WINDOW, price_usd=100_000.0, index_usd=100_000.0)
    amounts = {InstrumentId(name): Decimal(amount) for name, amount in held.items()}
    return measure(view, arrange(amounts, view.instruments), make.now_ns, structs.replace(terms, **more), {})


def _greeks(make: Any, forward: float = 102_000.0) -> black76.Greeks[float]:
    tau_years = (make.option().expiry_ns - make.now_ns) / (365 * 86_400 * NS_PER_S)
    return black76.greeks_scalar(forward, 100_000.0, tau_years, 0.6, True)


@pytest.mark.parametrize("convention", list(Convention))
def test_legs_of_both_settlements_are_one_number(view: MarketView, make: Any, convention: Convention) -> None:
    """Coin-settled less their premium or not, linear ones by the spot or as they are."""
    one = _greeks(make)
    scale, future = (1.0, 1.0) if convention is Convention.OPTIONS_ONLY else (1.02, 1.01)
    inverse = one.pa_delta if convention is Convention.COIN else one.delta
    held = {_CALL: "2", _LINEAR: "3", _PERP: "-50000", _LINEAR_PERP: "0.5"}
    found = _measure(view, make, convention, held)

    assert found is not None
    assert found.delta_coin_options == pytest.approx(2.0 * inverse + 3.0 * scale * one.delta, rel=1e-12)
    assert found.delta_coin_futures == pytest.approx(-0.5 + 0.5 * future, rel=1e-12)
    assert found.delta_coin_net == pytest.approx(found.delta_coin_options + found.delta_coin_futures, rel=1e-12)


def test_the_account_adds_what_it_holds_and_what_is_not_sure_of_it(view: MarketView, make: Any) -> None:
    """Three coins, a tenth of one in doubt, futures at the price of the account message."""
    collateral = Collateral(coin=3.0, doubt_coin=0.1, prices_usd={_PERP: 125_000.0})
    found = _measure(view, make, Convention.USD, {_PERP: "-50000"}, collateral=collateral)

    assert found is not None
    assert (found.delta_coin_collateral, found.delta_coin_futures) == (3.0, -0.4)
    assert (found.delta_coin_net, found.delta_coin_low, found.delta_coin_high) == pytest.approx((2.6, 2.5, 2.7))


@pytest.mark.parametrize("sign", [1, -1])
def test_old_equity_leaves_both_readings_possible(view: MarketView, make: Any, sign: int) -> None:
    """It moved as our positions say, or it stands as told: futures at its price, or at today's."""
    collateral = Collateral(coin=3.0, prices_usd={_PERP: 125_000.0}, is_stale=True)
    found = _measure(view, make, Convention.USD, {_PERP: str(sign * 50_000)}, collateral=collateral)

    assert found is not None
    moved, stands = 3.0 + sign * 0.4, 3.0 + sign * 0.5
    ends = (found.delta_coin_low, found.delta_coin_high)
    assert (found.delta_coin_net, *ends) == pytest.approx((moved, *sorted((moved, stands))))


def test_a_linear_option_without_an_index_is_doubt(view: MarketView, make: Any) -> None:
    """Its forward over the spot is not known: any delta of its kind, once it is counted by the spot."""
    view.see_option(make.option_marked(_LINEAR, forward_usd=102_000.0, index_usd=None))
    found = _measure(view, make, Convention.LINEAR_USD, {_LINEAR: "1"})
    plain = _measure(view, make, Convention.OPTIONS_ONLY, {_LINEAR: "1"})

    assert found is not None
    assert plain is not None
    assert (found.doubtful, plain.doubtful) == ((_LINEAR,), ())
    assert 0.0 <= found.delta_coin_low < found.delta_coin_high


def test_a_premium_adjusted_put_without_greeks_reaches_its_strike_over_the_price(view: MarketView, make: Any) -> None:
    """K/F at the forward of its expiry, and one where no premium is taken off."""
    adjusted = _measure(view, make, Convention.COIN, {_PUT: "1"})
    plain = _measure(view, make, Convention.USD, {_PUT: "-2"})

    assert adjusted is not None
    assert plain is not None
    assert (adjusted.delta_coin_low, adjusted.delta_coin_high) == pytest.approx((-120.0 / 102.0, 0.0))
    assert (plain.delta_coin_low, plain.delta_coin_high) == pytest.approx((0.0, 2.0))


def test_without_a_price_of_the_hedge_only_positions_as_they_are_can_be_counted(view: MarketView, make: Any) -> None:
    """Every other convention needs it for what is in doubt."""
    found = {name: _measure(view, make, name, {_CALL: "1"}, price_usd=None) for name in Convention}

    assert [name for name, exposure in found.items() if exposure is not None] == [Convention.OPTIONS_ONLY]


def test_a_stale_leg_is_narrowed_by_its_last_greeks_and_the_move_since(view: MarketView, make: Any) -> None:
    """Thirty seconds and 3 %: around the delta at the moved forward, far inside what its kind allows."""
    now_ns = Ns(make.now_ns + 30 * NS_PER_S)
    view.see_future(make.future_marked(received_ns=now_ns, mark_usd=97_000.0, index_usd=97_000.0))
    terms = Terms(convention=Convention.OPTIONS_ONLY, window=_WINDOW, price_usd=97_000.0, index_usd=97_000.0)
    found = measure(view, arrange({_CALL: Decimal(1)}, view.instruments), now_ns, terms, {})
    moved = _greeks(make, 102_000.0 * 0.97).delta

    assert found is not None
    assert found.doubtful == (_CALL,)
    assert found.delta_coin_net == pytest.approx(moved, abs=1e-5)
    assert moved - 0.08 < found.delta_coin_low < moved < found.delta_coin_high < moved + 0.08
    assert math.isfinite(found.gamma_coin_per_usd)
