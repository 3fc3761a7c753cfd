"""The simulated venue: every answer after its latency, twice where a real venue answers twice."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.market_events import DepthSeen, FutureMarked, MarketEvent
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.soundness import sound_depth
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.drive.sim_venue import ACCOUNT, Schedule
from bot.sim import facts

PERPETUAL = InstrumentId("BTC-PERPETUAL")


def _order(at_play: Any, amount: str = "-100", **change: Any) -> PlaceOrder:
    touch = at_play.exchange.touch(PERPETUAL)
    price = touch.bid_native if amount.startswith("-") else touch.ask_native
    fields: dict[str, Any] = {
        "label": Label("hb1"),
        "instrument": PERPETUAL,
        "amount_native": Decimal(amount),
        "price_native": price - 50 if amount.startswith("-") else price + 50,
        "arrival_mid_native": float(price),
        "valid_until_ns": Ns(at_play.exchange.now_ns + 2 * NS_PER_S),
        "decided_seq": 1,
    }
    return PlaceOrder(**(fields | change))


def _look_up(at_play: Any, **change: Any) -> LookUpOrder:
    fields: dict[str, Any] = {
        "label": Label("hb1"),
        "instrument": PERPETUAL,
        "order_id": None,
        "not_before_ns": at_play.exchange.now_ns,
        "valid_until_ns": at_play.exchange.now_ns,
    }
    return LookUpOrder(**(fields | change))


def test_the_schedule_goes_by_time_and_then_by_arrival() -> None:
    """First come, first served within a moment; nothing after the bound."""
    schedule, ran = Schedule(), []
    for name, at in (("c", 30), ("a", 10), ("b", 10), ("late", 99)):
        schedule.at(Ns(at), lambda now_ns, name=name: ran.append((name, now_ns)))  # type: ignore[misc]
    while (due := schedule.pop(Ns(50))) is not None:
        due[1](due[0])

    assert ran == [("a", 10), ("b", 10), ("c", 30)]
    assert schedule.pop(Ns(98)) is None
    assert schedule.pop(Ns(99)) is not None


def test_an_order_is_answered_and_told_on_the_private_stream(at_play: Any, start_ns: Ns) -> None:
    """Reply after both ways, private stream after the feed's; the same fill ids on both."""
    at_play.carry_out(_order(at_play))
    at_play.play()

    private_ns = start_ns + 15 * NS_PER_MS
    reply_ns = start_ns + 20 * NS_PER_MS
    kinds = [(at - start_ns, type(event).__name__) for at, event in at_play.heard]
    assert {at for at, _ in kinds} == {private_ns - start_ns, reply_ns - start_ns}
    replied = [name for at, name in kinds if at == reply_ns - start_ns]
    assert replied[:2] == ["OrderAcked", "OrderUpdated"]
    fills = [event for _, event in at_play.heard if isinstance(event, ev.Filled)]
    ids = [event.fill_id for event in fills]
    assert sorted(ids) == sorted(2 * sorted(set(ids)))
    assert sum(event.amount_native for event in fills) == 2 * Decimal(-100)
    assert at_play.venue.amounts() == {PERPETUAL: Decimal(-100)}


@pytest.mark.parametrize(
    ("change", "code", "kind"),
    [
        ({"amount_native": Decimal(-5)}, None, RefusalKind.OUR_BUG),
        ({"price_native": Decimal("64000.3")}, None, RefusalKind.OUR_BUG),
        ({"valid_until_ns": Ns(1)}, 13888, RefusalKind.NOT_EXECUTED),
        ({"amount_native": Decimal(-900000000)}, None, None),
    ],
    ids=["under the minimum", "off the tick", "too late", "too much"],
)
def test_a_definite_no_is_a_refusal_with_its_code(
    at_play: Any, change: dict[str, Any], code: int | None, kind: RefusalKind | None
) -> None:
    """The venue's code through the same table as the real gateway; no order comes to exist."""
    at_play.carry_out(_order(at_play, **change))
    events = at_play.play()

    assert [type(event) for event in events] == [ev.OrderRefused]
    refused = events[0]
    assert (refused.label, code in {None, refused.code}, kind in {None, refused.kind}) == ("hb1", True, True)
    assert at_play.exchange.trades_of(ACCOUNT) == []


def test_an_order_that_came_too_late_measures_the_clock_again(at_play: Any) -> None:
    """As with the real gateway: of a clock that was set back one order suffers, not each until the next look."""
    at_play.venue.clock_ahead_ns = -3 * NS_PER_S
    for label in ("hb1", "hb2"):
        valid_until_ns = Ns(at_play.exchange.now_ns - NS_PER_S)
        at_play.carry_out(_order(at_play, label=Label(label), valid_until_ns=valid_until_ns))
        at_play.play()

    kinds = [type(event) for _, event in at_play.heard if isinstance(event, ev.OrderRefused | ev.OrderAcked)]
    assert kinds == [ev.OrderRefused, ev.OrderAcked]


def test_a_code_without_a_verdict_leaves_the_order_unknown(at_play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the real gateway: an unlisted code proves nothing."""

    def fail(request: facts.OrderRequest) -> None:
        raise facts.VenueSays(99_999, f"odd {request.label}")

    monkeypatch.setattr(at_play.exchange, "submit", fail)
    at_play.carry_out(_order(at_play))

    assert [type(event) for event in at_play.play()] == [ev.OrderUnknown]


def test_an_order_is_found_by_its_label_with_its_fills(at_play: Any) -> None:
    """State and fills, as they stand."""
    at_play.carry_out(_order(at_play))
    at_play.play()
    at_play.carry_out(_look_up(at_play), after_ms=60_000)
    events = at_play.play(until_ms=120_000)

    assert type(events[0]) is ev.OrderUpdated
    assert events[0].state is VenueOrderState.FILLED
    assert sum(event.amount_native for event in events if isinstance(event, ev.Filled)) == Decimal(-100)


def test_an_unknown_label_is_absent_and_not_asked_for_too_early(at_play: Any, start_ns: Ns) -> None:
    """The question waits until absence means something."""
    at_play.carry_out(_look_up(at_play, not_before_ns=Ns(start_ns + 5 * NS_PER_S)))
    at_play.play()

    assert [(at, type(event)) for at, event in at_play.heard] == [
        (start_ns + 5 * NS_PER_S + at_play.latency.reply_ns, ev.OrderAbsent)
    ]


def test_a_cancel_of_what_is_gone_leaves_a_question(at_play: Any) -> None:
    """Nothing definite is known: the engine has to look."""
    at_play.carry_out(CancelOrder(label=Label("hb1"), order_id=OrderId("nobody"), instrument=PERPETUAL))

    assert [type(event) for event in at_play.play()] == [ev.LookUpFailed]


def test_a_cancel_of_a_resting_order_is_told(at_play: Any) -> None:
    """The order as it ended: in the reply, and on the private stream."""
    touch = at_play.exchange.touch(PERPETUAL)
    request = facts.OrderRequest(
        account=ACCOUNT,
        instrument=PERPETUAL,
        side=facts.Side.BUY,
        amount_native=Decimal(10),
        price_native=touch.bid_native - 500,
        label="hb1",
    )
    order, _ = at_play.exchange.submit(request)
    at_play.carry_out(CancelOrder(label=Label("hb1"), order_id=OrderId(order.order_id), instrument=PERPETUAL))
    told = [event for event in at_play.play() if isinstance(event, ev.OrderUpdated)]

    assert told[-1].state is VenueOrderState.CANCELLED
    assert at_play.exchange.orders_open(ACCOUNT) == []


def test_a_snapshot_holds_positions_orders_and_fills_of_one_moment(at_play: Any, start_ns: Ns) -> None:
    """Stamped with the moment it was asked for; fills are inside the positions."""
    at_play.carry_out(_order(at_play))
    at_play.play()
    at_play.carry_out(TakeSnapshot(cause="test"), after_ms=60_000)
    taken = at_play.play(until_ms=120_000)[-1]

    assert isinstance(taken, ev.SnapshotTaken)
    assert taken.requested_ns == start_ns + 60 * NS_PER_S
    assert taken.received_ns == taken.requested_ns + 20 * NS_PER_MS
    assert {item.instrument: item.amount_native for item in taken.positions} == {PERPETUAL: Decimal(-100)}
    assert sum(fill.amount_native for fill in taken.fills) == Decimal(-100)
    assert taken.open_orders == ()


def test_what_is_watched_ticks_and_nothing_else(at_play: Any, start_ns: Ns) -> None:
    """Futures at every step, their depth every two seconds, options all or those named; unknown names are ignored."""
    names = [spec.id for spec in at_play.exchange.instruments() if spec.is_option and spec.base == "BTC"][:2]
    at_play.carry_out(Watch(instruments=(PERPETUAL, *names, InstrumentId("BTC-NOT-THERE"))))
    at_play.venue.watch([PERPETUAL])
    at_play.venue.tickers(start_ns)
    first = at_play.play()
    at_play.venue.tickers(start_ns, only=frozenset({names[1]}))
    second = at_play.play()

    market = [event for event in first if isinstance(event, MarketEvent)]
    assert [event.instrument for event in market] == [PERPETUAL, PERPETUAL, *names]
    assert [event.instrument for event in second] == [PERPETUAL, names[1]]
    marked, depth = market[:2]
    assert isinstance(marked, FutureMarked)
    assert isinstance(depth, DepthSeen)
    assert depth.bids[0] == (marked.bid_usd, marked.bid_amount_native)
    assert depth.asks[0] == (marked.ask_usd, marked.ask_amount_native)
    assert len(depth.bids) == len(depth.asks) == 5
    assert sound_depth(depth) is depth
    assert {event.received_ns for event in first} == {start_ns + at_play.latency.feed_ns}


def test_account_figures_come_with_the_tickers_every_two_seconds(at_play: Any, start_ns: Ns) -> None:
    """One event per currency of what is watched, in the batch of the tickers and with a snapshot."""
    linear = InstrumentId("BTC_USDC-PERPETUAL")
    at_play.carry_out(Watch(instruments=(PERPETUAL, linear)))
    seen = []
    for second in range(4):
        at_play.venue.tickers(Ns(start_ns + second * NS_PER_S))
        seen.append([event.currency for event in at_play.play() if isinstance(event, ev.AccountSeen)])
    at_play.carry_out(TakeSnapshot(cause="test"), after_ms=5_000)

    assert seen == [["BTC", "USDC"], [], ["BTC", "USDC"], []]
    assert [event.currency for event in at_play.play() if isinstance(event, ev.AccountSeen)] == ["BTC", "USDC"]


def test_clean_books_have_no_violation_and_spoilt_ones_have(at_play: Any) -> None:
    """The venue's own account is what the checks look at."""
    at_play.carry_out(_order(at_play))
    at_play.play()
    assert at_play.venue.violations() == []

    at_play.carry_out(_order(at_play), after_ms=60_000)
    at_play.carry_out(_order(at_play, valid_until_ns=Ns(at_play.exchange.now_ns + 500 * NS_PER_S)), after_ms=61_000)
    at_play.play(until_ms=120_000)
    assert [text for text in at_play.venue.violations() if text.startswith("label hb1")] != []


def test_a_settlement_is_told_once_with_funding_and_delivery_price(at_play: Any, exchange: Any) -> None:
    """What expired at the published price, the future it left through too; what lives on with its funding."""
    option = next(spec for spec in exchange.instruments() if spec.is_option and spec.settlement_currency == "BTC")
    exchange.seed_position(ACCOUNT, option.id, Decimal(1))
    exchange.seed_position(ACCOUNT, PERPETUAL, Decimal(-100))
    exchange.advance(Ns(option.expiry_ns - NS_PER_S))
    at_play.venue.private(exchange.now_ns)
    exchange.advance(option.expiry_ns)
    for _ in range(2):
        at_play.venue.private(exchange.now_ns)
    at_play.play(until_ms=25 * 3_600_000)
    told = [event for _, event in at_play.heard if isinstance(event, ev.Settled)]

    assert [(event.instrument, event.venue_ns) for event in told] == [
        (option.id, option.expiry_ns),
        (option.id.rsplit("-", 2)[0], option.expiry_ns),
        (PERPETUAL, option.expiry_ns),
    ]
    usd = Decimal(str(exchange.delivery_usd(option.id)))
    assert [event.delivery_usd for event in told] == [usd, usd, None]
    assert told[2].funding_native == exchange.log_of(ACCOUNT, "BTC")[0].funding_native


def test_a_last_look_is_of_one_moment(at_play: Any, start_ns: Ns) -> None:
    """Marks of what is watched, then money of every currency held and positions, asked after all that had happened."""
    at_play.carry_out(Watch(instruments=(PERPETUAL,)))
    at_play.exchange.seed_position(ACCOUNT, "BTC_USDC-PERPETUAL", Decimal(1))
    *seen, taken = at_play.venue.last_look()

    assert [type(event).__name__ for event in seen] == ["FutureMarked", "AccountSeen", "AccountSeen"]
    assert [event.received_ns - start_ns for event in (*seen, taken)] == [0, 1, 1, 1]
    assert [item.mark_native for item in taken.positions] == [at_play.exchange.mark("BTC_USDC-PERPETUAL")[0]]
