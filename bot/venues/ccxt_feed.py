"""Prices of a perpetual through ccxt.pro, for venues without a feed of our own: touch, mark, index, funding.

Knows ccxt.pro's traps (exchange facts 4.2): its markets are given, so that it asks nobody for them; a connection and
its books live and die together, so that no book is merged into one from before; a book that is crossed, holds levels
that are gone or runs backwards ends its connection; one that is late is distrusted. Slower than a feed of our own, and
only the newest of a burst is seen. Touch and marks are put together as those of our own feeds are (`public_ticker`).
ccxt is imported when a connection is made. Must not know a venue: `Prices` does.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import aiohttp
from msgspec import Struct

from bot.domain.errors import MalformedMessage, VenueUnreachable
from bot.domain.events import Event, QuoteDistrusted, StreamName
from bot.domain.ids import InstrumentId, name_at_venue
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_S, Ns, ns_from_ms
from bot.venues.ccxt_session import tame
from bot.venues.contract import NowNs, Sink
from bot.venues.kept import Kept
from bot.venues.link import Link
from bot.venues.public_ticker import Ticker
from bot.venues.public_wire import DepthTold, MarkTold, TouchTold
from bot.venues.settings import VenueSettings

_BOOK_SILENCE_S_MAX: Final = 10.0
"""Bybit repeats an unchanged touch after 3 s, Hyperliquid sends each book with every block."""
_TICKER_SILENCE_S_MAX: Final = 60.0
"""Tickers come when something changes."""
_LATE_NS_MAX: Final = Ns(2 * NS_PER_S)
"""From the venue's stamp to our receipt; a clock that is off by more is no better."""
_LEVELS_TOLD: Final = 5
_MALFORMED_MAX: Final = 1
"""What ccxt hands over is decoded already: one that makes no sense ends the connection."""
_CLOSE_S_MAX: Final = 3.0

_Read = TypeVar("_Read")

Told = Mapping[str, Any]
"""A book or ticker as ccxt hands it over."""


def number(raw: dict[str, Any], key: str) -> float | None:
    """A number of the wire; None where there is none, MalformedMessage where it is no number."""
    text = raw.get(key)
    if text in {None, ""}:
        return None
    try:
        value = float(str(text))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise MalformedMessage(f"{key} is {str(text)[:20]!r}")
    return value


class Prices(Struct, frozen=True, kw_only=True):
    """One venue for this feed."""

    exchange: str
    """ccxt's name of the venue's class."""
    urls: Callable[[VenueSettings], dict[str, object]]
    """All addresses there are: ccxt's own table is replaced, so that nothing goes anywhere else."""
    market: Callable[[str], dict[str, object]]
    """What ccxt calls a perpetual, by the venue's own name; ConfigError for a name that is none."""
    marks: Callable[[InstrumentId, Told], MarkTold]
    """What a ticker says of mark, index and funding; MalformedMessage."""
    levels_count: int | None
    """Levels of a book that are asked for; more on a side are left from before. None: whatever comes is whole."""


class _Silent(VenueUnreachable):
    """Nothing is heard of an instrument."""


class Opened(NamedTuple):
    """One connection's client of ccxt, and what its errors are."""

    exchange: Any
    errors: tuple[type[Exception], ...]


def opened(prices: Prices, settings: VenueSettings, names: Sequence[str]) -> Opened:
    """A new client inside a running loop; no network yet. Without a key: nothing private is asked."""
    import ccxt.pro as ccxt  # noqa: PLC0415 - heavy, and not needed without this feed

    exchange = getattr(ccxt, prices.exchange)({"enableRateLimit": False})
    exchange.urls["api"] = prices.urls(settings)
    exchange.set_markets([exchange.safe_market_structure(prices.market(name)) for name in names])
    exchange.open()
    tame(exchange.session)
    return Opened(exchange, (ccxt.BaseError,))


class CcxtFeed:
    """`Feed` of market data: whatever happens to a connection, the next one starts from nothing."""

    def __init__(
        self,
        link: Link,
        prices: Prices,
        instruments: Sequence[InstrumentId],
        make: Callable[[Prices, VenueSettings, Sequence[str]], Opened] = opened,
    ) -> None:
        self._link: Final = link
        self._prices: Final = prices
        self._make: Final = make
        self._names: Final[dict[InstrumentId, None]] = {}
        self._wake: Final = asyncio.Event()
        self.watch(instruments)

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Add instruments: a new connection is made for all of them, since ccxt learns its markets once."""
        before = len(self._names)
        for name in instruments:
            self._prices.market(name_at_venue(name))
            self._names[name] = None
        if len(self._names) > before:
            self._wake.set()

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled; ConfigError is not survived."""
        kept = Kept(StreamName.MARKET, self._link, sink, malformed_max=_MALFORMED_MAX)
        await kept.keep(lambda: self._one_connection(kept, sink))

    async def _one_connection(self, kept: Kept, sink: Sink) -> None:
        """Until something ends it: an error, or more instruments to watch."""
        self._wake.clear()
        names = tuple(self._names)
        coming = _Coming(names, kept)
        client = self._make(self._prices, self._link.settings, [name_at_venue(name) for name in names])
        # Sizes are in coins, whatever the venue calls a contract.
        tickers = {name: Ticker(name, 1.0) for name in names}
        tasks = [asyncio.create_task(self._books(client, tickers[name], name, coming, sink)) for name in names]
        tasks += [asyncio.create_task(self._marks(client, tickers[name], name, coming)) for name in names]
        woken = asyncio.create_task(self._woken())
        try:
            done, _ = await asyncio.wait([*tasks, woken], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task in done:
                    task.result()
        finally:
            for task in [*tasks, woken]:
                task.cancel()
            try:
                await asyncio.gather(*tasks, woken, return_exceptions=True)
            finally:
                await _closed(client)

    async def _woken(self) -> None:
        await self._wake.wait()

    async def _books(self, client: Opened, ticker: Ticker, name: InstrumentId, coming: "_Coming", sink: Sink) -> None:
        reading = _BookReading(name, self._prices.levels_count, self._link.now_ns)
        symbol = str(self._prices.market(name_at_venue(name))["symbol"])
        while True:
            update = client.exchange.watch_order_book(symbol, self._prices.levels_count)
            try:
                book = await _next(client, update, name, _BOOK_SILENCE_S_MAX)
            except _Silent:
                is_first = not coming.has_given_up(name)
                if not coming.give_up(name):
                    raise
                if is_first:
                    cause = DistrustCause.NOT_SUBSCRIBED
                    sink((QuoteDistrusted(instrument=name, received_ns=self._link.now_ns(), cause=cause),))
                continue
            told = reading_of(partial(reading.take, book))
            if isinstance(told, TouchTold):
                received_ns = self._link.now_ns()
                events: tuple[Event, ...] = ticker.take(told, received_ns)
                if self._prices.levels_count is None:
                    depth = reading_of(partial(_depth, name, book, told.venue_ns))
                    events += ticker.take(depth, received_ns)
                sink(events)
                coming.heard("book", name)
                continue
            sink((told,))
            if told.cause is not DistrustCause.STALE:
                raise VenueUnreachable(f"{name}: the book is not to be trusted: {told.cause.value}")

    async def _marks(self, client: Opened, ticker: Ticker, name: InstrumentId, coming: "_Coming") -> None:
        """Told with the next touch, and never between: a touch that has gone quiet then ages as it should."""
        symbol = str(self._prices.market(name_at_venue(name))["symbol"])
        while True:
            try:
                told = await _next(client, client.exchange.watch_ticker(symbol), name, _TICKER_SILENCE_S_MAX)
            except _Silent:
                if not coming.give_up(name):
                    raise
                continue
            marks, received_ns = reading_of(partial(self._prices.marks, name, told)), self._link.now_ns()
            stamp_ms = told.get("timestamp")
            if isinstance(stamp_ms, int) and received_ns - ns_from_ms(stamp_ms) > _LATE_NS_MAX:
                continue
            ticker.take(marks, received_ns)
            coming.heard("ticker", name)


class _Coming:
    """What of each instrument has yet to come over one connection, which is up once all has.

    Of several instruments one may be gone for good (delisted): it must not take the others with it.
    """

    def __init__(self, names: Sequence[InstrumentId], kept: Kept) -> None:
        self._awaited: Final = {name: {"book", "ticker"} for name in names}
        self._given_up: Final[set[InstrumentId]] = set()
        self._kept: Final = kept
        self._is_up = False

    def heard(self, what: str, name: InstrumentId) -> None:
        """Something came."""
        self._awaited[name].discard(what)
        self._tell()

    def has_given_up(self, name: InstrumentId) -> bool:
        """Whether it is not waited for."""
        return name in self._given_up

    def give_up(self, name: InstrumentId) -> bool:
        """Whether an instrument that is silent is not waited for from now on: it never lived here, and another does."""
        if not self._awaited[name] or all(self._awaited.values()):
            return False
        self._given_up.add(name)
        self._tell()
        return True

    def _tell(self) -> None:
        if not self._is_up and all(not what or name in self._given_up for name, what in self._awaited.items()):
            self._is_up = True
            self._kept.up(())


class _BookReading:
    """The touch of one book through one connection."""

    def __init__(self, name: InstrumentId, levels_count_max: int | None, now_ns: NowNs) -> None:
        self._name: Final = name
        self._levels_count_max: Final = levels_count_max
        self._now_ns: Final = now_ns
        self._stamp_ns = Ns(0)

    def take(self, book: Told) -> TouchTold | QuoteDistrusted:
        """The touch, or why it is none; MalformedMessage where it cannot be read."""
        received_ns = self._now_ns()
        stamp_ms = book.get("timestamp")
        if not isinstance(stamp_ms, int) or stamp_ms <= 0:
            raise MalformedMessage(f"{self._name}: a book without a time")
        venue_ns = ns_from_ms(stamp_ms)
        bid, bid_amount = _top(self._name, book["bids"])
        ask, ask_amount = _top(self._name, book["asks"])
        cause = self._defect(book, venue_ns, received_ns)
        if bid is not None and ask is not None and bid >= ask:
            cause = DistrustCause.CROSSED
        self._stamp_ns = venue_ns
        if cause is not None:
            return QuoteDistrusted(instrument=self._name, received_ns=received_ns, cause=cause)
        return TouchTold(
            instrument=self._name,
            bid_usd=bid,
            ask_usd=ask,
            bid_contracts=bid_amount,
            ask_contracts=ask_amount,
            venue_ns=venue_ns,
            seq=stamp_ms,
        )

    def _defect(self, book: Told, venue_ns: Ns, received_ns: Ns) -> DistrustCause | None:
        if venue_ns < self._stamp_ns:
            return DistrustCause.BOOK_GAP
        if self._levels_count_max is not None and max(len(book["bids"]), len(book["asks"])) > self._levels_count_max:
            return DistrustCause.BOOK_GAP
        return DistrustCause.STALE if received_ns - venue_ns > _LATE_NS_MAX else None


def _top(name: InstrumentId, side: Sequence[Sequence[float]]) -> tuple[float | None, float | None]:
    """Best price of a side and the amount there; None and None where it is empty."""
    if not side:
        return None, None
    price, amount = side[0][0], side[0][1]
    if not (math.isfinite(price) and price > 0.0 and math.isfinite(amount) and amount > 0.0):
        raise MalformedMessage(f"{name}: a level of {amount} at {price}")
    return price, amount


def _depth(name: InstrumentId, book: Told, venue_ns: Ns) -> DepthTold:
    """The best levels of a book that comes whole."""
    bids, asks = (
        tuple((float(row[0]), float(row[1])) for row in side[:_LEVELS_TOLD]) for side in (book["bids"], book["asks"])
    )
    return DepthTold(name, bids, asks, venue_ns)


def reading_of(read: Callable[[], _Read]) -> _Read:
    """What ccxt handed over, read; MalformedMessage for whatever is not of the shape it should have."""
    try:
        return read()
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        message = f"ccxt handed over what cannot be read: {type(error).__name__} {error}"
        raise MalformedMessage(message[:200]) from error


async def _next(client: Opened, update: Awaitable[Told], name: InstrumentId, silence_s_max: float) -> Told:
    """What ccxt hands over next; VenueUnreachable when the connection fails, `_Silent` when nothing comes."""
    try:
        async with asyncio.timeout(silence_s_max):
            return await update
    except TimeoutError:
        raise _Silent(f"{name}: nothing heard for {silence_s_max:.0f} s") from None
    except client.errors as error:
        # Without ccxt's text: it may hold a whole message.
        raise VenueUnreachable(f"{name}: {type(error).__name__}") from None


async def _closed(client: Opened) -> None:
    """Close, never raise, never hang; goes on without us where we are cancelled: ccxt's own would stop halfway."""
    closing = asyncio.ensure_future(client.exchange.close())
    await asyncio.wait((closing,), timeout=_CLOSE_S_MAX)
    if closing.done():
        with contextlib.suppress(*client.errors, aiohttp.ClientError, OSError):
            await closing
