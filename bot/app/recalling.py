"""The page's day from before this run, out of the ledger: read beside the start, by a thread with a line of its own.

Whatever becomes of it, no hedge waits for it: a ledger that is slow or damaged leaves the page as it was.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final, Protocol

from bot.domain.errors import JournalError
from bot.domain.time import NS_PER_DAY, Ns, ms_from_ns
from bot.journal import opening
from bot.journal.day import Day, Sample
from bot.journal.reader import LedgerReader
from bot.journal.rows import FillRow
from bot.observe.board import Board, Dot, Earlier, FillTold, HedgeDot

_SECONDS_MAX: Final = 5.0
"""A hundred times what a day takes on a healthy disk."""
_IN_MEMORY: Final = ":memory:"


class Teller(Protocol):
    """What is said of it."""

    def recalled(self, book: str, decisions_count: int, samples_count: int) -> None:
        """A day was found."""

    def unrecalled(self, cause: str) -> None:
        """The page begins empty."""


@contextlib.asynccontextmanager
async def recalling(
    board: Board | None, url: str, now_ns: Callable[[], Ns], teller: Teller, *, seconds_max: float = _SECONDS_MAX
) -> AsyncIterator[None]:
    """Read while the block runs, and no longer; without a `board`, or with a ledger in memory, there is nothing to."""
    if board is None or (not opening.is_postgresql(url) and opening.path_of(url) == _IN_MEMORY):
        yield
        return
    over = threading.Event()
    end_s = time.monotonic() + seconds_max
    task = asyncio.create_task(_recall(board, url, now_ns(), lambda: over.is_set() or time.monotonic() > end_s, teller))
    task.add_done_callback(partial(_ended, teller))
    try:
        yield
    finally:
        over.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _recall(board: Board, url: str, until_ns: Ns, gives_up: Callable[[], bool], teller: Teller) -> None:
    days = await asyncio.to_thread(_days, board.books, url, (board.run_id, until_ns), gives_up)
    for book, day in days.items():
        if day.decisions or day.fills:
            board.recall(book, _earlier(day))
            teller.recalled(book, len(day.decisions), len(day.samples))


def _ended(teller: Teller, task: asyncio.Task[None]) -> None:
    """Whatever failed, it ends here: the book is hedged on."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        name = "" if isinstance(error, JournalError) else f"{type(error).__name__}: "
        teller.unrecalled(f"{name}{error}")


def _days(books: Sequence[str], url: str, asker: tuple[str, Ns], gives_up: Callable[[], bool]) -> dict[str, Day]:
    run_id, until_ns = asker
    with contextlib.closing(LedgerReader.open(url, gives_up=gives_up)) as reader:
        since_ns = Ns(until_ns - NS_PER_DAY)
        return {book: reader.day(book, since_ns, until_ns, except_run_id=run_id) for book in books}


def _earlier(day: Day) -> Earlier:
    return Earlier(
        decisions=day.decisions,
        dots=[_dot(sample) for sample in day.samples],
        hedges=[
            HedgeDot(
                time_ms=ms_from_ns(hedge.now_ns),
                seq=hedge.seq,
                trade_coin=hedge.trade_coin,
                price_usd=hedge.price_usd,
                delta_coin_net=hedge.delta_coin_net,
            )
            for hedge in day.hedges
        ],
        fills=[_fill(row, after) for row, after in day.fills],
        parts_usd=day.parts_usd,
    )


def _dot(sample: Sample) -> Dot:
    return Dot(
        time_ms=ms_from_ns(sample.now_ns),
        price_usd=sample.price_usd,
        delta_coin_net=sample.delta_coin_net,
        delta_coin_low=sample.delta_coin_low,
        delta_coin_high=sample.delta_coin_high,
        band_low_coin=sample.band_low_coin,
        band_high_coin=sample.band_high_coin,
        profit_usd=None,
    )


def _fill(row: FillRow, position_native: Decimal) -> FillTold:
    return FillTold(
        time_ns=row.received_ns,
        instrument=row.instrument,
        label=row.label,
        amount_native=row.amount_native,
        unit="",
        price_native=row.price_native,
        fee_native=row.fee_native,
        fee_currency=row.fee_currency,
        slippage_usd=row.slippage_usd,
        position_native=position_native,
    )
