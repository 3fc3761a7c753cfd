"""What made the profit, beside a run: every book's keeper, fed on the path of a tick and worked off it.

A keeper that fails is left out from there on and an alarm says so: what explains a result must not end a hedge.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from bot.book import BookParams
from bot.domain.decided import AlarmRaised, Outcome
from bot.domain.events import Event
from bot.drive.profit_keeper import Kept, ProfitKeeper
from bot.engine import Engine
from bot.journal.profit_rows import ProfitRow

FAILED: Final = "profit_not_attributed"

Tell = Callable[[str, int, AlarmRaised], None]
"""Book, seq, alarm."""


class Attributing:
    """Of one process."""

    def __init__(self, books: Iterable[BookParams], tell: Tell) -> None:
        """Nothing seen."""
        self._keepers = {book.book: ProfitKeeper(book) for book in books}
        self._seqs = dict.fromkeys(self._keepers, 0)
        self._tell = tell

    def see(self, book: str, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        keeper = self._keepers.get(book)
        if keeper is not None:
            self._seqs[book] = engine.seq
            self._sure(book, lambda: keeper.see(engine, event, outcome))

    def work(self) -> list[ProfitRow]:
        """Rows that are due; alarms are told."""
        return self._told({book: keeper.work for book, keeper in self._keepers.items()})

    def finish(self, engines: Mapping[str, Engine]) -> list[ProfitRow]:
        """The last rows of a run."""
        return self._told(
            {book: lambda book=book: self._keepers[book].finish(engines[book]) for book in self._keepers}  # type: ignore[misc]
        )

    def _told(self, works: Mapping[str, Callable[[], Kept]]) -> list[ProfitRow]:
        rows: list[ProfitRow] = []
        for book, work in works.items():
            kept = self._sure(book, work)
            if kept is not None:
                rows += kept.rows
                for alarm in kept.alarms:
                    self._tell(book, self._seqs[book], alarm)
        return rows

    def _sure(self, book: str, work: Callable[[], Kept | None]) -> Kept | None:
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whatever fails here, the book is hedged on
            del self._keepers[book]
            text = f"{type(error).__name__} {error}; the ledger gets no more of it, `hedgebot pnl` reads the tape"
            self._tell(book, self._seqs[book], AlarmRaised(name=FAILED, detail=text, deadline_ns=None))
            return None
