"""The page's day out of the ledger: beside the start, and whatever becomes of it, the run goes on."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app import recalling as module
from bot.app.recalling import recalling
from bot.domain.decided import NOTHING, Decided, FillBooked, Outcome
from bot.domain.events import InstrumentListed, Ticked
from bot.domain.time import NS_PER_S, Ns
from bot.journal.ledger import Ledger
from bot.journal.reader import LedgerReader
from bot.observe.board import Board


class _Told:
    """What was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[object, ...]] = []

    def recalled(self, book: str, decisions_count: int, samples_count: int) -> None:
        self.lines.append((book, decisions_count, samples_count))

    def unrecalled(self, cause: str) -> None:
        self.lines.append((cause,))


async def _until_told(told: _Told) -> None:
    async with asyncio.timeout(60.0):
        while not told.lines:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


@pytest.fixture
def board() -> Board:
    """Of a run that begins."""
    return Board(run_id="now", mode="demo", books=["BTC"])


@pytest.fixture
def decided(play: Any) -> Callable[..., Decided]:
    """A hedge; fields by keyword."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    play.tick()
    made: Decided = play.decided()
    return lambda **changes: structs.replace(made, **changes)


@pytest.fixture
def url(tmp_path: Path, decided: Callable[..., Decided], make: Any, now_ns: Ns) -> str:
    """A ledger in which an earlier run hedged a minute ago, and got a fill."""
    found = f"sqlite:///{tmp_path}/ledger.db"
    began_ns = Ns(now_ns - 60 * NS_PER_S)
    ledger = Ledger.open(
        found, run_id="before", started_ns=began_ns, mode="demo", config_hash="c0ffee", version="0.1.0"
    )
    made = decided(seq=4, now_ns=began_ns)
    ledger.commit_intents([make.place(decided_seq=4)], made)
    fill = structs.replace(make.fill("T-1", "-10", None), received_ns=began_ns)
    booked = FillBooked(
        fill_id=fill.fill_id,
        label=fill.label,
        instrument=fill.instrument,
        amount_native=fill.amount_native,
        price_native=fill.price_native,
        fee_native=fill.fee_native,
        fee_currency=fill.fee_currency,
        position_native=fill.amount_native,
        slippage_usd=-1.0,
    )
    ledger.record("BTC", fill, Outcome(notes=(booked,)))
    ledger.close()
    return found


@pytest.mark.asyncio
async def test_the_page_begins_with_the_day_before(
    board: Board, url: str, now_ns: Ns, decided: Callable[..., Decided], make: Any
) -> None:
    """Behind what this run has decided meanwhile: decisions, curve, hedge, fill in the unit of its instrument."""
    told = _Told()
    board.saw("BTC", InstrumentListed(instrument=make.perpetual(), received_ns=now_ns), NOTHING)
    board.saw("BTC", Ticked(now_ns=now_ns), Outcome(decided=decided(seq=4, now_ns=now_ns)))
    async with recalling(board, url, lambda: now_ns, told):
        await _until_told(told)
    shown, day = board.told()["BTC"], board.history("BTC", "day")

    assert told.lines == [("BTC", 1, 1)]
    assert [(each.run_id, each.seq) for each in shown.decisions] == [("now", 4), ("before", 4)]
    assert [(each.unit, each.position_native, each.label) for each in shown.fills] == [("USD", -10, None)]
    assert day is not None
    assert [(dot.delta_coin_net, dot.profit_usd) for dot in day.dots] == [(decided().delta_coin_net, None)]
    assert [each.time_ms for each in day.hedges] == [(now_ns - 60 * NS_PER_S) // 1_000_000, now_ns // 1_000_000]


@pytest.mark.asyncio
@pytest.mark.parametrize("content", [b"", b"no ledger at all, but long enough to look like one" * 100])
async def test_a_ledger_that_cannot_be_read_is_told_of_and_nothing_else(
    board: Board, tmp_path: Path, now_ns: Ns, content: bytes
) -> None:
    """The page is as it was."""
    told = _Told()
    (tmp_path / "ledger.db").write_bytes(content)
    async with recalling(board, f"sqlite:///{tmp_path}/ledger.db", lambda: now_ns, told):
        await _until_told(told)

    assert len(told.lines) == 1
    assert "cannot be read" in str(told.lines[0][0])
    assert board.told()["BTC"].decisions == ()
    assert board.told_count == 0


@pytest.mark.asyncio
async def test_what_fails_in_it_ends_no_run(
    board: Board, url: str, now_ns: Ns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is none of ours, or a mistake of ours: said by its name."""
    told = _Told()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the ledger holds 'x' where a number belongs")

    monkeypatch.setattr(LedgerReader, "day", fail)
    async with recalling(board, url, lambda: now_ns, told):
        await _until_told(told)

    assert told.lines == [("AssertionError: the ledger holds 'x' where a number belongs",)]


@pytest.mark.asyncio
async def test_a_slow_ledger_holds_up_neither_the_run_nor_its_end(
    board: Board, url: str, now_ns: Ns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block runs while it is read, and reading ends with the block; as it does when it has taken too long."""
    steps: list[str] = []

    def slow(_books: object, _url: str, _asker: object, gives_up: Callable[[], bool]) -> dict[str, object]:
        steps.append("begun")
        while not gives_up():
            time.sleep(0.001)
        steps.append("ended")
        return {}

    async def until(count: int) -> None:
        async with asyncio.timeout(60.0):
            while len(steps) < count:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)

    told = _Told()
    monkeypatch.setattr(module, "_days", slow)
    async with recalling(board, url, lambda: now_ns, told):
        await until(1)
        began = list(steps)
    await until(2)
    async with recalling(board, url, lambda: now_ns, told, seconds_max=0.0):
        await until(4)

    assert (began, steps) == (["begun"], ["begun", "ended"] * 2)

    assert told.lines == []
    assert board.told_count == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_a_ledger_in_memory_has_no_day_before(board: Board, now_ns: Ns, url: str) -> None:
    """Nor has a run without a page: nobody is asked and nothing is said."""
    told = _Told()
    async with recalling(board, url, lambda: now_ns, told):
        pass
    async with recalling(None, "sqlite:///absent.db", lambda: now_ns, told):
        await asyncio.sleep(0)

    assert told.lines == []
