"""Mishaps happen at their moments, to whatever there is, and are counted where they happened."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from bot.app.config import load_portfolio
from bot.app.wire_loop import WireLoop
from bot.app.wire_mishaps import WireMishaps
from bot.app.wire_world import WireWorld
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns, ns_from_iso
from bot.drive.hands import Hands
from bot.sim.faults import Fault, FaultKind, Faults
from bot.sim.world import build_exchange

_START_NS = ns_from_iso("2026-11-22T09:00:00Z")
_HEDGE = InstrumentId("BTC-PERPETUAL")
_K = FaultKind


class _Process:
    """Remembers that it was killed."""

    def __init__(self) -> None:
        self.is_up = True

    def kill(self) -> None:
        self.is_up = False


class _Scene:
    """A served world with one connection, to which one thing happens after ten seconds."""

    def __init__(self, root: Path, kind: FaultKind) -> None:
        begin, end = Ns(_START_NS + 10 * NS_PER_S), Ns(_START_NS + 20 * NS_PER_S)
        self.kind = kind
        self.faults = Faults([Fault(kind=kind, start_ns=begin, until_ns=end, seed=3)])
        self.loop = WireLoop(start_ns=_START_NS)
        portfolio = load_portfolio(root / "config/portfolios/straddle.toml")
        self.world = WireWorld(build_exchange(1, _START_NS), portfolio, "BTC")
        self.process = _Process()
        self.seen: dict[str, Any] = {}

    def play(self) -> int:
        """How often it was felt."""
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._play())
        return self.faults.counts[self.kind]

    async def _play(self) -> None:
        await self.world.serve(self.loop.now_ns, 1.0)
        port = int(self.world.settings("ccxt").rest_url.rpartition(":")[2])
        transport, _ = await self.loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        hands = Hands(self.world.exchange, _HEDGE)
        mishaps = WireMishaps(self.faults, self.loop, self.world, hands, _HEDGE)
        mishaps.plan(cast(Any, self.process))
        await asyncio.sleep(15.0)
        links = self.loop.network.links
        self.seen = {
            "links": len(links),
            "black holes": sum(link.is_black_hole for link in links),
            "clock ahead": self.loop.clock_ahead_ns,
            "held": self.world.amounts().keys(),
            "is up": self.process.is_up,
        }
        await asyncio.sleep(15.0)
        self.seen["clock ahead later"] = self.loop.clock_ahead_ns
        transport.abort()
        await self.world.stop()


@pytest.mark.parametrize(
    ("kind", "felt", "seen"),
    [
        (_K.CONNECTION_DROPPED, 1, {"links": 0}),
        (_K.NETWORK_SILENT, 1, {"links": 1, "black holes": 1}),
        (_K.SUBSCRIPTION_MISSING, 0, {"links": 1}),
        (_K.BOOK_GAP, 1, {"links": 1}),
        (_K.HUMAN_TRADED_OPTION, 1, {"links": 1}),
        (_K.LIQUIDATED, 0, {"links": 1}),
        (_K.KILLED, 1, {"is up": False}),
        (_K.FEED_FROZEN, 0, {"links": 1, "is up": True}),
    ],
)
def test_it_happens_at_its_moment(repo_root: Path, kind: FaultKind, felt: int, seen: dict[str, Any]) -> None:
    """And is not felt where there is nothing it could happen to, or where somebody else sees to it."""
    scene = _Scene(repo_root, kind)

    assert scene.play() == felt
    assert scene.seen.items() >= seen.items()


def test_a_human_trades_the_hedge(repo_root: Path) -> None:
    """On the bot's account."""
    scene = _Scene(repo_root, _K.HUMAN_TRADED)

    assert scene.play() == 1
    assert _HEDGE in scene.seen["held"]


def test_the_machines_clock_steps_and_comes_back(repo_root: Path) -> None:
    """Within what is tolerated; the venue's does not."""
    scene = _Scene(repo_root, _K.CLOCK_STEPPED)

    assert scene.play() == 1
    assert 100 * NS_PER_MS <= abs(scene.seen["clock ahead"]) < NS_PER_S
    assert scene.seen["clock ahead later"] == 0
