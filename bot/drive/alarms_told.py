"""Which alarms and halts a run with faults may raise, and which it must: any other is a violation, a missing one too.

Each alarm names the kinds of fault that explain it; it has to come while one of them lasts, or soon after. Knows
decisions and notes; asks no engine.
"""

from collections.abc import Iterator
from typing import Final

from bot.domain.decided import AlarmRaised, Decided, Outcome, PhaseChanged
from bot.domain.events import Event, OrderRefused
from bot.domain.reasons import Action, HaltCause, Phase, Reason, RefusalKind
from bot.domain.time import NS_PER_S, Ns
from bot.sim.faults import FaultKind, Faults

_K = FaultKind
_NETWORK: Final = frozenset({
    _K.CONNECTION_DROPPED, _K.NETWORK_SILENT, _K.FRAME_CUT, _K.BYTES_SPLIT, _K.BYTES_DELAYED,
    _K.CONNECTIONS_REORDERED, _K.SESSION_ENDED,
})  # fmt: skip
"""Whatever goes through a connection suffers from these."""
_CUT: Final = frozenset({_K.OPTIONS_VENUE_LOST, _K.HEDGE_VENUE_LOST})
_FEED: Final = (
    _NETWORK
    | _CUT
    | {_K.FEED_DROPPED, _K.FEED_DELAYED, _K.FEED_DUPLICATED, _K.FEED_FROZEN, _K.MARKET_LOST, _K.CLOCK_STEPPED}
)
_KILLS: Final = frozenset({_K.KILLED, _K.KILLED_BEFORE_INTENT, _K.KILLED_BEFORE_SEND, _K.KILLED_AFTER_SEND})
_HALTING: Final = frozenset({_K.LEDGER_FULL, _K.LEDGER_SLOW, _K.TAPE_UNWRITABLE})
_RESTARTS: Final = _KILLS | _HALTING | {_K.LEDGER_TORN}
_LOCKS: Final = frozenset({_K.MAINTENANCE, _K.SETTLEMENT_LOCK, _K.INSTRUMENT_HALTED, _K.INSTRUMENT_EXPIRED})
_REFUSALS: Final = (
    _NETWORK | _CUT | {_K.REFUSED, _K.CODE_AFTER_ALL, _K.REQUEST_LOST, _K.REQUEST_LATE, _K.MARGIN_EXHAUSTED}
)
_UNSEEN: Final = _NETWORK | _CUT | frozenset({
    _K.ACCOUNT_LOST, _K.PRIVATE_DROPPED, _K.PRIVATE_DELAYED, _K.REPLY_LOST, _K.NO_ANSWER, _K.QUESTIONS_FAIL,
    _K.SNAPSHOTS_LATE,
})  # fmt: skip

RAISED_BY: Final[dict[str, frozenset[FaultKind]]] = {
    # At wire depth an option goes missing on a new connection, and one that owes an answer is given up.
    Reason.STREAM_LOST.value: _NETWORK | _CUT | {_K.MARKET_LOST, _K.ACCOUNT_LOST, _K.SUBSCRIPTION_MISSING},
    Reason.NOT_RECONCILED.value: _UNSEEN | _RESTARTS | {_K.REFUSED, _K.SUBSCRIPTION_MISSING},
    Reason.HEDGE_QUOTE_DISTRUSTED.value: _FEED
    | _RESTARTS
    | {_K.BOOK_GAP, _K.BOOK_CROSSED, _K.BOOK_ONE_SIDED, _K.INSTRUMENT_HALTED, _K.SUBSCRIPTION_MISSING},
    Reason.DELTA_UNCERTAIN.value: _FEED | _RESTARTS | {_K.GREEKS_MISSING, _K.SUBSCRIPTION_MISSING},
    Reason.VENUE_DISAGREES.value: _FEED
    | _UNSEEN
    | {_K.ACCOUNT_OLD, _K.HUMAN_TRADED, _K.HUMAN_TRADED_OPTION, _K.LIQUIDATED}
    | {_K.GREEKS_MISSING, _K.SUBSCRIPTION_MISSING},
    Reason.BACKING_OFF.value: _REFUSALS
    | _LOCKS
    | _FEED
    | _UNSEEN
    | {
        *(_K.REQUESTS_SLOW, _K.PARTLY_FILLED, _K.BOOK_GAP, _K.REPLY_LATE, _K.SUBSCRIPTION_MISSING, _K.ORDER_CANCELLED),
    },
    # A book in doubt is beyond a tight limit; one whose orders are few is out of them whatever went wrong.
    Reason.LIMIT_DELTA_WORST.value: _FEED
    | _UNSEEN
    | _RESTARTS
    | {_K.GREEKS_MISSING, _K.SUBSCRIPTION_MISSING, _K.HUMAN_TRADED, _K.HUMAN_TRADED_OPTION, _K.LIQUIDATED},
    Reason.LIMIT_ORDER_RATE.value: frozenset(_K),
    # Somebody who trades against the book makes its next hedge take the last one back.
    Reason.OSCILLATES.value: frozenset({_K.HUMAN_TRADED, _K.HUMAN_TRADED_OPTION, _K.LIQUIDATED}),
    f"refused_{RefusalKind.PAUSE.value}": _LOCKS | {_K.REFUSED},
    f"refused_{RefusalKind.REQUOTE.value}": frozenset({_K.REFUSED}),
    # A session that starts again asks whose account it is: with no answer to that, no order leaves.
    f"refused_{RefusalKind.UNREACHABLE.value}": _NETWORK | {_K.QUESTIONS_FAIL},
}
"""Alarms that may be raised, and by which faults."""

HALTED_BY: Final[dict[HaltCause, frozenset[FaultKind]]] = {
    # Nobody answers what became of an order for longer than `unresolved_s_max`.
    HaltCause.ORDER_UNRESOLVED: _NETWORK | _CUT | {_K.QUESTIONS_FAIL},
    HaltCause.ORDER_REFUSED: frozenset({_K.REFUSED}),
    HaltCause.REFUSALS_IN_A_ROW: _REFUSALS,
    HaltCause.JOURNAL_FAILED: _HALTING,
}
"""Halts that must happen, and by which faults."""

_HALTING_KINDS: Final = frozenset({RefusalKind.OUR_BUG, RefusalKind.CONFIG, RefusalKind.LIMITED})
"""Refusals that trying again cannot mend; any other is waited for."""
_AFTER_NS: Final = Ns(90 * NS_PER_S)
"""How long after its end a fault explains an alarm: the longest wait between two tries is a minute."""
_SILENT_NS: Final = Ns(10 * NS_PER_S)
"""A refusal that lasts so long must be told: standing still is not safe for short gamma."""
_QUIET: Final = frozenset({Reason.STOPPING, Reason.HALTED, Reason.PAUSED})
"""Refusals somebody asked for, or that have an alarm of their own."""


class AlarmsTold:
    """Of one run."""

    def __init__(self, faults: Faults) -> None:
        """Nothing was raised."""
        self._faults = faults
        self._refused: OrderRefused | None = None
        """The last refusal of an order."""
        self._since_ns: Ns | None = None
        """Since when decisions refuse."""
        self._has_alarmed = False
        self.halts: dict[str, int] = {}

    def started(self) -> None:
        """A process began: it refuses nothing yet."""
        self._since_ns = self._refused = None

    def saw(self, event: Event, outcome: Outcome, now_ns: Ns) -> Iterator[str]:
        """What is wrong with the alarms of one event."""
        if isinstance(event, OrderRefused):
            self._refused = event
        for note in outcome.notes:
            if isinstance(note, AlarmRaised):
                self._has_alarmed = True
                if not self._is_explained(RAISED_BY.get(note.name, frozenset()), now_ns):
                    yield f"an alarm without a fault that explains it: {note.name} {note.detail}"
            elif isinstance(note, PhaseChanged) and note.phase_after is Phase.HALTED:
                yield from self._halted(note, now_ns)
        if outcome.decided is not None:
            yield from self._decided(outcome.decided)

    def _halted(self, note: PhaseChanged, now_ns: Ns) -> Iterator[str]:
        cause = str(note.cause)
        self.halts[cause] = self.halts.get(cause, 0) + 1
        explains = HALTED_BY.get(HaltCause(cause), frozenset())
        if not self._is_explained(explains, now_ns):
            yield f"halted without a fault that explains it: {note.cause} {note.detail}"
        last = self._refused
        if cause == HaltCause.ORDER_REFUSED.value and last is not None and last.kind not in _HALTING_KINDS:
            yield f"halted by a refusal that is waited for: {last.code} {last.name}"

    def _decided(self, decided: Decided) -> Iterator[str]:
        """A refusal that lasts is told within its time, whatever its reason becomes."""
        if decided.action is not Action.REFUSE or decided.reason in _QUIET:
            self._since_ns, self._has_alarmed = None, False
        elif self._since_ns is None:
            self._since_ns, self._has_alarmed = decided.now_ns, False
        elif decided.now_ns - self._since_ns >= _SILENT_NS and not self._has_alarmed:
            self._has_alarmed = True
            yield f"refused for {_SILENT_NS // NS_PER_S} s without an alarm: {decided.reason} {decided.detail}"

    def _is_explained(self, kinds: frozenset[FaultKind], now_ns: Ns) -> bool:
        return any(
            fault.kind in kinds and fault.start_ns <= now_ns < fault.until_ns + _AFTER_NS
            for fault in self._faults.planned
        )
