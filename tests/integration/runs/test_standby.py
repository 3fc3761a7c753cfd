"""Two bots for one account, as processes: one trades, the other takes over; never both.

That the standby is there within 20 seconds is held on a clock set by hand (`tests/unit/app/test_tenancy.py`): here the
machine may be as slow as it likes.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

_STANDBY = {"HEDGEBOT_STANDBY__ENABLED": "true", "HEDGEBOT_STANDBY__CLOCK_ERROR_S": "1"}
_AMOUNT_USD = 60_000


class Cable:
    """A wire to the database that can be pulled: what is sent is swallowed, and nobody is told."""

    def __init__(self, port: int) -> None:
        self._there = port
        self._is_pulled = False
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._there)
        self._writers += [writer, back]
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if not self._is_pulled:
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    def pull(self) -> None:
        """From now on nothing arrives, either way."""
        self._is_pulled = True

    def plug(self) -> None:
        """Connections made from now on work; those from before stay dead."""
        self._is_pulled = False
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Cable"]:
        """Carries until left."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.plug()
            await server.wait_closed()


def _in_database(url: str, port: int | None = None) -> dict[str, str]:
    parts = urlsplit(url)
    there = parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port if port is None else port}")
    return _STANDBY | {"HEDGEBOT_LEDGER__URL": there.geturl(), "HEDGEBOT_LEDGER__PASSWORD": str(parts.password)}


async def _disturb(venue: Any) -> None:
    """Somebody trades by hand: now there is a reason to hedge."""
    amount = {"instrument_name": "BTC-PERPETUAL", "amount": str(_AMOUNT_USD), "type": "market"}
    await venue.ask("private/buy", **amount)


async def _pair(processes: Any, venue: Any, first: dict[str, str], second: dict[str, str]) -> tuple[Any, Any]:
    """One that has hedged and is content, and one that stands by."""
    leader = processes.bot(venue.address, **first)
    await leader.said("order.filled")
    standby = processes.bot(venue.address, **second)
    await standby.said("lease.waited")
    await leader.until(leader.is_content, "inside the band")
    return leader, standby


def _taken_ns(bot: Any) -> int:
    return int(bot.events("lease.taken")[0]["ts_ns"])


def _assert_one_trader(before: Any, after: Any, trades: list[dict[str, Any]]) -> None:
    """Nothing of the first could start at the venue once the second held the lease, and nothing of it did."""
    taken_ns = _taken_ns(after)
    sent = before.events("order.sent")
    assert sent
    assert after.events("order.sent")
    assert max(line["ts_ns"] for line in sent) < taken_ns
    assert max(line["valid_until_ns"] for line in sent) <= taken_ns
    labels = {line["label"] for line in sent}
    assert all(trade["timestamp"] * 1_000_000 < taken_ns for trade in trades if trade.get("label") in labels)


async def _assert_hedges(standby: Any, venue: Any) -> None:
    """It agrees with the venue, and acts on what somebody did by hand."""
    await standby.said("book.reconciled")
    await _disturb(venue)
    await standby.said("order.filled")
    await standby.until(standby.is_content, "inside the band")


async def _assert_ends_well(bot: Any, venue: Any) -> None:
    bot.send(signal.SIGTERM)
    assert await bot.ended() == 0, bot.text()[-4000:]
    assert bot.result()["positions_match"] is True
    assert await venue.open_orders() == []


@pytest.mark.asyncio
async def test_a_second_bot_on_one_ledger_says_so_and_ends(processes: Any) -> None:
    """One line with the process that trades; that one does not notice. A third may start once it has ended."""
    venue = await processes.exchange("--vol-scale", "0.25").listening()
    first = processes.bot(venue.address)
    await first.said("order.filled")
    second = processes.bot(venue.address)

    assert await second.ended() == 2
    (line,) = second.words()
    assert line.startswith("hedgebot: ledger.url: ")
    assert "is traded by" in line
    await _assert_ends_well(first, venue)
    third = processes.bot(venue.address)
    await third.said("book.reconciled")
    assert third.events("lease.waited") == []
    await _assert_ends_well(third, venue)


@pytest.mark.asyncio
async def test_a_killed_bot_is_replaced_on_its_host(processes: Any) -> None:
    """Two processes and a file: what it sent last is looked up, and hedging goes on."""
    venue = await processes.exchange("--vol-scale", "0.25").listening()
    leader, standby = await _pair(processes, venue, _STANDBY, _STANDBY)
    leader.send(signal.SIGKILL)
    assert await leader.ended() == -signal.SIGKILL

    await _assert_hedges(standby, venue)

    assert max(line["ts_ns"] for line in leader.events("order.sent")) < _taken_ns(standby)
    await _assert_ends_well(standby, venue)


@pytest.mark.postgres
@pytest.mark.asyncio
async def test_a_bot_that_slept_wakes_up_and_trades_no_more(processes: Any, postgres: Any) -> None:
    """Stopped with a hedge due, replaced, woken while it believes that nothing has happened: it ends with code 6."""
    venue, url = await processes.exchange("--vol-scale", "0.25").listening(), postgres.url()
    leader, standby = await _pair(processes, venue, _in_database(url), _in_database(url))
    leader.send(signal.SIGSTOP)
    await _assert_hedges(standby, venue)
    await _disturb(venue)
    leader.send(signal.SIGCONT)

    assert await leader.ended() == 6, leader.text()[-4000:]
    assert any("has been taken over by" in line or "has taken the account over" in line for line in leader.words())
    await standby.until(standby.is_content, "inside the band")
    _assert_one_trader(leader, standby, await venue.trades())
    await _assert_ends_well(standby, venue)


@pytest.mark.postgres
@pytest.mark.asyncio
async def test_a_bot_cut_off_from_the_ledger_stops_before_the_other_starts(processes: Any, postgres: Any) -> None:
    """It sees prices and reaches the venue all the while, and has a reason to trade; then it ends once it may ask."""
    venue, url = await processes.exchange("--vol-scale", "0.25").listening(), postgres.url()
    async with Cable(postgres.port).laid() as cable:
        leader, standby = await _pair(processes, venue, _in_database(url, cable.port), _in_database(url))
        cable.pull()
        await _disturb(venue)
        await _assert_hedges(standby, venue)
        cable.plug()

        assert await leader.ended() == 6, leader.text()[-4000:]
    _assert_one_trader(leader, standby, await venue.trades())
    await _assert_ends_well(standby, venue)
