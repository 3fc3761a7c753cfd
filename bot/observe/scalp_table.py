"""Scalping of a run as a reader sees it: did it pay, where did the variance go, was it luck, hour by hour.

Knows names and units; computes nothing.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bot.domain.time import NS_PER_S, iso_utc
from bot.observe.scalps import ScalpingReport
from bot.risk.scalping import Captured, Outcome, Scalping, Side, Span

_WIDTH: Final = 160
_HEDGES_MAX: Final = 50
"""Of the table a reader gets; programs get all."""
_COLUMNS: Final = ("move", "break-even", "gained", "paid", "delta left open", "costs", "net")


def as_json(report: ScalpingReport) -> str:
    """One line."""
    return msgspec.json.encode(report).decode()


def as_text(report: ScalpingReport) -> str:
    """What was paid and met, where the variance went, process against outcome, hours, the newest hedges."""
    span_s = (report.end_ns - report.start_ns) // NS_PER_S
    span = f"{iso_utc(report.start_ns)[:19]}Z and {span_s:,} s on"
    lines = [f"{report.run_id} ({report.mode}), book {report.book}: {span}; USD, {report.steps_count:,} steps"]
    if report.scalping is not None:
        lines += _figures(report, report.scalping)
    lines += ["", "by the hour (UTC)", *_spans(report.hours)]
    newest = report.hedges[-_HEDGES_MAX:]
    lines += ["", f"from hedge to hedge, {len(newest)} of {len(report.hedges)}", *_spans(newest), ""]
    return "\n".join([*lines, *_end(report)])


def _figures(report: ScalpingReport, found: Scalping) -> list[str]:
    plain = f"realised volatility, plain: {found.realised_vol_fraction:.2%}"
    lines = [*_side("bought", found.bought), *_side("sold", found.sold), plain]
    if found.break_even is not None:
        even = found.break_even
        costs = "no volatility pays" if even.iv_with_costs is None else f"{even.iv_with_costs:.2%} pays"
        moves = f"{even.per_hour:.2%} an hour, {even.per_day:.2%} a day at {even.iv:.2%}"
        lines.append(f"break-even move: {moves}; {costs} the costs as well")
    paid, expected = (_share(part) for part in (found.haircut.paid_fraction, found.haircut.expected_fraction))
    maker = "nothing was traded" if report.maker_share is None else f"{report.maker_share:.0%} of it as maker"
    lines.append(f"costs took {paid} of the variance, {expected} by the width of the band (lam / m)")
    lines.append(f"{report.hedges_count:,} hedges traded {report.traded_usd:,.0f} USD, {maker}")
    return [*lines, "", *_captured(found), "", *_outcomes(found)]


def _side(word: str, side: Side | None) -> list[str]:
    if side is None:
        return []
    vols = f"paid {side.iv_paid:.2%}, met {side.realised_vol_fraction:.2%} (weighted with dollar gamma)"
    money = f"gained {side.gained_usd:+,.2f}, time {side.paid_usd:+,.2f}"
    return [f"gamma {word}: delta moves {side.gamma_usd * 1e-2:+,.0f} USD for 1 %; {vols}; {money}"]


def _share(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"


def _captured(found: Scalping) -> list[str]:
    told: Captured = found.captured
    noise = "too few moves to tell"
    if told.reverting_share is not None and told.reverting_share_error is not None:
        noise = f"{told.reverting_share:+.1%} of the variance, give or take {told.reverting_share_error:.1%}"
    rows = [
        ("available", told.available_usd, "plain variance at the mean gamma"),
        ("gamma was elsewhere", told.elsewhere_usd, "less of it where the moves were"),
        ("went back again", told.reverting_usd, f"moves within 15 minutes: {noise}"),
        ("delta left open", told.sampling_usd, "hedging at a band: no loss on average"),
        ("costs", told.cost_usd, "spread, waiting, fees"),
        ("captured", told.captured_usd, f"inefficiency {_share(told.inefficiency_fraction)}"),
        ("time", found.paid_usd, "at the volatility of the marks"),
        ("net", found.net_usd, "the scalping"),
    ]
    return ["where the variance went", *(f"  {name:<20}{usd:>+14,.2f}  {words}" for name, usd, words in rows)]


def _outcomes(found: Scalping) -> list[str]:
    return [
        "process and outcome",
        _outcome("at the volatility paid", found.at_implied),
        _outcome("at the volatility met", found.at_realised),
    ]


def _outcome(word: str, told: Outcome) -> str:
    sigmas = "" if told.sigmas is None else f" ({told.sigmas:+.1f} standard errors)"
    return (
        f"  {word:<24}expected {told.expected_usd:+,.2f}, chance {told.chance_usd:+,.2f} "
        f"+- {told.error_usd:,.2f}{sigmas}"
    )


def _spans(spans: Sequence[Span]) -> list[str]:
    console = Console(width=_WIDTH, no_color=True, highlight=False, emoji=False, markup=False)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("from", justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for one in spans:
        even = "" if one.break_even_share is None else f"{one.break_even_share:.3%}"
        money = (one.gained_usd, one.paid_usd, one.left_usd, one.cost_usd, one.net_usd)
        table.add_row(iso_utc(one.start_ns)[11:19], f"{one.move_share:+.3%}", even, *(f"{usd:+,.2f}" for usd in money))
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines() if line.strip()]


def _end(report: ScalpingReport) -> list[str]:
    if report.problem:
        return [f"DOES NOT ADD UP: {report.problem}"]
    beside = f"{report.beside_usd:+,.2f} beside it (volatility, basis, funding, collateral: hedgebot pnl)"
    return [f"scalping {report.total_usd - report.beside_usd:+,.2f} and {beside} are {report.total_usd:+,.2f} USD"]
