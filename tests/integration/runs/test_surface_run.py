"""A bot with a fitted surface against the local exchange: strikes subscribed, fits taped, hedged by its smile."""

import signal
from typing import Any

import pytest

from bot.drive.replay import replay


@pytest.mark.asyncio
async def test_a_bot_hedges_by_its_smile_and_replays_equal(processes: Any) -> None:
    """Fits come every five seconds; the status tells the rule in use, forward and volatility with their sources."""
    venue = await processes.exchange().listening()
    bot = processes.bot(
        venue.address,
        HEDGEBOT_BOOKS__BTC__DELTA__SMILE="sticky_delta",
        HEDGEBOT_BOOKS__BTC__DELTA__FIT_INTERVAL_S="5",
        HEDGEBOT_BOOKS__BTC__VOLATILITY__SOURCE="surface",
        HEDGEBOT_BOOKS__BTC__FORWARD__SOURCE="future",
    )
    await bot.said("order.filled")
    await bot.said("surface.fitted")
    watched = [name for line in bot.events("market.watched") for name in line["instruments"]]
    for _ in range(3):
        await bot.said("hedge.skipped")
    _, (book, *_) = await bot.page("/status")
    bot.send(signal.SIGTERM)
    assert await bot.ended() == 0, bot.text()[-4000:]

    assert len(watched) > 10
    fitted = [line for line in bot.events("surface.fitted") if not line["defect"]]
    assert fitted, bot.events("surface.fitted")
    assert fitted[0]["expiries"] >= 1
    assert {"sticky_strike", "sticky_delta", "ssr", "minimum_variance"} == set(fitted[0]["variance_ratios"])
    assert [item["smile"] for item in book["sources"]] == ["sticky_delta"] * len(book["sources"])
    assert {name for item in book["sources"] for name in item["options_by_volatility"]} == {"surface"}
    assert bot.result()["phase"] == "stopped"
    (run,) = (processes.folder / "runs").iterdir()
    assert replay(run).is_equal
