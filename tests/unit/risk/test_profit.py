"""Profit in USD, in parts that add up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.events import Filled
from bot.domain.ids import FillId, InstrumentId, OrderId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import decimal_from_wire
from bot.risk.profit import Profit

_HOUR_NS = 3_600 * NS_PER_S


def _spec(name: str, kind: Kind, settlement: Settlement) -> Instrument:
    one = Decimal(1)
    is_option = kind is Kind.OPTION
    return Instrument(
        id=InstrumentId(name),
        venue=VenueId("deribit"),
        kind=kind,
        base="BTC",
        settlement=settlement,
        settlement_currency="BTC" if settlement is Settlement.COIN else "USDC",
        index_name="btc_usd",
        contract_size_native=one,
        lot_native=one,
        tick_native=one,
        fee_rate_maker=one,
        fee_rate_taker=one,
        expiry_ns=Ns(10**18) if is_option else None,
        strike_usd=100_000.0 if is_option else None,
        is_call=True if is_option else None,
    )


_INVERSE = _spec("BTC-PERPETUAL", Kind.PERPETUAL, Settlement.COIN)
_LINEAR = _spec("BTC_USDC-PERPETUAL", Kind.PERPETUAL, Settlement.USD)
_COIN_CALL = _spec("BTC-X-100000-C", Kind.OPTION, Settlement.COIN)
_USD_CALL = _spec("BTC_USDC-X-100000-C", Kind.OPTION, Settlement.USD)


def _mark(spec: Instrument, mark_usd: float, *, at_ns: int = 0, funding_rate_8h: float = 0.0) -> FutureMarked:
    return FutureMarked(
        instrument=spec.id,
        received_ns=Ns(at_ns),
        venue_ns=Ns(at_ns),
        bid_usd=None,
        ask_usd=None,
        bid_amount_native=None,
        ask_amount_native=None,
        mark_usd=mark_usd,
        index_usd=mark_usd,
        price_min_usd=None,
        price_max_usd=None,
        funding_rate_8h=funding_rate_8h,
        is_open=True,
    )


def _option(spec: Instrument, mark_native: float | None, index_usd: float | None) -> OptionMarked:
    return OptionMarked(
        instrument=spec.id,
        received_ns=Ns(0),
        venue_ns=Ns(0),
        bid_native=None,
        ask_native=None,
        bid_amount_native=None,
        ask_amount_native=None,
        mark_native=mark_native,
        iv_mark=0.5,
        forward_usd=None,
        index_usd=index_usd,
        is_open=True,
    )


def _fill(spec: Instrument, amount: str, price: float, fee: str = "0", fee_currency: str = "USDC") -> Filled:
    return Filled(
        fill_id=FillId("1"),
        order_id=OrderId("1"),
        label=None,
        instrument=spec.id,
        amount_native=Decimal(amount),
        price_native=decimal_from_wire(price),
        fee_native=Decimal(fee),
        fee_currency=fee_currency,
        is_maker=False,
        received_ns=Ns(0),
        venue_ns=Ns(0),
    )


@pytest.mark.parametrize(
    ("spec", "first", "second", "expected"),
    [
        (_COIN_CALL, (0.05, 100_000.0), (0.06, 110_000.0), 1_600.0),  # 6,600 - 5,000
        (_USD_CALL, (5_000.0, None), (6_600.0, None), 1_600.0),
    ],
)
def test_an_option_earns_the_move_of_its_mark(
    spec: Instrument, first: tuple[float, float | None], second: tuple[float, float | None], expected: float
) -> None:
    """Premium in coin times the index, or in USD as it is; short options lose what long ones win."""
    profit = Profit()
    profit.adopt(spec.id, Decimal(-2))
    for mark, index in (first, second):
        profit.see_option(spec, _option(spec, mark, index))

    assert profit.usd().options == pytest.approx(-2.0 * expected)
    assert profit.usd().total == profit.usd().options


def test_an_absent_mark_changes_nothing() -> None:
    """A hole in the data is not a price of zero."""
    profit = Profit()
    profit.adopt(_COIN_CALL.id, Decimal(1))
    for mark, index in ((0.05, 100_000.0), (None, 100_000.0), (0.05, None), (0.05, 100_000.0)):
        profit.see_option(_COIN_CALL, _option(_COIN_CALL, mark, index))

    assert profit.usd().total == 0.0


def test_a_future_without_mark_changes_nothing() -> None:
    """The last mark stands until there is a new one."""
    profit = Profit()
    profit.adopt(_LINEAR.id, Decimal(1))
    profit.see_future(_LINEAR, _mark(_LINEAR, 100_000.0))
    profit.see_future(_LINEAR, replace(_mark(_LINEAR, 100_000.0, at_ns=1), mark_usd=None))
    profit.see_future(_LINEAR, _mark(_LINEAR, 100_100.0, at_ns=2))

    assert profit.usd().hedge == pytest.approx(100.0)


def test_selling_below_the_middle_is_a_cost() -> None:
    """Slippage has one sign for both sides: negative is paid, positive is won."""
    sold = Profit().book(_INVERSE, _fill(_INVERSE, "-100000", 99_900.0), 100_000.0, 100_000.0)
    bought = Profit().book(_LINEAR, _fill(_LINEAR, "1", 100_100.0), 100_000.0, 100_000.0)
    better = Profit().book(_LINEAR, _fill(_LINEAR, "1", 99_900.0), 100_000.0, 100_000.0)
    by_hand = Profit().book(_LINEAR, _fill(_LINEAR, "1", 99_900.0), None, 100_000.0)

    # 100,000 USD at 99,900 and back at 100,000: 100,000 (1 - 100,000/99,900)
    assert [sold, bought, better, by_hand] == pytest.approx([-100.1001, -100.0, 100.0, 0.0], abs=1e-4)


@pytest.mark.parametrize(
    ("spec", "amount", "expected"),
    [
        (_LINEAR, "0.5", 5_000.0),
        # 50,000 USD of the inverse contract: 50,000 (1/100,000 - 1/110,000) coins, worth 110,000 USD each.
        (_INVERSE, "50000", 5_000.0),
        (_INVERSE, "-50000", -5_000.0),
    ],
)
def test_a_future_earns_the_move_of_its_mark(spec: Instrument, amount: str, expected: float) -> None:
    """A long earns a rise, in coins at the new price for inverse contracts."""
    profit = Profit()
    profit.adopt(spec.id, Decimal(amount))
    profit.see_future(spec, _mark(spec, 100_000.0))
    profit.see_future(spec, _mark(spec, 110_000.0))

    assert profit.usd().hedge == pytest.approx(expected)


def test_a_fill_splits_into_slippage_fee_and_hedge() -> None:
    """Bought 10 above the mid of the decision, at a mark 5 above it: slippage, fee and hedge are told apart."""
    profit = Profit()
    profit.see_future(_LINEAR, _mark(_LINEAR, 100_005.0))
    slippage = profit.book(_LINEAR, _fill(_LINEAR, "2", 100_010.0, fee="7"), 100_000.0, 100_000.0)

    found = profit.usd()
    assert slippage == pytest.approx(-20.0)
    assert (found.slippage, found.fees, found.hedge) == (pytest.approx(-20.0), pytest.approx(-7.0), pytest.approx(10.0))
    assert found.total == pytest.approx(2.0 * (100_005.0 - 100_010.0) - 7.0)


def test_a_fee_in_coin_is_counted_at_the_index() -> None:
    """0.0001 coin at 100,000 USD are 10 USD."""
    profit = Profit()
    profit.book(_INVERSE, _fill(_INVERSE, "10", 100_000.0, fee="0.0001", fee_currency="BTC"), None, 100_000.0)

    assert profit.usd().fees == pytest.approx(-10.0)


@pytest.mark.parametrize(("spec", "amount"), [(_LINEAR, "-0.5"), (_INVERSE, "-50000")])
def test_a_short_receives_positive_funding(spec: Instrument, amount: str) -> None:
    """0.01 % per 8 hours on 50,000 USD for 4 hours: 2.50 USD."""
    profit = Profit()
    profit.adopt(spec.id, Decimal(amount))
    profit.see_future(spec, _mark(spec, 100_000.0))
    profit.see_future(spec, _mark(spec, 100_000.0, at_ns=4 * _HOUR_NS, funding_rate_8h=0.0001))

    assert profit.usd().funding == pytest.approx(2.5)


_prices = st.floats(min_value=10_000.0, max_value=200_000.0)


@given(
    marks=st.lists(_prices, min_size=1, max_size=6),
    trades=st.lists(st.tuples(st.integers(-50, 50), _prices, _prices), max_size=6),
)
def test_the_parts_add_up_to_cash_and_value(marks: list[float], trades: list[tuple[int, float, float]]) -> None:
    """Whatever was traded when: the total is what the position is worth at the last mark minus what was paid for it."""
    profit = Profit()
    paid = 0.0
    profit.see_future(_LINEAR, _mark(_LINEAR, marks[0]))
    for number, (amount, price, mid) in enumerate(trades):
        profit.book(_LINEAR, _fill(_LINEAR, str(amount), price), mid, None)
        paid += amount * price
        profit.see_future(_LINEAR, _mark(_LINEAR, marks[number % len(marks)]))
    last = marks[(len(trades) - 1) % len(marks)] if trades else marks[0]
    worth = sum(amount for amount, _, _ in trades) * last

    found = profit.usd()
    assert found.total == pytest.approx(worth - paid, abs=1e-3)
    assert found.total == pytest.approx(found.options + found.hedge + found.slippage + found.fees + found.funding)


@pytest.mark.parametrize(
    ("spec", "mark", "expected"),
    [
        (_COIN_CALL, 0.05, 2.0 * (0.2 * 120_000.0 - 5_000.0)),  # (125,000 - 100,000) / 125,000 coins at the index
        (_USD_CALL, 5_000.0, 2.0 * (25_000.0 - 5_000.0)),
    ],
)
def test_an_expired_option_ends_at_its_settlement_value(spec: Instrument, mark: float, expected: float) -> None:
    """Not at its last mark; afterwards it moves no more."""
    profit = Profit()
    profit.adopt(spec.id, Decimal(2))
    profit.see_option(spec, _option(spec, mark, 100_000.0))
    profit.deliver(spec, Decimal(125_000), 120_000.0)
    profit.deliver(spec, Decimal(200_000), 120_000.0)

    assert profit.usd().options == pytest.approx(expected)
    assert not profit.holds(spec.id)


def test_an_expired_future_ends_at_the_delivery_price() -> None:
    """10,000 USD from a mark of 100,000 to 125,000: 0.02 coins, worth 2,500 USD there."""
    future = replace(_INVERSE, id=InstrumentId("BTC-27MAR26"), kind=Kind.FUTURE)
    profit = Profit()
    profit.adopt(future.id, Decimal(10_000))
    profit.see_future(future, replace(_mark(_INVERSE, 100_000.0), instrument=future.id))
    profit.deliver(future, Decimal(125_000), None)

    assert profit.usd().hedge == pytest.approx(2_500.0)


def test_collateral_earns_the_move_of_the_index_while_it_was_held() -> None:
    """Two coins up 100, then half a coin down 50; the first sight earns nothing."""
    profit = Profit()
    earned = []
    for coin, index_usd in ((2.0, 100_000.0), (0.5, 100_100.0), (7.0, 100_050.0)):
        profit.see_collateral(coin, index_usd)
        earned.append(profit.usd().collateral)

    assert earned == pytest.approx([0.0, 200.0, 175.0])
    assert profit.usd().total == pytest.approx(175.0)
