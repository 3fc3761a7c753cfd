"""Scalping of a simulated run: it is the part of `pnl` it says it is, whatever the convention."""

from pathlib import Path
from typing import Any

import pytest

from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.drive.audits import profits, scalping
from bot.drive.scalping_audit import ScalpingAudit
from bot.drive.simulate import SimulateParams, Simulation
from bot.engine import Engine
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.observe.profits import ProfitReport
from bot.observe.scalps import ScalpingReport
from bot.risk.conventions import Convention
from bot.sim.world import build_exchange


def _run(make: Any, folder: Path, start_ns: Ns, convention: Convention) -> None:
    book = make.book(convention=convention)
    params = SimulateParams(
        book=book,
        portfolio=PortfolioSpec(
            legs=(
                LegSpec(qty_coin=ZERO + 3, kind="call", expiry="2nd", strike="atm"),
                LegSpec(qty_coin=ZERO - 1, kind="put", expiry="1st", strike="atm-2%"),
            )
        ),
        span_ns=Ns(900 * NS_PER_S),
        step_ns=Ns(5 * NS_PER_S),
        sample_every_ns=Ns(60 * NS_PER_S),
    )
    written = Manifest.of_this_process(
        run_id="run", mode="simulate", started_ns=start_ns, version="0.1", config_digest="abc", books=[book]
    )
    tape = Tape.open(folder, written)
    assert Simulation(params, build_exchange(3, start_ns), tape=tape).run("simulate").fills > 1
    tape.close()


@pytest.mark.parametrize("convention", [Convention.OPTIONS_ONLY, Convention.COIN, Convention.USD])
def test_what_the_delta_left_open_made_is_as_small_as_the_delta(
    make: Any, start_ns: Ns, tmp_path: Path, convention: Convention
) -> None:
    """Within five standard errors of the delta that was left: a coin counted twice, or not, would be a hundred."""
    _run(make, tmp_path / "run", start_ns, convention)
    report, profit = scalping(tmp_path / "run", None), profits(tmp_path / "run", None)
    assert isinstance(report, ScalpingReport)
    assert isinstance(profit, ProfitReport)
    found = report.scalping
    assert found is not None

    assert report.problem == ""
    assert report.total_usd == pytest.approx(profit.usd.total, abs=1e-9)
    assert found.net_usd + report.beside_usd == pytest.approx(report.total_usd, abs=1e-9)
    assert found.cost_usd == pytest.approx(profit.usd.slippage + profit.usd.fee, abs=1e-9)
    carry = sum(leg.waterfall_usd.gamma_carry for leg in profit.legs if leg.waterfall_usd is not None)
    assert found.gained_usd + found.paid_usd == pytest.approx(carry, abs=1e-9)
    assert found.at_implied.sigmas is not None
    assert abs(found.at_implied.sigmas) < 5.0
    assert found.bought is not None
    assert found.sold is not None
    assert 0.1 < found.sold.iv_paid < 1.5
    for each in (report.hours, report.hedges):
        assert sum(span.net_usd for span in each) == pytest.approx(found.net_usd, abs=1e-9)
    assert len(report.hedges) > 1


def test_a_run_that_never_agreed_has_nothing_to_report(make: Any) -> None:
    """Said so."""
    report = ScalpingAudit(make.book()).report(Engine(make.book()), ("run", "demo"), "")

    assert report.scalping is None
    assert "never opened" in report.problem
    assert report.hours == report.hedges == ()
