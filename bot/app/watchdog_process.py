"""The watchdog as a process: opens what it needs, looks until it is stopped, closes everything.

Knows the order of opening and closing; what is looked at and done is `watchdog`'s.
"""

import asyncio
import secrets
from typing import Final

import uvloop
from msgspec import structs

from bot.app import arming, clock
from bot.app.alerting import alerts_of
from bot.app.config import Config
from bot.app.daemon import reached, signals
from bot.app.tenancy import lease_of
from bot.app.watchdog import Watchdog, WatchParams
from bot.domain.time import NS_PER_S
from bot.journal import opening
from bot.observe.catalogue import Level
from bot.observe.logs import open_log
from bot.observe.watchdog_words import WatchdogTeller
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import CCXT

_RUN_ID: Final = "watchdog"


def guard(config: Config, *, seconds: float | None) -> None:
    """Watch over the bot of this configuration until a signal, or for `seconds`.

    ConfigError, VenueError or JournalError where it cannot begin; afterwards it goes on, whatever fails.
    """
    key = arming.watchdog_key(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_guarded(structs.replace(config, venue=structs.replace(config.venue, credentials=key)), seconds))


async def _guarded(config: Config, seconds: float | None) -> None:
    settings = structs.replace(config.venue, gateway=CCXT)
    canceller = venue_named(settings.venue).canceller(
        Link(settings=settings, now_ns=clock.now_ns, rng=secrets.SystemRandom())
    )
    lease = lease_of(config)
    log = open_log(now_ns=clock.now_ns, level=Level[config.log_level.upper()], style=config.log_format)
    own = log.bind(run_id=_RUN_ID, venue=settings.venue)
    prefixes = tuple(book.label_prefix for book in config.books)
    params = WatchParams(label_prefixes=prefixes, silence_ns=config.watchdog.silence_ns)
    stopped = asyncio.Event()

    def heard(word: str, channel: str, count: int) -> None:
        own.tell(word, channel=channel, count=count)

    with signals(lambda _: stopped.set()):
        try:
            async with alerts_of(config.alerts, heard) as alerts:
                await reached(canceller.open)
                lease.look()
                teller = WatchdogTeller(own, alerts, now_ns=clock.now_ns)
                watchdog = Watchdog(lease.look, canceller, teller, params, now_ns=clock.now_ns)
                teller.started(opening.without_password(config.ledger_url), params.silence_ns / NS_PER_S)
                if seconds is not None:
                    asyncio.get_running_loop().call_later(seconds, stopped.set)
                await watchdog.run(stopped)
        finally:
            await canceller.close()
            lease.close()
