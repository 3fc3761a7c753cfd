"""The order socket: one authenticated connection to Deribit for buy, sell and cancel, kept up in the background.

Knows what a connection must have shown before an order may leave on it (the key's scope, the account, what becomes of
resting orders when it ends) and when it is no longer fit. Nothing is subscribed and no question about market or account
goes here: what spends the venue's patience on this socket can cost it. Must not know what an answer means.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Raw, Struct

from bot.domain.errors import BotError, VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.domain.events import Event, StreamLost, StreamName, StreamRestored
from bot.domain.time import Ns
from bot.venues import deribit, deribit_key
from bot.venues.deribit import TradesPrinted
from bot.venues.deribit_link import Socket
from bot.venues.deribit_session import Session
from bot.venues.deribit_wire import BookUpdate, Placed
from bot.venues.link import Link
from bot.venues.venue_rest import convert

_ANSWER_S_MAX: Final = 4.0
"""As long as an order through ccxt waits."""
_OPEN_S_MAX: Final = 15.0
"""Connecting, log-in and the questions after it: each has a bound of its own, the first failure is told."""
_BACKOFF_S_MAX: Final = 2.0
"""Shorter than a feed's: an order that finds the socket down is refused, and a few refusals in a row halt."""
_TOO_MANY_REQUESTS: Final = 10028
_UNFIT: Final = frozenset({_TOO_MANY_REQUESTS, 10000, 13009})
"""After these the venue has ended the session, or no longer knows who we are: log in anew."""
_CONNECTION: Final[dict[str, object]] = {"scope": "connection"}


class _Cover(Struct):
    """Result of `private/get_cancel_on_disconnect`."""

    enabled: bool
    scope: str


class OrderSocket:
    """Carries the gateway's orders over a websocket; `Duty` of the link that keeps it up."""

    stream: StreamName = StreamName.ACCOUNT
    """Only this object hears what is told of the socket."""
    malformed_max: int = 1
    """A frame that cannot be read may have been the answer to an order: start over at once."""

    def __init__(self, link: Link) -> None:
        self._link: Final = link
        self._session: Session | None = None
        self._is_covered = False
        self._down_since = "it is not open"
        self._unfit = ""
        self._keeping: asyncio.Task[None] | None = None
        self._told: asyncio.Future[None] | None = None
        self.wake = asyncio.Event()

    @property
    def cancels_on_disconnect(self) -> bool:
        """Whether the venue confirmed, on the connection there is now, that it takes back what rests when it ends."""
        return self._is_up() and self._is_covered

    def _is_up(self) -> bool:
        return self._session is not None and not self._session.is_over

    async def open(self) -> None:
        """Connect and stay connected; ConfigError or VenueUnreachable when the first try fails, the next ones go on.

        Opening what is up changes nothing.
        """
        assert self._link.settings.credentials is not None, "orders need a key"
        if self._is_up():
            return
        await self.close()
        socket = Socket(self, self._link, self._hear, decode=deribit.decode_answer, backoff_s_max=_BACKOFF_S_MAX)
        told = self._told = asyncio.get_running_loop().create_future()
        keeping = self._keeping = asyncio.create_task(socket.keep())
        await asyncio.wait((keeping, told), timeout=_OPEN_S_MAX, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()  # nothing but a ConfigError ends it
        if not self._is_up():
            raise VenueUnreachable(f"order socket: {self._down_since}")

    async def call(self, method: str, params: Mapping[str, object]) -> Raw | Placed:
        """As `Session.ask`. A connection that owes an answer, or was thrown out, carries nothing more."""
        session = self._session
        if self._keeping is not None and self._keeping.done() and not _is_of_the_world(self._keeping):
            self._keeping.result()  # a bug: to be met by the root of the task that orders, which halts
        if session is None:
            raise VenueUnreachable(f"order socket: {self._down_since}")
        try:
            reply = await session.ask(method, params, _ANSWER_S_MAX)
        except VenueRefused as error:
            if error.code in _UNFIT:
                self._renew(session, str(error))
            raise
        except VenueOutcomeUnknown as error:
            self._renew(session, str(error))
            raise
        return reply.result if reply.placed is None else reply.placed

    def _renew(self, session: Session, cause: str) -> None:
        if session is self._session:
            self._session = None
            self._unfit = self._down_since = cause
            self.wake.set()

    async def close(self) -> None:
        """Close the connection; never raises."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self._session = None
        self._down_since = "it is closed"

    # --- the link's ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new connection has shown nothing yet."""
        self._session = None
        self._unfit = ""

    async def settle(self, session: Session) -> list[Event]:
        """Before the first order on a connection: is it the key, the account, and what becomes of resting orders."""
        if self._unfit:
            raise VenueUnreachable(self._unfit)
        if self._session is session:
            return []
        deribit_key.demand_scope(session.scope)
        summaries = await session.call("private/get_account_summaries", {"extended": True})
        deribit_key.demand_account(summaries, self._link.settings.account_id)
        self._is_covered = await _covered(session)
        self._session = session
        return []

    def take_book(self, update: BookUpdate, received_ns: Ns) -> deribit.Events:
        """No book is subscribed here."""
        del update, received_ns
        return deribit.NO_EVENTS

    def take_trades(self, printed: TradesPrinted) -> None:
        """Nor public trades."""

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, StreamLost):
                self._session = None
                self._down_since = event.cause
            if isinstance(event, StreamLost | StreamRestored) and self._told is not None and not self._told.done():
                self._told.set_result(None)


def _is_of_the_world(ended: asyncio.Task[None]) -> bool:
    return ended.cancelled() or isinstance(ended.exception(), BotError)


async def _covered(session: Session) -> bool:
    """Whether the venue says that it cancels this connection's orders when it ends; asked for where it does not.

    A key of least privilege may not ask for it (that needs account:read_write): then it is on only where its owner has
    turned it on for the account, which is the default of new connections (facts 3.3).
    """
    try:
        if not await _is_on(session):
            await session.call("private/enable_cancel_on_disconnect", _CONNECTION)
            return await _is_on(session)
    except VenueRefused as error:
        if error.code == _TOO_MANY_REQUESTS:
            raise
        return False
    return True


async def _is_on(session: Session) -> bool:
    cover = convert(await session.call("private/get_cancel_on_disconnect", _CONNECTION), _Cover)
    return cover.enabled and cover.scope == "connection"
