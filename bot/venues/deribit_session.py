"""One connection to Deribit: request and reply, log-in and its refresh, heartbeat, subscriptions.

Knows what one socket owes the venue (exchange facts 1.2-1.4); ends with its socket. Must not know
reconnecting, instruments or what the events are for.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Raw

from bot.domain.errors import BotError, ConfigError, VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.domain.time import ms_from_ns
from bot.venues import deribit
from bot.venues.contract import NowNs
from bot.venues.settings import VenueSettings, refuse_other_world
from bot.venues.stream import Connection

HEARTBEAT_S: Final = 10
"""The shortest interval the venue takes."""

SILENCE_S_MAX: Final = 3.0 * HEARTBEAT_S
"""No frame of any kind for so long: the socket is dead. One channel alone may be silent far longer."""

_REPLY_S_MAX: Final = 10.0
_REFRESH_SHARE: Final = 0.8
"""Refresh when this share of `expires_in` has passed."""
_CHANNELS_PER_CALL: Final = 200
"""The venue takes about 500; 200 names stay far below its 32 kB a frame."""

_FRAME_BYTES_MAX: Final = 32_767
"""The venue refuses frames over 32 kB; ccxt stops at the same number."""
_TOO_LARGE: Final = -32600

_TIMER_S: Final = 0.001
"""Loops count time in milliseconds: a timer may come so much early."""

KEY_CODES: Final = frozenset({13004, 13021, 11042, 13403})
"""Wrong credentials or missing permissions: no retry helps."""


class _Waiter(NamedTuple):
    """Who waits for a reply."""

    reply: asyncio.Future[deribit.Reply]
    method: str
    within_s: float
    due_s: float
    """By the loop's clock."""

    def give_up(self, error: BotError) -> None:
        """No reply will come, or none did in time."""
        if not self.reply.done():
            self.reply.set_exception(error)


class Session:
    """Lives as long as its connection. `take` is fed by whoever reads the socket."""

    def __init__(self, connection: Connection, settings: VenueSettings, now_ns: NowNs, nonce: str) -> None:
        self._connection: Final = connection
        self._settings: Final = settings
        self._now_ns: Final = now_ns
        self._nonce: Final = nonce
        self._loop: Final = asyncio.get_running_loop()
        self._clock: Final = self._loop.time
        self._waiting: Final[dict[int, _Waiter]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._requests = 0
        self._heard_s = self._clock()
        self._refresh_due_s: float | None = None
        self._refresh_token = ""
        self._ended_by = ""
        self.scope = ""
        """What the key may do on this connection, in the venue's words; empty without a key."""

    # --- fed by the reader -----------------------------------------------------------------------

    def heard(self) -> None:
        """A frame arrived: the socket lives."""
        self._heard_s = self._clock()

    def take(self, reply: deribit.Reply) -> None:
        """Hand a reply to its request; ConfigError when it comes from the wrong world."""
        refuse_other_world(self._settings, reply.is_testnet, "ws_url")
        waiter = self._waiting.pop(reply.id, None) if isinstance(reply.id, int) else None
        if waiter is not None and not waiter.reply.done():
            waiter.reply.set_result(reply)
        elif reply.error is not None:
            raise VenueUnreachable(f"error {reply.error.code} {reply.error.message[:80]} belongs to no request")

    def answer(self) -> None:
        """Answer a test_request; unanswered, the venue closes after 10 s."""
        self._write("public/test", {})

    @property
    def is_over(self) -> bool:
        """Whether nothing leaves here any more."""
        return bool(self._ended_by)

    def end(self, error: BotError) -> None:
        """The socket is gone: nothing more leaves, and who waits for an answer hears at once that none will come."""
        if self._ended_by:
            return
        self._ended_by = str(error) or type(error).__name__
        for waiter in self._waiting.values():
            lost = VenueOutcomeUnknown(f"the socket was lost before the answer: {self._ended_by}")
            waiter.give_up(error if isinstance(error, ConfigError) else lost)
        if self._timer is not None:
            self._timer.cancel()

    # --- used by the worker ----------------------------------------------------------------------

    async def open(self) -> None:
        """Log in where there are keys, then ask for heartbeats."""
        await self.log_in()
        await self.call("public/set_heartbeat", {"interval": HEARTBEAT_S})

    async def log_in(self) -> None:
        """By signature; ConfigError when the venue does not accept the key."""
        credentials = self._settings.credentials
        if credentials is None:
            return
        params = deribit.login_params(credentials, ms_from_ns(self._now_ns()), self._nonce)
        try:
            self.scope = self._remember(await self.call("public/auth", params)).scope
        except VenueRefused as error:
            if error.code in KEY_CODES:
                message = (
                    f"venue.client_id: log-in refused with {error.code} {error.text};"
                    " check key, secret, scopes and this host's clock"
                )
                raise ConfigError(message) from error
            raise

    async def refresh_if_due(self) -> None:
        """Renew the token when most of its life is over."""
        if self._refresh_due_s is None or self._clock() < self._refresh_due_s:
            return
        params = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        self._remember(await self.call("public/auth", params))

    def check_alive(self) -> None:
        """VenueUnreachable when nothing was heard for too long."""
        silent_s = self._clock() - self._heard_s
        if silent_s > SILENCE_S_MAX:
            raise VenueUnreachable(f"silent for {silent_s:.0f} s")

    async def subscribe(self, channels: Sequence[str], *, private: bool) -> frozenset[str]:
        """Subscribe; the channels the venue left out of its answer, which is how it refuses them."""
        method = "private/subscribe" if private else "public/subscribe"
        accepted: set[str] = set()
        for chunk in deribit.chunks(channels, _CHANNELS_PER_CALL):
            accepted |= deribit.decode_channels(await self.call(method, {"channels": chunk}))
        return frozenset(channels) - accepted

    async def unsubscribe(self, channels: Sequence[str]) -> None:
        """Take subscriptions back; without this a second subscribe gives no new snapshot."""
        for chunk in deribit.chunks(channels, _CHANNELS_PER_CALL):
            await self.call("public/unsubscribe", {"channels": chunk})

    async def call(self, method: str, params: Mapping[str, object]) -> Raw:
        """Result of a request; as `ask`."""
        return (await self.ask(method, params, _REPLY_S_MAX)).result

    async def ask(self, method: str, params: Mapping[str, object], within_s: float) -> deribit.Reply:
        """The reply to a request. Its frame has left when this first waits, and not if it raises before.

        VenueRefused with the venue's code; VenueUnreachable when nothing left; VenueOutcomeUnknown without an answer.
        """
        number = self._write(method, params)
        waiter = _Waiter(self._loop.create_future(), method, within_s, self._clock() + within_s)
        self._waiting[number] = waiter
        # One timer for all who wait: uvloop flushes what was written only after this turn, and takes 3 µs for a timer.
        if self._timer is None or waiter.due_s < self._timer.when():
            self._wake_at(waiter.due_s)
        try:
            reply = await waiter.reply
        finally:
            self._waiting.pop(number, None)
        if reply.error is not None:
            raise VenueRefused(reply.error.code, f"{reply.error.message[:80]} to {method}")
        return reply

    def _wake_at(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due_s, self._give_up_overdue)

    def _give_up_overdue(self) -> None:
        """The timer: it may find that all were answered in time."""
        self._timer = None
        now_s = self._clock()
        for waiter in self._waiting.values():
            if waiter.due_s <= now_s + _TIMER_S:
                waiter.give_up(VenueOutcomeUnknown(f"{waiter.method}: no answer for {waiter.within_s:g} s"))
        left = [waiter.due_s for waiter in self._waiting.values() if not waiter.reply.done()]
        if left:
            self._wake_at(min(left))

    def _write(self, method: str, params: Mapping[str, object]) -> int:
        """The number of a request that has left."""
        if self._ended_by:
            raise VenueUnreachable(f"socket closed: {self._ended_by}")
        self._requests += 1
        number = self._requests
        frame = deribit.encode_request(number, method, params)
        if len(frame) > _FRAME_BYTES_MAX:
            raise VenueRefused(_TOO_LARGE, f"{len(frame)} bytes are over the venue's 32 kB, not sent: {method}")
        self._connection.write(frame)
        return number

    def _remember(self, result: Raw) -> deribit.Login:
        login = deribit.decode_login(result)
        self._refresh_token = login.refresh_token
        self._refresh_due_s = self._clock() + _REFRESH_SHARE * login.expires_in
        return login
