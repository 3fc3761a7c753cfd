"""Events told by themselves: what is silent, and what a venue gone mad may fill the log with."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.ids import Label
from bot.domain.time import NS_PER_S, Ns
from bot.observe import event_words
from bot.observe.event_words import EventTeller


@pytest.fixture
def teller(heard: Any) -> EventTeller:
    """Of a log that is heard."""
    return EventTeller(heard.log)


def test_every_event_of_the_account_lane_has_words(
    teller: EventTeller, heard: Any, told_events: dict[str, ev.Event]
) -> None:
    """But for the ladder, which has a teller of its own; ticks are silent."""
    spoken = {name: event for name, event in told_events.items() if not isinstance(event, ev.LadderMeasured)}
    for event in spoken.values():
        teller.tell(3, event)
    teller.tell(4, ev.Ticked(now_ns=Ns(0)))

    assert heard.events == list(spoken)


def test_malformed_messages_do_not_flood_the_log(
    teller: EventTeller, heard: Any, told_events: dict[str, ev.Event]
) -> None:
    """The first of a cause at once, then a count once a minute."""
    first = told_events["message.malformed"]
    for second in (0, 1, 59, 60, 61):
        teller.tell(second, structs.replace(first, received_ns=Ns(second * NS_PER_S)))
    teller.tell(62, structs.replace(first, received_ns=Ns(62 * NS_PER_S), cause="wrong type"))

    assert [(line["seq"], line["cause"], line["repeats"]) for line in heard.lines] == [
        (0, "not JSON", 0),
        (60, "not JSON", 2),
        (62, "wrong type", 0),
    ]


def test_causes_of_malformed_messages_are_not_remembered_without_end(
    teller: EventTeller, heard: Any, told_events: dict[str, ev.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue gone mad must not fill the memory."""
    monkeypatch.setattr(event_words, "_MALFORMED_KINDS_MAX", 2)
    for number in range(5):
        teller.tell(number, structs.replace(told_events["message.malformed"], cause=f"cause {number}"))

    assert len(heard.lines) == 5
    assert len(teller._malformed) <= 2


def test_a_word_about_a_venue_names_it(teller: EventTeller, heard: Any, told_events: dict[str, ev.Event]) -> None:
    """A run may have two; a word about one instrument names its own."""
    names = ("stream.lost", "stream.restored", "message.malformed", "account.seen", "snapshot.taken", "snapshot.failed")
    for name in names:
        teller.tell(1, structs.replace(told_events[name], venue="okx"))
    teller.tell(2, structs.replace(told_events["fill.seen"], instrument="OKX:BTC-USDT-SWAP"))
    teller.tell(2, told_events["fill.seen"])

    assert [line.get("venue") for line in heard.lines] == [*["okx"] * 7, None]


_ANSWERS = ("order.acked", "order.refused", "order.unknown", "order.absent", "order.lookup_failed")


def test_an_answer_names_the_venue_of_its_order(
    teller: EventTeller, heard: Any, told_events: dict[str, ev.Event], commands: dict[type, Any]
) -> None:
    """It tells a label only; an order of an earlier run is known by its intent. The run's own venue needs no word."""
    teller.sent(structs.replace(commands[PlaceOrder], label="hb1", instrument="OKX:BTC-USDT-SWAP"))
    teller.sent(structs.replace(commands[PlaceOrder], label="hb2"))
    teller.tell(1, structs.replace(told_events["intent.restored"], label="hb0", instrument="BINANCE:BTCUSDT"))
    for label in ("hb0", "hb1", "hb2", "hb9"):
        for name in _ANSWERS:
            teller.tell(2, structs.replace(told_events[name], label=label))

    assert [line.get("venue") for line in heard.lines[1:]] == [
        *["binance"] * 5,
        *["okx"] * 5,
        *[None] * 10,
    ]


def test_orders_elsewhere_are_not_remembered_without_end(
    teller: EventTeller,
    heard: Any,
    told_events: dict[str, ev.Event],
    commands: dict[type, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest are."""
    monkeypatch.setattr(event_words, "_ELSEWHERE_MAX", 2)
    for number in range(5):
        order = structs.replace(commands[PlaceOrder], label=Label(f"hb{number}"), instrument="OKX:BTC-USDT-SWAP")
        teller.sent(order)
        teller.sent(order)
    for label in ("hb2", "hb3", "hb4"):
        teller.tell(1, structs.replace(told_events["order.acked"], label=label))

    assert [line.get("venue") for line in heard.lines] == [None, "okx", "okx"]
