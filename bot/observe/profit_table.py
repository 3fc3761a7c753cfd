"""Profit of a run as a reader sees it: a line a leg, a line for all, the desk's words, and whether it closes.

Knows names and units; computes nothing.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import structs
from rich import box
from rich.console import Console
from rich.table import Table

from bot.domain.time import NS_PER_S, iso_utc
from bot.observe.profits import CurrencyClosed, Parts, ProfitReport

_WIDTH: Final = 240
_UNEXPLAINED_MAX: Final = 5
_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode


def as_json(report: ProfitReport) -> str:
    """One line."""
    return _to_json(msgspec.to_builtins(report, builtin_types=(Decimal,))).decode()


def as_text(report: ProfitReport) -> str:
    """A table of legs with their sum in USD, the same in a desk's words, the account beside it."""
    console = Console(width=_WIDTH, no_color=True, highlight=False, emoji=False, markup=False)
    span_s = (report.end_ns - report.start_ns) // NS_PER_S
    span = f"{iso_utc(report.start_ns)[:19]}Z and {span_s:,} s on"
    lines = [f"{report.run_id} ({report.mode}), book {report.book}: {span}; USD, {report.steps_count:,} steps"]
    with console.capture() as captured:
        console.print(_table(report))
    table = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join([*lines, *table, *_below(report)])


def _table(report: ProfitReport) -> Table:
    names = [field.name for field in structs.fields(Parts)]
    shown = [name for name in names if getattr(report.usd, name) or any(getattr(leg.usd, name) for leg in report.legs)]
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("leg", justify="left")
    for name in [*shown, "total"]:
        table.add_column(name.replace("_", " "), justify="right")
    for leg in report.legs:
        table.add_row(leg.instrument, *_cells(leg.usd, shown))
    table.add_section()
    table.add_row("all", *_cells(report.usd, shown))
    return table


def _cells(parts: Parts, shown: list[str]) -> list[str]:
    return [f"{part:+,.2f}" if (part := getattr(parts, name)) else "" for name in shown] + [f"{parts.total:+,.2f}"]


def _below(report: ProfitReport) -> list[str]:
    groups = structs.asdict(report.groups_usd)
    words = [f"{name.replace('_', ' ')} {money:+,.2f}" for name, money in groups.items() if money]
    lines = ["in a desk's words: " + ", ".join(words)]
    lines += [_account(one) for one in report.currencies]
    steps = sum(leg.steps_count for leg in report.legs)
    missed = sum(leg.unexplained_count for leg in report.legs)
    if steps:
        lines.append(
            f"greeks explain {1 - missed / steps:.2%} of {steps:,} steps of the options: "
            f"a residual within 10 % of gamma and 1 % of delta"
        )
    for step in report.unexplained[:_UNEXPLAINED_MAX]:
        start, span_s = iso_utc(step.start_ns)[11:19], (step.end_ns - step.start_ns) // NS_PER_S
        parts = f"delta {step.delta_usd:+.4f}, gamma {step.gamma_usd:+.4f}, residual {step.residual_usd:+.4f}"
        lines.append(f"  not {step.instrument} from {start}, {span_s} s: {parts}")
    lines.append(
        f"DOES NOT CLOSE: {report.problem}"
        if report.problem
        else f"closes: the account made {report.wealth_usd:+,.2f} USD by our books"
    )
    return lines


def _account(one: CurrencyClosed) -> str:
    return (
        f"{one.currency}: parts {one.parts_native:+.8f}, our books {one.books_native:+}, venue {one.venue_native:+}; "
        f"apart {one.apart_native:+.1e}, {one.tolerance_native:.1e} is rounding"
    )
