"""Costs taken while a run goes on: the same as from its tape, and in its result. Fill by fill: `test_costs.py`."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.drive.audits import costs
from bot.drive.simulate import SimulateParams, Simulation
from bot.execution.tactics import auto, cross
from bot.hedging.bands import whalley_wilmott
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.observe.costs import CostReport
from bot.sim.world import build_exchange


@pytest.mark.parametrize("tactic", [cross.Params(), auto.Params()], ids=["cross", "auto"])
def test_the_run_itself_counts_as_its_tape_does(make: Any, start_ns: Ns, tmp_path: Path, tactic: Any) -> None:
    """Every figure; and the result says how much rested and what came after it."""
    book = make.book(band=whalley_wilmott.Params(risk_aversion_per_usd=100.0), tactic=tactic)
    params = SimulateParams(
        book=book,
        portfolio=PortfolioSpec(legs=(LegSpec(qty_coin=ZERO + 2, kind="call", expiry="2nd", strike="atm"),)),
        span_ns=Ns(300 * NS_PER_S),
        step_ns=Ns(NS_PER_S),
        sample_every_ns=Ns(5 * NS_PER_S),
    )
    run = Manifest.of_this_process(
        run_id="run", mode="simulate", started_ns=start_ns, version="0.1", config_digest="abc", books=[book]
    )
    tape = Tape.open(tmp_path / "run", run)
    simulation = Simulation(params, build_exchange(3, start_ns), tape=tape)
    result = simulation.run("simulate")
    tape.close()
    live, told = simulation.costs("simulate"), costs(tmp_path / "run", "BTC")

    assert isinstance(told, CostReport)
    assert structs.replace(live, run_id=told.run_id, compared=told.compared) == told
    assert result.fills > 3
    assert result.maker_share == told.totals.maker_share
    mark_out = told.maker_mark_outs["after_10_s"]
    assert result.maker_mark_out_10s_bps == (None if mark_out is None else mark_out.bps)
    assert (mark_out is None) is (type(tactic) is cross.Params)
