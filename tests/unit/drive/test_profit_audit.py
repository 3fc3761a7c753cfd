"""Profit taken apart while a run goes on: closed against the account, through fills, funding and an expiry."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event
from bot.domain.instruments import Settlement
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.domain.units import ZERO
from bot.drive.audits import profits
from bot.drive.profit_audit import ProfitAudit
from bot.drive.simulate import SimulateParams, Simulation
from bot.engine import Engine
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.journal.tape_reader import TapeReader
from bot.observe.profits import ProfitReport
from bot.sim.world import build_exchange

_LEGS = (
    LegSpec(qty_coin=ZERO + 2, kind="call", expiry="1st", strike="atm"),
    LegSpec(qty_coin=ZERO + 1, kind="put", expiry="1st", strike="atm+2%", settlement=Settlement.USD),
    LegSpec(qty_coin=ZERO - 1, kind="future", expiry="1st"),
    LegSpec(qty_coin=ZERO - 2, kind="put", expiry="2nd", strike="atm"),
)


@pytest.fixture(scope="module")
def run(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of an hour through the settlement at 08:00, with two expiries, hedged by the minute, on a tape."""
    start_ns, folder = ns_from_iso("2026-11-23T07:52:00Z"), tmp_path_factory.mktemp("profit") / "run"
    book = make.book()
    params = SimulateParams(
        book=book,
        portfolio=PortfolioSpec(legs=_LEGS),
        span_ns=Ns(840 * NS_PER_S),
        step_ns=Ns(5 * NS_PER_S),
        sample_every_ns=Ns(60 * NS_PER_S),
    )
    written = Manifest.of_this_process(
        run_id="run", mode="simulate", started_ns=start_ns, version="0.1", config_digest="abc", books=[book]
    )
    tape = Tape.open(folder, written)
    assert Simulation(params, build_exchange(3, start_ns), tape=tape).run("simulate").fills > 3
    tape.close()
    return folder


@pytest.fixture(scope="module")
def told(run: Path) -> ProfitReport:
    """The report from the tape."""
    found = profits(run, "BTC")
    assert isinstance(found, ProfitReport)
    return found


def _told(folder: Path, *, without: type | None = None) -> ProfitReport:
    """The report of a tape; with notes of a kind kept from the audit, where one is named."""
    written, digest = manifest.read(folder)
    engine, audit = Engine(written.books[0]), ProfitAudit(written.books[0])
    for read in TapeReader(folder, digest).records():
        event: Event = read.record.event
        outcome: Outcome = engine.apply(event)
        if without is not None:
            outcome = structs.replace(outcome, notes=tuple(n for n in outcome.notes if not isinstance(n, without)))
        audit.see(engine, event, outcome)
    return audit.report(engine, ("run", "simulate"))


def test_every_part_of_the_accounts_result_has_a_name(told: ProfitReport) -> None:
    """Coins and USDC against our books and the venue's word; the parts in USD against what the account's value made."""
    assert told.problem == ""
    assert {one.currency for one in told.currencies} == {"BTC", "USDC"}
    for one in told.currencies:
        assert abs(one.apart_native) <= one.tolerance_native
        assert one.tolerance_native < 1e-6
    assert told.usd.total == pytest.approx(told.wealth_usd, abs=0.05)
    assert told.groups_usd.total == pytest.approx(told.usd.total, abs=1e-9)
    assert min(abs(told.usd.hedge), abs(told.usd.theta), -told.usd.fee, abs(told.usd.collateral)) > 0.01


def test_what_expired_ended_at_its_payoff_and_the_waterfall_adds_up(told: ProfitReport) -> None:
    """Four legs and the hedge; each option's waterfall is its Taylor terms with their residual."""
    options = [leg for leg in told.legs if leg.waterfall_usd is not None]

    assert (len(told.legs), len(options)) == (5, 3)
    for leg in options:
        water, parts = leg.waterfall_usd, leg.usd
        assert water is not None
        taylor = parts.theta + parts.delta + parts.gamma + parts.vega + parts.vanna + parts.volga + parts.residual
        assert water.theta + water.spot + water.vol == pytest.approx(taylor, abs=1e-7)
        assert leg.steps_count > 5


def test_a_minute_outside_the_last_day_is_explained(told: ProfitReport) -> None:
    """The put that lives on: its residual stays inside 10 % of gamma and 1 % of delta."""
    later = [leg for leg in told.legs if leg.waterfall_usd is not None and "24NOV26" in leg.instrument]

    assert [leg.unexplained_count for leg in later] == [0]


def test_beside_the_run_it_is_the_same_as_from_the_tape(run: Path, told: ProfitReport) -> None:
    """Every figure, to the bit."""
    assert told == _told(run)


def test_money_without_a_part_is_told(run: Path) -> None:
    """Fills kept from the audit leave their money over."""
    assert "belong to no part" in _told(run, without=FillBooked).problem


def test_a_run_that_never_agreed_has_no_account_to_close(make: Any) -> None:
    """Said so instead of a profit of nothing."""
    engine = Engine(make.book())

    assert "never opened" in ProfitAudit(make.book()).report(engine, ("run", "demo")).problem
