"""Stops as ledger rows: every latching and lifting with who and why, never changed; what is on follows from them.

And how far the losses have come that may make one: one row a book. Knows the tables `stops` and `losses`; not when
they are written.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from bot.domain.decided import StopLatched, StopLifted
from bot.domain.stops import Latch, LossCount, StopKind
from bot.domain.time import Ns
from bot.journal.rows import Row, checked
from bot.journal.schema import losses, stops

LATCHED: Final = "latched"
LIFTED: Final = "lifted"


def stop_row(run_id: str, book: str, note: StopLatched | StopLifted) -> Row:
    """Columns of `stops`."""
    latch = note.latch
    if isinstance(note, StopLatched):
        said = (LATCHED, latch.kind.value, latch.cause, latch.by, latch.detail, latch.since_ns)
    else:
        said = (LIFTED, latch.kind.value, latch.cause, note.by, note.reason, note.at_ns)
    return checked((run_id, book, *said))


def latches_on(connection: Connection, book: str) -> tuple[Latch, ...]:
    """The stops of a book that nobody has lifted, oldest first."""
    query = select(stops).where(stops.c.book == book).order_by(stops.c.stop_id)
    found: dict[str, Latch] = {}
    for row in connection.execute(query):
        if row.act == LIFTED:
            found.pop(row.cause, None)
            continue
        found[row.cause] = Latch(
            kind=StopKind(row.kind), cause=row.cause, since_ns=Ns(row.at_ns), by=row.by, detail=row.reason
        )
    return tuple(found.values())


def loss_row(run_id: str, book: str, count: LossCount) -> Row:
    """Columns of `losses`."""
    figures = (count.day_loss_usd, count.peak_loss_usd, count.recent_loss_usd)
    return checked((book, run_id, count.as_of_ns, *figures, count.recent_ns))


def losses_of(connection: Connection, book: str) -> LossCount | None:
    """How far a book's losses had come; None where no limit has counted them yet."""
    row = connection.execute(select(losses).where(losses.c.book == book)).one_or_none()
    if row is None:
        return None
    return LossCount(
        as_of_ns=Ns(row.as_of_ns),
        day_loss_usd=row.day_loss_usd,
        peak_loss_usd=row.peak_loss_usd,
        recent_loss_usd=row.recent_loss_usd,
        recent_ns=Ns(row.recent_ns),
    )


def of_stops(notes: Sequence[object]) -> list[StopLatched | StopLifted]:
    """Those that must be durable before anything else follows."""
    return [note for note in notes if isinstance(note, StopLatched | StopLifted)]
