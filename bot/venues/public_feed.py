"""Market data of perpetuals over a venue's public websockets: touch, mark, index, funding.

Knows what a subscription owes: that the venue acknowledges it, that something is heard, that a ping is answered. The
frames are a codec's (`PublicWire`), reconnecting is `kept`'s. Must not know positions or decisions.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from bot.domain.errors import MalformedMessage, VenueUnreachable
from bot.domain.events import Event, QuoteDistrusted, StreamName
from bot.domain.ids import InstrumentId
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.venues.contract import Sink
from bot.venues.kept import Kept
from bot.venues.link import Link
from bot.venues.public_ticker import Ticker
from bot.venues.public_wire import Acked, Channel, IndexTold, Pieces, PublicWire, Refused
from bot.venues.stream import Connection

_MALFORMED_MAX: Final = 5
_ACK_S_MAX: Final = 10.0
_SILENCE_S_MAX: Final = 30.0
"""No frame of any kind, although every ping is answered: the socket is dead. OKX closes after as long."""
_REFUSED_S: Final = 1.0
"""After a refusal the other acknowledgements are waited for as long as they keep coming this close to each other."""
_WAKE_S: Final = 1.0
_RETRY_S: Final = 60.0
"""A channel the venue does not have (misspelt, delisted) is asked for once a minute."""


class _Route:
    """One socket of a connection."""

    def __init__(self, connection: Connection, now_s: float) -> None:
        self.connection: Final = connection
        self.heard_s = self.pinged_s = now_s
        self.acked: set[str] = set()
        self._requests = 0

    def request_id(self) -> int:
        """Of the next request on this socket."""
        self._requests += 1
        return self._requests


class PublicFeed:
    """`Feed` of one venue's perpetuals."""

    def __init__(
        self, link: Link, wire: PublicWire, *, hedges: Sequence[InstrumentId], instruments: Sequence[InstrumentId] = ()
    ) -> None:
        self._link: Final = link
        self._wire: Final = wire
        self._hedges: Final = frozenset(hedges)
        self._wake: Final = asyncio.Event()
        self._news: Final = asyncio.Event()
        self._wanted: dict[Channel, list[InstrumentId]] = {}
        self._watched: dict[InstrumentId, None] = {}
        self._tickers: dict[InstrumentId, Ticker] = {}
        self._of_index: dict[str, list[InstrumentId]] = {}
        self._retry_s: dict[Channel, float] = {}
        self._since_ns = Ns(0)
        self._distrusted: set[InstrumentId] = set()
        self._refusal = ""
        self.watch((*hedges, *instruments))

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Subscribe these as well, on the running connection."""
        for name in instruments:
            if name in self._watched:
                continue
            self._watched[name] = None
            self._tickers[name] = Ticker(name, self._wire.contract_native)
            for channel in self._wire.channels(name):
                self._wanted.setdefault(channel, []).append(name)
            index = self._wire.index_of(name)
            if index is not None:
                self._of_index.setdefault(index, []).append(name)
        self._wake.set()

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled."""
        kept = Kept(StreamName.MARKET, self._link, sink, malformed_max=_MALFORMED_MAX)
        await kept.keep(lambda: self._one_connection(kept, sink))

    async def _one_connection(self, kept: Kept, sink: Sink) -> None:
        """All sockets of the venue: when one ends, all do, and nothing known from them is kept."""
        clock = asyncio.get_running_loop().time
        self._tickers = {name: Ticker(name, self._wire.contract_native) for name in self._watched}
        self._retry_s.clear()
        self._distrusted.clear()
        routes: list[_Route] = []
        async with AsyncExitStack() as opened:  # closes each, also when cancelled while it closes another
            for url in self._wire.routes(self._link.settings.ws_url):
                connection = await self._link.connect(url)
                opened.push_async_callback(connection.close)
                routes.append(_Route(connection, clock()))
            tasks = [asyncio.create_task(self._read(route, kept, sink)) for route in routes]
            tasks.append(asyncio.create_task(self._work(routes, kept, sink)))
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    # --- asking -------------------------------------------------------------------------------------

    async def _work(self, routes: Sequence[_Route], kept: Kept, sink: Sink) -> None:
        events = await self._settle(routes)
        self._since_ns = self._link.now_ns()
        kept.up(events)
        while True:
            try:
                async with asyncio.timeout(_WAKE_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            self._check_alive(routes)
            self._check_told()
            events = await self._settle(routes)
            if events:
                sink(tuple(events))

    def _check_alive(self, routes: Sequence[_Route]) -> None:
        now_s = asyncio.get_running_loop().time()
        for route in routes:
            if now_s - route.heard_s > _SILENCE_S_MAX:
                raise VenueUnreachable(f"silent for {now_s - route.heard_s:.0f} s")
            if now_s - route.pinged_s >= self._wire.ping_s:
                route.pinged_s = now_s
                route.connection.write(self._wire.ping(route.request_id()))

    def _check_told(self) -> None:
        """A subscription can die, or never live, without a word: what a hedge needs has to keep coming.

        One of several that never lived here is no reason to end the others again and again: it ages as it should.
        """
        now_ns = self._link.now_ns()
        told = {name: self._tickers[name].missing(now_ns, self._since_ns) for name in self._hedges}
        for name, missing in told.items():
            if missing and (self._tickers[name].has_lived or all(told.values())):
                raise VenueUnreachable(f"no {missing} of {name} for a minute")

    async def _settle(self, routes: Sequence[_Route]) -> list[Event]:
        """Subscribe what is missing; VenueUnreachable when a hedge cannot be."""
        now_s = asyncio.get_running_loop().time()
        missing = self._missing(routes, now_s)
        if not missing:
            return []
        self._refusal = ""
        for number, route in enumerate(routes):
            names = [channel.name for channel in missing if channel.route_id == number]
            for frame in self._wire.subscribe(route.request_id(), names) if names else ():
                route.connection.write(frame)
        await self._acknowledged(routes, now_s)
        return self._left_out(self._missing(routes, now_s), now_s)

    async def _acknowledged(self, routes: Sequence[_Route], asked_s: float) -> None:
        """Until nothing is missing, or as long as it is worth waiting."""
        clock = asyncio.get_running_loop().time
        while self._missing(routes, asked_s):
            left_s = asked_s + _ACK_S_MAX - clock()
            self._news.clear()
            try:
                async with asyncio.timeout(min(left_s, _REFUSED_S) if self._refusal else left_s):
                    await self._news.wait()
            except TimeoutError:
                return

    def _missing(self, routes: Sequence[_Route], now_s: float) -> list[Channel]:
        return [
            channel
            for channel in self._wanted
            if channel.name not in routes[channel.route_id].acked and self._retry_s.get(channel, now_s) <= now_s
        ]

    def _left_out(self, missing: Sequence[Channel], now_s: float) -> list[Event]:
        """Without data of any hedge the connection is useless; an instrument of others is distrusted and tried again.

        Of several hedges one may be gone for good (delisted): it must not take the others with it.
        """
        lost = {name for channel in missing for name in self._wanted[channel]}
        if self._hedges and lost >= self._hedges:
            why = f": {self._refusal}" if self._refusal else ""
            raise VenueUnreachable(f"not subscribed to {missing[0].name}{why}")
        events: list[Event] = []
        for channel in missing:
            for name in self._wanted[channel]:
                if name not in self._distrusted:
                    self._distrusted.add(name)
                    cause = DistrustCause.NOT_SUBSCRIBED
                    events.append(QuoteDistrusted(instrument=name, received_ns=self._link.now_ns(), cause=cause))
            self._retry_s[channel] = now_s + _RETRY_S
        return events

    # --- hearing ------------------------------------------------------------------------------------

    async def _read(self, route: _Route, kept: Kept, sink: Sink) -> None:
        """The hot loop: frame in, events out, nothing between."""
        now_ns, decode = self._link.now_ns, self._wire.decode
        clock = asyncio.get_running_loop().time
        malformed = 0

        def take(frame: bytes) -> None:
            nonlocal malformed
            received_ns = now_ns()
            route.heard_s = clock()
            try:
                message = decode(frame)
            except MalformedMessage as error:
                malformed += 1
                kept.refuse(frame, received_ns, str(error), malformed)
                return
            malformed = 0
            if isinstance(message, Acked):
                route.acked |= message.names
                self._news.set()
            elif isinstance(message, Refused):
                self._refusal = message.cause
                self._news.set()
            elif isinstance(message, tuple):
                events = tuple(self._events(message, received_ns))
                if events:
                    sink(events)

        await route.connection.read(take)

    def _events(self, pieces: Pieces, received_ns: Ns) -> Iterable[Event]:
        for piece in pieces:
            if isinstance(piece, IndexTold):
                for name in self._of_index.get(piece.index_name, ()):
                    yield from self._tickers[name].take(piece, received_ns)
                continue
            ticker = self._tickers.get(piece.instrument)
            if ticker is not None:
                yield from ticker.take(piece, received_ns)
