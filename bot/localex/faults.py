"""Faults a test can put between the simulated venue and its client: what the wire does wrong.

Python-level only, never reachable over the wire. Every planted fault is counted or named, so it ends; a `Mischief`
decides for itself. Knows no protocol; the server asks here at the few places where a wire can fail.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.localex.rpc import RpcError


@dataclass(slots=True)
class ReplyFault:
    """What happens to one reply: lost (never sent though carried out), late, or an error though carried out."""

    is_lost: bool = False
    delay_s: float = 0.0
    error: RpcError | None = None


@dataclass(slots=True)
class RequestFault:
    """What happens to one request on its way: lost, or late."""

    is_lost: bool = False
    delay_s: float = 0.0


Params = Mapping[str, object]


class Mischief(Protocol):
    """Whatever else goes wrong with requests, replies and messages."""

    def request(self, method: str, params: Params) -> RequestFault:
        """What happens to a request before the venue sees it."""

    def refusal(self, method: str, params: Params) -> RpcError | None:
        """What the venue says instead of carrying a request out."""

    def reply(self, method: str, params: Params) -> ReplyFault:
        """What happens to the reply about what was carried out."""

    def copies(self, channel: str) -> int:
        """How often a message of a channel is sent."""


class NoMischief:
    """Nothing goes wrong."""

    def request(self, method: str, params: Params) -> RequestFault:
        """It arrives."""
        del method, params
        return RequestFault()

    def refusal(self, method: str, params: Params) -> RpcError | None:
        """None."""
        del method, params
        return None

    def reply(self, method: str, params: Params) -> ReplyFault:
        """It arrives."""
        del method, params
        return ReplyFault()

    def copies(self, channel: str) -> int:
        """Once."""
        del channel
        return 1


@dataclass(slots=True)
class Faults:
    """All planted faults; an empty one changes nothing."""

    _refusals: dict[str, list[RpcError]] = field(default_factory=dict)
    _replies: dict[str, list[ReplyFault]] = field(default_factory=dict)
    _book_gaps: Counter[str] = field(default_factory=Counter)
    _muted_channels: set[str] = field(default_factory=set)
    _frozen_tickers: set[str] = field(default_factory=set)
    drop_sockets: Callable[[], int] = lambda: 0
    """Abort every open websocket without a close frame; returns how many. Set by the server."""
    mischief: Mischief = field(default_factory=NoMischief)

    def refuse(self, method: str, code: int, message: str, *, times: int = 1) -> None:
        """Answer the next `times` calls of a method with an error instead of carrying them out."""
        self._refusals.setdefault(method, []).extend(RpcError(code, message) for _ in range(times))

    def lose_reply(self, method: str, *, times: int = 1) -> None:
        """Carry out the next `times` calls of a method and never answer."""
        self._replies.setdefault(method, []).extend(ReplyFault(is_lost=True) for _ in range(times))

    def delay_reply(self, method: str, delay_s: float, *, times: int = 1) -> None:
        """Carry out the next `times` calls of a method and answer `delay_s` later."""
        self._replies.setdefault(method, []).extend(ReplyFault(delay_s=delay_s) for _ in range(times))

    def gap_book(self, instrument: str, *, times: int = 1) -> None:
        """Swallow the next `times` book messages of an instrument, so that its change ids do not follow."""
        self._book_gaps[instrument] += times

    def mute_channel(self, channel: str) -> None:
        """Drop a channel from acknowledgements, silently, until `unmute_channel`."""
        self._muted_channels.add(channel)

    def unmute_channel(self, channel: str) -> None:
        """Accept the channel again."""
        self._muted_channels.discard(channel)

    def freeze_ticker(self, instrument: str) -> None:
        """Send no ticker and no quote of an instrument until `thaw_ticker`."""
        self._frozen_tickers.add(instrument)

    def thaw_ticker(self, instrument: str) -> None:
        """Let tickers through again."""
        self._frozen_tickers.discard(instrument)

    def take_request(self, method: str, params: Params) -> RequestFault:
        """The server asks before it looks at a call."""
        return self.mischief.request(method, params)

    def take_refusal(self, method: str, params: Params) -> RpcError | None:
        """The server asks before it carries out a call."""
        planted = self._refusals.get(method)
        return planted.pop(0) if planted else self.mischief.refusal(method, params)

    def take_reply(self, method: str, params: Params, *, is_error: bool) -> ReplyFault:
        """The server asks before it answers."""
        planted = self._replies.get(method)
        if planted:
            return planted.pop(0)
        return ReplyFault() if is_error else self.mischief.reply(method, params)

    def takes_book_change(self, instrument: str) -> bool:
        """Whether this book change is swallowed."""
        if self._book_gaps[instrument] <= 0:
            return False
        self._book_gaps[instrument] -= 1
        return True

    def is_muted(self, channel: str) -> bool:
        """Whether a subscription of the channel is dropped."""
        return channel in self._muted_channels

    def is_frozen(self, instrument: str) -> bool:
        """Whether tickers of the instrument are withheld."""
        return instrument in self._frozen_tickers
