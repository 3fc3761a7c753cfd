"""A look before a run: tests what can be tested without trading, one finding per check.

Knows the order of the checks and what each needs; which of them a mode needs is `compose`'s word. Holds no gateway
that could trade: only an `Inspector` and two feeds.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from bot.app.arming import refuse_uncounted
from bot.app.check_limits import Seen, refuse_idle, to_mind
from bot.app.check_report import FAILED, MIND, OK, SKIPPED, Finding
from bot.app.config import Config
from bot.app.exit_codes import ExitCode
from bot.book import BookParams, hedges_of
from bot.domain.errors import BotError, ConfigError, JournalError, VenueError, VenueUnreachable
from bot.domain.events import (
    AccountSeen,
    Event,
    QuoteDistrusted,
    SnapshotFailed,
    SnapshotTaken,
    StreamLost,
    StreamRestored,
)
from bot.domain.ids import DERIBIT, InstrumentId, VenueId, base_of, is_ours, venue_of
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked, Quoted
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
        self._options: tuple[PositionSeen, ...] = ()
        """What the first venue told of."""
        self._listed: dict[InstrumentId, Instrument] = {}
        """Hedge instruments."""
        self._equities: dict[VenueId, dict[str, float]] = {}
        """Of each account, by currency."""
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
                    listed &= await self._ask(
                        f"hedge {book.book}", partial(self._hedge, inspector, book, name), needs=http
                    )
                if not hedges and there == DERIBIT:
                    listed &= await self._ask(f"options {book.book}", partial(_options, inspector, book), needs=http)
            if has_key:
                await self._ask(f"{at}positions", partial(self._positions, inspector), needs=key and listed)
        finally:
            await inspector.close()
        held = tuple(item.instrument for item in self._held if venue_of(item.instrument) == there)
        wanted = dict.fromkeys((*self._config.hedges_at(there), *held))
        hearing = _Hearing(wanted, _table(parts))
        await self._ask(f"{at}market data", partial(_subscribed, parts.market_feed(held), hearing))
        if parts.account_feed is not None:
            await self._ask(f"{at}account data", partial(_subscribed, parts.account_feed, _Hearing((), _table(parts))))
        for book in self._config.books:
            self._limits(book, there, hearing.prices_usd)

    async def _hedge(self, inspector: Inspector, book: BookParams, name: InstrumentId) -> str:
        for listed in await inspector.instruments(book.book):
            if listed.id == name:
                refuse_uncounted(book, [listed])
                self._listed[name] = listed
                fees = f"fees {listed.fee_rate_maker:f} making, {listed.fee_rate_taker:f} taking"
                return f"{listed.id} is open: tick {listed.tick_native:f}, lot {listed.lot_native:f}, {fees}"
        key = f"books.{book.book.lower()}.hedge_instrument"
        raise VenueUnreachable(f"{name} is not open at the venue; wait, or check {key}")

    def _limits(self, book: BookParams, there: VenueId, prices_usd: Mapping[InstrumentId, float]) -> None:
        """Once all that they are compared with is known."""
        names = [name for name in hedges_of(book) if venue_of(name) == there]
        if not names:
            return
        prices = [prices_usd[name] for name in names if name in prices_usd]
        hedges = tuple(self._listed[name] for name in names if name in self._listed)
        if not prices or len(hedges) < len(names):
            self._skipped(f"limits {book.book}")
            return
        seen = Seen(
            hedges=hedges,
            price_usd=prices[0],
            held=self._options,
            equity_usd=_equity_usd(self._equities.get(there), book.book, prices[0]),
        )
        minded = to_mind(book, seen)
        if self._try(f"limits {book.book}", partial(refuse_idle, book, seen)) and minded:
            self.findings[-1] = Finding(name=f"limits {book.book}", status=MIND, detail="; ".join(minded))

    async def _account(self, parts: VenueParts) -> str:
        found = self._accounts[parts.settings.venue] = await parts.inspector.check_account()
        return f"the key belongs to account {found}"

    async def _positions(self, inspector: Inspector) -> str:
        for event in await inspector.snapshot():
            if isinstance(event, AccountSeen):
                self._equities.setdefault(event.venue, {})[event.currency] = event.equity_native
            if isinstance(event, SnapshotFailed):
                raise VenueUnreachable(f"positions cannot be read: {event.cause}")
            if isinstance(event, SnapshotTaken):
                books = {book.book: book for book in self._config.books}
                self._held = tuple(item for item in event.positions if base_of(item.instrument) in books)
                self._options = self._options or self._held
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


async def _options(inspector: Inspector, book: BookParams) -> str:
    """Of a book whose hedge is elsewhere; a snapshot rests on this listing as well."""
    count = len([listed for listed in await inspector.instruments(book.book) if listed.is_option])
    if not count:
        raise VenueUnreachable(
            f"no option on {book.book} is listed; is [books.{book.book.lower()}] named after a coin?"
        )
    return f"{count} are listed"


_DOLLARS: Final = frozenset({"USD", "USDC", "USDT"})


def _equity_usd(equities: Mapping[str, float] | None, coin: str, price_usd: float) -> float | None:
    """Of an account whose other coins are not this book's."""
    if equities is None:
        return None
    return sum(
        equity * price_usd if currency == coin else equity
        for currency, equity in equities.items()
        if currency == coin or currency in _DOLLARS
    )


class _Hearing:
    """What a feed has to say: that every channel was acknowledged, and one word of every instrument."""

    def __init__(self, wanted: Iterable[InstrumentId], table: str) -> None:
        self._silent = dict.fromkeys(wanted)
        self._count = len(self._silent)
        self._table = table
        self._is_up = False
        self.prices_usd: dict[InstrumentId, float] = {}
        """Of futures."""
        self.told: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        """Instruments that were not subscribed; VenueUnreachable with the cause when the socket is lost before."""

    def sink(self, events: Sequence[Event]) -> None:
        if self.told.done():
            return
        refused: list[str] = []
        for event in events:
            match event:
                case StreamLost(cause=cause):
                    self.told.set_exception(VenueUnreachable(f"{cause}; check {self._table}.ws_url and the network"))
                    return
                case StreamRestored():
                    self._is_up = True
                    refused = [each.instrument for each in events if isinstance(each, QuoteDistrusted)]
                case FutureMarked(instrument=name, mark_usd=mark_usd, index_usd=index_usd):
                    self._silent.pop(name, None)
                    if price_usd := mark_usd or index_usd:
                        self.prices_usd[name] = price_usd
                case OptionMarked(instrument=name) | Quoted(instrument=name):
                    self._silent.pop(name, None)
                case _:
                    pass
        if self._is_up and (refused or not self._silent):
            self.told.set_result(refused)

    def silence(self) -> str:
        """What was not heard."""
        if not self._is_up:
            return f"no subscription within {_STREAM_S_MAX:.0f} s; check {self._table}.ws_url"
        names = ", ".join(self._silent)
        return f"not a word of {names} within {_STREAM_S_MAX:.0f} s: is it open at the venue? Wait, or close it"

    def words(self) -> str:
        """What was."""
        return "every channel was acknowledged" + f", {self._count} instruments told of" * bool(self._count)


async def _subscribed(feed: Feed, hearing: _Hearing) -> str:
    """Once everything was heard; VenueUnreachable says what was not."""
    running = asyncio.ensure_future(feed.run(hearing.sink))
    try:
        async with asyncio.timeout(_STREAM_S_MAX):
            await asyncio.wait((running, hearing.told), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()  # nothing but a ConfigError ends a feed
        refused = hearing.told.result()
    except TimeoutError:
        raise VenueUnreachable(hearing.silence()) from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    if refused:
        raise VenueUnreachable(f"not subscribed to {', '.join(refused)}")
    return hearing.words()
