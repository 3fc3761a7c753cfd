"""Every word of the watchdog is in the catalogue."""

from typing import Any

from bot.domain.ids import Label, OrderId
from bot.domain.time import NS_PER_S, Ns
from bot.observe.alerts import Alert, Alerts, AlertTerms, Severity
from bot.observe.catalogue import CATALOGUE, Level
from bot.observe.watchdog_words import WatchdogTeller


def test_it_says_what_it_does(heard: Any) -> None:
    """An alarm is an error: somebody has to come."""
    teller = WatchdogTeller(heard.log.bind(run_id="watchdog", venue="deribit"), None, now_ns=lambda: Ns(0))
    teller.started("sqlite:///x.db", 5.0)
    teller.cancelled(OrderId("V-1"), Label("hbrun0000001"))
    teller.alarmed("silent", found_count=1, cancelled_count=1, failed=())
    teller.calmed("hosta pid 7")

    assert heard.events == ["watchdog.started", "watchdog.cancelled", "watchdog.alarmed", "watchdog.calmed"]
    assert set(heard.events) == {name for name in CATALOGUE if name.startswith("watchdog.")}
    assert CATALOGUE["watchdog.alarmed"].level is Level.ERROR
    assert (heard.lines[2]["found_count"], heard.lines[2]["failed"]) == (1, [])


def test_an_alarm_wakes_somebody_and_is_not_told_every_few_seconds(heard: Any) -> None:
    """What was found and done; a secret in the cause is not told; a failure is another matter than silence."""
    posted: list[Alert] = []
    terms = AlertTerms(
        severity_min=Severity.INFO, cooldown_ns=Ns(60 * NS_PER_S), margin_ratio_max=0.7, summary_utc_hours=None
    )
    alerts = Alerts(terms, posted.append)
    teller = WatchdogTeller(heard.log.bind(run_id="watchdog", venue="deribit"), alerts, now_ns=lambda: Ns(NS_PER_S))
    teller.alarmed("no heartbeat, client_secret=abcdefghij is wrong", found_count=2, cancelled_count=2, failed=())
    teller.alarmed("no heartbeat", found_count=0, cancelled_count=0, failed=())
    teller.alarmed("no heartbeat", found_count=1, cancelled_count=0, failed=["V-1: no", "V-2: no"])
    teller.calmed("hosta pid 7")

    assert [(alert.severity, alert.text) for alert in posted] == [
        (
            Severity.CRITICAL,
            "watchdog: no heartbeat, client_secret=[redacted] is wrong; of 2 open orders of ours 2 were cancelled",
        ),
        (
            Severity.CRITICAL,
            "watchdog: no heartbeat; of 1 open orders of ours 0 were cancelled, 2 things failed, the first: V-1: no",
        ),
        (Severity.INFO, "watchdog: hosta pid 7 is there again, or has ended in order"),
    ]
