"""SIGKILL in the middle of a run, and a restart: both parts replay equal; nothing that led to an order is lost."""

import signal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.commands import PlaceOrder
from bot.drive.replay import ReplayResult, replay
from bot.journal import manifest
from bot.journal.tape_reader import TapeReader


def _tape_of(bot: Any) -> Path:
    return Path(bot.events("run.started")[0]["tape"])


def _labels_on(folder: Path) -> set[str]:
    """Labels of all orders a tape tells of."""
    reads = TapeReader(folder, manifest.read(folder)[1]).records()
    return {command.label for read in reads for command in read.record.commands if isinstance(command, PlaceOrder)}


def _assert_equal(result: ReplayResult, *endings: str) -> None:
    assert (result.is_equal, result.difference, result.problem) == (True, None, "")
    assert result.ending in endings
    assert result.decisions_count > 0
    assert result.commands_count > 0


@pytest.mark.asyncio
async def test_both_parts_of_a_killed_run_replay_equal(processes: Any) -> None:
    """The first ends where it was killed, the second in order; between them they know every order the venue has."""
    venue = await processes.exchange("--vol-scale", "4").listening()
    first = processes.bot(venue.address)
    await first.said("order.filled")
    first.send(signal.SIGKILL)
    assert await first.ended() == -signal.SIGKILL

    second = processes.bot(venue.address)
    await second.said("book.reconciled")
    await second.said("hedge.skipped")
    second.send(signal.SIGTERM)
    assert await second.ended() == 0, second.text()[-4000:]

    _assert_equal(replay(_tape_of(first)), "torn", "cut")
    _assert_equal(replay(_tape_of(second)), "in order")
    labels = {trade["label"] for trade in await venue.trades()}
    assert labels
    assert labels <= _labels_on(_tape_of(first)) | _labels_on(_tape_of(second))


@pytest.mark.asyncio
async def test_a_byte_changed_in_the_tape_of_a_killed_run_is_named(processes: Any) -> None:
    """Damage is not mistaken for the end a kill leaves."""
    venue = await processes.exchange("--vol-scale", "4").listening()
    bot = processes.bot(venue.address)
    await bot.said("order.filled")
    bot.send(signal.SIGKILL)
    await bot.ended()
    segment = _tape_of(bot) / "tape-000001.bin"
    data = bytearray(segment.read_bytes())
    data[len(data) * 2 // 3] ^= 0x10
    segment.write_bytes(data)

    result = replay(_tape_of(bot))

    assert (result.is_equal, result.ending) == (False, "damaged")
    assert result.difference is not None
    assert "tape-000001.bin, record" in result.difference.recorded


@pytest.mark.asyncio
async def test_killed_the_moment_an_order_is_seen_at_the_venue(processes: Any, local_venue: Any) -> None:
    """The order may have been the last thing the process did: the tape has it and all that led to it."""
    async with local_venue() as (local, venue):
        local.faults.lose_reply("private/sell")
        bot = processes.bot(venue.address)
        await bot.until(lambda: bool(local._venue.exchange.trades_of("demo")), "a trade at the venue")
        bot.send(signal.SIGKILL)
        assert await bot.ended() == -signal.SIGKILL
        labels = {trade["label"] for trade in await venue.trades()}

    (folder,) = (processes.folder / "runs").iterdir()
    _assert_equal(replay(folder), "torn", "cut")
    assert labels <= _labels_on(folder)
