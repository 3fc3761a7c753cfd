"""Hedges bought with one instrument, sold with another: what is held the other way goes first, nothing flips it."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns

PERPETUAL = InstrumentId("BTC-PERPETUAL")
LINEAR = InstrumentId("BTC_USDC-PERPETUAL")
CALL, PUT = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-27MAR26-100000-P")


@pytest.fixture
def sides(play_with: Any, make: Any) -> Any:
    """Bought with the linear perpetual, sold with the inverse one; connected, all of it seen."""
    return _connected(play_with(hedges_long=(LINEAR,)), make)


def _connected(play: Any, make: Any) -> Any:
    before = Ns(make.now_ns - NS_PER_S)
    play.take(*(ev.StreamRestored(stream=stream, received_ns=before) for stream in ev.StreamName))
    specs = (make.perpetual(), make.linear_perpetual(), make.option(CALL), make.option(PUT))
    play.take(*(ev.InstrumentListed(instrument=spec, received_ns=before) for spec in specs))
    play.tick()
    return play


def _seen(sides: Any, make: Any, held: dict[str, str], seconds: float = 0.0) -> list[Any]:
    """Reconciled on these positions with fresh tickers; the orders of the next two ticks."""
    at = Ns(make.now_ns + round(seconds * NS_PER_S))
    quotes = [make.future_marked(name, received_ns=at) for name in (PERPETUAL, LINEAR)]
    sides.take(*quotes, *(make.option_marked(name, received_ns=at) for name in (CALL, PUT)))
    sides.take(make.snapshot(held, requested_ns=at, received_ns=at))
    orders: list[Any] = []
    for tick in (1, 2):
        orders += sides.orders(sides.tick(round(seconds * NS_PER_S) + tick))
    return orders


@pytest.mark.parametrize(
    ("held", "orders"),
    [
        # the delta of a call is 0.5318, of a put -0.4682
        ({CALL: "1"}, {PERPETUAL: "-53180"}),
        ({PUT: "1"}, {LINEAR: "0.4681"}),
        ({CALL: "1", LINEAR: "0.3"}, {LINEAR: "-0.3", PERPETUAL: "-53180"}),
        ({CALL: "1", LINEAR: "2"}, {LINEAR: "-2", PERPETUAL: "-53180"}),
        ({PUT: "1", PERPETUAL: "-20000"}, {PERPETUAL: "20000", LINEAR: "0.4681"}),
        ({PUT: "1", PERPETUAL: "-30000", LINEAR: "0.1"}, {PERPETUAL: "30000", LINEAR: "0.3681"}),
    ],
)
def test_a_hedge_is_made_with_the_instrument_of_its_direction(
    sides: Any, make: Any, held: dict[str, str], orders: dict[str, str]
) -> None:
    """What is held the other way is closed first, and no further; the rest is opened beside it, in one decision."""
    sent = _seen(sides, make, held)

    assert {order.instrument: float(order.amount_native) for order in sent} == pytest.approx(
        {name: float(amount) for name, amount in orders.items()}, rel=2e-3
    )
    assert [order.instrument for order in sent] == list(orders), "closing leaves first"


def test_a_decision_tells_all_that_was_sent(sides: Any, make: Any) -> None:
    """The sum, and what each instrument got."""
    sides.take(*(make.future_marked(name) for name in (PERPETUAL, LINEAR)))
    sides.take(make.option_marked(CALL), make.option_marked(PUT), make.snapshot({CALL: "1", LINEAR: "0.3"}))

    assert len(sides.orders(sides.tick(1))) == 2
    decided = sides.decided()
    assert decided.trade_coin == pytest.approx(-0.8318, abs=2e-4)
    assert [(leg.instrument, leg.why) for leg in decided.split] == [(LINEAR, "closes"), (PERPETUAL, "cheapest")]
    assert sum(leg.trade_coin for leg in decided.split) == pytest.approx(decided.trade_coin)


@pytest.mark.parametrize(("option", "takes"), [(CALL, True), (PUT, False)])
def test_only_trades_of_the_instrument_whose_price_answers_tell_our_impact(
    sides: Any, make: Any, option: InstrumentId, takes: bool
) -> None:
    """The basis between two instruments, or two venues, is no price move of ours."""
    (order,) = _seen(sides, make, {option: "1"})

    (sent,) = sides.engine._hedger.width.stability._sent
    assert (order.instrument == PERPETUAL, sent.takes) == (takes, takes)


def test_one_working_order_at_a_time_in_each(sides: Any, make: Any) -> None:
    """Until both are over nothing more is sent: what they become is in the worst case."""
    closing, opening = _seen(sides, make, {CALL: "1", LINEAR: "0.3"})
    more = [found for tick in range(3, 6) for found in sides.orders(sides.tick(tick))]
    sides.take(make.fill("L1", "-0.3", closing.label, instrument=LINEAR))
    sides.take(make.updated(closing.label, "filled", "0.3", instrument=LINEAR))
    half_done = [found for tick in range(6, 9) for found in sides.orders(sides.tick(tick))]

    assert (more, half_done) == ([], [])
    assert sides.decided().reason is Reason.ORDER_PENDING
    assert opening.amount_native < 0


@pytest.mark.parametrize("missing", [PERPETUAL, LINEAR])
def test_an_instrument_without_a_quote_is_not_traded(sides: Any, make: Any, missing: InstrumentId) -> None:
    """The other one is not taken in its place."""
    quotes = [make.future_marked(name) for name in (PERPETUAL, LINEAR) if name != missing]
    sides.take(*quotes, make.option_marked(CALL), make.option_marked(PUT))
    sides.take(make.snapshot({(CALL if missing == PERPETUAL else PUT): "1"}))
    orders = [found for tick in range(1, 4) for found in sides.orders(sides.tick(tick))]

    assert orders == []
    assert sides.decided().reason is Reason.HEDGE_QUOTE_DISTRUSTED


@pytest.mark.parametrize(
    "change", [{"bid_usd": 99_000.0, "ask_usd": 101_000.0}, {"bid_usd": None, "ask_usd": None}], ids=["wide", "empty"]
)
def test_what_is_wrong_with_one_instrument_holds_nothing_back_on_the_other(sides: Any, make: Any, change: Any) -> None:
    """Nothing was bought so far, so the first look is at what is sold with: its market is none now."""
    sides.take(make.future_marked(PERPETUAL, **change), make.future_marked(LINEAR))
    sides.take(make.option_marked(CALL), make.option_marked(PUT), make.snapshot({PUT: "1"}))
    orders = [found for tick in (1, 2) for found in sides.orders(sides.tick(tick))]

    assert [(order.instrument, order.amount_native > 0) for order in orders] == [(LINEAR, True)]


@pytest.mark.parametrize(
    ("held", "sent"),
    [
        # the limit is 60 000 USD, a coin 100 000; the first two hedge by 53 000 and by 47 000
        ({CALL: "1"}, {PERPETUAL: -53_180}),
        ({PUT: "1"}, {LINEAR: 0.4681}),
        # 73 000 due for sale, 20 000 of it held bought: closed whatever the gross, the rest fits
        ({CALL: "1", LINEAR: "0.2"}, {LINEAR: -0.2, PERPETUAL: -40_000}),
        ({CALL: "3", LINEAR: "0.2", PERPETUAL: "-90000"}, {LINEAR: -0.2}),
        # sold beyond the limit, 47 000 and more due to be bought: closing first
        ({PUT: "1", PERPETUAL: "-90000"}, {PERPETUAL: 90_000}),
        # what was bought with the instrument for selling, before there were two, is nothing to close: it counts
        ({PUT: "1", PERPETUAL: "10000"}, {LINEAR: 0.3681}),
        # and the last 20 000, and 5 000, are used up
        ({PUT: "2", PERPETUAL: "40000"}, {LINEAR: 0.2}),
        ({CALL: "2", LINEAR: "-0.55"}, {PERPETUAL: -5_000}),
        ({CALL: "2", LINEAR: "-0.6"}, {}),
    ],
)
def test_positions_of_both_sides_count_against_one_limit(
    play_with: Any, make: Any, held: dict[str, str], sent: dict[str, float]
) -> None:
    """No order lifts their sum beyond it, what is left of it is used, and one that closes is always sent."""
    limits = make.limits(hedge_position_usd_max=60_000.0)
    orders = _seen(_connected(play_with(hedges_long=(LINEAR,), limits=limits), make), make, held)

    assert {order.instrument: float(order.amount_native) for order in orders} == pytest.approx(sent, rel=2e-3)
