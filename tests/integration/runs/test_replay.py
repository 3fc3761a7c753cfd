"""The tapes of whole runs replay equal: a demo, a bot stopped by a signal; and runs without a tape, or without room."""

import contextlib
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.drive.profit_keeper import ProfitKeeper
from bot.drive.replay import replay
from bot.engine import Engine
from bot.journal import manifest
from bot.journal.profit_rows import profit_row
from bot.journal.tape_reader import TapeReader


def _is_there(folder: str) -> bool:
    return Path(folder).exists()


@pytest.mark.asyncio
async def test_a_demo_replays_equal_by_its_command(processes: Any) -> None:
    """`demo --runs DIR`, then `replay DIR/RUN`: exit 0 and the counts of the run itself."""
    runs = processes.folder / "kept"
    demo = processes.start("demo", "--seconds", "3", "--json", "--runs", str(runs))
    assert await demo.ended() == 0, demo.text()[-4000:]
    (folder,) = runs.iterdir()
    replayed = processes.start("replay", str(folder), "--json")
    assert await replayed.ended() == 0, replayed.text()[-4000:]

    result = replayed.result()
    assert (result["mode"], result["is_equal"], result["ending"]) == ("demo", True, "in order")
    assert (result["events_count"], result["decisions_count"]) == (demo.result()["events"], demo.result()["decisions"])


@pytest.mark.asyncio
async def test_a_demo_leaves_no_tape_unless_told_to(processes: Any) -> None:
    """Its folder goes with it."""
    demo = processes.start("demo", "--seconds", "2", "--json")
    assert await demo.ended() == 0, demo.text()[-4000:]

    assert not _is_there(demo.events("run.started")[0]["tape"])


@pytest.mark.asyncio
async def test_a_bot_without_a_tape_runs(processes: Any) -> None:
    """`[tape] enabled = false`: nothing is written, and the log says so."""
    venue = await processes.exchange().listening()
    bot = processes.bot(venue.address, HEDGEBOT_TAPE__ENABLED="false")
    await bot.said("order.filled")
    bot.send(signal.SIGTERM)
    assert await bot.ended() == 0, bot.text()[-4000:]

    assert bot.events("run.started")[0]["tape"] == "none"
    assert not (processes.folder / "runs").exists()


@pytest.mark.asyncio
async def test_a_bot_that_cannot_write_its_tape_does_not_start(processes: Any) -> None:
    """Exit 4 and one line, before anything is asked of the venue."""
    (processes.folder / "runs").write_text("a file is in the way")
    venue = await processes.exchange().listening()
    bot = processes.bot(venue.address)
    assert await bot.ended() == 4, bot.text()[-4000:]

    assert bot.text().count("\n") == 1
    assert "cannot write" in bot.text()


@pytest.mark.asyncio
async def test_a_bot_stopped_by_a_signal_replays_equal(processes: Any) -> None:
    """Orders, fills and the stop itself are on the tape."""
    venue = await processes.exchange("--vol-scale", "4").listening()
    bot = processes.bot(venue.address)
    await bot.said("order.filled")
    bot.send(signal.SIGTERM)
    assert await bot.ended() == 0, bot.text()[-4000:]
    result = replay(Path(bot.events("run.started")[0]["tape"]))

    assert (result.is_equal, result.ending, result.difference) == (True, "in order", None)
    assert result.commands_count > 0
    _profits_are_the_tapes(bot.ledger, Path(bot.events("run.started")[0]["tape"]))


def _profits_are_the_tapes(ledger: Path, folder: Path) -> None:
    """What made the profit: worked out beside the run and written down, and again from its tape, to the bit."""
    run, digest = manifest.read(folder)
    (book,) = run.books
    engine, keeper = Engine(book), ProfitKeeper(book)
    rows = []
    for read in TapeReader(folder, digest).records():
        keeper.see(engine, read.record.event, engine.apply(read.record.event))
        rows += keeper.work().rows
    rows += keeper.finish(engine).rows
    with contextlib.closing(sqlite3.connect(ledger)) as raw:
        found = raw.execute("select * from profits order by at_ns, leg").fetchall()

    assert len({row.leg for row in rows}) > 1
    assert found == sorted((profit_row(run.run_id, row) for row in rows), key=lambda row: (row[3], row[2]))
