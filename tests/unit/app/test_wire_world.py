"""The venue of a run at wire depth holds the portfolio and serves it on virtual time."""

import asyncio
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from bot.app.config import load_portfolio
from bot.app.wire_loop import WireLoop
from bot.app.wire_world import WireWorld
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import ns_from_iso
from bot.sim.world import build_exchange

_START_NS = ns_from_iso("2026-11-22T09:00:00Z")


def test_it_holds_the_portfolio_and_answers_who_asks(repo_root: Path) -> None:
    """Its clock is the loop's; its key opens the account; its books are in order."""
    exchange = build_exchange(1, _START_NS)
    world = WireWorld(exchange, load_portfolio(repo_root / "config/portfolios/straddle.toml"), "BTC")
    loop = WireLoop(start_ns=_START_NS)

    async def main() -> tuple[int, int]:
        await world.serve(loop.now_ns, 1.0)
        settings = world.settings("ccxt")
        assert settings.credentials is not None
        async with aiohttp.ClientSession() as http:
            times = []
            for _ in range(2):
                async with http.get(f"{settings.rest_url}/api/v2/public/get_time") as response:
                    times.append((await response.json())["result"])
                await asyncio.sleep(60.0)
        await world.stop()
        return times[0], times[1]

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        first_ms, second_ms = runner.run(main())
    assert 60_000 <= second_ms - first_ms < 61_000
    assert first_ms // 1_000 == _START_NS // 1_000_000_000
    assert world.options == sorted(world.amounts())
    assert all(amount != Decimal(0) for amount in world.amounts().values())
    assert world.violations() == []
    assert exchange.now_ns > _START_NS


def test_a_leg_that_is_not_listed_is_named() -> None:
    """Before anything is served."""
    spec = PortfolioSpec(legs=(LegSpec(instrument="BTC-1JAN99-1-C", qty_coin=Decimal(1)),))

    with pytest.raises(ValueError, match="BTC-1JAN99-1-C"):
        WireWorld(build_exchange(1, _START_NS), spec, "BTC")
