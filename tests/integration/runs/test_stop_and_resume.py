"""An operator stops and resumes a bot that runs: the command line over a real socket, orders at a real exchange."""

import json
import signal
from typing import Any

import aiohttp
import pytest


async def _hedgebot(processes: Any, *arguments: str) -> tuple[int, list[str]]:
    """Run one command to its end; its exit code and its words."""
    process = processes.start(*arguments)
    code = await process.ended()
    return code, process.words()


async def _codes(access: dict[str, Any]) -> list[int]:
    """What is answered without the token, and without a reason."""
    url = f"http://127.0.0.1:{access['port']}/control/flatten_hedges"
    right = {"Authorization": f"Bearer {access['token']}"}
    async with aiohttp.ClientSession() as http:
        found = []
        for headers, body in (
            ({}, {"reason": "x"}),
            ({"Authorization": "Bearer wrong"}, {"reason": "x"}),
            (right, {}),
            (right | {"Origin": "https://evil.example"}, {"reason": "x"}),
        ):
            async with http.post(url, headers=headers, json=body) as response:
                found.append(response.status)
    return found


@pytest.mark.asyncio
async def test_paused_it_lets_the_delta_be_over_a_restart_until_it_is_resumed(processes: Any) -> None:
    """Paused before anything is hedged, killed and started again it stays so; resumed it hedges; flattened is flat."""
    exchange = processes.exchange("--vol-scale", "0.3")
    venue = await exchange.listening()
    pinned = {"HEDGEBOT_BOOKS__BTC__LIMITS__ORDER_USD_MAX": "1"}  # under a lot: nothing can leave before the pause
    bot = processes.bot(venue.address, **pinned)
    await bot.becomes("/readyz", 200)
    file = bot.ledger.with_suffix(".control.json")
    access = json.loads(file.read_text())
    refused = await _codes(access)
    paused = await _hedgebot(processes, "pause", "--reason", "lunch", "--by", "ann", "--control", str(file))
    bot.end()

    again = processes.bot(venue.address)
    await again.becomes("/readyz", 200)
    await again.until(lambda: '"reason":"paused"' in again.text(), "a decision while paused")
    status = await _hedgebot(processes, "status", "--control", str(file))
    trades_before = await venue.trades()
    resumed = await _hedgebot(processes, "resume", "--reason", "back", "--by", "ann", "--control", str(file))
    await again.said("order.filled")
    flattened = await _hedgebot(processes, "flatten", "--reason", "weekend", "--by", "ann", "--control", str(file))
    options = {name: size for name, size in (await venue.positions()).items() if not name.endswith("PERPETUAL")}
    await again.until(lambda: '"reason":"paused","detail":"flatten_hedges since ' in again.text(), "flat")
    again.send(signal.SIGTERM)

    assert refused == [401, 401, 400, 403]
    assert (paused[0], resumed[0], flattened[0], status[0]) == (0, 0, 0, 0)
    assert paused[1][0].startswith("BTC: on: pause since ")
    assert [line for line in status[1] if "stopped: pause since" in line and "by ann: lunch" in line]
    assert trades_before == []
    assert [line.partition(" since ")[0] for line in resumed[1]] == [
        "BTC: lifted: pause",
        "BTC: running, no stop is on",
    ]
    assert await again.ended() == 0
    assert await venue.positions() == options
    assert await venue.open_orders() == []
    assert not file.exists()
