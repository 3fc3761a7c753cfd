"""Alerts of a run, from the configuration to a channel and back into the log."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from msgspec import structs
from pydantic import SecretStr

from bot.app import alerting
from bot.app.alert_settings import AlertsSection, alerts_config
from bot.app.alerting import AlertsConfig, alerts_of, try_out
from bot.domain.decided import AlarmRaised, Outcome
from bot.domain.errors import ConfigError
from bot.domain.events import Ticked
from bot.domain.time import Ns
from bot.observe.alerts import Severity

_NOWHERE = "json://127.0.0.1:9/"
"""Nobody listens on the port of `discard`."""


class Narrator:
    """Hears what became of alerts."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []

    def alerted(self, word: str, channel: str, count: int) -> None:
        """One message."""
        self.told.append((word, channel, count))


class Channel:
    """Takes everything, or nothing."""

    name = "fake"

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.bodies: list[str] = []

    def send(self, severity: Severity, title: str, body: str, files: Sequence[object] = ()) -> bool:
        """Keeps the text."""
        del severity, title, files
        self.bodies.append(body)
        return self.takes


def _config(*urls: str) -> AlertsConfig:
    return structs.replace(alerts_config(AlertsSection()), urls=tuple(map(SecretStr, urls)))


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Channel:
    """Stands for every address."""
    found = Channel()
    stand_in: Callable[[str], Channel] = lambda _: found  # noqa: E731
    monkeypatch.setattr(alerting, "AppriseChannel", stand_in)
    return found


@pytest.mark.asyncio
async def test_an_alarm_of_a_run_is_delivered_and_its_fate_is_logged(channel: Channel) -> None:
    """At the end what waits is sent."""
    narrator = Narrator()
    async with alerts_of(_config(_NOWHERE), narrator.alerted) as alerts:
        assert alerts is not None
        note = AlarmRaised(name="limit_ladder", detail="loss at -20 %", deadline_ns=None)
        alerts.applied("BTC", Ticked(now_ns=Ns(1)), Outcome(notes=(note,)))
    await asyncio.sleep(0)

    assert channel.bodies == ["critical: BTC: limit_ladder: loss at -20 %"]
    assert narrator.told == [("alert.sent", "fake", 1)]


@pytest.mark.asyncio
async def test_without_an_address_there_is_nothing() -> None:
    """No thread, no channel."""
    async with alerts_of(_config(), Narrator().alerted) as alerts:
        assert alerts is None


def test_a_test_goes_to_every_channel(channel: Channel) -> None:
    """A line each; one that takes nothing is named, and so is having none."""
    assert try_out(_config(_NOWHERE, _NOWHERE)) == ["fake: taken"] * 2
    assert len(channel.bodies) == 2

    channel.takes = False
    with pytest.raises(ConfigError, match="fake did not take the test"):
        try_out(_config(_NOWHERE))
    with pytest.raises(ConfigError, match="is empty"):
        try_out(_config())
