"""The ends and stops of one book: an orderly end, a halt, what an operator says, what the ledger remembers.

Turns them into phases and latches, and into orders to take back; decides no trade, watches no figure.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bot.domain import events as ev
from bot.domain.commands import Command, TakeSnapshot
from bot.domain.decided import NOTHING, AlarmRaised, Note, Outcome, PhaseChanged, StopLatched, StopLifted
from bot.domain.reasons import HaltCause, Phase, Reason
from bot.domain.stops import HEDGEBOT, OPERATOR, Act, Latch, StopKind
from bot.domain.time import Ns
from bot.execution.account import Account
from bot.execution.answers import some
from bot.risk import latches as rules

_BROKEN: Final = frozenset({HaltCause.TASK_FAILED, HaltCause.INBOX_OVERFLOWED})
"""Halts after which this very process lacks a part or missed a message: only a new one can be trusted."""
_REFUSED: Final = "lift_refused"


class Stops:
    """Mutable private state of one engine."""

    def __init__(self, book: str, account: Account) -> None:
        """No stop is on; `account` is told what a stop means for it."""
        self._book = book
        self._account = account
        self._latches: tuple[Latch, ...] = ()
        self._broken: str = ""
        self._ending: str = ""
        """Why this run ends in order, once it does."""
        self.lifts_count = 0
        """How often an operator resumed: what triggers measure begins anew."""

    def handlers(self) -> Mapping[type[Any], Callable[[Any], Outcome]]:
        """The events this takes."""
        return {
            ev.StopRequested: self._on_stop,
            ev.HaltRequested: self._on_halt,
            ev.OperatorActed: self._on_act,
            ev.StopsRestored: self._on_restored,
        }

    @property
    def latches(self) -> tuple[Latch, ...]:
        """Those that are on, oldest first."""
        return self._latches

    @property
    def kind(self) -> StopKind | None:
        """The grade that counts; None: nothing is stopped."""
        return rules.grade(self._latches) if self._latches else None

    def blocked(self) -> tuple[Reason, str] | None:
        """The stop that lets no order through, with who and since when, if there is one."""
        kind = self.kind
        if kind is None or kind not in rules.FORBIDS_ORDERS:
            return None
        return Reason.HALTED if kind is StopKind.HALT else Reason.PAUSED, self.words()

    def words(self) -> str:
        """The stop that counts, in one line; only while one is on."""
        kind = self.kind
        return rules.words(next(latch for latch in self._latches if latch.kind is kind))

    def hear(self, notes: Iterable[Note], now_ns: Ns) -> list[Note]:
        """A halt that came about, whoever found it, stays."""
        found: list[Note] = []
        for note in notes:
            if not isinstance(note, PhaseChanged) or note.phase_after is not Phase.HALTED:
                continue
            if note.cause != HaltCause.TRIGGERED:  # that one is latched under the trigger's name
                found += self._latch(_halt(note, now_ns))
        return found

    def trip(self, latch: Latch) -> tuple[list[Command], list[Note]]:
        """A stop that is on from now, and what it does at once; nothing where its cause has one already."""
        notes = self._latch(latch)
        if not notes:
            return [], []
        account, commands = self._account, list[Command]()
        if latch.kind is StopKind.HALT:
            text = f"{latch.cause}: {latch.detail}"
            notes += some(account.standing.enter(Phase.HALTED, HaltCause.TRIGGERED, text))
        if latch.kind is StopKind.CANCEL_ALL:  # a look at what is open finds ours of earlier runs: taken back as well
            commands += [TakeSnapshot(cause="cancel_all", venue=seen.venue) for seen in account.venues()]
        if latch.kind is not StopKind.REDUCE_ONLY:
            commands += account.working.cancel_all(latch.since_ns)
        return commands, notes

    def _on_stop(self, event: ev.StopRequested) -> Outcome:
        self._ending = event.cause
        notes = some(self._account.standing.enter(Phase.STOPPING, event.cause))
        return Outcome(commands=tuple(self._account.working.cancel_all(event.received_ns)), notes=tuple(notes))

    def _on_halt(self, event: ev.HaltRequested) -> Outcome:
        if event.cause in _BROKEN:  # also while halted for something else: no phase would tell of it
            self._broken = str(event.cause)
        notes = some(self._account.standing.enter(Phase.HALTED, event.cause, event.detail))
        return Outcome(commands=tuple(self._account.working.cancel_all(event.received_ns)), notes=tuple(notes))

    def _latch(self, latch: Latch) -> list[Note]:
        before = self._latches
        self._latches = rules.latched(before, latch)
        if self._latches == before:
            return []
        gone = [other for other in before if other not in self._latches]
        lifted: list[Note] = [
            StopLifted(latch=other, by=latch.by, reason=latch.detail, at_ns=latch.since_ns) for other in gone
        ]
        return [*lifted, StopLatched(latch=latch)]

    def _on_restored(self, event: ev.StopsRestored) -> Outcome:
        """A restart begins as the last run ended; a halt stays one."""
        if event.book != self._book:
            return NOTHING
        self._latches = event.latches
        for latch in event.latches:
            if latch.kind is StopKind.HALT:
                self._account.standing.stay_halted(latch.cause, latch.detail)
        return NOTHING

    def _on_act(self, event: ev.OperatorActed) -> Outcome:
        if event.book not in {None, self._book}:
            return NOTHING
        if event.act is Act.RESUME:
            return self._lift(event)
        kind = StopKind(event.act.value)
        latch = Latch(kind=kind, cause=OPERATOR, since_ns=event.received_ns, by=event.by, detail=event.reason)
        commands, notes = self.trip(latch)
        return Outcome(commands=tuple(commands), notes=tuple(notes))

    def _lift(self, event: ev.OperatorActed) -> Outcome:
        """All of them; what a halt was about is looked at anew, by the same path as a start."""
        if self._broken:
            text = f"{self._broken}: this process cannot be trusted any more; restart it, then resume"
            return Outcome(notes=(AlarmRaised(name=_REFUSED, detail=text, deadline_ns=None),))
        self.lifts_count += 1
        lifted, self._latches = self._latches, ()
        notes: list[Note] = [
            StopLifted(latch=latch, by=event.by, reason=event.reason, at_ns=event.received_ns) for latch in lifted
        ]
        if any(latch.kind is StopKind.HALT for latch in lifted):
            notes += self._account.begin_anew(event.received_ns, f"lifted by {event.by}")
            if self._ending:  # the lift is for the next run: this one has been told to end
                notes += some(self._account.standing.enter(Phase.STOPPING, self._ending))
        return Outcome(notes=tuple(notes))


def _halt(note: PhaseChanged, now_ns: Ns) -> Latch:
    return Latch(kind=StopKind.HALT, cause=str(note.cause), since_ns=now_ns, by=HEDGEBOT, detail=note.detail)
