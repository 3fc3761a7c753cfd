"""Greeks by valuing again: what moves, what does not, and what is shown without a volatility."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.domain.instruments import Instrument
from bot.sim.exchange import Exchange
from bot.sim.pit import Mark
from bot.sim.revaluation import Line, LineGreeks, delta_total_coin, greeks_of
from bot.sim.valuation import ticker_greeks, value_and_delta

_CALL = "BTC-27NOV26-60000-C"
_FORWARD = 60_000.0
_TAU = 3.0 / 365.0


def _mark(item: Instrument, **change: float | None) -> Mark:
    usd, delta = value_and_delta(_FORWARD, item.strike_usd or 0.0, 0.6, _TAU, is_call=item.is_call is True)
    known = {"forward_usd": _FORWARD, "iv": 0.6, "tau_years": _TAU, "index_usd": _FORWARD, "delta_per_unit": delta}
    return Mark(**(known | {"mark_native": usd / _FORWARD if item.is_inverse else usd} | change))  # type: ignore[arg-type]


def _line(item: Instrument, amount: float, mark: Mark) -> Line:
    return Line(item=item, amount_native=amount, average_native=_FORWARD, mark=mark)


@pytest.mark.parametrize("name", [_CALL, "BTC_USDC-24NOV26-63000-P"])
def test_a_position_has_its_size_times_the_tickers_greeks(exchange: Exchange, name: str) -> None:
    """The same figures by two ways: formulas for the ticker, moved worlds for the position."""
    item = exchange.instrument(name)
    shown = ticker_greeks(_FORWARD, item.strike_usd or 0.0, 0.6, _TAU, is_call=item.is_call is True)
    greeks = greeks_of(_line(item, -3.0, _mark(item)))

    assert greeks.delta_coin == pytest.approx(-3.0 * shown.delta, abs=1e-9)
    assert greeks.gamma_coin_per_usd == pytest.approx(-3.0 * shown.gamma, rel=1e-6)
    assert greeks.vega_usd_per_point == pytest.approx(-3.0 * shown.vega, rel=1e-6)
    assert greeks.theta_usd_per_day == pytest.approx(-3.0 * shown.theta, rel=1e-6)


def test_theta_of_the_last_day_is_over_the_life_left(exchange: Exchange) -> None:
    """Half a day before expiry half a day's decay is shown (exchange facts 2.3)."""
    item, tau = exchange.instrument(_CALL), 0.5 / 365.0
    shown = ticker_greeks(_FORWARD, _FORWARD, 0.6, tau, is_call=True)

    assert greeks_of(_line(item, 1.0, _mark(item, tau_years=tau))).theta_usd_per_day == pytest.approx(
        shown.theta, rel=1e-6
    )


@pytest.mark.parametrize(("share", "expected"), [(1.0, 0.7), (0.5, 0.35), (1.0 / 3.0, 0.7 / 3.0)])
def test_the_example_of_the_settlement_window(exchange: Exchange, share: float, expected: float) -> None:
    """Delta 1 and mark 0.3: a net 0.7 that has halved after 15 minutes (theory 1.3): delta and premium decay."""
    item = replace(exchange.instrument(_CALL), strike_usd=42_000.0)
    line = _line(item, 1.0, _mark(item, mark_native=0.3, moving_share=share, tau_years=1e-6))

    assert greeks_of(line).delta_coin == pytest.approx(share, abs=1e-9)
    assert delta_total_coin([line]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "amount", "expected"),
    [("BTC-24NOV26", 60_000.0, 0.25), ("BTC_USDC-PERPETUAL", -2.0, -0.5), ("BTC-PERPETUAL", 0.0, 0.0)],
)
def test_futures_count_in_coins(exchange: Exchange, name: str, amount: float, expected: float) -> None:
    """A quarter of the price still moves; no position has no delta, whatever its mark."""
    line = _line(exchange.instrument(name), amount, Mark(mark_native=_FORWARD, moving_share=0.25))

    assert greeks_of(line).delta_coin == pytest.approx(expected, abs=1e-9)
    assert delta_total_coin([line]) == pytest.approx(expected, abs=1e-9)


def test_the_whole_equity_is_moved_at_once(exchange: Exchange) -> None:
    """A straddle, a linear call and a perpetual: net transaction deltas, coins and dollars add up."""
    put, call = exchange.instrument("BTC-27NOV26-60000-P"), exchange.instrument(_CALL)
    linear, perpetual = exchange.instrument("BTC_USDC-24NOV26-63000-C"), exchange.instrument("BTC-PERPETUAL")
    lines = [
        _line(call, 2.0, _mark(call)),
        _line(put, 2.0, _mark(put)),
        _line(linear, 1.0, _mark(linear)),
        _line(perpetual, 30_000.0, Mark(mark_native=_FORWARD)),
    ]
    worth = 2.0 * _mark(call).mark_native + 2.0 * _mark(put).mark_native

    assert delta_total_coin(lines) == pytest.approx(sum(greeks_of(line).delta_coin for line in lines) - worth, abs=1e-9)
    assert delta_total_coin([]) == 0.0


def test_without_a_volatility_the_recorded_delta_stands(exchange: Exchange) -> None:
    """It has decayed already; what never had a mark has no greeks at all."""
    item = exchange.instrument(_CALL)
    known = _line(item, 2.0, _mark(item, iv=None, mark_native=0.3, delta_per_unit=0.5, moving_share=0.5))

    assert greeks_of(known) == LineGreeks(delta_coin=pytest.approx(1.0))
    assert delta_total_coin([known]) == pytest.approx(2.0 * (0.5 - 0.5 * 0.3))
    assert greeks_of(_line(item, 2.0, Mark())) == LineGreeks(delta_coin=0.0)


def test_the_rounding_of_a_mark_is_kept(exchange: Exchange) -> None:
    """delta_total = delta - value with the mark as told, not with the formula's own (exchange facts 2.3)."""
    item = exchange.instrument(_CALL)
    rounded = float(round(Decimal(_mark(item).mark_native), 3))
    line = _line(item, 1.0, _mark(item, mark_native=rounded))

    assert delta_total_coin([line]) == pytest.approx(greeks_of(line).delta_coin - rounded, abs=1e-9)
