"""Costs of a run as a reader sees them: a line a hedge, a line for all, what they add up to.

Knows names and units; computes nothing.
"""

from decimal import Decimal
from typing import Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bot.observe.costs import MARK_OUTS_NS, CostReport, Costs, Money

_WIDTH: Final = 220
_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode


def as_json(report: CostReport) -> str:
    """One line."""
    return _to_json(msgspec.to_builtins(report, builtin_types=(Decimal,))).decode()


def as_text(report: CostReport) -> str:
    """A table of hedges with their sum, then what was not hedging, the ratio, and the check."""
    console = Console(width=_WIDTH, no_color=True, highlight=False, emoji=False, markup=False)
    lines = [
        f"{report.run_id} ({report.mode}), book {report.book}: {len(report.hedges)} hedges; USD (bps of what it traded)"
    ]
    with console.capture() as captured:
        console.print(_table(report))
    table = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join([*lines, *table, *_below(report)])


def _table(report: CostReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("decided", justify="left")
    columns = ("seq", "filled", "mid USD", "price USD", "half spread", "waiting", "beyond", "fees", "total", "maker")
    for column in (*columns, *(f"mark-out {_seconds(name)}" for name in MARK_OUTS_NS)):
        table.add_column(column, justify="right")
    for hedge in report.hedges:
        filled = f"{hedge.filled_native:+,} {hedge.unit}"
        if hedge.filled_native != hedge.amount_native:
            filled += f" of {hedge.amount_native:+,}"
        price = "" if hedge.price_usd is None else f"{hedge.price_usd:,.2f}"
        table.add_row(
            hedge.at[11:23], str(hedge.seq), filled, f"{hedge.arrival_mid_usd:,.2f}", price, *_cells(hedge.costs)
        )
    table.add_section()
    table.add_row("all", "", f"{report.totals.traded_usd:,.0f} USD", "", "", *_cells(report.totals))
    return table


def _cells(costs: Costs) -> list[str]:
    parts = (costs.half_spread, costs.waiting, costs.beyond, costs.fees, costs.total)
    maker = "" if costs.maker_share is None else f"{costs.maker_share:.0%}"
    return [*(_money(part) for part in parts), maker, *(_money(costs.mark_outs[name]) for name in MARK_OUTS_NS)]


def _seconds(name: str) -> str:
    return name.removeprefix("after_").replace("_", " ")


def _money(money: Money | None) -> str:
    if money is None or money.bps is None:
        return ""
    return f"{money.usd:+,.4f} ({money.bps:+.2f})"


def _below(report: CostReport) -> list[str]:
    own = f"slippage {report.slippage_of_run_usd:+,.4f} USD, fees {report.fees_of_run_usd:+,.4f} USD"
    lines = [
        f"the run's own figures: {own}; {0.0 - report.fees_elsewhere_usd:+,.4f} USD belong to no hedge of this run"
    ]
    made = {name: money for name, money in report.maker_mark_outs.items() if money is not None}
    if made:
        parts = ", ".join(f"{_money(money)} after {_seconds(name)}" for name, money in made.items())
        lines.append(f"mark-out of what rested: {parts}; negative is what those who took it knew")
    if report.cost_ratio is not None and report.risk_usd is not None:
        lines.append(
            f"cost / (risk aversion / 2 x variance) = {report.totals.total.usd:,.4f} / {report.risk_usd:,.4f} USD = "
            f"{report.cost_ratio:.2f}; 2 where the band is the best one, above 3 it is too tight, below 1 too wide"
        )
    elif report.risk_usd is None:
        lines.append("cost / (risk aversion / 2 x variance): the policy knows no risk aversion")
    if report.problem:
        lines.append(f"DOES NOT ADD UP: {report.problem}")
    else:
        lines.append(f"hedges add up to the run's figures; the tape was made again equal ({report.compared})")
    return lines
