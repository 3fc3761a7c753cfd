"""Counting: events once, outcomes by book, fills by who took."""

from collections.abc import Callable
from decimal import Decimal
from typing import get_args

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import Command, PlaceOrder
from bot.domain.decided import NOTHING, Decided, FillBooked, Note, Outcome
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.market_events import OptionMarked, Quoted
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.observe.counts import EVENT_KINDS, Counts
from bot.observe.passed import Passed

_NOW_NS = Ns(100 * NS_PER_S)


def _counts(*books: str) -> Counts:
    return Counts(books or ["BTC"], lambda: Ns(_NOW_NS + 2 * NS_PER_MS))


def _ticked(now_ns: Ns = _NOW_NS) -> ev.Ticked:
    return ev.Ticked(now_ns=now_ns)


def test_every_event_is_counted_once(told_events: dict[str, ev.Event]) -> None:
    """By its kind; an event told to several books is one."""
    counts = _counts("BTC", "ETH")
    for event in told_events.values():
        counts.applied("BTC", event, NOTHING)
        counts.applied("ETH", event, NOTHING)
    found = counts.read()

    assert set(EVENT_KINDS) == set(get_args(ev.Event))
    assert found["hedgebot_events_total"]["StreamLost",] == 1
    assert found["hedgebot_events_total"]["Quoted",] == 0
    assert found["hedgebot_orders_total"] == {
        ("acked",): 1,
        ("refused",): 1,
        ("unknown",): 1,
        ("absent",): 1,
        ("sent",): 0,
        ("filled",): 0,
        ("cancelled",): 0,
    }
    assert found["hedgebot_orders_refused_total"]["no_funds",] == 1
    assert found["hedgebot_messages_malformed_total"] == {("deribit", "account"): 1}
    assert found["hedgebot_quotes_distrusted_total"]["book_gap",] == 1
    assert found["hedgebot_snapshots_failed_total"] == {("deribit",): 1}
    assert counts.accounts[VenueId("deribit"), "BTC"] is told_events["account.seen"]
    assert counts.lease_until_ns == told_events["lease.held"].until_ns


def test_a_first_connection_is_none_that_came_back(told_events: dict[str, ev.Event]) -> None:
    """Both series are there from it on; a loss and a return count one each."""
    counts, key = _counts(), ("deribit", "account")
    lost, restored = told_events["stream.lost"], told_events["stream.restored"]
    seen = []
    for event in (restored, lost, structs.replace(restored), structs.replace(restored)):
        counts.applied("BTC", event, NOTHING)
        found = counts.read()
        seen.append((found["hedgebot_stream_losses_total"][key], found["hedgebot_stream_reconnects_total"][key]))

    assert seen == [(0, 0), (1, 0), (1, 1), (1, 1)]


def test_time_and_depth_are_of_each_decision(told_events: dict[str, ev.Event]) -> None:
    """From the newest event to the tick; a tick without events before it has no latency."""
    counts = _counts()
    for event in (
        structs.replace(told_events["order.acked"], received_ns=Ns(_NOW_NS - 9 * NS_PER_MS)),
        structs.replace(told_events["order.acked"], received_ns=Ns(_NOW_NS - 1 * NS_PER_MS)),
        _ticked(),
        _ticked(),
    ):
        counts.applied("BTC", event, NOTHING)
    latency = counts.spreads["hedgebot_event_to_decision_seconds"]
    depth = counts.spreads["hedgebot_inbox_depth_events"]

    assert (sum(latency.counts), latency.total) == (1, pytest.approx(0.001))
    assert latency.counts[latency.buckets.index(1e-3)] == 1
    assert (sum(depth.counts), depth.total) == (2, 2.0)


def test_what_passes_is_counted_in_one_go(decided: Callable[..., Decided]) -> None:
    """Market events by kind, decisions, a tick of two books once; nothing is written of it, so that it has no lag."""
    counts = _counts("BTC", "ETH")
    passed = Passed(_quoted(9))
    for age_ms, kind in ((5, Quoted), (2, OptionMarked)):
        passed.kinds.append(kind)
        passed.newest = _quoted(age_ms)
    tick, calm = _ticked(), Outcome(decided=decided(action=Action.SKIP, reason=Reason.INSIDE_BAND))
    counts.passed([passed, ("BTC", 4, tick, calm), ("ETH", 4, tick, calm), ("BTC", 5, _ticked(), calm)])
    found = counts.read()
    latency = counts.spreads["hedgebot_event_to_decision_seconds"]
    depth = counts.spreads["hedgebot_inbox_depth_events"]

    kinds = {kind: count for (kind,), count in found["hedgebot_events_total"].items() if count}
    assert kinds == {"Quoted": 2, "OptionMarked": 1, "Ticked": 2}
    assert found["hedgebot_decisions_total"] == {("BTC", "skip", "inside_band"): 2, ("ETH", "skip", "inside_band"): 1}
    assert (sum(latency.counts), latency.total) == (1, pytest.approx(0.002))
    assert (sum(depth.counts), depth.total) == (2, 3.0)
    assert sum(counts.spreads["hedgebot_ledger_lag_seconds"].counts) == 0


def test_the_lag_is_from_a_decision_until_it_is_told(decided: Callable[..., Decided]) -> None:
    """Two milliseconds of the clock; what is no decision has none."""
    counts = _counts()
    counts.applied("BTC", _ticked(), Outcome(decided=decided(now_ns=_NOW_NS)))
    counts.applied("BTC", _ticked(), NOTHING)
    lag = counts.spreads["hedgebot_ledger_lag_seconds"]

    assert (sum(lag.counts), lag.total) == (1, pytest.approx(0.002))


def _quoted(age_ms: int) -> Quoted:
    at_ns = Ns(_NOW_NS - age_ms * NS_PER_MS)
    sizes = {"bid_amount_native": 1.0, "ask_amount_native": 1.0}
    name = InstrumentId("BTC-PERPETUAL")
    return Quoted(instrument=name, received_ns=at_ns, venue_ns=at_ns, bid_native=1.0, ask_native=2.0, **sizes)


def test_a_value_beyond_every_bucket_is_counted() -> None:
    """In the last one of all."""
    spread = _counts().spreads["hedgebot_ledger_lag_seconds"]
    spread.take(3_600.0)

    assert spread.counts[-1] == 1


def test_decisions_are_counted_by_what_they_came_to(decided: Callable[..., Decided]) -> None:
    """Hedges by side too."""
    counts = _counts()
    skip = decided(action=Action.SKIP, reason=Reason.INSIDE_BAND)
    for made in (decided(), skip, skip):
        counts.applied("BTC", _ticked(), Outcome(decided=made))
    found = counts.read()

    assert found["hedgebot_decisions_total"] == {
        ("BTC", "hedge", "outside_band"): 1,
        ("BTC", "skip", "inside_band"): 2,
    }
    assert found["hedgebot_hedges_total"] == {("BTC", "buy"): 0, ("BTC", "sell"): 1}


def test_what_a_human_is_called_for_is_counted(commands: dict[type[Command], Command], notes: dict[str, Note]) -> None:
    """Orders, ends of orders, halts by cause, alarms by name, mismatches; figures apart until they agree."""
    counts = _counts()
    told = [notes[word] for word in ("order.moved", "order.cancelled", "trading.halted", "alarm.raised")]
    told += [notes[word] for word in ("position.mismatched", "figure.differs", "figure.differs", "figure.agrees")]
    counts.applied("BTC", _ticked(), Outcome(commands=(commands[PlaceOrder],), notes=tuple(told)))
    counts.stalled()
    found = counts.read()

    assert [found["hedgebot_orders_total"][word,] for word in ("sent", "filled", "cancelled")] == [1, 1, 1]
    assert found["hedgebot_halts_total"]["BTC", "task_failed"] == 1
    assert found["hedgebot_halts_total"]["BTC", "triggered"] == 0
    assert found["hedgebot_alarms_total"] == {("BTC", "stream_lost"): 1}
    assert found["hedgebot_position_mismatches_total"] == {("BTC",): 1}
    assert found["hedgebot_ledger_stalls_total"] == {(): 1}
    assert counts.figures_apart == {"BTC": 1}


@pytest.mark.parametrize(("is_maker", "word"), [(True, "maker"), (False, "taker")])
@pytest.mark.parametrize("is_in_snapshot", [True, False])
def test_a_fill_counts_its_money_by_who_took(
    told_events: dict[str, ev.Event], notes: dict[str, Note], *, is_maker: bool, word: str, is_in_snapshot: bool
) -> None:
    """6,200 USD of an inverse perpetual; 3.25 USD worse than the mid; also when only a snapshot told of it."""
    counts = _counts()
    fill = structs.replace(told_events["fill.seen"], is_maker=is_maker)
    event = structs.replace(told_events["snapshot.taken"], fills=(fill,)) if is_in_snapshot else fill
    counts.applied("BTC", told_events["instrument.listed"], NOTHING)
    counts.applied("BTC", event, Outcome(notes=(notes["order.filled"],)))
    found = counts.read()

    assert found["hedgebot_fills_total"]["BTC", word] == 1
    assert found["hedgebot_traded_usd_total"]["BTC", word] == 6_200
    assert found["hedgebot_slippage_usd_total"] == {("BTC", "cost"): 3.25, ("BTC", "gain"): 0}


def test_a_linear_fill_is_worth_its_price(told_events: dict[str, ev.Event], notes: dict[str, Note]) -> None:
    """Coins times USD; one of somebody else's orders is a fill and no hedge's money."""
    counts = _counts()
    listed = told_events["instrument.listed"]
    linear = structs.replace(listed.instrument, settlement="usd")
    booked = notes["order.filled"]
    assert isinstance(booked, FillBooked)
    ours = structs.replace(booked, amount_native=Decimal("0.5"), price_native=Decimal(90_000), slippage_usd=2.0)
    counts.applied("BTC", structs.replace(listed, instrument=linear), NOTHING)
    for note in (ours, structs.replace(ours, label=None)):
        counts.applied("BTC", told_events["fill.seen"], Outcome(notes=(note,)))
    found = counts.read()

    assert found["hedgebot_traded_usd_total"]["BTC", "taker"] == 45_000
    assert found["hedgebot_slippage_usd_total"]["BTC", "gain"] == 2.0
    assert found["hedgebot_fills_total"]["BTC", "taker"] == 2
