"""A backtest in words."""

from msgspec import structs

from bot.research import backtest_table
from bot.research.backtest import Backtest
from bot.research.steps import LegSteps, StepMissed
from bot.research.tapes.defects import Defect, DefectKind, counted


def test_everything_that_matters_is_said(backtested: Backtest) -> None:
    """A line each, then the profit taken apart, then the defects."""
    said = backtest_table.as_text(backtested)

    for word in (
        "fixed (low_coin_per_option_coin -0.05, high_coin_per_option_coin 0.05), book BTC hedged with BTC-PERPETUAL",
        "tape: a.jsonl (order books, JSON)",
        "tradable: ",
        "not for ",
        "hole: 3,594 s from 2023-04-12T10:30:",
        "unhedged: ratio ",
        "cost of hedging: half spread ",
        "greeks explain 100.00% of ",
        "closes: the account made",
        "defects of the tape:",
    ):
        assert word in said


def test_what_is_missing_is_said_too(backtested: Backtest) -> None:
    """Too few steps, steps the greeks do not explain, a run that was not in order, a tape without a defect."""
    missed = StepMissed(
        start="2023-04-12T11:00:00Z", seconds=300.0, delta_native=1.0, gamma_native=2.0, residual_native=3.0
    )
    few = structs.replace(backtested.variance, steps_count=1, hedged_usd_squared=None)
    result = structs.replace(
        backtested,
        variance=few,
        steps=(LegSteps(instrument="BTC-X", is_far=False, steps_count=2, missed=(missed,)),),
        violations=("it went wrong",),
        untradable_s={},
        defects=(),
    )
    said = backtest_table.as_text(result)

    assert "variance: 1 steps are too few to say" in said
    assert "greeks explain 50.00% of 2 steps of BTC-X under 36 h (90% wanted)" in said
    assert "not from 11:00:00, 300 s: delta +1, gamma +2, residual +3" in said
    assert "VIOLATION: it went wrong" in said
    assert "defects of the tape: none" in said


def test_defects_are_a_table() -> None:
    """Count, whether they are played, the first rows, an example."""
    defects = counted([Defect("a", row, DefectKind.DUPLICATE, "BTC-X", "as a row 1") for row in (2, 3)])

    assert [line.split() for line in backtest_table.defect_lines(defects)[-1:]] == [
        ["a", "duplicate", "2", "left", "out", "2,", "3", "BTC-X", "as", "a", "row", "1"]
    ]
