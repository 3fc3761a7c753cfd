"""A backtest as a reader sees it. Knows names and units; computes nothing."""

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from bot.observe import profit_table
from bot.research.backtest import Backtest, Variance
from bot.research.tapes.defects import DefectCount

_WIDTH: Final = 200


def as_text(result: Backtest) -> str:
    """The policy and what it came to, line by line; then the profit taken apart; then the tape's defects."""
    costs, run = result.costs_usd, result.run
    parameters = ", ".join(
        f"{name} {value:g}" for name, value in result.parameters.items() if value and isinstance(value, float)
    )
    head = (
        f"{result.policy} ({parameters or 'defaults'}), book {result.book} hedged with {result.hedge_instrument}: "
        f"{result.hedges} hedges, {result.fills} fills, {run.refused} refused; profit {result.pnl_usd:+,.2f} USD"
    )
    tape = (
        f"tape: {', '.join(result.tape.files)} ({', '.join(result.tape.formats)}), {result.tape.rows_count:,} rows, "
        f"{result.tape.start[:19]}Z to {result.tape.end[:19]}Z"
    )
    cost = (
        f"cost of hedging: half spread {costs.half_spread:+,.2f}, waiting {costs.waiting:+,.2f}, beyond the touch "
        f"{costs.beyond:+,.2f}, fees {costs.fees:+,.2f}, in all {costs.total:+,.2f} USD for {costs.traded:,.0f} USD "
        f"traded; funding paid {costs.funding:+,.2f}"
    )
    lines = [
        head,
        tape,
        f"tradable: {result.tradable_share:.2%} of the time{_untradable(result)}",
        *(f"hole: {seconds:,.0f} s from {start[:19]}Z, not traded through" for start, seconds in result.tape.holes),
        _variance(result.variance),
        cost,
        *_explained(result),
        "",
        profit_table.as_text(result.attribution),
        *defect_lines(result.defects),
        *(f"VIOLATION: {found}" for found in result.violations),
    ]
    return "\n".join(lines)


def _untradable(result: Backtest) -> str:
    told = [f"{reason} {seconds:,.0f} s" for reason, seconds in result.untradable_s.items() if seconds >= 1.0]
    return f"; not for {', '.join(told)}" if told else ""


def _variance(variance: Variance) -> str:
    if variance.hedged_usd_squared is None or variance.unhedged_usd_squared is None or variance.ratio is None:
        return f"variance: {variance.steps_count} steps are too few to say"
    delta = "" if variance.ratio_delta is None else f", of the delta's part {variance.ratio_delta:.4f}"
    return (
        f"variance of a step's profit over {variance.steps_count} steps: "
        f"{variance.hedged_usd_squared:,.2f} USD^2 hedged, {variance.unhedged_usd_squared:,.2f} unhedged: "
        f"ratio {variance.ratio:.4f}{delta}"
    )


def _explained(result: Backtest) -> list[str]:
    lines = []
    for leg in result.steps:
        side = "over" if leg.is_far else "under"
        lines.append(
            f"greeks explain {leg.explained_share:.2%} of {leg.steps_count} steps of {leg.instrument} {side} 36 h "
            f"({leg.wanted_share:.0%} wanted)"
        )
        lines += [
            f"  not from {step.start[11:19]}, {step.seconds:.0f} s: delta {step.delta_native:+.3g}, "
            f"gamma {step.gamma_native:+.3g}, residual {step.residual_native:+.3g}"
            for step in leg.missed
        ]
    return lines


def defect_lines(defects: tuple[DefectCount, ...]) -> list[str]:
    """A table of what is wrong with the files; nothing where nothing is."""
    if not defects:
        return ["defects of the tape: none"]
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("file", "defect", "rows", "", "first rows", "such as"):
        table.add_column(name, justify="right" if name == "rows" else "left")
    for one in defects:
        rows = ", ".join(map(str, one.first_rows[:5]))
        left_out = "left out" if one.is_left_out else "kept"
        table.add_row(one.file, one.kind, f"{one.rows_count:,}", left_out, rows, one.example)
    console = Console(width=_WIDTH, no_color=True, highlight=False, emoji=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    return ["", "defects of the tape:", *(line.rstrip() for line in captured.get().splitlines() if line.strip())]
