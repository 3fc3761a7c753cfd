"""Which faults happen when, drawn from a seed, each with dice of its own: leaving one out moves no other.

Knows kinds, moments and how often each was felt; what a fault does is done where it bites (`bot.drive`).
"""

import enum
import random
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bot.domain.time import NS_PER_S, Ns


class FaultLevel(enum.StrEnum):
    """How much goes wrong."""

    NONE = "none"
    LIGHT = "light"
    HEAVY = "heavy"
    STORM = "storm"


class FaultKind(enum.StrEnum):
    """What goes wrong."""

    FEED_DROPPED = "feed_dropped"
    """Market messages get lost, every second one."""
    FEED_DELAYED = "feed_delayed"
    """Market messages come up to three seconds late, and so out of order."""
    FEED_DUPLICATED = "feed_duplicated"
    """Market messages come twice, the second time later."""
    FEED_FROZEN = "feed_frozen"
    """The market feed says nothing and stays connected."""
    SUBSCRIPTION_MISSING = "subscription_missing"
    """One option tells nothing while everything else does."""
    BOOK_GAP = "book_gap"
    """A change of the hedge instrument's book was missed: its touch is unknown until the book comes anew."""
    BOOK_CROSSED = "book_crossed"
    """The bid of the hedge instrument stands above its ask."""
    BOOK_ONE_SIDED = "book_one_sided"
    """The hedge instrument has no ask."""
    GREEKS_MISSING = "greeks_missing"
    """Options tell no volatility."""
    FUNDING_FLIPPED = "funding_flipped"
    """Funding as told turns its sign."""
    MARKET_LOST = "market_lost"
    """The market socket is down."""
    ACCOUNT_LOST = "account_lost"
    """The account socket is down: what happens meanwhile is told nobody."""
    PRIVATE_DROPPED = "private_dropped"
    """Messages of the account get lost, every second one."""
    PRIVATE_DELAYED = "private_delayed"
    """Fills and order messages come up to five seconds late, and so out of order and after their order's end."""
    PRIVATE_DUPLICATED = "private_duplicated"
    """Fills and order messages come twice, the second time later."""
    ACCOUNT_OLD = "account_old"
    """Account figures come ten seconds late: older than the last fill."""
    REQUEST_LOST = "request_lost"
    """An order never arrives, and nobody says so before the time-out."""
    REQUESTS_SLOW = "requests_slow"
    """Orders take as long as their `valid_until` allows."""
    REQUEST_LATE = "request_late"
    """An order arrives after its `valid_until`."""
    REPLY_LOST = "reply_lost"
    """An order was carried out, its reply is lost: the gateway's time-out speaks. Every other time the account's
    messages of the next seconds are lost as well, as where the way back is broken."""
    REPLY_LATE = "reply_late"
    """The reply about an order comes after its `valid_until`, before the time-out."""
    NO_ANSWER = "no_answer"
    """An order was carried out, and the gateway never says anything about it; as above."""
    REFUSED = "refused"
    """The venue answers an order with an error code, drawn from all there are."""
    CODE_AFTER_ALL = "code_after_all"
    """The venue answers with a code that leaves the outcome open, and has carried the order out."""
    QUESTIONS_FAIL = "questions_fail"
    """Look-ups, cancels and snapshots are answered by a time-out."""
    SNAPSHOTS_LATE = "snapshots_late"
    """Looks at the account arrive three seconds after they were taken: older than the last fill."""
    MAINTENANCE = "maintenance"
    """The venue is in maintenance: 11051 for every order."""
    SETTLEMENT_LOCK = "settlement_lock"
    """Settlement in progress: 10041 for every order."""
    INSTRUMENT_HALTED = "instrument_halted"
    """The hedge instrument is closed, also for an order on its way: 13019."""
    MARGIN_EXHAUSTED = "margin_exhausted"
    """No funds: 10009 for every order, nothing available."""
    PARTLY_FILLED = "partly_filled"
    """Somebody is faster: only a part of the order meets a price, the rest is taken back."""
    HUMAN_TRADED = "human_traded"
    """Somebody trades the hedge instrument on the same account."""
    HUMAN_TRADED_OPTION = "human_traded_option"
    """Somebody trades an option of the portfolio on the same account."""
    LIQUIDATED = "liquidated"
    """The venue closes the hedge position."""
    CLOCK_STEPPED = "clock_stepped"
    """The clock of the bot's machine steps forward by up to a second and back again later."""
    KILLED = "killed"
    """The process is killed between two messages."""
    KILLED_BEFORE_INTENT = "killed_before_intent"
    """The process is killed with an order decided, before its intent is durable."""
    KILLED_BEFORE_SEND = "killed_before_send"
    """The process is killed with an intent durable, before the order leaves."""
    KILLED_AFTER_SEND = "killed_after_send"
    """The process is killed with an order just gone, before anything else is written down."""
    LEDGER_FULL = "ledger_full"
    """The disk of the ledger is full: an intent cannot be made durable."""
    LEDGER_SLOW = "ledger_slow"
    """The ledger takes seconds to commit an intent."""
    TAPE_UNWRITABLE = "tape_unwritable"
    """The tape cannot be written."""
    LEDGER_TORN = "ledger_torn"
    """The power fails while an intent is written: the last transaction of the ledger is half there."""
    ORDER_CANCELLED = "order_cancelled"
    """Somebody takes an order of the bot back that rests in the book."""
    INSTRUMENT_EXPIRED = "instrument_expired"
    """The hedge instrument is gone when an order arrives, and still told as open: 13020."""
    OPTIONS_VENUE_LOST = "options_venue_lost"
    """The venue of the options is out of reach: silence at first, then its sockets are found dead."""
    HEDGE_VENUE_LOST = "hedge_venue_lost"
    """The same of the venue of the hedge, which may be another."""
    # What only bytes can suffer: at wire depth.
    CONNECTION_DROPPED = "connection_dropped"
    """One connection of the bot breaks; both sides hear of it."""
    NETWORK_SILENT = "network_silent"
    """Everything is swallowed in silence: connections stay open and pass nothing ever again, new ones get no answer."""
    FRAME_CUT = "frame_cut"
    """A message breaks off in its middle, and its connection with it; by turns the venue's and the bot's."""
    BYTES_SPLIT = "bytes_split"
    """Whatever is sent comes in pieces, cut anywhere."""
    BYTES_DELAYED = "bytes_delayed"
    """Whatever is sent takes up to one and a half seconds longer."""
    CONNECTIONS_REORDERED = "connections_reordered"
    """Each connection takes its own time, up to one and a half seconds: what is sent later may come first."""
    SESSION_ENDED = "session_ended"
    """An order, or a log-in, is one request too many (10028): refused, and the socket it came by is closed."""


class Fault(Struct, frozen=True, kw_only=True):
    """One fault: from when to when it may be felt, and the seed of its dice."""

    kind: FaultKind
    start_ns: Ns
    until_ns: Ns
    seed: int


_K = FaultKind

AT_ONCE: Final = frozenset({
    _K.BOOK_GAP, _K.MARKET_LOST, _K.ACCOUNT_LOST, _K.HUMAN_TRADED, _K.HUMAN_TRADED_OPTION, _K.LIQUIDATED,
    _K.CLOCK_STEPPED, _K.KILLED, _K.ORDER_CANCELLED, _K.OPTIONS_VENUE_LOST, _K.HEDGE_VENUE_LOST,
})  # fmt: skip
"""Happen at their start, or from there on look for their occasion."""
_ONLY_WIRE: Final = frozenset({
    _K.CONNECTION_DROPPED, _K.NETWORK_SILENT, _K.FRAME_CUT, _K.BYTES_SPLIT, _K.BYTES_DELAYED,
    _K.CONNECTIONS_REORDERED, _K.SESSION_ENDED,
})  # fmt: skip
_ONLY_ENGINE: Final = frozenset({
    _K.FEED_DELAYED, _K.BOOK_CROSSED, _K.BOOK_ONE_SIDED, _K.GREEKS_MISSING, _K.FUNDING_FLIPPED, _K.MARKET_LOST,
    _K.ACCOUNT_LOST, _K.PRIVATE_DELAYED, _K.ACCOUNT_OLD, _K.NO_ANSWER, _K.LEDGER_TORN, _K.ORDER_CANCELLED,
    _K.INSTRUMENT_EXPIRED, _K.OPTIONS_VENUE_LOST, _K.HEDGE_VENUE_LOST,
})  # fmt: skip
"""Of events: bytes have faults of their own that lead to the same, or the local exchange says no such thing."""
ENGINE_KINDS: Final = tuple(kind for kind in FaultKind if kind not in _ONLY_WIRE)
WIRE_KINDS: Final = tuple(kind for kind in FaultKind if kind not in _ONLY_ENGINE)
"""What goes wrong at each depth."""
ONCE: Final = frozenset({
    _K.REQUEST_LOST, _K.REQUEST_LATE, _K.REPLY_LOST, _K.REPLY_LATE, _K.NO_ANSWER, _K.REFUSED, _K.CODE_AFTER_ALL,
    _K.PARTLY_FILLED, _K.KILLED_BEFORE_INTENT, _K.KILLED_BEFORE_SEND, _K.KILLED_AFTER_SEND, _K.LEDGER_FULL,
    _K.LEDGER_SLOW, _K.TAPE_UNWRITABLE, _K.LEDGER_TORN, _K.FRAME_CUT, _K.SESSION_ENDED,
})  # fmt: skip
"""Wait for their occasion and happen to it once. All others last, and happen to all they meet."""

_PER_MINUTE: Final = {FaultLevel.NONE: 0.0, FaultLevel.LIGHT: 0.5, FaultLevel.HEAVY: 2.0, FaultLevel.STORM: 6.0}
CALM_NS: Final = Ns(180 * NS_PER_S)
"""The end of a run, without faults: everything must have come right by then. Longer than the longest wait there is:
what was asked for and never answered is asked for again after a minute."""
_WARM_NS: Final = Ns(20 * NS_PER_S)
"""The first fault comes after this."""
_LONG: Final = frozenset({
    _K.PRIVATE_DROPPED, _K.PRIVATE_DELAYED, _K.PRIVATE_DUPLICATED, _K.REQUESTS_SLOW, _K.SNAPSHOTS_LATE,
    _K.MAINTENANCE, _K.SETTLEMENT_LOCK, _K.MARGIN_EXHAUSTED, _K.CLOCK_STEPPED,
    _K.INSTRUMENT_EXPIRED,
})  # fmt: skip
"""Felt by orders and what comes of them, which are few: they last longer."""
_LONG_ON_WIRE: Final = _LONG | {_K.INSTRUMENT_HALTED, _K.QUESTIONS_FAIL}
"""Likewise: there nobody but an order meets a closed instrument, and questions are few."""
_LASTS_NS: Final = (Ns(2 * NS_PER_S), Ns(20 * NS_PER_S))
_LASTS_LONG_NS: Final = (Ns(10 * NS_PER_S), Ns(90 * NS_PER_S))
_WAITING: Final = ONCE | {_K.ORDER_CANCELLED}
_WAITS_NS: Final = Ns(120 * NS_PER_S)
"""Longest wait for an occasion."""


def draw(
    seed: int, level: FaultLevel, start_ns: Ns, end_ns: Ns, kinds: Sequence[FaultKind] = ENGINE_KINDS
) -> tuple[Fault, ...]:
    """The faults of a run, by time. Kinds come from a shuffled deck: each comes before any comes again."""
    dice = random.Random(f"faults {seed}")
    long_kinds = _LONG_ON_WIRE if kinds is WIRE_KINDS else _LONG
    first_ns, last_ns = start_ns + _WARM_NS, end_ns - CALM_NS
    if level is FaultLevel.NONE or last_ns <= first_ns:
        return ()
    count = max(1, round(_PER_MINUTE[level] * (last_ns - first_ns) / (60 * NS_PER_S)))
    deck: list[FaultKind] = []
    found: list[Fault] = []
    for _ in range(count):
        if not deck:
            deck = list(kinds)
            dice.shuffle(deck)
        kind = deck.pop()
        at_ns = dice.randrange(first_ns, last_ns)
        bounds_ns = _LASTS_LONG_NS if kind in long_kinds else _LASTS_NS
        lasts_ns = _WAITS_NS if kind in _WAITING else dice.randrange(*bounds_ns)
        until_ns = Ns(min(at_ns + lasts_ns, last_ns))
        found.append(Fault(kind=kind, start_ns=Ns(at_ns), until_ns=until_ns, seed=dice.randrange(2**32)))
    return tuple(sorted(found, key=lambda fault: (fault.start_ns, fault.kind)))


class Faults:
    """The faults of one run, with their dice and a count of how often each kind was felt."""

    def __init__(self, planned: Sequence[Fault] = ()) -> None:
        """Nothing has happened yet."""
        self.planned = tuple(planned)
        self.counts: dict[FaultKind, int] = dict.fromkeys(FaultKind, 0)
        self.dice = random.Random(sum(fault.seed for fault in self.planned))
        """For whatever follows from faults."""
        self._dice = [random.Random(fault.seed) for fault in self.planned]
        self._open: dict[FaultKind, list[int]] = {}
        """Places of those that may still be felt, by kind: a run asks a hundred thousand times."""
        for place, fault in enumerate(self.planned):
            self._open.setdefault(fault.kind, []).append(place)

    @property
    def over_ns(self) -> Ns:
        """When the last of them ends; 0 without any."""
        return max((fault.until_ns for fault in self.planned), default=Ns(0))

    def dice_of(self, fault: Fault) -> random.Random:
        """The dice of a planned fault."""
        return self._dice[self.planned.index(fault)]

    def felt(self, kind: FaultKind) -> None:
        """Count one that happened at its start."""
        self.counts[kind] += 1

    def strike(self, kind: FaultKind, now_ns: Ns) -> random.Random | None:
        """The dice of a fault of this kind that is felt now, and counted; None when there is none."""
        for place in self._open.get(kind, ()):
            fault = self.planned[place]
            if fault.start_ns > now_ns:
                break
            if now_ns < fault.until_ns:
                self.counts[kind] += 1
                if kind in ONCE:
                    self._open[kind].remove(place)
                return self._dice[place]
        return None

    def is_on(self, kind: FaultKind, now_ns: Ns) -> bool:
        """Whether one that lasts is on; not counted."""
        if kind in ONCE:
            return False
        planned = (self.planned[place] for place in self._open.get(kind, ()))
        return any(fault.start_ns <= now_ns < fault.until_ns for fault in planned)
