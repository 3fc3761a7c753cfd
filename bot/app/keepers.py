"""What the live driver hands everything to: the ledger, the tape and a witness, as far as it needs them.

Words of an interface; keeps nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Outcome, StopLatched, StopLifted
from bot.domain.events import Event
from bot.engine import Engine
from bot.journal.profit_rows import ProfitRow
from bot.observe.passed import Stretch

Applied = tuple[str, int, Event, Outcome]
"""Book, sequence number, event, outcome: what narration and records are made from."""


class Journal(Protocol):
    """What the driver needs of the ledger."""

    def commit_intents(self, orders: Sequence[PlaceOrder], decided: Decided) -> None:
        """Durable on return, or JournalError."""

    def commit_stops(self, book: str, notes: Sequence[StopLatched | StopLifted]) -> None:
        """Durable on return, or JournalError."""

    def record(self, book: str, event: Event | None, outcome: Outcome) -> None:
        """Take note; written by `flush`."""

    def keep_profits(self, made: Sequence[ProfitRow]) -> None:
        """Take note of what made the profit; written by `flush`."""

    def flush(self) -> None:
        """Write what was noted."""


class Profits(Protocol):
    """What takes the profit apart beside the run; none of it ever raises."""

    def see(self, book: str, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it: must cost next to nothing."""

    def work(self) -> list[ProfitRow]:
        """After the orders have left: rows that are due."""

    def finish(self, engines: Mapping[str, Engine]) -> list[ProfitRow]:
        """The last ones."""


class Tape(Protocol):
    """What the driver needs of the tape."""

    def take(self, book: str, seq: int, event: Event, outcome: Outcome | None) -> None:
        """Note what an engine was given and what it said; None: it raised."""

    def push(self) -> None:
        """Out of the reach of a kill on return, or JournalError."""


class Witness(Protocol):
    """Told of everything after the orders have left: narration, metrics, counts."""

    def passed(self, stretch: Stretch) -> None:
        """What says nothing new, before what is applied next; some of it a while ago, for the ledger had it at once."""

    def applied(self, book: str, seq: int, event: Event, outcome: Outcome) -> None:
        """One event and what it led to."""

    def stalled(self, seconds: float) -> None:
        """The ledger took long to commit."""
