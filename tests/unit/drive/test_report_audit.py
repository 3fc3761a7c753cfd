"""What a report shows is what `pnl`, `scalping` and `tca` say of the same run."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain.events import Ticked
from bot.domain.reasons import Action
from bot.drive import report_audit
from bot.drive.report_audit import ReportAudit
from bot.engine import Engine
from bot.observe.reported import Report


def test_the_course_ends_where_the_account_does(run_report: Report) -> None:
    """Components and the coins held are what the account made; scalping is its part of them."""
    made, scalped = run_report.points[-1].made, run_report.scalping.scalping
    assert scalped is not None

    assert run_report.problem == ""
    assert made.total_usd + run_report.held_usd == pytest.approx(run_report.profit.usd.total, abs=1e-6)
    assert made.total_usd + run_report.held_usd == pytest.approx(run_report.profit.wealth_usd, abs=0.05)
    assert made.carry_usd + made.left_usd + made.costs_usd == pytest.approx(scalped.net_usd, abs=1e-9)
    assert made.costs_usd == pytest.approx(-run_report.costs.totals.total.usd, abs=1e-3)
    assert made.funding_usd == pytest.approx(run_report.profit.usd.funding, abs=1e-9)
    assert abs(run_report.held_usd) > 10.0 * abs(made.total_usd)


def test_points_and_decisions_are_in_order_and_dense_enough(run_report: Report) -> None:
    """A point a minute and at fills; the delta before and after each hedge."""
    times = [point.at_ns for point in run_report.points]
    looked = [one.at_ns for one in run_report.deltas]

    assert times == sorted(times)
    assert looked == sorted(set(looked))
    assert len(times) >= 44
    assert {hedge.time_ns for hedge in run_report.hedges} <= set(looked)
    assert run_report.points[-1].realised_fraction is not None
    assert run_report.points[0].realised_fraction is None
    assert run_report.refused_fraction is not None
    assert 0.0 <= run_report.refused_fraction < 0.2


def test_the_book_at_its_end_is_shown(run_report: Report) -> None:
    """Both options with their volatility; a ladder from -20 % to +20 %, unmoved in the middle."""
    assert [one.held_coin != 0.0 for one in run_report.smile] == [True, True]
    assert [round(step.spot_share, 2) for step in run_report.ladder][::4] == [-0.2, 0.0, 0.2]
    assert run_report.ladder[4].pnl_usd == pytest.approx(0.0, abs=1e-6)
    assert run_report.curves == ()


def test_a_long_run_is_thinned(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more points than that, however long; the first one stays."""
    monkeypatch.setattr(report_audit, "_POINTS_MAX", 10)
    engine, audit = Engine(make.book()), ReportAudit(make.book())
    decided = engine.apply(Ticked(now_ns=make.now_ns)).decided
    assert decided is not None
    assert decided.action is not Action.HEDGE
    for minute in range(100):
        seen = structs.replace(decided, now_ns=make.now_ns + minute * report_audit.STEP_NS, delta_coin_net=0.0)
        audit._look_at_delta(structs.replace(seen, band_low_coin=-1.0, band_high_coin=1.0))

    assert 5 <= len(audit._deltas) <= 10
    assert audit._deltas[0].at_ns == make.now_ns
