"""The same run, once for each way orders can go: it must not matter which."""

import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

_LOT_USD = Decimal(10)
_WAYS = ("ccxt", "deribit_ws")


@pytest.mark.asyncio
async def test_both_ways_end_with_the_same_hedge(processes: Any, tmp_path: Path) -> None:
    """One world without moves, seeded alike: filled, agreed with the venue, and within a lot of each other."""
    held: dict[str, Decimal] = {}
    for way in _WAYS:
        folder = tmp_path / way
        folder.mkdir()
        exchange = processes.exchange("--seed", "5", "--vol-scale", "0.001")
        venue = await exchange.listening()
        bot = processes.bot(venue.address, folder=folder, HEDGEBOT_VENUE__GATEWAY=way)
        await bot.said("order.filled")
        await bot.until(bot.is_content, "inside the band")
        bot.send(signal.SIGTERM)
        assert await bot.ended() == 0, bot.text()[-4000:]
        result = bot.result()
        assert (result["positions_match"], result["refused"], result["unknown_open"]) == (True, 0, 0), way
        assert result["hedges"] >= 1, way
        trades = await venue.trades()
        labels = [line["label"] for line in bot.events("order.sent")]
        assert {trade["label"] for trade in trades} == set(labels)
        held[way] = (await venue.positions())["BTC-PERPETUAL"]

    assert abs(held["ccxt"] - held["deribit_ws"]) <= _LOT_USD, held
    assert held["ccxt"] != 0
