"""A book with three hedge instruments: one risk number, one decision, and each of them left out when it has to be."""

import math
from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder
from bot.domain.ids import InstrumentId, OrderId
from bot.domain.instruments import Kind
from bot.domain.reasons import Action, DistrustCause, Reason, RefusalKind
from bot.domain.stops import Act
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.execution.tactics import rest_then_cross
from bot.hedging.bands import price_move
from bot.hedging.modifiers import Modifiers
from bot.risk.conventions import Convention

PERPETUAL, LINEAR = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL")
DATED = InstrumentId("BTC-26JUN26")
CALL, PUT = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-27MAR26-100000-P")
ALL = (PERPETUAL, LINEAR, DATED)
_MARKS = {PERPETUAL: 100_010.0, LINEAR: 99_990.0, DATED: 101_500.0}


class Book:
    """An engine on three instruments, connected."""

    def __init__(self, play: Any, make: Any) -> None:
        self.play, self.make = play, make
        before = Ns(make.now_ns - NS_PER_S)
        dated = make.perpetual(id=DATED, kind=Kind.FUTURE, expiry_ns=Ns(make.now_ns + 117 * NS_PER_DAY))
        play.take(*(ev.StreamRestored(stream=stream, received_ns=before) for stream in ev.StreamName))
        specs = (make.perpetual(), make.linear_perpetual(), dated, make.option(CALL), make.option(PUT))
        play.take(*(ev.InstrumentListed(instrument=spec, received_ns=before) for spec in specs))
        play.tick()

    def see(self, seconds: float = 0.0, **changes: dict[str, object]) -> None:
        """Fresh tickers; what is different about `inverse`, `linear` or `dated` by keyword."""
        at = Ns(self.make.now_ns + round(seconds * NS_PER_S))
        for word, name in (("inverse", PERPETUAL), ("linear", LINEAR), ("dated", DATED)):
            mark = _MARKS[name]
            fields = {"mark_usd": mark, "bid_usd": mark - 0.5, "ask_usd": mark + 0.5, "received_ns": at}
            self.play.take(self.make.future_marked(name, **(fields | {"price_max_usd": None} | changes.get(word, {}))))
        self.play.take(*(self.make.option_marked(name, received_ns=at) for name in (CALL, PUT)))

    def hold(self, held: dict[str, str]) -> None:
        """Reconciled on these positions."""
        self.play.take(self.make.snapshot(held))

    def orders(self, seconds: float = 1.0) -> dict[str, Decimal]:
        """What the next tick sends."""
        commands = self.play.tick(round(seconds * NS_PER_S))
        return {order.instrument: order.amount_native for order in self.play.orders(commands)}


@pytest.fixture
def book(play_with: Any, make: Any) -> Book:
    """Nothing seen of the market yet."""
    return Book(play_with(hedges_long=ALL, hedges_short=ALL), make)


@pytest.mark.parametrize(
    "convention", [Convention.OPTIONS_ONLY, Convention.COIN, Convention.USD, Convention.LINEAR_USD]
)
def test_inverse_and_linear_legs_are_one_delta(play_with: Any, make: Any, convention: Convention) -> None:
    """In coins, by values that are bumped, to ten digits: what a move of the spot makes, every price moving alike.

    An inverse contract of N dollars is worth N (1/a - 1/F) coins, a linear one q (F - a) dollars, which the conventions
    that count by the spot divide by it and `options_only` by its own price F.
    """
    params = {"convention": convention, "hedges_long": ALL, "hedges_short": ALL}
    book = Book(play_with(**params), make)
    book.see()
    held = {PERPETUAL: "-123450", LINEAR: "0.4321", DATED: "67890"}
    book.play.take(make.account_seen(delta_coin_by_index=None))
    book.hold(held)
    book.play.tick(NS_PER_S)
    decided = book.play.decided()

    def coins_of_inverse(amount: float, price: float) -> float:
        """P dV/dP of V = N (1/a - 1/P) coins, by a central difference in log price."""
        step = 1e-4
        up, down = (-amount / (price * math.exp(sign * step)) for sign in (1.0, -1.0))
        return (up - down) / (2.0 * step) / (math.sinh(step) / step)

    linear = 0.4321 * (1.0 if convention is Convention.OPTIONS_ONLY else _MARKS[LINEAR] / 100_000.0)
    expected = coins_of_inverse(-123_450.0, _MARKS[PERPETUAL]) + linear + coins_of_inverse(67_890.0, _MARKS[DATED])
    assert decided.delta_coin_futures == pytest.approx(expected, abs=1e-10)


def test_a_hedge_goes_to_the_cheapest_and_says_so(book: Book) -> None:
    """A premium of 1.5 % that wears off in 117 days is 1.3 bp a day: paid by a long, received by a short."""
    book.see()
    book.hold({CALL: "1"})
    orders = book.orders()
    (sold,) = book.play.decided().split[:1]

    assert list(orders) == [DATED]
    assert (sold.instrument, sold.why) == (DATED, "cheapest")
    assert sold.carry_fraction == pytest.approx(-math.log(1.015) / 117, rel=1e-6)
    assert book.play.decided().action is Action.HEDGE


def test_what_is_held_is_kept_where_only_more_is_due(book: Book) -> None:
    """Long 0.3 where the other is cheaper now: the change alone is traded, against the long first."""
    book.see()
    book.hold({CALL: "1", LINEAR: "-0.2", PERPETUAL: "20000"})

    assert set(book.orders()) == {PERPETUAL, DATED}


def test_positions_where_nothing_can_be_traded_still_count(book: Book) -> None:
    """The dated future has no bid: its 0.3 coins are part of the delta, and the rest is sold elsewhere."""
    book.see(dated={"bid_usd": None})
    book.hold({CALL: "1", DATED: "30450"})
    orders = book.orders()
    decided = book.play.decided()

    assert decided.delta_coin_futures == pytest.approx(0.3)
    assert DATED not in orders
    assert decided.trade_coin == pytest.approx(-decided.delta_coin_net, abs=2e-4)
    assert {leg.why for leg in decided.split if leg.instrument == DATED} == {"hedge_quote_distrusted"}


def test_the_next_one_prices_the_decision_where_the_first_cannot(book: Book) -> None:
    """The record names it; where none can, the first."""
    book.see(inverse={"is_open": False})
    book.hold({CALL: "1"})
    sent = book.orders()
    named = book.play.decided().hedge_instrument
    shut = {"is_open": False}
    book.see(1.5, inverse=shut, linear=shut, dated=shut)
    book.orders(1.6)

    assert (bool(sent), named) == (True, LINEAR)
    assert book.play.decided().hedge_instrument == PERPETUAL


def test_without_any_that_can_be_traded_the_hedge_is_refused(book: Book) -> None:
    """Each is named with what is wrong."""
    book.see(inverse={"is_open": False}, linear={"ask_usd": 100_500.0}, dated={"bid_usd": None})
    book.hold({CALL: "1"})
    orders = book.orders()
    decided = book.play.decided()

    assert orders == {}
    assert (decided.action, decided.reason) == (Action.REFUSE, Reason.HEDGE_QUOTE_DISTRUSTED)
    assert decided.detail.startswith("BTC-PERPETUAL: not_open; BTC_USDC-PERPETUAL: spread 50.9 bps over 20 bps; BTC-26")


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        (RefusalKind.PAUSE, {LINEAR}),
        (RefusalKind.REQUOTE, {LINEAR}),
        (RefusalKind.NO_FUNDS, {LINEAR}),
        (RefusalKind.BACK_OFF, set()),
        (RefusalKind.UNREACHABLE, set()),
    ],
)
def test_what_one_instrument_is_refused_for_does_not_hold_the_others(
    book: Book, make: Any, kind: RefusalKind, others: set[InstrumentId]
) -> None:
    """Its book is closed, its price band lags: the cheapest of the others hedges meanwhile, then it is tried again.

    What the venue refuses whatever the instrument holds all of that venue.
    """

    def refused(second: float) -> dict[str, Decimal]:
        book.see(second, inverse={"ask_usd": 100_030.0, "bid_usd": 99_980.0})
        at = Ns(make.now_ns + round(second * NS_PER_S))
        orders = book.play.orders(book.play.tick(round(second * NS_PER_S)))
        for order in orders:
            book.play.take(ev.OrderRefused(label=order.label, received_ns=at, code=1, name="no", kind=kind))
        return {order.instrument: order.amount_native for order in orders}

    book.see()
    book.hold({CALL: "1"})
    first, second = refused(1.0), refused(1.1)
    waiting = book.play.decided()
    again = refused(62.0)

    assert (set(first), set(second), set(again)) == ({DATED}, others, {DATED})
    if others:
        assert {leg.why for leg in waiting.split if leg.instrument == DATED} == {"backing_off"}
    else:
        assert (waiting.action, waiting.reason) == (Action.REFUSE, Reason.BACKING_OFF)


def test_no_money_for_margin_is_no_room(book: Book, make: Any) -> None:
    """Dollars without margin: the hedge is made with coins; without both it waits for a human."""
    book.see(dated={"is_open": False})
    book.play.take(make.account_seen(currency="USDC", available_native=0.0), make.account_seen(available_native=0.02))
    book.hold({CALL: "1"})
    orders = book.orders()

    assert orders == {PERPETUAL: Decimal(-20_000)}, "0.02 coins are the margin of 0.2"


def test_a_price_filter_compares_prices_of_one_instrument(play_with: Any, make: Any) -> None:
    """A hedge filled in the future, 1.5 % above the perpetual: the basis is no move of the price."""
    band = price_move.Params(move_fraction=0.01)
    book = Book(play_with(hedges_long=ALL, hedges_short=ALL, band=band, modifiers=Modifiers()), make)
    book.see(inverse={"ask_usd": 100_100.0, "bid_usd": 99_920.0}, linear={"ask_usd": 100_080.0, "bid_usd": 99_900.0})
    book.hold({CALL: "1"})
    (order,) = book.play.orders(book.play.tick(NS_PER_S))
    book.play.take(
        make.fill("F1", str(order.amount_native), order.label, instrument=DATED, price_native=Decimal(101_500))
    )
    size = str(abs(order.amount_native))
    book.play.take(make.updated(order.label, "filled", size, instrument=DATED))
    book.play.take(make.fill("X", "-0.3", None, instrument=CALL, price_native=Decimal("0.06")))
    book.play.tick(round(1.5 * NS_PER_S))
    still = book.play.decided()
    book.see(3.0, inverse={"mark_usd": 101_100.0, "bid_usd": 101_050.0, "ask_usd": 101_150.0, "price_max_usd": None})
    book.play.tick(3 * NS_PER_S)

    assert order.instrument == DATED
    assert still.action is Action.SKIP
    assert book.play.decided().action is Action.HEDGE


def test_what_rests_in_each_instrument_answers_by_itself(play_with: Any, make: Any) -> None:
    """Two orders rest; the one whose quote is gone is taken back alone, and nothing is sent until both are over."""
    patient = {"tactic": rest_then_cross.Params(), "modifiers": Modifiers(hard_width_multiple=1e6)}
    book = Book(play_with(hedges_long=ALL, hedges_short=(PERPETUAL, DATED), **patient), make)
    book.see(dated={"is_open": False})
    book.hold({CALL: "1", LINEAR: "0.3"})
    closing, opening = book.play.orders(book.play.tick(NS_PER_S))
    for number, order in enumerate((closing, opening)):
        acked = ev.OrderAcked(label=order.label, order_id=OrderId(f"V-{number}"), received_ns=make.now_ns)
        book.play.take(acked)
    calm = book.play.tick(NS_PER_S + 1)
    resting = book.play.decided().reason
    book.see(1.2, dated={"is_open": False}, linear={"is_open": False})
    commands = book.play.tick(round(1.2 * NS_PER_S))

    assert (closing.instrument, opening.instrument) == (LINEAR, PERPETUAL)
    assert (closing.rests, opening.rests, calm, resting) == (True, True, [], Reason.ORDER_PENDING)
    assert [(type(each), each.instrument) for each in commands] == [(CancelOrder, LINEAR)]
    assert book.play.decided().detail == "taken back: BTC_USDC-PERPETUAL cannot be traded"


def test_flattening_closes_what_can_be_closed_while_another_is_distrusted(book: Book) -> None:
    """The first named has no fresh quote: the second does not wait for it."""
    book.see()
    book.hold({PERPETUAL: "-10000", LINEAR: "-0.1"})
    book.play.take(
        ev.OperatorActed(act=Act.FLATTEN_HEDGES, by="ann", reason="x", received_ns=book.make.now_ns),
        ev.QuoteDistrusted(instrument=PERPETUAL, received_ns=book.make.now_ns, cause=DistrustCause.STALE),
    )

    assert book.orders(0.5) == {LINEAR: Decimal("0.1")}
