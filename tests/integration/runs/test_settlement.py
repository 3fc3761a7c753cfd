"""A bot as a process over 08:00 UTC: what expires ends at its delivery price, and both sides' money agrees."""

import signal
import time
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.localex.server import LocalExchange, Rules, open_accounts, parse_key
from bot.sim.world import build_exchange

_BEFORE_NS = 45 * NS_PER_S
"""Time for a process to start and to see its account."""
_STILL = 0.001
_APART_COIN_MAX = 1e-6
"""Equity and marks the books open on are two answers: what the still market moved between them, never a settlement."""


@pytest.mark.asyncio
async def test_an_option_expires_in_the_hands_of_a_running_bot(processes: Any) -> None:
    """A call in the money and a put that is not: positions match, and so does the money that came of them."""
    wall_ns = time.time_ns()
    start_ns = Ns(wall_ns - wall_ns % NS_PER_DAY + 8 * 3600 * NS_PER_S - _BEFORE_NS)
    world = build_exchange(1, start_ns, vol_scale=_STILL)
    keys = [parse_key("demo:demo")]
    open_accounts(world, keys)
    index_usd = world.index_usd("btc_usd")
    expiring = [
        item
        for item in world.instruments()
        if item.id.startswith("BTC-") and item.is_option and item.expiry_ns == start_ns + _BEFORE_NS
    ]
    assert expiring
    calls = [item for item in expiring if item.is_call and (item.strike_usd or 0.0) < index_usd]
    puts = [item for item in expiring if not item.is_call and (item.strike_usd or 0.0) < index_usd]
    for item, amount in ((calls[-1], 2), (puts[-1], -1)):
        world.seed_position("demo", item.id, Decimal(amount))
    shift_ns = start_ns - time.time_ns()
    rules = Rules(wall_ns=lambda: Ns(time.time_ns()))  # clients sign with the time it really is
    local = LocalExchange(world, keys=keys, now_ns=lambda: Ns(time.time_ns() + shift_ns), rules=rules)
    port = await local.start()
    try:
        bot = processes.bot(
            f"127.0.0.1:{port}",
            HEDGEBOT_VENUE__FOLLOW_CLOCK="true",
            HEDGEBOT_BOOKS__BTC__BAND__TRADE_COIN_MIN="0.0001",  # every hedge is taken back whole
        )
        await bot.said("position.settled", count=4)
        said = {line["instrument"]: line["delivery_usd"] for line in bot.events("position.settled")}
        # What was sold against the call is bought back: then all there is is money.
        await bot.until(lambda: all(not seen.size_native for seen in world.positions("demo")), "flat")
        bot.send(signal.SIGTERM)
        code = await bot.ended()
        summary = world.summary("demo", "BTC")
    finally:
        await local.stop()
    result = bot.result()

    assert code == 0, bot.text()[-4000:]
    assert (result["positions_match"], result["net_delta_coin_final"]) == (True, 0.0)
    price = world.delivery_usd(calls[-1].id)
    assert price is not None
    future = calls[-1].id.rsplit("-", 2)[0]
    told = {name: None if usd is None else float(usd) for name, usd in said.items()}
    assert told == {calls[-1].id: price, puts[-1].id: price, future: price, "BTC-PERPETUAL": None}
    assert result["equity_match"] is True
    assert result["equity_coin_bot"] == pytest.approx(summary.equity_native, abs=_APART_COIN_MAX)
