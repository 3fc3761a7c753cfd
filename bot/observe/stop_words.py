"""Stops as log lines: who asked, what is on, what was lifted and why; and the losses that may make one.

Knows the words of the catalogue for them; keeps nothing.
"""

from bot.domain.decided import LossesCounted, StopLatched, StopLifted
from bot.domain.events import LossesRestored, OperatorActed, StopsRestored
from bot.domain.stops import LossCount
from bot.observe.logs import Log
from bot.risk.latches import words


def tell_event(log: Log, seq: int, event: OperatorActed | StopsRestored | LossesRestored) -> None:
    """What a human asked for, or what the ledger ended with."""
    if isinstance(event, OperatorActed):
        log.tell("operator.acted", seq=seq, act=event.act, by=event.by, reason=event.reason)
    elif isinstance(event, LossesRestored):
        log.tell("losses.restored", seq=seq, book=event.book, as_of_ns=event.count.as_of_ns, **_losses(event.count))
    else:
        log.tell("stops.restored", seq=seq, book=event.book, stops=[words(latch) for latch in event.latches])


def tell_note(log: Log, book: str, seq: int, note: StopLatched | StopLifted | LossesCounted) -> None:
    """A stop that is on from now, or no more; how far losses have come."""
    if isinstance(note, LossesCounted):
        log.tell("losses.counted", book=book, seq=seq, **_losses(note.count))
        return
    latch = note.latch
    if isinstance(note, StopLatched):
        told = {"kind": latch.kind, "cause": latch.cause, "by": latch.by, "detail": latch.detail}
        log.tell("stop.latched", book=book, seq=seq, **told)
    else:
        lifted = {"kind": latch.kind, "cause": latch.cause, "by": note.by, "reason": note.reason}
        log.tell("stop.lifted", book=book, seq=seq, since_ns=latch.since_ns, **lifted)


def _losses(count: LossCount) -> dict[str, float]:
    return {"day_loss_usd": count.day_loss_usd, "peak_loss_usd": count.peak_loss_usd}
