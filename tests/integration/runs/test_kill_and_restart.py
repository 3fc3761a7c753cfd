"""SIGKILL at an unfortunate moment, restart with the same ledger: nothing is lost and nothing is sent twice."""

import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest


def _ledger_rows(path: Path, question: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


async def _assert_whole(venue: Any, bot: Any) -> None:
    """Positions, labels and fills agree: venue, ledger, bot."""
    result, trades = bot.result(), await venue.trades()
    assert (result["positions_match"], result["violations"], result["unknown_open"]) == (True, [], 0), result
    low, high = result["band_low_coin"], result["band_high_coin"]
    assert low - 0.005 <= result["net_delta_coin_final"] <= high + 0.005, result
    assert await venue.open_orders() == []

    orders_of = {label: {t["order_id"] for t in trades if t["label"] == label} for label in Counter(_labels(trades))}
    assert {label: len(orders) for label, orders in orders_of.items()} == dict.fromkeys(orders_of, 1)

    kept = _ledger_rows(bot.ledger, "select fill_id, label, amount_native, price_native from fills")
    signs = {"buy": 1, "sell": -1}
    theirs = {(t["trade_id"], t["label"], Decimal(str(t["amount"])) * signs[t["direction"]]) for t in trades}
    assert {(fill, label, Decimal(amount)) for fill, label, amount, _ in kept} == theirs
    intents = {row[0] for row in _ledger_rows(bot.ledger, "select label from intents")}
    assert intents >= set(_labels(trades))


def _labels(trades: list[dict[str, Any]]) -> list[str]:
    return [trade["label"] for trade in trades]


async def _restarted(processes: Any, venue: Any, *says: str, **settings: str) -> Any:
    """A second bot on the same ledger, run until it has said that and is back in its band, then stopped."""
    second = processes.bot(venue.address, **settings)
    for name in ("book.reconciled", *says):
        await second.said(name)
    await second.until(second.is_content, "inside the band")
    second.send(signal.SIGTERM)
    assert await second.ended() == 0, second.text()[-4000:]
    return second


@pytest.mark.asyncio
async def test_killed_after_a_fill_and_restarted(processes: Any) -> None:
    """Both as processes: the next run goes on where the first one died, under labels of its own; so does its page."""
    venue = await processes.exchange("--vol-scale", "0.25").listening()
    first = processes.bot(venue.address)
    await first.said("order.filled")
    first.send(signal.SIGKILL)
    assert await first.ended() == -signal.SIGKILL

    second = await _restarted(processes, venue, "day.recalled")

    await _assert_whole(venue, second)
    assert len(await venue.trades()) > 0
    assert second.events("day.recalled")[0]["decisions"] >= 1
    sent = [line["label"] for bot in (first, second) for line in bot.events("order.sent")]
    assert len(sent) == len(set(sent))


@pytest.mark.asyncio
async def test_killed_before_it_had_looked_at_the_account(processes: Any, local_venue: Callable[..., Any]) -> None:
    """Nothing was agreed yet: the next run starts as if it were the first."""
    async with local_venue() as (_, venue):
        first = processes.bot(venue.address)
        await first.said("run.started")
        first.send(signal.SIGKILL)
        assert await first.ended() == -signal.SIGKILL

        second = await _restarted(processes, venue)

        await _assert_whole(venue, second)
        assert len(second.events("order.sent")) >= 1


@pytest.mark.asyncio
async def test_killed_right_after_an_order_left(
    processes: Any, local_venue: Callable[..., Any], order_way: dict[str, str]
) -> None:
    """Only the intent is in the ledger, the order was filled: found by its label, booked once, never sent again."""
    async with local_venue() as (local, venue):
        local.faults.lose_reply("private/sell")
        first = processes.bot(venue.address, **order_way)
        await first.until(lambda: bool(local._venue.exchange.trades_of("demo")), "a trade at the venue")
        first.send(signal.SIGKILL)
        assert await first.ended() == -signal.SIGKILL
        trades = await venue.trades()
        _forget_all_but_the_intent(first.ledger)

        second = await _restarted(processes, venue, **order_way)

        await _assert_whole(venue, second)
        label = trades[0]["label"]
        assert [t["trade_id"] for t in await venue.trades() if t["label"] == label] == [t["trade_id"] for t in trades]
        assert [line["label"] for line in second.events("intent.restored")] == [label]


def _forget_all_but_the_intent(path: Path) -> None:
    """What had not been written when the process died, in case it was faster than the kill."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("delete from order_events")
        connection.execute("delete from fills")
        connection.execute("delete from positions where fill_id is not null")
    connection.close()
