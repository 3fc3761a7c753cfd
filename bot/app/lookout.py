"""The running engines as a page sees them: sampled, and each new decision explained once its order has left.

Knows engines and what the page keeps; changes nothing. Whatever fails in an explanation fails in a callback of its own.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from bot.book import BookParams
from bot.domain.decided import Outcome
from bot.domain.events import Event
from bot.domain.status import BookStatus
from bot.domain.time import Ns
from bot.drive.why import explain
from bot.engine import Engine
from bot.observe.board import SAMPLE_EVERY_NS, Board
from bot.observe.explained import Explained

_NOT_MADE_AGAIN = ("", "")
"""Neither compared with a tape nor in contradiction to it."""


def _soon(work: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(work)


class Lookout:
    """One process."""

    def __init__(
        self, board: Board, books: Iterable[BookParams], *, later: Callable[[Callable[[], None]], None] = _soon
    ) -> None:
        """Nothing to see until `follow`; `later` puts the explanation of a decision off until others had their turn."""
        self.board = board
        self._params = {book.book: book for book in books}
        self._later = later
        self._engines: Mapping[str, Engine] = {}
        self._sampled_ns: dict[str, Ns] = {}

    def follow(self, engines: Mapping[str, Engine]) -> None:
        """Look at these from now on."""
        self._engines = engines

    def saw(self, book: str, seq: int, event: Event, outcome: Outcome) -> None:
        """One event and what it led to, told after the orders have left."""
        if self.board.saw(book, event, outcome) is not None:
            self._later(lambda: self._explain(book, seq, outcome))

    def ticked(self, book: str, now_ns: Ns) -> None:
        """A decision was made then, perhaps a while ago: the book is sampled as it is now, if that is due."""
        if now_ns - self._sampled_ns.get(book, 0) >= SAMPLE_EVERY_NS:
            status = self._engines[book].status()
            self._sampled_ns[book] = status.now_ns
            self.board.sample(status)

    def _explain(self, book: str, seq: int, outcome: Outcome) -> None:
        """While the engine still is as that decision left it; later it would be another one's explanation."""
        engine = self._engines[book]
        if engine.seq == seq:
            self.board.explain(self._told(book, engine, outcome))

    def statuses(self) -> tuple[BookStatus, ...]:
        """Frozen pictures of all books."""
        return tuple(engine.status() for engine in self._engines.values())

    def explained(self, status: BookStatus) -> Explained | None:
        """The decision of a status just taken, taken apart; None before the first."""
        engine, decided = self._engines[status.book], status.decided
        if decided is None or engine.looked is None:
            return None
        return self._told(status.book, engine, Outcome(decided=decided))

    def _told(self, book: str, engine: Engine, outcome: Outcome) -> Explained:
        of_run = (self.board.run_id, self.board.mode)
        return explain(self._params[book], engine, outcome, of_run, verdict=_NOT_MADE_AGAIN)
