"""`hedgebot run` as a process, over real sockets and ccxt, against `hedgebot exchange` as another."""

import signal
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

_KEYS = {
    *("mode", "seconds", "events", "decisions", "hedges", "orders", "fills", "refused", "unknown_open"),
    *("net_delta_coin_final", "band_low_coin", "band_high_coin", "gamma_coin_per_usd_final", "positions_match"),
    *("outside_band_s", "violations", "pnl_usd"),
}
"""What the last line must have at least."""


@pytest.mark.asyncio
async def test_a_run_hedges_ends_by_itself_and_says_how_it_went(processes: Any, order_way: dict[str, str]) -> None:
    """Hedged over real sockets; the venue agrees about positions, fills and labels; the last line is the result."""
    venue = await processes.exchange("--vol-scale", "0.25").listening()
    bot = processes.bot(venue.address, "--seconds", "8", start=processes.spawn, **order_way)
    code = await bot.ended()
    result = bot.result()

    assert code == 0, bot.text()[-4000:]
    assert result.keys() >= _KEYS
    assert (result["mode"], result["positions_match"], result["violations"]) == ("testnet", True, [])
    assert (result["refused"], result["unknown_open"], result["phase"]) == (0, 0, "stopped")
    assert result["hedges"] == result["orders"] >= 1
    assert result["band_low_coin"] - 0.005 <= result["net_delta_coin_final"] <= result["band_high_coin"] + 0.005
    parts = ("options", "hedge", "slippage", "fees", "funding")
    assert sum(result["pnl_usd"][part] for part in parts) == pytest.approx(result["pnl_usd"]["total"], abs=1e-6)

    trades = await venue.trades()
    assert {trade["label"] for trade in trades} == {line["label"] for line in bot.events("order.sent")}
    assert len(trades) == result["fills"]
    assert await venue.open_orders() == []


@pytest.mark.asyncio
async def test_sigterm_ends_in_order(processes: Any, local_venue: Callable[..., Any]) -> None:
    """With an order on its way: exit 0, nothing open, the result printed, positions match."""
    async with local_venue() as (local, venue):
        local.faults.delay_reply("private/sell", 1.0)
        bot = processes.bot(venue.address, start=processes.spawn)
        await bot.said("order.sent")
        bot.send(signal.SIGTERM)
        code = await bot.ended()

        assert code == 0, bot.text()[-4000:]
        result = bot.result()
        assert (result["positions_match"], result["phase"], result["unknown_open"]) == (True, "stopped", 0)
        assert await venue.open_orders() == []
        signs = {"buy": 1, "sell": -1}
        hedged = sum(Decimal(str(t["amount"])) * signs[t["direction"]] for t in await venue.trades())
        assert (await venue.positions())["BTC-PERPETUAL"] == hedged


@pytest.mark.asyncio
async def test_a_wrong_key_ends_with_one_line_and_code_2(processes: Any, local_venue: Callable[..., Any]) -> None:
    """The operator's mistake is told in one line that names it, without the secret."""
    async with local_venue() as (_, venue):
        bot = processes.bot(venue.address, start=processes.spawn, HEDGEBOT_VENUE__CLIENT_SECRET="not the secret")  # noqa: S106 - no secret

        assert await bot.ended() == 2, bot.text()[-4000:]
    assert (
        bot.text().splitlines()[-1] == "hedgebot: venue.client_id: the key is refused with 13004; check key and secret"
    )
    assert "not the secret" not in bot.text()
