"""A line that is cut: what is lost on which way, and what a gateway says of the silence."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, Command, LookUpOrder, TakeSnapshot, Watch
from bot.domain.ids import Label, OrderId, VenueId
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.drive.line import Cut, Line
from bot.drive.sim_venue import Latency, Schedule

OKX = VenueId("okx")
_T = Ns(1_000 * NS_PER_S)
_LABEL = Label("hb1")
_CUT = Cut(venue=OKX, start_ns=_T, noticed_ns=Ns(_T + 2 * NS_PER_S), end_ns=Ns(_T + 30 * NS_PER_S))


class _Venue:
    """Remembers what arrived."""

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.connection = 0
        self.down: set[ev.StreamName] = set()

    def is_down(self, stream: ev.StreamName, now_ns: Ns) -> bool:
        del now_ns
        return stream in self.down

    def carry_out(self, command: Command, now_ns: Ns) -> None:
        del now_ns
        self.sent.append(command)


class _AtPlay:
    def __init__(self, *cuts: Cut) -> None:
        self.schedule, self.heard, self.venue = Schedule(), [], _Venue()
        self.line = Line(OKX, self.schedule, Latency(), self._hear, cuts)

    def _hear(self, events: Any, at: Ns) -> None:
        self.heard += [(at, event) for event in events]

    def send(self, command: Command, after_ms: float) -> None:
        self.line.send(command, Ns(_T + round(after_ms * NS_PER_MS)), self.venue)  # type: ignore[arg-type]
        while (due := self.schedule.pop(Ns(_T + 100 * NS_PER_S))) is not None:
            due[1](due[0])


def _questions(make: Any) -> dict[str, Command]:
    asked = {"label": _LABEL, "instrument": "OKX:BTC-USDT-SWAP"}
    return {
        "order": make.place(**asked),
        "cancel": CancelOrder(order_id=OrderId("1"), **asked),
        "look_up": LookUpOrder(order_id=None, not_before_ns=Ns(0), valid_until_ns=Ns(0), **asked),
        "snapshot": TakeSnapshot(cause="", venue=OKX),
    }


_SILENCE = {
    "order": ev.OrderUnknown,
    "cancel": ev.LookUpFailed,
    "look_up": ev.LookUpFailed,
    "snapshot": ev.SnapshotFailed,
}


@pytest.mark.parametrize("kind", list(_SILENCE))
@pytest.mark.parametrize(
    ("sent_ms", "arrives", "is_answered"),
    [(-30.0, True, True), (-15.0, True, False), (-5.0, False, False), (29_980.0, False, False), (29_990.0, True, True)],
    ids=["before", "reply lost", "request lost", "at its end", "after"],
)
def test_a_question_on_its_way_when_the_line_is_cut(
    make: Any, kind: str, sent_ms: float, arrives: bool, is_answered: bool
) -> None:
    """It may have arrived or not: the gateway cannot tell, and says so a second later."""
    play = _AtPlay(_CUT)
    question = _questions(make)[kind]
    play.send(question, sent_ms)

    assert play.venue.sent == ([question] if arrives else [])
    assert [type(event) for _, event in play.heard] == ([] if is_answered else [_SILENCE[kind]])
    assert all(at == event.received_ns == _T + (sent_ms + 1_010) * NS_PER_MS for at, event in play.heard)


def test_events_of_the_venue_are_lost_while_it_is_out_of_reach(make: Any) -> None:
    """From the first moment of silence on, noticed or not."""
    play = _AtPlay(_CUT)
    for seconds in (-1, 0, 29, 30):
        play.line.hear([make.quoted()], Ns(_T + seconds * NS_PER_S))

    assert [at for at, _ in play.heard] == [_T - NS_PER_S, _T + 30 * NS_PER_S]


def test_loss_and_return_are_told_of_both_sockets() -> None:
    """When they are noticed; a cut of another venue is none of this line's."""
    other = Cut(venue=VenueId("deribit"), start_ns=_T, noticed_ns=_T, end_ns=_T)
    play = _AtPlay(_CUT, other)
    play.line.begin(play.venue)  # type: ignore[arg-type]
    play.send(Watch(instruments=()), 0.0)

    assert [(at - _T, type(event), event.stream, event.venue) for at, event in play.heard] == [
        (2 * NS_PER_S, ev.StreamLost, ev.StreamName.MARKET, OKX),
        (2 * NS_PER_S, ev.StreamLost, ev.StreamName.ACCOUNT, OKX),
        (30 * NS_PER_S, ev.StreamRestored, ev.StreamName.MARKET, OKX),
        (30 * NS_PER_S, ev.StreamRestored, ev.StreamName.ACCOUNT, OKX),
    ]
    assert len(play.venue.sent) == 1


def test_who_has_asked_and_is_gone_hears_of_no_silence(make: Any) -> None:
    """The next process never asked."""
    play = _AtPlay(_CUT)
    play.schedule.at(Ns(_T + 100 * NS_PER_MS), lambda _: setattr(play.venue, "connection", 1))
    play.send(_questions(make)["order"], 0.0)

    assert play.heard == []


def test_a_socket_that_is_down_for_another_reason_does_not_return_with_the_line() -> None:
    """Nor does any while a second cut lasts."""
    longer = Cut(venue=OKX, start_ns=_T, noticed_ns=_T, end_ns=Ns(_T + 60 * NS_PER_S))
    play = _AtPlay(_CUT, longer)
    play.venue.down = {ev.StreamName.MARKET}
    play.line.begin(play.venue)  # type: ignore[arg-type]
    play.send(Watch(instruments=()), 0.0)
    back = [(at - _T, event.stream) for at, event in play.heard if isinstance(event, ev.StreamRestored)]

    assert back == [(60 * NS_PER_S, ev.StreamName.ACCOUNT)]
