"""The daemon on virtual time is killed, halted and started again, and goes on where the ledger ends."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app.config import load
from bot.app.wire_loop import WireLoop
from bot.app.wire_process import Records, WireProcess
from bot.app.wire_world import WireWorld
from bot.domain.commands import PlaceOrder
from bot.domain.reasons import Phase
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.drive.checks import Checks
from bot.observe.tally import Tally
from bot.sim.faults import Fault, FaultKind, Faults
from bot.sim.world import build_exchange

_START_NS = ns_from_iso("2026-11-22T09:00:00Z")
_K = FaultKind


class _Host:
    """A process, what was kept of it, and its venue."""

    def __init__(self, root: Path, folder: Path, faults: Faults) -> None:
        portfolio = {"portfolio": root / "config/portfolios/call.toml"}
        config = load(root / "config/simulate.toml", portfolio, run_tag="sim")
        assert config.portfolio is not None
        book = config.book("BTC")
        self.loop = WireLoop(1, _START_NS)
        self.world = WireWorld(build_exchange(1, _START_NS), config.portfolio, "BTC")
        self.left: list[PlaceOrder] = []
        self.records = Records(
            tally=Tally(trade_coin_min=book.trade_coin_min, sample_every_ns=Ns(NS_PER_S)),
            checks=Checks(book, self.world.exchange, self.world, faults),
            faults=faults,
            left=self.left.append,
            log=io.StringIO(),
        )
        self._config = structs.replace(config, books=(book,))
        self._folder = folder

    async def started(self) -> WireProcess:
        await self.world.serve(self.loop.now_ns, 1.0)
        config = structs.replace(self._config, venue=self.world.settings("deribit_ws"))
        process = WireProcess(self.loop, config, self.records, self._folder, seed=1)
        process.start()
        return process


Play = Callable[..., _Host]


@pytest.fixture
def play(repo_root: Path, tmp_path: Path) -> Play:
    """Runs a play with a process and these faults, each from the start on."""

    def run(body: Callable[[_Host, WireProcess], Coroutine[Any, Any, None]], *kinds: FaultKind) -> _Host:
        until_ns = Ns(_START_NS + 300 * NS_PER_S)
        faults = Faults([Fault(kind=kind, start_ns=_START_NS, until_ns=until_ns, seed=1) for kind in kinds])
        host = _Host(repo_root, tmp_path, faults)

        async def main() -> None:
            process = await host.started()
            try:
                await body(host, process)
            finally:
                await process.end()
                await host.world.stop()
            assert process.failures == []

        with asyncio.Runner(loop_factory=lambda: host.loop) as runner:
            runner.run(main())
        assert host.records.checks is not None
        assert host.records.checks.violations == []
        return host

    return run


def test_a_killed_process_is_silent_and_the_next_one_goes_on(play: Play) -> None:
    """Its connections end; the fills it booked are known to the next one; nothing is hedged twice."""

    async def body(host: _Host, process: WireProcess) -> None:
        await asyncio.sleep(30.0)
        assert len(host.left) == 1
        process.kill()
        process.kill()
        assert not process.is_up
        assert all(link.client.is_over for link in host.loop.network.links if link.owner == "bot 1")
        await asyncio.sleep(30.0)
        assert (process.starts_count, process.is_up) == (2, True)
        assert process.status().phase is Phase.RUNNING
        assert process.status().positions_native == host.world.amounts()

    play(body)


@pytest.mark.parametrize("kind", [_K.KILLED_BEFORE_INTENT, _K.KILLED_BEFORE_SEND, _K.KILLED_AFTER_SEND])
def test_a_kill_at_any_step_of_an_order_leaves_one_hedge(play: Play, kind: FaultKind) -> None:
    """Made by the next process where the first one did not come so far."""

    async def body(host: _Host, process: WireProcess) -> None:
        await asyncio.sleep(60.0)
        assert process.starts_count == 2
        assert host.records.faults.counts[kind] == 1
        assert process.status().phase is Phase.RUNNING
        assert process.status().positions_native == host.world.amounts()
        assert "BTC-PERPETUAL" in host.world.amounts()

    play(body, kind)


@pytest.mark.parametrize("kind", [_K.LEDGER_FULL, _K.LEDGER_SLOW, _K.TAPE_UNWRITABLE])
def test_a_disk_that_fails_halts_and_an_operator_starts_again(play: Play, kind: FaultKind) -> None:
    """The order did not leave; the next process makes the hedge."""

    async def body(host: _Host, process: WireProcess) -> None:
        await asyncio.sleep(60.0)
        assert host.records.checks is not None
        assert host.records.checks.halts == {"journal_failed": 1}
        assert process.starts_count == 2
        assert process.status().phase is Phase.RUNNING
        assert process.status().positions_native == host.world.amounts()

    play(body, kind)


@pytest.mark.parametrize(
    ("method", "code", "failures"),
    [("public/get_time", 11051, 0), ("public/auth", 13004, 1)],
)
def test_a_process_that_ends_by_itself_is_started_again(play: Play, method: str, code: int, failures: int) -> None:
    """Out of reach: a supervisor's business; a key the venue knows no more: a failure of the run."""

    async def body(host: _Host, process: WireProcess) -> None:
        await asyncio.sleep(5.0)
        process.kill()
        host.world.server.faults.refuse(method, code, "no", times=1)
        await asyncio.sleep(30.0)
        assert process.starts_count == 3
        assert process.status().phase is Phase.RUNNING
        assert len(process.failures) == failures
        process.failures.clear()

    play(body)
