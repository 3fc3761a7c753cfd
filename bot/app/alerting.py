"""Alerts of a run: the configured channels behind a notifier, their fate in the log; and `hedgebot alert test`."""

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Callable
from typing import Final

from msgspec import Struct
from pydantic import SecretStr

from bot.domain.errors import ConfigError
from bot.observe.alerts import Alerts, AlertTerms, Severity
from bot.observe.notify import AppriseChannel, Notifier

_CLOSE_S_MAX: Final = 5.0
"""For the last alerts at the end of a run."""


class AlertAct(enum.StrEnum):
    """What `hedgebot alert` can do."""

    TEST = "test"


class AlertsConfig(Struct, frozen=True, kw_only=True):
    """Where alerts go and which."""

    urls: tuple[SecretStr, ...]
    """Addresses; none: no alerts."""
    terms: AlertTerms


@contextlib.asynccontextmanager
async def alerts_of(config: AlertsConfig, hear: Callable[[str, str, int], None]) -> AsyncIterator[Alerts | None]:
    """Where a process tells, while it lasts; None where nobody wants it. ConfigError for a bad address.

    `hear` is told on the loop what came of each message: a word of the log, the channel, how many alerts.
    """
    if not config.urls:
        yield None
        return
    channels = [AppriseChannel(url.get_secret_value()) for url in config.urls]
    loop = asyncio.get_running_loop()

    def told(word: str, channel: str, count: int) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before the last word
            loop.call_soon_threadsafe(hear, word, channel, count)

    notifier = Notifier(channels, told)
    try:
        yield Alerts(config.terms, notifier.post)
    finally:
        await asyncio.to_thread(notifier.close, _CLOSE_S_MAX)


def try_out(config: AlertsConfig) -> list[str]:
    """Send a test to every channel; one line each. ConfigError where there is none, or one did not take it."""
    if not config.urls:
        raise ConfigError("alerts.urls: is empty; give addresses, or alerts.urls_file")
    channels = [AppriseChannel(url.get_secret_value()) for url in config.urls]
    text = "This is a test; nothing has happened."
    taken = [(channel.name, channel.send(Severity.INFO, "hedgebot test", text)) for channel in channels]
    failed = [name for name, is_taken in taken if not is_taken]
    if failed:
        raise ConfigError(f"alerts.urls: {', '.join(failed)} did not take the test; check address and network")
    return [f"{name}: taken" for name, _ in taken]
