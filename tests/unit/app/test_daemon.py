"""One run on the real clock: the order of opening and closing, and what it says in the end."""

import asyncio
import os
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.app import daemon
from bot.app.witness import RunWitness
from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.errors import ConfigError, JournalError, VenueError, VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.domain.time import NS_PER_S, Ns
from bot.engine import Engine
from bot.execution.tactic_table import TacticParams
from bot.execution.tactics import auto, cross, rest_then_cross
from bot.journal.ledger import Ledger
from bot.observe.logs import Level, open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.web.server import HealthServer

_END_S_MAX = 60.0


class Runner:
    """A daemon over the fakes of `shell`, with a real ledger."""

    def __init__(self, shell: Any, folder: Path, now_ns: Ns) -> None:
        self.shell = shell
        self.url = f"sqlite:///{folder}/ledger.db"
        self.now_ns = now_ns
        self.metrics = Metrics(["BTC"], now_ns=lambda: self.now_ns)
        self.runs = 0
        self.tactic: TacticParams = cross.Params()

    def ledger(self) -> Ledger:
        """Open the ledger for one more run."""
        self.runs += 1
        started = {"run_id": f"r{self.runs}", "started_ns": self.now_ns, "mode": "test"}
        return Ledger.open(self.url, **started, config_hash="", version="0")

    def health(self) -> HealthServer:
        """Pages of a run, on a free port."""
        return HealthServer(host="127.0.0.1", port=0, metrics=self.metrics, now_ns=lambda: self.now_ns)

    async def run(self, *, seconds: float | None, health: HealthServer | None = None) -> Any:
        """Run once; its only result."""
        books = (self.shell.make.book(tactic=self.tactic),)
        tallies = daemon.tallies_of(books)
        log = open_log(now_ns=lambda: self.now_ns, level=Level.ERROR, style="json")
        witness = RunWitness(Narrator(log, run_id="r", venue="deribit"), self.metrics, tallies)
        parts = daemon.Parts(
            mode="test",
            books=books,
            edges=self.shell.edges(),
            ledger=self.ledger(),
            now_ns=lambda: self.now_ns,
            tick_interval_s=0.01,
        )
        results = await daemon.run(parts, witness, tallies, health=health, seconds=seconds)
        assert len(results) == 1
        return results[0]

    async def run_until(
        self, holds: Callable[[], bool], health: HealthServer | None = None, number: signal.Signals = signal.SIGTERM
    ) -> Any:
        """Run until something holds, then end it by a signal; its only result."""
        task = asyncio.create_task(self.run(seconds=None, health=health))
        await self.shell.until(holds)
        os.kill(os.getpid(), number)
        async with asyncio.timeout(_END_S_MAX):
            return await task

    def has_placed(self) -> bool:
        """Whether an order has reached the venue."""
        return bool(self.shell.gateway.placed)

    def looked(self) -> Callable[[], bool]:
        """Whether the account is looked at from now on."""
        before = self.shell.diary.count("snapshot")
        return lambda: self.shell.diary.count("snapshot") > before


@pytest.fixture
def runner(shell: Any, tmp_path: Path, now_ns: Ns) -> Runner:
    """A daemon that hedges a call."""
    return Runner(shell, tmp_path, now_ns)


@pytest.mark.asyncio
async def test_a_run_of_given_length_hedges_and_closes_everything(runner: Runner) -> None:
    """Time is over: stopped, positions compared with the venue's, gateway and ledger closed."""
    result = await runner.run(seconds=1.0)

    assert (result.phase, result.orders, result.fills) == ("stopped", 1, 1)
    assert (result.positions_match, result.violations) == (True, ())
    assert runner.shell.gateway.is_closed
    assert not daemon.needs_a_human([result])


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_run(runner: Runner, number: signal.Signals) -> None:
    """Both signals ask for an orderly end."""
    result = await runner.run_until(runner.has_placed, number=number)

    assert (result.phase, result.positions_match) == ("stopped", True)


@pytest.mark.asyncio
async def test_the_next_run_expects_what_the_ledger_ends_with(runner: Runner) -> None:
    """Restart: positions agree, nothing is traded again, and no label is used twice."""
    await runner.run_until(runner.has_placed)
    again = await runner.run_until(runner.looked())

    assert (again.orders, again.positions_match, again.phase) == (0, True, "stopped")


@pytest.mark.asyncio
async def test_a_position_the_ledger_does_not_know_halts(runner: Runner) -> None:
    """Somebody traded while we were away: a human must look."""
    await runner.run_until(runner.has_placed)
    runner.shell.gateway.positions["BTC-PERPETUAL"] += Decimal(5_000)
    looked = runner.looked()
    health = runner.health()

    def halts() -> bool:
        if looked() and runner.now_ns == began_ns:
            runner.now_ns = Ns(began_ns + 3 * NS_PER_S)  # it is looked at once more before it is believed
        return health.readiness().reason.startswith("BTC: halted")

    began_ns = runner.now_ns
    result = await runner.run_until(halts, health)

    assert (result.phase, result.orders) == ("halted", 0)
    assert daemon.needs_a_human([result])


@pytest.mark.asyncio
async def test_an_order_without_an_end_is_looked_up_by_the_next_run(runner: Runner) -> None:
    """Its intent is in the ledger, its fate is not: unknown until the venue answers."""
    ledger = runner.ledger()
    order, decided = _intent(runner)
    ledger.commit_intents([order], decided)
    ledger.close()

    await runner.run_until(lambda: runner.shell.diary.count(f"look up {order.label}") >= 1)

    assert f"place {order.label}" not in runner.shell.diary


def _intent(runner: Runner) -> tuple[PlaceOrder, Any]:
    """An order of an earlier run with the decision it came from."""
    engine = Engine(runner.shell.make.book(run_tag="old"))
    make = runner.shell.make
    for event in (
        *runner.shell.first(),
        *(ev.StreamRestored(stream=stream, received_ns=Ns(runner.now_ns - 1)) for stream in ev.StreamName),
        ev.Ticked(now_ns=runner.now_ns),
        make.snapshot({"BTC-27MAR26-100000-C": "1"}),
        *runner.shell.market_events()[1:],
    ):
        engine.apply(event)
    outcome = engine.apply(ev.Ticked(now_ns=runner.now_ns))
    (order,) = [command for command in outcome.commands if isinstance(command, PlaceOrder)]
    return order, outcome.decided


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [VenueUnreachable("no route"), VenueOutcomeUnknown("get_time: RequestTimeout")])
async def test_a_venue_that_is_away_is_tried_again_a_few_times(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, error: VenueError
) -> None:
    """Nothing was sent, or a question has no answer: try again, a bounded number of times."""
    monkeypatch.setattr(daemon, "_OPEN_PAUSES_S", (0.0, 0.0))
    runner.shell.gateway.opened = [error] * 2
    assert (await runner.run(seconds=0.2)).phase == "stopped"

    runner.shell.gateway.opened = [error] * 3
    with pytest.raises(type(error)):
        await runner.run(seconds=0.2)


@pytest.mark.asyncio
async def test_each_wait_for_the_venue_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each: why, and for how long."""
    monkeypatch.setattr(daemon, "_OPEN_PAUSES_S", (0.0, 0.001))
    waits: list[tuple[str, float]] = []
    errors = iter([VenueUnreachable("no route"), VenueOutcomeUnknown("RequestTimeout")])

    async def attempt() -> str:
        for error in errors:
            raise error
        return "open"

    assert await daemon.reached(attempt, lambda cause, pause_s: waits.append((cause, pause_s))) == "open"
    assert waits == [("no route", 0.0), ("RequestTimeout", 0.001)]


@pytest.mark.asyncio
async def test_a_signal_before_the_venue_has_answered_ends_the_run_at_once(runner: Runner) -> None:
    """Nothing was sent, nothing is waited for; gateway and ledger are closed, and agreement is not claimed."""
    runner.shell.gateway.opened = [VenueUnreachable("no route")]  # the next attempt is a second away
    task = asyncio.create_task(runner.run(seconds=None))
    await runner.shell.until(lambda: not runner.shell.gateway.opened)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(_END_S_MAX):
        result = await task

    assert (result.phase, result.orders, result.positions_match) == ("stopped", 0, False)
    assert (runner.shell.gateway.is_closed, runner.shell.gateway.listings_count) == (True, 0)


@pytest.mark.asyncio
async def test_a_no_of_the_venue_at_the_start_passes_through_and_closes(runner: Runner) -> None:
    """The command line turns it into an exit code; the ledger's run is ended all the same."""
    runner.shell.gateway.opened = [VenueRefused(13021, "forbidden")]

    with pytest.raises(VenueRefused):
        await runner.run(seconds=0.2)

    assert runner.shell.gateway.is_closed
    ledger = runner.ledger()
    ended = ledger._transactions.connection.exec_driver_sql(
        "select ended_ns from runs where run_id = 'r1'"
    ).scalar_one()
    ledger.close()
    assert ended == runner.now_ns


@pytest.mark.asyncio
async def test_health_pages_are_there_during_the_run_and_gone_after(runner: Runner) -> None:
    """Started before the first tick, stopped in any case."""
    health = runner.health()
    await runner.run_until(lambda: runner.has_placed() and health.readiness().ok, health)

    assert health._runner is None


@pytest.mark.asyncio
async def test_without_a_last_look_at_the_account_positions_do_not_match(runner: Runner) -> None:
    """No answer is not agreement."""

    async def failed() -> Any:
        return (ev.SnapshotFailed(received_ns=runner.now_ns, cause="time-out"),)

    runner.shell.gateway.snapshot = failed
    result = await runner.run(seconds=0.2)

    assert (result.positions_match, result.orders) == (False, 0)


@pytest.mark.asyncio
async def test_a_ledger_of_another_mode_is_refused(runner: Runner) -> None:
    """Test money and real money never share a ledger."""
    runner.ledger().close()

    with pytest.raises(JournalError, match="mode"):
        Ledger.open(runner.url, run_id="x", started_ns=runner.now_ns, mode="other", config_hash="", version="0")


@pytest.mark.asyncio
async def test_another_account_is_not_traded_on_this_ledger(runner: Runner) -> None:
    """The ledger's memory of positions and fills would be believed of the wrong account."""
    await runner.run(seconds=0.3)
    runner.shell.gateway.account_id = "8"
    runner.shell.gateway.placed.clear()

    with pytest.raises(JournalError, match="belongs to account 7, the key to 8"):
        await runner.run(seconds=0.3)
    assert runner.shell.gateway.placed == []
    assert runner.shell.gateway.is_closed


@pytest.mark.asyncio
async def test_signals_mean_afterwards_what_they_meant_before(runner: Runner) -> None:
    """Whoever took them first takes the one that comes while the result is told."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        await runner.run(seconds=0.2)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert heard == [signal.SIGTERM]


@pytest.mark.asyncio
@pytest.mark.parametrize("tactic", [rest_then_cross.Params(), auto.Params()])
async def test_nothing_rests_where_nobody_takes_it_back(runner: Runner, tactic: TacticParams) -> None:
    """A killed bot would leave its orders in the book: refused before anything is sent, with the next step."""
    runner.shell.gateway.cancels_on_disconnect, runner.tactic = False, tactic
    with pytest.raises(
        ConfigError, match=r"books.btc.tactic.name: \w+ leaves orders resting.*; use tactic cross or slice, or"
    ):
        await runner.run(seconds=0.2)

    assert (runner.shell.gateway.placed, runner.shell.gateway.is_closed) == ([], True)


@pytest.mark.asyncio
async def test_what_takes_needs_nobody(runner: Runner) -> None:
    """Immediate orders leave nothing behind."""
    runner.shell.gateway.cancels_on_disconnect = False

    assert (await runner.run_until(runner.has_placed)).orders == 1
