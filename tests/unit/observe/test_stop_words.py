"""Stops in the log: who, why, what is on, and how to lift it."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.decided import LossesCounted, Outcome, StopLatched, StopLifted
from bot.domain.stops import Act, Latch, LossCount, StopKind
from bot.domain.time import Ns
from bot.observe.narrate import Narrator

_LATCH = Latch(kind=StopKind.PAUSE, cause="operator", since_ns=Ns(5), by="ann", detail="lunch")


@pytest.fixture
def narrator(heard: Any) -> Narrator:
    """Of one run."""
    return Narrator(heard.log, run_id="r1", venue="deribit")


def test_what_a_human_asked_for_is_told_with_name_and_reason(narrator: Narrator, heard: Any) -> None:
    """Once, whatever came of it."""
    narrator.event(1, ev.OperatorActed(act=Act.PAUSE, by="ann", reason="lunch", received_ns=Ns(5)))

    (line,) = heard.lines
    assert (line["event"], line["act"], line["by"], line["reason"]) == ("operator.acted", "pause", "ann", "lunch")


def test_stops_of_the_last_run_are_told_as_an_error(narrator: Narrator, heard: Any) -> None:
    """A run that begins stopped must not look like a healthy one."""
    narrator.event(1, ev.StopsRestored(book="BTC", latches=(_LATCH,), received_ns=Ns(9)))

    (line,) = heard.lines
    assert (line["event"], line["level"], line["book"]) == ("stops.restored", "error", "BTC")
    assert line["stops"] == ["pause since 1970-01-01T00:00:00.000000Z by ann: lunch; lift it: hedgebot resume --reason"]


def test_latched_and_lifted_are_told(narrator: Narrator, heard: Any) -> None:
    """An error that goes on, and its end with who ended it and why."""
    lifted = StopLifted(latch=_LATCH, by="bob", reason="back", at_ns=Ns(9))
    narrator.outcome("BTC", 3, Outcome(notes=(StopLatched(latch=_LATCH), lifted)))

    latched, ended = heard.lines
    assert (latched["event"], latched["kind"], latched["cause"], latched["by"]) == (
        "stop.latched",
        "pause",
        "operator",
        "ann",
    )
    assert (ended["event"], ended["since_ns"], ended["by"], ended["reason"]) == ("stop.lifted", 5, "bob", "back")


def test_losses_are_told_where_a_run_goes_on_from_them(narrator: Narrator, heard: Any) -> None:
    """Once at the start for everybody, each count for whoever looks closely."""
    count = LossCount(as_of_ns=Ns(8), day_loss_usd=1.0, peak_loss_usd=2.0, recent_loss_usd=0.0, recent_ns=Ns(8))
    narrator.event(1, ev.LossesRestored(book="BTC", count=count, received_ns=Ns(9)))
    narrator.outcome("BTC", 2, Outcome(notes=(LossesCounted(count=count),)))

    told = [(line["event"], line["level"], line["day_loss_usd"], line["peak_loss_usd"]) for line in heard.lines]
    assert told == [("losses.restored", "info", 1.0, 2.0), ("losses.counted", "debug", 1.0, 2.0)]
