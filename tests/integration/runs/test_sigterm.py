"""SIGTERM at any of twenty random moments: the process ends in order, and leaves no order behind.

One exchange with an account per bot, five batches of four bots side by side: while starting, early and late, with a
hedge on its way, after one, and while the sockets are being set up again. Every account starts half a coin out of its
band.
"""

import asyncio
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.observe.tally import MISMATCH

_SEED = 20_261_126
_PER_BATCH = 4


def _delays_s(batch: int, longest_s: float) -> list[float]:
    rng = random.Random(_SEED + batch)
    return [rng.uniform(0.0, longest_s) for _ in range(_PER_BATCH)]


async def _ends_in_order(bot: Any, local: Any, account: str) -> None:
    """From the signal on: exit code 0 in time, nothing open at the venue, an account of it where there was a run."""
    bot.send(signal.SIGTERM)
    code = await bot.ended()

    assert code == 0, f"{account}: {bot.text()[-4000:]}"
    assert local._venue.exchange.orders_open(account) == []
    assert bot.words() == []
    if bot.events("run.ended"):
        result = bot.result()
        assert (result["phase"], result["unknown_open"]) == ("stopped", 0), f"{account}: {result}"
        assert MISMATCH not in result["violations"], f"{account}: {result}"
    sent = {line["label"] for line in bot.events("order.sent")}
    assert {order.label for order in local._venue.exchange.orders_all(account)} <= sent


@pytest.mark.asyncio
async def test_an_end_may_be_asked_for_at_any_moment(processes: Any, local_venue: Any, tmp_path: Path) -> None:
    """Twenty moments from one seed; among them orders in flight and ends before there was anything to end."""
    accounts = [f"account{number}" for number in range(5 * _PER_BATCH)]

    def start(number: int, venue: Any) -> Any:
        folder = tmp_path / accounts[number]
        folder.mkdir()
        return processes.bot(
            venue.address, start=processes.spawn, folder=folder, HEDGEBOT_VENUE__CLIENT_ID=accounts[number]
        )

    async with local_venue(accounts=accounts) as (local, venue):

        async def batch(number: int, longest_s: float, ready: Callable[[Any], Any]) -> list[Any]:
            first = number * _PER_BATCH
            bots = [start(first + place, venue) for place in range(_PER_BATCH)]

            async def one(place: int, delay_s: float) -> None:
                await ready(bots[place])
                await asyncio.sleep(delay_s)  # the random moment itself
                await _ends_in_order(bots[place], local, accounts[first + place])

            await asyncio.gather(*(one(place, delay_s) for place, delay_s in enumerate(_delays_s(number, longest_s))))
            return bots

        async def at_once(bot: Any) -> None:
            await bot.until(lambda: bot.hears(signal.SIGTERM), "hearing signals")

        async def cut(bot: Any) -> None:
            await bot.said("book.reconciled")
            local.faults.drop_sockets()

        early = await batch(0, 2.0, at_once)
        late = await batch(1, 8.0, at_once)
        for method in ("private/buy", "private/sell"):
            local.faults.delay_reply(method, 1.0, times=_PER_BATCH)
        hedging = await batch(2, 1.5, lambda bot: bot.said("order.sent"))
        await batch(3, 3.0, lambda bot: bot.said("order.filled"))
        cut_off = await batch(4, 1.5, cut)

    assert any(not bot.events("run.started") for bot in early + late), "no moment was before the run"
    assert all(bot.events("order.sent") for bot in hedging)
    assert any(bot.events("stream.lost") for bot in cut_off), "no moment was in a reconnection"
