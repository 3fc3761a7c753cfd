"""SIGKILL at fifty moments drawn from a seed, while a bot hedges a wild market at an exchange of another process.

The bots come one after the other, on one ledger, in turn over ccxt, over the order socket, and with orders that rest.
They are killed while they start, while they hedge, and in the very moment an order has left. Afterwards the venue is
asked what happened.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import Ns
from bot.journal.ledger import Ledger
from bot.observe.tally import MISMATCH

_SEED = 20_261_126
_KILLS = 50
_SCOPE = "trade:read_write account:read_write wallet:none"
"""What asking for cancel-on-disconnect takes."""
_RESTS = {"HEDGEBOT_VENUE__GATEWAY": "deribit_ws", "HEDGEBOT_BOOKS__BTC__TACTIC__NAME": "rest_then_cross"}
_WAYS: tuple[dict[str, str], ...] = ({}, {"HEDGEBOT_VENUE__GATEWAY": "deribit_ws"}, _RESTS)
_HASTY = {
    "HEDGEBOT_BOOKS__BTC__BAND__LOW_COIN_PER_OPTION_COIN": "-0.001",
    "HEDGEBOT_BOOKS__BTC__BAND__HIGH_COIN_PER_OPTION_COIN": "0.001",
    "HEDGEBOT_BOOKS__BTC__BAND__TRADE_COIN_MIN": "0.0005",
    "HEDGEBOT_BOOKS__BTC__LIMITS__ORDERS_PER_MINUTE_MAX": "600",
}
"""A band that the market leaves several times a second."""

Moment = Callable[[Any, random.Random], Awaitable[None]]


async def _starting(_bot: Any, rng: random.Random) -> None:
    await asyncio.sleep(rng.uniform(0.0, 0.8))


async def _hedging(bot: Any, rng: random.Random) -> None:
    await bot.said("book.reconciled")
    await asyncio.sleep(rng.uniform(0.0, 1.0))


async def _sending(bot: Any, rng: random.Random) -> None:
    await bot.said("order.sent", rng.randint(1, 3))


_MOMENTS: tuple[Moment, ...] = (_starting, _hedging, _sending, _sending)


def _signed(trade: dict[str, Any]) -> Decimal:
    return Decimal(str(trade["amount"])) * (1 if trade["direction"] == "buy" else -1)


@pytest.mark.asyncio
async def test_nothing_is_doubled_and_nothing_is_lost(processes: Any) -> None:
    """Every trade of the venue is in the ledger once, every label has one order, every intent an end."""
    venue = await processes.exchange("--vol-scale", "20", "--key", f"demo:demo:{_SCOPE}").listening()
    rng = random.Random(_SEED)
    bots = []
    for number in range(_KILLS):
        settings = _HASTY | _WAYS[number % len(_WAYS)]
        bot = processes.bot(venue.address, **settings)
        await rng.choice(_MOMENTS)(bot, rng)
        bot.send(signal.SIGKILL)
        assert await bot.ended() == -signal.SIGKILL, bot.text()[-4000:]
        bots.append(bot)

    last = processes.bot(venue.address, **_HASTY)
    await last.said("book.reconciled")
    await last.said("order.filled")
    last.send(signal.SIGTERM)
    assert await last.ended() == 0, last.text()[-4000:]
    result, trades = last.result(), await venue.trades()

    assert (result["positions_match"], result["unknown_open"], await venue.open_orders()) == (True, 0, []), result
    assert MISMATCH not in result["violations"]
    orders_of: dict[str, set[str]] = {}
    for trade in trades:
        orders_of.setdefault(trade["label"], set()).add(trade["order_id"])
    assert {label for label, orders in orders_of.items() if len(orders) != 1} == set()

    begun = {"run_id": "the test", "started_ns": Ns(0), "mode": "testnet", "config_hash": "", "version": "0"}
    ledger = Ledger.open(f"sqlite:///{last.ledger}", **begun)
    try:
        kept, labels, unresolved = ledger.fills(), ledger.labels_used(""), ledger.intents_unresolved()
        restored = ledger.restored("BTC")
    finally:
        ledger.close()
    assert sorted((fill.fill_id, fill.label, fill.amount_native) for fill in kept) == sorted(
        (trade["trade_id"], trade["label"], _signed(trade)) for trade in trades
    )
    assert orders_of.keys() <= labels
    assert unresolved == ()
    assert restored is not None
    held = {item.instrument: item.amount_native.normalize() for item in restored.positions if item.amount_native}
    assert held == await venue.positions()

    every = [*bots, last]
    assert [line for bot in every for line in bot.events("trading.halted")] == []
    assert len(trades) > _KILLS // 2, "they hardly hedged"
    assert any(bot.events("intent.restored") for bot in every), "no kill left an order without an end"
    sent = [line["label"] for bot in every for line in bot.events("order.sent")]
    assert len(sent) == len(set(sent))
