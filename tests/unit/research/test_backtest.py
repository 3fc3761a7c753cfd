"""What a policy came to on a recorded day."""

import math
from typing import Any

import msgspec
import pytest
from msgspec import structs

from bot.drive.simulate import StepSample
from bot.observe.profits import CurrencyClosed
from bot.research import backtest
from bot.research.backtest import Backtest, as_json


def test_a_backtest_says_what_it_cost_and_left(backtested: Backtest) -> None:
    """Hedges, parts of the cost that add up, variance of both, an account that closes, steps of the option."""
    costs = backtested.costs_usd

    assert (backtested.policy, backtested.book, backtested.hedge_instrument) == ("fixed", "BTC", "BTC-PERPETUAL")
    assert backtested.fills >= backtested.orders == backtested.hedges > 0
    assert costs.total == pytest.approx(costs.half_spread + costs.waiting + costs.beyond + costs.fees)
    assert costs.total > 0.0
    variance = backtested.variance
    assert variance.hedged_usd_squared is not None
    assert variance.unhedged_usd_squared is not None
    assert variance.ratio == pytest.approx(variance.hedged_usd_squared / variance.unhedged_usd_squared)
    assert (backtested.closes, backtested.violations) == (True, ())
    assert [(leg.instrument, leg.is_within) for leg in backtested.steps] == [("BTC-14APR23-30000-C", True)]


def test_what_cannot_be_traded_is_told(backtested: Backtest) -> None:
    """A hole of an hour, but for the time until quotes are old."""
    assert [(start[:16], seconds) for start, seconds in backtested.tape.holes] == [("2023-04-12T10:30", 3_594.0)]
    assert backtested.tradable_share == pytest.approx(1.0 - (60 - 12) / 120, abs=0.02)
    assert backtested.untradable_s["hedge_quote_distrusted"] == pytest.approx(48 * 60, abs=90)
    assert [one.kind.value for one in backtested.defects] == ["hole"]


def test_the_whole_is_json(backtested: Backtest) -> None:
    """One line, numbers as numbers."""
    told = msgspec.json.decode(as_json(backtested))

    assert isinstance(told["attribution"]["currencies"][0]["books_native"], float)
    assert told["run"]["mode"] == "backtest"


def test_what_belongs_to_nothing_is_a_share_of_all_parts(backtested: Backtest) -> None:
    """Of the worst currency; zero of nothing."""
    profit = backtested.attribution
    broken = structs.replace(profit, currencies=tuple(_apart(one, 1.0) for one in profit.currencies))

    assert backtest.apart_share(profit) < 1e-5
    assert backtest.apart_share(broken) > 1.0
    assert backtest.apart_share(structs.replace(profit, legs=(), currencies=())) == 0.0


def _apart(one: CurrencyClosed, by: float) -> CurrencyClosed:
    return structs.replace(one, apart_native=one.apart_native + by)


@pytest.mark.parametrize(("levels", "expected"), [([], None), ([1.0, 2.0], None), ([0.0, 1.0, 0.0], 2.0)])
def test_variance_needs_two_moves(levels: list[float], expected: float | None) -> None:
    """Of profit from look to look."""
    steps = [
        StepSample(total_usd=usd, options_usd=usd, index_usd=1.0, delta_coin_net=0.0, delta_coin_options=0.0)
        for usd in levels
    ]
    found: Any = backtest._of_moves([step.total_usd for step in steps])

    assert found is None if expected is None else math.isclose(found, expected)
