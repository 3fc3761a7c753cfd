"""Health pages of a real process: alive once it decides, ready only while it agrees with the venue."""

import signal
from collections.abc import Callable
from typing import Any

import pytest


def _samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.mark.asyncio
async def test_alive_before_ready_ready_after_reconciling_never_after_a_halt(
    processes: Any, local_venue: Callable[..., Any]
) -> None:
    """No snapshot: alive, not ready. Snapshot: ready. A position nobody explains: halted, exit 5."""
    async with local_venue() as (local, venue):
        local.faults.refuse("private/get_positions", 13028, "temporarily_unavailable", times=1_000)
        bot = processes.bot(venue.address)
        assert await bot.becomes("/healthz", 200) == {"ok": True, "reason": ""}
        assert await bot.page("/readyz") == (503, {"ok": False, "reason": "BTC: reconciling: start"})
        assert bot.events("order.sent") == []

        local.faults._refusals["private/get_positions"].clear()
        await bot.becomes("/readyz", 200)
        await bot.said("order.filled")

        local.faults.refuse("private/get_positions", 13028, "temporarily_unavailable", times=1_000)
        local.faults.drop_sockets()
        reason = (await bot.becomes("/readyz", 503))["reason"]
        assert reason in {"BTC: reconciling: account stream lost", "BTC: reconciling: account stream restored"}
        local.faults._refusals["private/get_positions"].clear()
        await bot.becomes("/readyz", 200)

        # A stranger moves the hedge position by hand without a trade of the account: nothing explains it.
        local._venue.exchange.seed_position("demo", "BTC-PERPETUAL", 10)
        await bot.said("trading.halted")
        assert await bot.page("/readyz") == (503, {"ok": False, "reason": "BTC: halted: position_mismatched"})
        assert (await bot.page("/healthz"))[0] == 200
        told = _samples((await bot.page("/metrics"))[1])
        assert told['hedgebot_halts_total{book="BTC",cause="position_mismatched"}'] == 1
        assert told['hedgebot_orders_total{outcome="filled"}'] >= 1
        assert told['hedgebot_stream_reconnects_total{stream="account",venue="deribit"}'] >= 1
        assert 0 < told['hedgebot_order_credits_left{venue="deribit"}'] <= 20
        assert told["hedgebot_ledger_lag_seconds_count"] > 0
        assert told['hedgebot_traded_usd_total{book="BTC",liquidity="taker"}'] > 0
        assert told['hedgebot_position_native{book="BTC",instrument="BTC-PERPETUAL"}'] != 0
        sent = len(bot.events("order.sent"))

        bot.send(signal.SIGTERM)
        assert await bot.ended() == 5, bot.text()[-4000:]
        assert len(bot.events("order.sent")) == sent
        assert bot.result()["positions_match"] is False
