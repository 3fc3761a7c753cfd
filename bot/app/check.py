"""A look before a run: tests what can be tested without trading, one finding per check.

Knows the order of the checks and what each needs; which of them a mode needs is `compose`'s word. Holds no gateway
that could trade: only an `Inspector` and two feeds.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from bot.app.arming import refuse_uncounted
from bot.app.check_report import FAILED, OK, SKIPPED, Finding
from bot.app.config import Config
from bot.app.exit_codes import ExitCode
from bot.book import BookParams, hedges_of
from bot.domain.errors import BotError, ConfigError, JournalError, VenueError, VenueUnreachable
from bot.domain.events import Event, QuoteDistrusted, SnapshotFailed, SnapshotTaken, StreamLost, StreamRestored
from bot.domain.ids import DERIBIT, InstrumentId, base_of, is_ours, venue_of
from bot.domain.seen import PositionSeen
from bot.journal import opening
from bot.venues.contract import Feed, Inspector
from bot.venues.settings import VenueSettings

_STREAM_S_MAX: Final = 15.0
"""Connecting, logging in and subscribing; the venue answers each within ten seconds or not at all."""

MakeFeed = Callable[[Sequence[InstrumentId]], Feed]


class VenueParts(Struct, frozen=True, kw_only=True):
    """A venue as a check may see it."""

    settings: VenueSettings
    inspector: Inspector
    market_feed: MakeFeed
    """Of these instruments besides the hedges."""
    account_feed: Feed | None


class Checks:
    """The findings of one look, in order."""

    def __init__(self, config: Config) -> None:
        self._config: Final = config
        self._held: tuple[PositionSeen, ...] = ()
        """At the last venue that told."""
        self._accounts = {venue.venue: venue.account_id for venue in config.venues}
        self.findings: Final[list[Finding]] = []

    def demand(self, name: str, refuse: Callable[[Config], None], fine: str) -> None:
        """Something of the configuration a run of this mode needs."""

        def check() -> str:
            refuse(self._config)
            return fine

        self._try(name, check)

    # --- this machine -------------------------------------------------------------------------------------

    def machine(self, *, keeps_ledger: bool) -> None:
        """Ledger, tape and health port; after the venue, whose account the ledger must belong to."""
        if keeps_ledger:
            self._try("ledger", self._ledger)
        self._try("tape", self._tape)
        self._try("health", self._health)

    def _ledger(self) -> str:
        owner = opening.owner_of(self._config.mode.value, list(self._accounts))
        owner |= {opening.account_key(venue): name for venue, name in self._accounts.items() if name is not None}
        is_there = opening.examine(self._config.ledger_url, owner)
        return f"{opening.without_password(self._config.ledger_url)} {'goes on' if is_there else 'will be made'}"

    def _tape(self) -> str:
        folder = self._config.tape_folder
        if folder is None:
            return "none: such a run cannot be replayed"
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise JournalError(f"tape.folder: {there} cannot be written; give another, or set tape.enabled = false")
        return f"a folder per run in {folder}"

    def _health(self) -> str:
        config = self._config
        if not config.health_enabled:
            return "not served"
        address = (config.health_host, config.health_port)
        family = socket.AF_INET6 if ":" in config.health_host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise ConfigError(
                    f"health.port: {config.health_port} is not free ({error.strerror}); is the bot running already?"
                ) from None
        return "any free port" if config.health_port == 0 else f"{config.health_host}:{config.health_port} is free"

    # --- the venue ----------------------------------------------------------------------------------------

    async def venue(self, parts: VenueParts) -> None:
        """HTTP, clock, key, account, hedge instruments, positions; then both sockets. Sends no order."""
        inspector, there = parts.inspector, parts.settings.venue
        has_key = parts.account_feed is not None
        at = "" if there == DERIBIT else f"{there} "
        try:
            http = await self._ask(f"{at}http", partial(_reach, parts))
            self._try(f"{at}clock", lambda: f"the venue's is {inspector.check_clock():+d} ms from ours", needs=http)
            key = has_key and await self._ask(f"{at}key", inspector.check_key, needs=http)
            if has_key:
                account = await self._ask(f"{at}account", partial(self._account, parts), needs=key)
                await self._ask(f"{at}orders", inspector.check_orders, needs=account)
            listed = True
            for book in self._config.books:
                hedges = [name for name in hedges_of(book) if venue_of(name) == there]
                for name in hedges:
                    listed &= await self._ask(f"hedge {book.book}", partial(_hedge, inspector, book, name), needs=http)
                if not hedges and there == DERIBIT:
                    listed &= await self._ask(f"options {book.book}", partial(_options, inspector, book), needs=http)
            if has_key:
                await self._ask(f"{at}positions", partial(self._positions, inspector), needs=key and listed)
        finally:
            await inspector.close()
        held = tuple(item.instrument for item in self._held if venue_of(item.instrument) == there)
        await self._ask(f"{at}market data", partial(_subscribed, parts.market_feed(held), parts))
        if parts.account_feed is not None:
            await self._ask(f"{at}account data", partial(_subscribed, parts.account_feed, parts))

    async def _account(self, parts: VenueParts) -> str:
        found = self._accounts[parts.settings.venue] = await parts.inspector.check_account()
        return f"the key belongs to account {found}"

    async def _positions(self, inspector: Inspector) -> str:
        for event in await inspector.snapshot():
            if isinstance(event, SnapshotFailed):
                raise VenueUnreachable(f"positions cannot be read: {event.cause}")
            if isinstance(event, SnapshotTaken):
                books = {book.book: book for book in self._config.books}
                self._held = tuple(item for item in event.positions if base_of(item.instrument) in books)
                held = ", ".join(f"{item.instrument} {item.amount_native:f}" for item in self._held) or "none held"
                prefixes = [book.label_prefix for book in books.values()]
                ours = [order for order in event.open_orders if any(is_ours(order.label, known) for known in prefixes)]
                others = len(event.open_orders) - len(ours)
                return f"{held}; open orders: {len(ours)} of ours, {others} of others"
        raise VenueUnreachable("positions cannot be read: the venue did not tell any")

    # --- findings -----------------------------------------------------------------------------------------

    async def _ask(self, name: str, question: Callable[[], Awaitable[str]], *, needs: bool = True) -> bool:
        if not needs:
            return self._skipped(name)
        try:
            detail = await question()
        except BotError as error:
            return self._failed(name, error)
        return self._fine(name, detail)

    def _try(self, name: str, question: Callable[[], str], *, needs: bool = True) -> bool:
        if not needs:
            return self._skipped(name)
        try:
            detail = question()
        except BotError as error:
            return self._failed(name, error)
        return self._fine(name, detail)

    def _fine(self, name: str, detail: str) -> bool:
        self.findings.append(Finding(name=name, status=OK, detail=detail))
        return True

    def _skipped(self, name: str) -> bool:
        self.findings.append(Finding(name=name, status=SKIPPED, detail="needs what failed above"))
        return False

    def _failed(self, name: str, error: BotError) -> bool:
        self.findings.append(failure(name, error))
        return False


def failure(name: str, error: BotError) -> Finding:
    """A check that failed, in one line, with the exit code a run would end with."""
    match error:
        case ConfigError():
            code = ExitCode.CONFIG
        case JournalError():
            code = ExitCode.JOURNAL
        case _:
            code = ExitCode.VENUE
    return Finding(name=name, status=FAILED, detail=" ".join(str(error).split()), exit_code=code)


def _table(parts: VenueParts) -> str:
    return "venue" if parts.settings.venue == DERIBIT else "hedge_venue"


async def _reach(parts: VenueParts) -> str:
    try:
        await parts.inspector.reach()
    except VenueError as error:
        raise VenueUnreachable(f"{error}; check {_table(parts)}.rest_url and the network") from None
    # Elsewhere replies say nothing of their world: there it is the key that fits or does not.
    flag = parts.settings.is_testnet if parts.settings.venue == DERIBIT else None
    says = "answers" if flag is None else f"says testnet={str(flag).lower()}, as it must"
    return f"{parts.settings.rest_url} {says}"


async def _hedge(inspector: Inspector, book: BookParams, name: InstrumentId) -> str:
    for listed in await inspector.instruments(book.book):
        if listed.id == name:
            refuse_uncounted(book, [listed])
            fees = f"fees {listed.fee_rate_maker:f} making, {listed.fee_rate_taker:f} taking"
            return f"{listed.id} is open: tick {listed.tick_native:f}, lot {listed.lot_native:f}, {fees}"
    key = f"books.{book.book.lower()}.hedge_instrument"
    raise VenueUnreachable(f"{name} is not open at the venue; wait, or check {key}")


async def _options(inspector: Inspector, book: BookParams) -> str:
    """Of a book whose hedge is elsewhere; a snapshot rests on this listing as well."""
    count = len([listed for listed in await inspector.instruments(book.book) if listed.is_option])
    if not count:
        raise VenueUnreachable(
            f"no option on {book.book} is listed; is [books.{book.book.lower()}] named after a coin?"
        )
    return f"{count} are listed"


async def _subscribed(feed: Feed, parts: VenueParts) -> str:
    """Once every channel was acknowledged; VenueUnreachable with the cause when the socket is lost before."""
    told: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    def sink(events: Sequence[Event]) -> None:
        if told.done():
            return
        lost = [event.cause for event in events if isinstance(event, StreamLost)]
        if lost:
            told.set_exception(VenueUnreachable(f"{lost[0]}; check {_table(parts)}.ws_url and the network"))
        elif any(isinstance(event, StreamRestored) for event in events):
            told.set_result([event.instrument for event in events if isinstance(event, QuoteDistrusted)])

    running = asyncio.ensure_future(feed.run(sink))
    try:
        async with asyncio.timeout(_STREAM_S_MAX):
            await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()  # nothing but a ConfigError ends a feed
        refused = told.result()
    except TimeoutError:
        raise VenueUnreachable(f"no subscription within {_STREAM_S_MAX:.0f} s; check {_table(parts)}.ws_url") from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    if refused:
        raise VenueUnreachable(f"not subscribed to {', '.join(refused)}")
    return "every channel was acknowledged"
