"""What the network and the venue do to the bot at wire depth: bytes cut, late and in pieces, requests and replies lost.

Asks the faults of a run at each place where a wire or a venue can fail. Knows bytes, methods and channels; nothing of
decisions, and does nothing that was not drawn.
"""

import random
import weakref
from collections.abc import Callable, Mapping
from typing import Final

from bot.app.wire_link import Link, Passage
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import decimal_from_wire
from bot.drive.fault_wire import BEHIND_NS, DEAF_NS, LOCKS, OPEN_CODES
from bot.drive.hands import Hands
from bot.localex.faults import Params, ReplyFault, RequestFault
from bot.localex.rpc import RpcError
from bot.sim.faults import FaultKind, Faults
from bot.venues.deribit_errors import ERRORS

_ORDERS: Final = frozenset({"private/buy", "private/sell"})
_LOOK: Final = "private/get_positions"
_LOG_IN: Final = "public/auth"
_DELAY_S_MAX: Final = 1.5
"""Together with the network's own time and a step of the clock, quotes may still be fresh to a bot that cannot know."""
_PIECES_MAX: Final = 5
_CUT_BYTES_MIN: Final = 16
"""A message, and not a pong."""
_LATE_REPLY_NS: Final = 1 * NS_PER_S
_LATE_LOOK_S: Final = 3.0
_TOO_MANY: Final = 10028

_K = FaultKind
_NowNs = Callable[[], Ns]


class FoulWeather:
    """The network's part."""

    def __init__(self, faults: Faults, now_ns: _NowNs) -> None:
        """Nothing has happened."""
        self._faults = faults
        self._now_ns = now_ns
        self._own_s: weakref.WeakKeyDictionary[Link, float] = weakref.WeakKeyDictionary()
        """How much longer each connection takes while connections take their own time."""

    def answers(self) -> bool:
        """Not while everything is swallowed."""
        return not self._faults.is_on(_K.NETWORK_SILENT, self._now_ns())

    def passes(self, link: Link, size_bytes: int, *, by_client: bool) -> Passage:
        """What becomes of a write."""
        now_ns, strike = self._now_ns(), self._faults.strike
        # By turns the venue's words and the bot's, which are far fewer.
        is_turn = by_client == bool(self._faults.counts[_K.FRAME_CUT] % 2)
        if is_turn and size_bytes >= _CUT_BYTES_MIN and (dice := strike(_K.FRAME_CUT, now_ns)) is not None:
            return Passage(pieces_bytes=(dice.randrange(1, size_bytes),), is_cut=True)
        pieces: tuple[int, ...] = ()
        if size_bytes > 1 and (dice := strike(_K.BYTES_SPLIT, now_ns)) is not None:
            pieces = _pieces(dice, size_bytes)
        extra_s = 0.0
        if (dice := strike(_K.BYTES_DELAYED, now_ns)) is not None:
            extra_s = dice.uniform(0.0, _DELAY_S_MAX)
        elif (dice := strike(_K.CONNECTIONS_REORDERED, now_ns)) is not None:
            if link not in self._own_s:
                self._own_s[link] = dice.uniform(0.0, _DELAY_S_MAX)
            extra_s = self._own_s[link]
        return Passage(pieces_bytes=pieces, extra_s=extra_s)


def _pieces(dice: random.Random, size_bytes: int) -> tuple[int, ...]:
    """Sizes of all pieces but the last."""
    places = sorted(dice.sample(range(1, size_bytes), min(dice.randint(1, _PIECES_MAX), size_bytes - 1)))
    return tuple(place - before for before, place in zip((0, *places), places, strict=False))


class FoulVenue:
    """The venue's part: `Mischief` of the local exchange."""

    def __init__(self, faults: Faults, hands: Hands, now_ns: _NowNs) -> None:
        """Nothing has happened."""
        self._faults = faults
        self._hands = hands
        self._now_ns = now_ns
        self._deaf_until_ns = Ns(0)
        """Until when messages of the account are lost."""

    def request(self, method: str, params: Params) -> RequestFault:
        """Orders get lost, or take their time, until after they may be carried out; questions get lost."""
        now_ns, strike = self._now_ns(), self._faults.strike
        if method not in _ORDERS:
            is_question = method.startswith("private/get_")
            return RequestFault(is_lost=is_question and strike(_K.QUESTIONS_FAIL, now_ns) is not None)
        if strike(_K.REQUEST_LOST, now_ns):
            return RequestFault(is_lost=True)
        left_ns = _valid_until_ns(params, now_ns) - now_ns
        if strike(_K.REQUEST_LATE, now_ns):
            return RequestFault(delay_s=max(0, left_ns + BEHIND_NS) / NS_PER_S)
        if (dice := strike(_K.REQUESTS_SLOW, now_ns)) is not None:
            most_ns = max(left_ns - BEHIND_NS, 2)
            return RequestFault(delay_s=dice.randrange(most_ns // 2, most_ns) / NS_PER_S)
        return RequestFault()

    def refusal(self, method: str, params: Params) -> RpcError | None:
        """Orders are refused with a code, a lock, or for their number; or somebody is faster."""
        now_ns, strike = self._now_ns(), self._faults.strike
        if method not in _ORDERS:
            is_struck = method == _LOG_IN and strike(_K.SESSION_ENDED, now_ns) is not None
            return RpcError(_TOO_MANY, ERRORS[_TOO_MANY].name) if is_struck else None
        for kind, says in LOCKS.items():
            if strike(kind, now_ns):
                return RpcError(*says)
        if strike(_K.SESSION_ENDED, now_ns):
            return RpcError(_TOO_MANY, ERRORS[_TOO_MANY].name)
        if (dice := strike(_K.REFUSED, now_ns)) is not None:
            code = dice.choice(list(ERRORS))
            return RpcError(code, ERRORS[code].name)
        if strike(_K.PARTLY_FILLED, now_ns):
            self._overtake(method, params)
        return None

    def _overtake(self, method: str, params: Params) -> None:
        amount, price = (decimal_from_wire(str(params[name])) for name in ("amount", "price"))
        signed = amount if method == "private/buy" else -amount
        self._hands.overtake(InstrumentId(str(params["instrument_name"])), signed, price)

    def reply(self, method: str, params: Params) -> ReplyFault:
        """Replies about orders get lost, come late, or tell of an error after all; looks at the account come late."""
        now_ns, strike = self._now_ns(), self._faults.strike
        if method == _LOOK and strike(_K.SNAPSHOTS_LATE, now_ns):
            return ReplyFault(delay_s=_LATE_LOOK_S)
        if method not in _ORDERS:
            return ReplyFault()
        if (dice := strike(_K.REPLY_LOST, now_ns)) is not None:
            if dice.random() < 0.5:
                self._deaf_until_ns = Ns(now_ns + DEAF_NS)
            return ReplyFault(is_lost=True)
        if strike(_K.REPLY_LATE, now_ns):
            return ReplyFault(delay_s=max(0, _valid_until_ns(params, now_ns) - now_ns + _LATE_REPLY_NS) / NS_PER_S)
        if (dice := strike(_K.CODE_AFTER_ALL, now_ns)) is not None:
            code = dice.choice(OPEN_CODES)
            return ReplyFault(error=RpcError(code, ERRORS[code].name))
        return ReplyFault()

    def copies(self, channel: str) -> int:
        """Messages get lost, every second one, or come twice; a frozen market says nothing."""
        now_ns, strike = self._now_ns(), self._faults.strike
        is_private = channel.startswith("user.")
        if not is_private and strike(_K.FEED_FROZEN, now_ns):
            return 0
        if is_private and now_ns < self._deaf_until_ns:
            return 0
        dropped, doubled = _PRIVATE if is_private else _PUBLIC
        if (dice := strike(dropped, now_ns)) is not None and dice.random() < 0.5:
            return 0
        return 2 if strike(doubled, now_ns) else 1


_PRIVATE: Final = (_K.PRIVATE_DROPPED, _K.PRIVATE_DUPLICATED)
_PUBLIC: Final = (_K.FEED_DROPPED, _K.FEED_DUPLICATED)


def _valid_until_ns(params: Mapping[str, object], now_ns: Ns) -> Ns:
    """Of an order; now where it names none."""
    told = params.get("valid_until")
    return now_ns if told is None else Ns(int(str(told)) * NS_PER_MS)
