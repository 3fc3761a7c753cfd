"""A bot whose hedges rest, as a process against an exchange: nothing is left in the book, however it ends."""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

_RESTS = {
    "HEDGEBOT_VENUE__GATEWAY": "deribit_ws",
    "HEDGEBOT_BOOKS__BTC__TACTIC__NAME": "rest_then_cross",
    "HEDGEBOT_BOOKS__BTC__TACTIC__REST_FOR_S": "600",
    "HEDGEBOT_BOOKS__BTC__TACTIC__DRIFT_BPS_MAX": "1000",
    "HEDGEBOT_BOOKS__BTC__TACTIC__BEHIND_TICKS_MAX": "1000000",
    "HEDGEBOT_BOOKS__BTC__BAND__HARD_WIDTH_MULTIPLE": "1000",
}
"""Patient: an order that has left the touch stays where it is, so that there is one to be killed with."""
_SCOPE = "trade:read_write account:read_write wallet:none"
"""What asking for cancel-on-disconnect takes."""
_WAIT_S = 120.0


async def _until(bot: Any, holds: Callable[[], Any], what: str) -> None:
    """Wait, bounded, for something asked of the venue."""
    deadline_s = time.monotonic() + _WAIT_S
    while not await holds():
        assert time.monotonic() < deadline_s, f"{what} did not happen:\n{bot.text()[-6000:]}"
        await asyncio.sleep(0.02)


async def _resting(processes: Any, venue: Any, **settings: str) -> Any:
    """A bot with an order in the book."""
    bot = processes.bot(venue.address, **(_RESTS | settings))

    async def rests() -> bool:
        return bool(await venue.open_orders())

    await _until(bot, rests, "an order that rests")
    return bot


async def _is_empty(venue: Any) -> bool:
    return await venue.open_orders() == []


@pytest.mark.asyncio
async def test_a_signal_takes_back_what_rests(processes: Any, local_venue: Callable[..., Any]) -> None:
    """Exit code 0, the cancel confirmed, positions the venue's own."""
    async with local_venue(scope=_SCOPE) as (_, venue):
        bot = await _resting(processes, venue)
        bot.send(signal.SIGTERM)
        assert await bot.ended() == 0, bot.text()[-4000:]
        result = bot.result()

        assert await _is_empty(venue)
        assert (result["positions_match"], result["unknown_open"], result["phase"]) == (True, 0, "stopped"), result


@pytest.mark.asyncio
async def test_killed_with_an_order_in_the_book(processes: Any, local_venue: Callable[..., Any]) -> None:
    """The venue takes it back; the next run finds its end by its label and hedges once."""
    async with local_venue(scope=_SCOPE) as (_, venue):
        first = await _resting(processes, venue)
        first.send(signal.SIGKILL)
        assert await first.ended() == -signal.SIGKILL
        await _until(first, lambda: _is_empty(venue), "cancel on disconnect")

        second = processes.bot(venue.address, **(_RESTS | {"HEDGEBOT_BOOKS__BTC__TACTIC__REST_FOR_S": "1"}))
        await second.said("book.reconciled")
        await second.until(second.is_content, "inside the band")
        second.send(signal.SIGTERM)
        assert await second.ended() == 0, second.text()[-4000:]
        result, trades = second.result(), await venue.trades()

        assert await _is_empty(venue)
        assert (result["positions_match"], result["violations"], result["unknown_open"]) == (True, [], 0), result
        assert result["band_low_coin"] - 0.005 <= result["net_delta_coin_final"] <= result["band_high_coin"] + 0.005
        sent = [line["label"] for bot in (first, second) for line in bot.events("order.sent")]
        assert len(sent) == len(set(sent))
        assert {trade["label"] for trade in trades} <= set(sent)


@pytest.mark.asyncio
@pytest.mark.parametrize(("gateway", "scope"), [("ccxt", _SCOPE), ("deribit_ws", "")])
async def test_nothing_rests_where_nobody_takes_it_back(
    processes: Any, local_venue: Callable[..., Any], gateway: str, scope: str
) -> None:
    """Over REST, or with a key that may not ask for it: one line with the next step, exit code 2, and no order."""
    async with local_venue(scope=scope) as (_, venue):
        bot = processes.bot(venue.address, **(_RESTS | {"HEDGEBOT_VENUE__GATEWAY": gateway}))
        assert await bot.ended() == 2
        told = [line for line in bot.words() if "tactic.name" in line]

        assert len(told) == 1, bot.text()[-4000:]
        assert "rest_then_cross leaves orders resting" in told[0]
        assert await _is_empty(venue)
        assert await venue.trades() == []
