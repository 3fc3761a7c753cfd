"""Every word of the watchdog is in the catalogue."""

from typing import Any

from bot.domain.ids import Label, OrderId
from bot.observe.catalogue import CATALOGUE, Level
from bot.observe.watchdog_words import WatchdogTeller


def test_it_says_what_it_does(heard: Any) -> None:
    """An alarm is an error: somebody has to come."""
    teller = WatchdogTeller(heard.log.bind(run_id="watchdog", venue="deribit"))
    teller.started("sqlite:///x.db", 5.0)
    teller.cancelled(OrderId("V-1"), Label("hbrun0000001"))
    teller.alarmed("silent", found_count=1, cancelled_count=1, failed=())
    teller.calmed("hosta pid 7")

    assert heard.events == ["watchdog.started", "watchdog.cancelled", "watchdog.alarmed", "watchdog.calmed"]
    assert set(heard.events) == {name for name in CATALOGUE if name.startswith("watchdog.")}
    assert CATALOGUE["watchdog.alarmed"].level is Level.ERROR
    assert (heard.lines[2]["found_count"], heard.lines[2]["failed"]) == (1, [])
