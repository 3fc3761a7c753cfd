"""Whether a book may trade at all: phase, streams, back-off, order rate, refusals. Derived where possible.

Knows no price and no order; decides nothing about size or time of a hedge.
"""

from collections import deque
from collections.abc import Collection
from typing import Final

from bot.domain.decided import AlarmRaised, PhaseChanged
from bot.domain.events import StreamName
from bot.domain.ids import DERIBIT, InstrumentId, VenueId, venue_of
from bot.domain.reasons import HaltCause, Phase, Reason, RefusalKind
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.tenure import Tenure

_MINUTE_NS: Final = 60 * NS_PER_S
_MISS_WAIT_NS_MAX: Final = 5 * NS_PER_S
_ANY: Final = InstrumentId("")
"""Of a book with one instrument."""

BACK_OFF_NS: Final[dict[RefusalKind, Ns]] = {
    RefusalKind.NOT_EXECUTED: Ns(250 * NS_PER_MS),
    RefusalKind.TOO_SMALL: Ns(250 * NS_PER_MS),
    RefusalKind.REQUOTE: Ns(250 * NS_PER_MS),
    RefusalKind.GONE: Ns(250 * NS_PER_MS),
    RefusalKind.BACK_OFF: Ns(1 * NS_PER_S),
    RefusalKind.UNREACHABLE: Ns(1 * NS_PER_S),
    RefusalKind.REAUTHENTICATE: Ns(1 * NS_PER_S),
    RefusalKind.PAUSE: Ns(5 * NS_PER_S),
    RefusalKind.NO_FUNDS: Ns(30 * NS_PER_S),
}
"""Wait after a refusal, doubled for each further one in a row up to a minute. Kinds not listed halt."""
_WAITED_FOR: Final[dict[RefusalKind, Ns]] = {
    RefusalKind.PAUSE: Ns(_MINUTE_NS),
    RefusalKind.REQUOTE: Ns(_MISS_WAIT_NS_MAX),
    RefusalKind.UNREACHABLE: Ns(_MISS_WAIT_NS_MAX),
}
"""Kinds that pass by themselves, and the longest wait between two tries: a venue that is locked, a price band that lags
a gap (each try is priced anew), a line that is down. They never halt: short gamma would be left alone."""
_OF_VENUE: Final = frozenset({RefusalKind.BACK_OFF, RefusalKind.UNREACHABLE, RefusalKind.REAUTHENTICATE})
"""Kinds that say nothing of the instrument: all of its venue has to wait."""
_REFUSED_DEADLINE_NS: Final = Ns(_MINUTE_NS)


class Standing:
    """Mutable private state of one engine."""

    def __init__(
        self,
        refusals_in_a_row_max: int,
        venues: Collection[VenueId] = (DERIBIT,),
        hedge_venues: Collection[VenueId] = (DERIBIT,),
    ) -> None:
        """Start unreconciled with all streams down; orders need those of one of `hedge_venues`."""
        self.phase = Phase.RECONCILING
        self.cause = "start"
        self.detail = ""
        self.tenure = Tenure()
        self._up = {(venue, stream): False for venue in venues for stream in StreamName}
        self._hedge_venues = frozenset(hedge_venues)
        self._down = self._words_of_down()
        self._refusals_max = refusals_in_a_row_max
        self._refusals_count = 0
        self._waits_count = dict.fromkeys(_WAITED_FOR, 0)
        self._misses_count = 0
        self._missed_until_ns = Ns(0)
        self._refused_until_ns: dict[InstrumentId | VenueId, Ns] = {}
        self._orders_ns: deque[Ns] = deque()

    @property
    def refusals_in_a_row(self) -> int:
        """Orders refused or lost since one got through."""
        return self._refusals_count

    def set_stream(self, stream: StreamName, *, is_up: bool, venue: VenueId = DERIBIT) -> None:
        """A socket of one of the book's venues came or went."""
        self._up[(venue, stream)] = is_up
        self._down = self._words_of_down()

    def is_up(self, stream: StreamName, venue: VenueId = DERIBIT) -> bool:
        """Whether a socket is known to work."""
        return self._up[(venue, stream)]

    def enter(self, phase: Phase, cause: HaltCause | str, detail: str = "") -> PhaseChanged | None:
        """Change the phase. A halt is left by `unhalt` alone; an orderly end only for its end or a halt."""
        before = self.phase
        if phase is before or before in {Phase.HALTED, Phase.STOPPED}:
            return None
        if before is Phase.STOPPING and phase not in {Phase.STOPPED, Phase.HALTED}:
            return None
        self.phase, self.cause, self.detail = phase, str(cause), detail
        return PhaseChanged(phase_before=before, phase_after=phase, cause=cause, detail=detail)

    def stay_halted(self, cause: str, detail: str) -> None:
        """A run that begins with the halt the last one ended in: nothing new has happened."""
        self.phase, self.cause, self.detail = Phase.HALTED, cause, detail

    def unhalt(self, cause: str) -> PhaseChanged | None:
        """An operator has lifted the halt: back to asking what is true. None where nothing is halted."""
        if self.phase is not Phase.HALTED:
            return None
        self.phase, self.cause, self.detail = Phase.RECONCILING, cause, ""
        return PhaseChanged(phase_before=Phase.HALTED, phase_after=Phase.RECONCILING, cause=cause, detail="")

    def blocked(self) -> tuple[Reason, str] | None:
        """The state in which nothing is placed, if it is one."""
        if self.phase is Phase.HALTED:
            return Reason.HALTED, f"{self.cause} {self.detail}".strip()
        if self.phase is Phase.STOPPING or self.phase is Phase.STOPPED:
            return Reason.STOPPING, self.cause
        down = self._down
        if len(down) == len(self._hedge_venues):
            return Reason.STREAM_LOST, " and ".join(down.values())
        if self.phase is Phase.RECONCILING:
            return Reason.NOT_RECONCILED, self.cause
        return None

    def down(self) -> dict[VenueId, str]:
        """What is down of the venues hedges are made at, in words; without those where all is up. Not to be changed."""
        return self._down

    def _words_of_down(self) -> dict[VenueId, str]:
        found: dict[VenueId, list[str]] = {}
        for (venue, stream), is_up in self._up.items():
            if not is_up and venue in self._hedge_venues:
                words = stream.value if venue == DERIBIT else f"{venue} {stream.value}"
                found.setdefault(venue, []).append(words)
        return {venue: " and ".join(words) for venue, words in found.items()}

    def order_sent(self, now_ns: Ns) -> None:
        """Count an order for the rate limit."""
        self._orders_ns.append(now_ns)

    def orders_last_minute(self, now_ns: Ns) -> int:
        """Orders sent in the last 60 seconds."""
        while self._orders_ns and now_ns - self._orders_ns[0] > _MINUTE_NS:
            self._orders_ns.popleft()
        return len(self._orders_ns)

    def order_accepted(self) -> None:
        """An order got through: the row of refusals is over."""
        self._refusals_count = 0
        self._waits_count = dict.fromkeys(_WAITED_FOR, 0)

    def order_refused(
        self, kind: RefusalKind, now_ns: Ns, detail: str, instrument: InstrumentId = _ANY
    ) -> PhaseChanged | AlarmRaised | None:
        """Back off with an instrument, or with its whole venue, or halt where waiting cannot help.

        What passes by itself is waited for as long as it takes, re-priced at every try; a row of it is an alarm with a
        deadline.
        """
        wait_ns = BACK_OFF_NS.get(kind)
        if wait_ns is None:
            return self.enter(Phase.HALTED, HaltCause.ORDER_REFUSED, detail)
        longest_ns = _WAITED_FOR.get(kind)
        if longest_ns is not None:
            count = self._waits_count[kind] = self._waits_count[kind] + 1
        else:
            count = self._refusals_count = self._refusals_count + 1
            if count >= self._refusals_max:
                return self.enter(Phase.HALTED, HaltCause.REFUSALS_IN_A_ROW, detail)
        doubled = wait_ns * 2 ** min(count - 1, 10)
        held = venue_of(instrument) if kind in _OF_VENUE else instrument
        self._refused_until_ns[held] = Ns(now_ns + min(doubled, longest_ns or max(wait_ns, _MINUTE_NS)))
        self._missed_until_ns = Ns(0)
        if longest_ns is None or count != self._refusals_max:
            return None
        text = f"{count} orders refused in a row: {detail}; the next try follows in {longest_ns // NS_PER_S} s at most"
        return AlarmRaised(name=f"refused_{kind.value}", detail=text, deadline_ns=Ns(now_ns + _REFUSED_DEADLINE_NS))

    def order_lost(self) -> PhaseChanged | None:
        """An order never arrived. In a row that is no accident: orders get lost on the way while questions do not."""
        self._refusals_count += 1
        if self._refusals_count < self._refusals_max:
            return None
        return self.enter(Phase.HALTED, HaltCause.REFUSALS_IN_A_ROW, "orders get lost on the way")

    def order_missed(self, now_ns: Ns) -> None:
        """An order met no counterparty: wait, longer each time, so that a phantom touch is not chased."""
        wait_ns = min(BACK_OFF_NS[RefusalKind.REQUOTE] * 2 ** min(self._misses_count, 10), _MISS_WAIT_NS_MAX)
        self._misses_count += 1
        self._missed_until_ns = Ns(max(self._missed_until_ns, now_ns + wait_ns))

    def order_filled(self) -> None:
        """An order met somebody: the row of misses is over."""
        self._misses_count = 0

    def is_backing_off(self, now_ns: Ns, instrument: InstrumentId = _ANY) -> bool:
        """Whether a miss, or a refusal of an order in this instrument, is too fresh."""
        if now_ns < self._missed_until_ns:
            return True
        refused = self._refused_until_ns
        if not refused:
            return False
        return any(now_ns < refused.get(held, 0) for held in (instrument, venue_of(instrument)))
