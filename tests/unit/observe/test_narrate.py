from collections.abc import Callable
from typing import Any, get_args

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import Command, PlaceOrder
from bot.domain.decided import Decided, LossesCounted, Note, Outcome, StopLatched, StopLifted
from bot.domain.market_events import MarketEvent
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.stops import Act, Latch, LossCount, StopKind
from bot.domain.time import NS_PER_S, Ns
from bot.observe import narrate
from bot.observe.catalogue import CATALOGUE
from bot.observe.narrate import Narrator


@pytest.fixture
def narrator(heard: Any) -> Narrator:
    """Tells run r1."""
    return Narrator(heard.log, run_id="r1", venue="deribit")


_LATCH = Latch(kind=StopKind.PAUSE, cause="operator", since_ns=Ns(5), by="ann", detail="lunch")

_COUNT = LossCount(as_of_ns=Ns(8), day_loss_usd=1.0, peak_loss_usd=2.0, recent_loss_usd=0.0, recent_ns=Ns(8))


@pytest.fixture
def told_events(told_events: dict[str, ev.Event]) -> dict[str, ev.Event]:
    """With those about stops."""
    return told_events | {
        "operator.acted": ev.OperatorActed(act=Act.PAUSE, by="ann", reason="lunch", received_ns=Ns(5)),
        "losses.restored": ev.LossesRestored(book="BTC", count=_COUNT, received_ns=Ns(9)),
        "stops.restored": ev.StopsRestored(book="BTC", latches=(_LATCH,), received_ns=Ns(9)),
    }


@pytest.fixture
def notes(notes: dict[str, Note]) -> dict[str, Note]:
    """With those about stops."""
    lifted = StopLifted(latch=_LATCH, by="bob", reason="back", at_ns=Ns(9))
    counted = LossesCounted(count=_COUNT)
    return notes | {"stop.latched": StopLatched(latch=_LATCH), "stop.lifted": lifted, "losses.counted": counted}


def test_every_event_has_its_words(narrator: Narrator, heard: Any, told_events: dict[str, ev.Event]) -> None:
    """A new event that nobody narrates fails here."""
    silent = (*get_args(MarketEvent), ev.Ticked)
    for event in told_events.values():
        narrator.event(7, event)

    assert {type(event) for event in told_events.values()} | set(silent) == set(get_args(ev.Event))
    assert heard.events == list(told_events)
    assert {(line["run_id"], line["venue"], line["seq"]) for line in heard.lines} == {("r1", "deribit", 7)}


def test_every_note_has_its_words(narrator: Narrator, heard: Any, notes: dict[str, Note]) -> None:
    """A new note that nobody narrates fails here."""
    narrator.outcome("BTC", 7, Outcome(notes=tuple(notes.values())))

    assert {type(note) for note in notes.values()} == set(get_args(Note))
    assert {note.phase_after for note in notes.values() if hasattr(note, "phase_after")} == set(Phase)
    assert heard.events == list(notes)
    assert {(line["book"], line["seq"]) for line in heard.lines} == {("BTC", 7)}


def test_every_command_has_its_words(narrator: Narrator, heard: Any, commands: dict[type[Command], Command]) -> None:
    """An order is told by `sent`, the others with the outcome they are part of."""
    narrator.sent(7, commands[PlaceOrder])
    narrator.outcome("BTC", 8, Outcome(commands=tuple(commands.values())))

    assert set(commands) == set(get_args(Command))
    expected = ["order.sent", "order.cancel_sent", "order.looked_up", "snapshot.requested", "market.watched"]
    assert expected == heard.events


def test_market_data_and_ticks_are_not_told(narrator: Narrator, heard: Any) -> None:
    """Thousands a second belong to the metrics."""
    narrator.event(1, ev.Ticked(now_ns=Ns(0)))

    assert heard.lines == []


def test_an_event_handed_over_once_per_book_is_told_once(
    narrator: Narrator, heard: Any, told_events: dict[str, ev.Event]
) -> None:
    """The same words of another event are told again."""
    lost = told_events["stream.lost"]
    narrator.event(1, lost)
    narrator.event(4, lost)
    narrator.event(2, structs.replace(lost))

    assert [(line["event"], line["seq"]) for line in heard.lines] == [("stream.lost", 1), ("stream.lost", 2)]


def test_a_hedge_is_one_line_with_all_that_mattered(
    narrator: Narrator, heard: Any, decided: Callable[..., Decided]
) -> None:
    """The canonical line."""
    narrator.outcome("BTC", 12, Outcome(decided=decided()))

    expected = {
        "ts_ns": 1_774_598_400_123_456_789,
        "level": "info",
        "run_id": "r1",
        "venue": "deribit",
        "event": "hedge.decided",
        "book": "BTC",
        "seq": 12,
        "instrument": "BTC-PERPETUAL",
        "action": "hedge",
        "reason": "outside_band",
        "detail": "",
        "convention": "options_only",
        "delta_coin_net": 0.164,
        "delta_coin_low": 0.164,
        "delta_coin_high": 0.164,
        "delta_coin_options": 0.5,
        "delta_coin_futures": -0.336,
        "delta_coin_collateral": 0.0,
        "delta_coin_expiring": 0.0,
        "delta_coin_surviving": 0.164,
        "delta_coin_delivered": 0.0,
        "gamma_coin_per_usd": 1.5e-5,
        "gamma_coin_per_hour": 0.009,
        "band_low_coin": -0.1,
        "band_high_coin": 0.1,
        "target_coin": 0.1,
        "trade_coin": -0.064,
        "price_usd": 97_000.5,
        "index_usd": 97_001.25,
        "hedge_age_ns": 12_000_000,
        "option_age_ns_max": 900_000_000,
        "doubtful": [],
        "forwards": [],
        "repeats": 0,
    }
    assert [expected] == heard.lines


def test_a_decision_that_does_not_change_is_told_once_a_minute(
    narrator: Narrator, heard: Any, decided: Callable[..., Decided]
) -> None:
    """Per book; what was left out is counted; hedges are always told."""
    steps = [
        (0, "BTC", Action.SKIP, Reason.INSIDE_BAND),
        (1, "BTC", Action.SKIP, Reason.INSIDE_BAND),
        (2, "ETH", Action.SKIP, Reason.INSIDE_BAND),
        (59, "BTC", Action.SKIP, Reason.INSIDE_BAND),
        (60, "BTC", Action.SKIP, Reason.INSIDE_BAND),
        (61, "BTC", Action.SKIP, Reason.INSIDE_BAND),
        (62, "BTC", Action.REFUSE, Reason.STREAM_LOST),
        (63, "BTC", Action.HEDGE, Reason.OUTSIDE_BAND),
        (64, "BTC", Action.HEDGE, Reason.OUTSIDE_BAND),
    ]
    for second, book, action, reason in steps:
        told = decided(now_ns=Ns(second * NS_PER_S), seq=second, book=book, action=action, reason=reason)
        narrator.outcome(book, second, Outcome(decided=told))

    assert [(line["seq"], line["book"], line["event"], line["repeats"]) for line in heard.lines] == [
        (0, "BTC", "hedge.skipped", 0),
        (2, "ETH", "hedge.skipped", 0),
        (60, "BTC", "hedge.skipped", 2),
        (62, "BTC", "hedge.refused", 1),
        (63, "BTC", "hedge.decided", 0),
        (64, "BTC", "hedge.decided", 0),
    ]


def test_decisions_that_passed_are_counted_with_the_next_one_told(
    narrator: Narrator, heard: Any, decided: Callable[..., Decided]
) -> None:
    """As if each of them had been handed over."""
    narrator.repeated("BTC")
    narrator.repeated("BTC")
    narrator.repeated("ETH")
    narrator.outcome("BTC", 4, Outcome(decided=decided()))

    assert [line["repeats"] for line in heard.lines] == [2]


@pytest.mark.parametrize("reason", sorted(narrate.LIMITS))
def test_a_limit_in_the_way_has_a_line_of_its_own(
    narrator: Narrator, heard: Any, decided: Callable[..., Decided], reason: Reason
) -> None:
    """Operators watch for one name, whichever limit it is."""
    narrator.outcome("BTC", 3, Outcome(decided=decided(action=Action.REFUSE, reason=reason, detail="over")))

    assert heard.events == ["hedge.refused", "limit.breached"]
    assert (heard.lines[1]["limit"], heard.lines[1]["detail"]) == (reason.value, "over")


def test_limits_are_all_reasons_called_so() -> None:
    """A new limit cannot be forgotten."""
    assert {reason for reason in Reason if reason.value.startswith("limit_")} == narrate.LIMITS


def test_start_stall_and_end_are_told(narrator: Narrator, heard: Any) -> None:
    """A run without `run.ended` was killed."""
    narrator.started(mode="demo", version="0.1.0")
    narrator.waited("public/get_time: RequestTimeout", 2.0)
    narrator.stalled(0.05125)
    narrator.ended(seconds=12.3456, exit_code=0)

    assert heard.events == ["run.started", "venue.waited", "journal.stalled", "run.ended"]
    assert heard.lines[1]["retry_s"] == 2.0
    assert (heard.lines[2]["elapsed_ms"], heard.lines[3]["elapsed_s"]) == (51.25, 12.346)


def test_the_catalogue_holds_no_word_that_is_never_said(
    heard: Any,
    told_events: dict[str, ev.Event],
    notes: dict[str, Note],
    commands: dict[type[Command], Command],
    decided: Callable[..., Decided],
) -> None:
    """But for the lines the composition tells itself."""
    said_elsewhere = {"health.listening", "exchange.listening"}
    narrator = Narrator(heard.log, run_id="r1", venue="deribit")
    narrator.started()
    narrator.ended(seconds=1.0)
    narrator.stalled(1.0)
    narrator.waited("no route", 1.0)
    narrator.cleaned(runs_count=2, bytes_count=3)
    narrator.kept("tape: cannot remove runs/old: Permission denied")
    narrator.recalled("BTC", 60, 1_440)
    narrator.unrecalled("the ledger cannot be read: disk I/O error")
    narrator.turned_away("a wrong token", 3)
    narrator.lease_waited("db1 pid 7", Ns(1))
    narrator.lease_taken(2)
    narrator.lease_doubted("no answer")
    narrator.lease_lost("db1 pid 7")
    for word in ("alert.sent", "alert.failed", "alert.dropped"):
        narrator.alerted(word, "slack", 1)
    narrator.sent(1, commands[PlaceOrder])
    for event in told_events.values():
        narrator.event(1, event)
    for action in Action:
        narrator.outcome("BTC", 1, Outcome(decided=decided(action=action, reason=Reason.LIMIT_ORDER_USD)))
    narrator.outcome("BTC", 1, Outcome(commands=tuple(commands.values()), notes=tuple(notes.values())))

    watchdogs = {name for name in CATALOGUE if name.startswith("watchdog.")}
    assert CATALOGUE.keys() - set(heard.events) == said_elsewhere | watchdogs


def test_an_event_without_words_is_a_bug(narrator: Narrator) -> None:
    """It would be lost without anybody noticing."""
    with pytest.raises(AssertionError, match="has no words"):
        narrator.event(1, "not an event")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="has no words"):
        narrator.outcome("BTC", 1, Outcome(commands=("not a command",)))  # type: ignore[arg-type]
