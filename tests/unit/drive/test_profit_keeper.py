"""Rows of what made the profit: beside a run and from its tape the same, and an alarm where the greeks fail."""

from pathlib import Path
from typing import Any

import pytest

from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.domain.units import ZERO
from bot.drive import profit_keeper
from bot.drive.audits import profits
from bot.drive.profit_keeper import COLLATERAL, UNEXPLAINED, ProfitKeeper
from bot.drive.simulate import SimulateParams, Simulation
from bot.engine import Engine
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.profit_rows import ProfitRow
from bot.journal.tape import Tape
from bot.journal.tape_reader import TapeReader
from bot.observe.profits import ProfitReport
from bot.sim.world import build_exchange


@pytest.fixture(scope="module")
def folder(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-five minutes around an expiry, on a tape."""
    start_ns, path = ns_from_iso("2026-11-23T07:40:00Z"), tmp_path_factory.mktemp("kept") / "run"
    book = make.book()
    legs = (
        LegSpec(qty_coin=ZERO + 2, kind="call", expiry="1st", strike="atm"),
        LegSpec(qty_coin=ZERO - 2, kind="put", expiry="2nd", strike="atm"),
    )
    params = SimulateParams(
        book=book,
        portfolio=PortfolioSpec(legs=legs),
        span_ns=Ns(1_500 * NS_PER_S),
        step_ns=Ns(10 * NS_PER_S),
        sample_every_ns=Ns(60 * NS_PER_S),
    )
    written = Manifest.of_this_process(
        run_id="run", mode="simulate", started_ns=start_ns, version="0.1", config_digest="abc", books=[book]
    )
    tape = Tape.open(path, written)
    assert Simulation(params, build_exchange(3, start_ns), tape=tape).run("simulate").fills > 1
    tape.close()
    return path


def _kept(folder: Path, *, work_every: int) -> tuple[list[ProfitRow], list[str]]:
    written, digest = manifest.read(folder)
    engine, keeper = Engine(written.books[0]), ProfitKeeper(written.books[0])
    rows: list[ProfitRow] = []
    alarms: list[str] = []
    for place, read in enumerate(TapeReader(folder, digest).records()):
        keeper.see(engine, read.record.event, engine.apply(read.record.event))
        if place % work_every == 0:
            kept = keeper.work()
            rows, alarms = rows + kept.rows, alarms + [alarm.name for alarm in kept.alarms]
    return rows + keeper.finish(engine).rows, alarms


def test_rows_are_the_same_whenever_they_are_worked_out(folder: Path) -> None:
    """At once, or after hundreds of events: to the bit. The newest of each leg is what `pnl` says of it."""
    rows, alarms = _kept(folder, work_every=1)

    assert _kept(folder, work_every=700) == (rows, alarms)
    assert alarms == []
    report = profits(folder, None)
    assert isinstance(report, ProfitReport)
    newest = {row.leg: row for row in rows}
    assert set(newest) == {COLLATERAL, *(leg.instrument for leg in report.legs)}
    for leg in report.legs:
        row = newest[leg.instrument]
        assert (row.total_native, row.total_usd) == (leg.native.total, leg.usd.total)
        assert (row.steps_count, row.unexplained_count, row.currency) == (
            leg.steps_count,
            leg.unexplained_count,
            leg.currency,
        )
    assert sum(row.total_usd for row in newest.values()) == pytest.approx(report.usd.total, abs=1e-9)


def test_rows_come_every_ten_minutes_and_at_the_end(folder: Path) -> None:
    """A leg that is gone has no more of them."""
    rows, _ = _kept(folder, work_every=1)
    moments = [row.at_ns - rows[0].since_ns for row in rows if row.leg == COLLATERAL]

    assert [round(at / NS_PER_S / 60) for at in moments] == [1, 11, 21, 25]
    expired = [row for row in rows if "-23NOV26-" in row.leg]
    assert len(expired) == 3


def test_greeks_that_explain_too_little_raise_an_alarm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a thousand steps of a leg ten may be left over; told once for each block of them."""
    monkeypatch.setattr("bot.risk.attribution.RESIDUAL_OF_GAMMA", 0.0)
    monkeypatch.setattr("bot.risk.attribution.RESIDUAL_OF_DELTA", 0.0)
    _, alarms = _kept(folder, work_every=1)

    assert alarms
    assert set(alarms) == {UNEXPLAINED}
    monkeypatch.setattr(profit_keeper, "_BLOCK_UNEXPLAINED_MAX", 1_000_000)
    assert _kept(folder, work_every=1)[1] == []
