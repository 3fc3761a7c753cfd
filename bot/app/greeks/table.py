"""A sheet of greeks as a reader sees it: tables for a terminal, one object for machines.

Knows names and meanings; computes nothing.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bot.app.greeks.figures import OptionFigures, Sheet

_WIDTH: Final = 220
"""Nothing is cut; a terminal wraps what it must."""
_LADDER_STEP: Final = 5
"""Every fifth rung fits on a screen; JSON has all."""

_MEANINGS: Final = (
    ("options_only", "Black-76 on the leg's own forward: options against their hedge, premium and collateral apart"),
    ("usd", "flat in dollars: by the spot, and the account's equity less its options' value added once"),
    ("coin", "flat in coins: by the spot, the premium taken off (the venue's net transaction delta)"),
    ("linear_usd", "a dollar-settled book: linear legs times forward over index"),
)
_Line = tuple[str, Callable[[OptionFigures], str], str]


def _number(digits: int) -> Callable[[float | None], str]:
    return lambda number: "not told" if number is None else f"{number:,.{digits}f}"


_SMALL: Final[Callable[[float | None], str]] = lambda number: "not told" if number is None else f"{number:.6g}"  # noqa: E731
_FIGURES: Final[tuple[_Line, ...]] = (
    ("forward", lambda o: f"{o.forward_usd:,.2f}", "USD per coin"),
    ("strike", lambda o: f"{o.strike_usd:,.2f} {o.kind}", "USD"),
    ("time left", lambda o: f"{o.hours_left:,.3f}", "hours"),
    ("age", lambda o: f"{o.age_s:,.1f}", "seconds since the quote"),
    ("volatility", lambda o: f"{o.iv:.4%}", "per sqrt(year)"),
    ("price", lambda o: f"{o.price_usd:,.4f}", "USD per coin of option"),
    ("premium", lambda o: f"{o.premium_coin:.8f}", "coins"),
    ("delta options_only", lambda o: f"{o.delta.options_only_coin:+.8f}", "coins; Black-76 on the forward"),
    ("delta usd", lambda o: f"{o.delta.usd_coin:+.8f}", "coins; by the spot, equity apart"),
    ("delta coin", lambda o: f"{o.delta.coin_coin:+.8f}", "coins; by the spot, premium taken off"),
    ("delta linear_usd", lambda o: f"{o.delta.linear_usd_coin:+.8f}", "coins; linear legs by forward over index"),
    ("gamma", lambda o: f"{o.gamma_coin_per_usd:.6g}", "coins per USD"),
    ("gamma 1 %", lambda o: f"{o.gamma_coin_per_percent:+.6f}", "coins per 1 % move"),
    ("vega", lambda o: _number(4)(o.vega_usd_per_percent), "USD per point of volatility"),
    ("theta", lambda o: _number(4)(o.theta_usd_per_day), "USD per day"),
    ("vanna", lambda o: _SMALL(o.vanna_coin_per_iv), "coins per 1.00 of volatility"),
    ("volga", lambda o: _SMALL(o.volga_usd_per_iv), "USD per 1.00 of volatility squared"),
    ("charm", lambda o: _SMALL(o.charm_coin_per_day), "coins per day"),
    ("speed", lambda o: _SMALL(o.speed_coin_per_usd), "gamma per USD"),
    ("coin gamma", lambda o: _SMALL(o.coin_gamma_per_usd), "curvature of the coin value"),
)


def as_json(sheet: Sheet) -> str:
    """One line."""
    return msgspec.json.encode(sheet).decode()


def as_text(sheet: Sheet) -> str:
    """Tables: one option in full, several in rows; totals, ladder, and what the deltas mean."""
    console = Console(width=_WIDTH, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(f"{sheet.source}, {sheet.at}")
        if len(sheet.options) == 1 and not sheet.futures and not sheet.unvalued:
            console.print(_one(sheet.options[0]))
        else:
            console.print(_many(sheet))
        for name, reason in sheet.unvalued.items():
            console.print(f"{name}: not valued: {reason}; totals are without it")
        if sheet.ladder:
            console.print(_ladder(sheet))
        if sheet.evidence:
            console.print(_evidence(sheet))
        for name, meaning in _MEANINGS:
            console.print(f"delta {name}: {meaning}")
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table


def _one(option: OptionFigures) -> Table:
    table = _table(f"{option.instrument}, per coin of option", "figure", "value")
    table.add_column("unit", justify="left")
    for name, show, unit in _FIGURES:
        table.add_row(name, show(option), unit)
    if option.open_share < 1.0:
        table.add_row("open of the average", f"{option.open_share:.4f}", "share; settlement window")
    if option.smile is not None:
        smile = option.smile
        table.add_row("volatility of the surface", f"{smile.iv_surface:.4%}", "fitted through the chain")
        table.add_row("skew", f"{smile.skew_iv_per_log:+.6f}", "volatility per unit of ln(strike/forward)")
        table.add_row("delta sticky_strike", f"{smile.sticky_strike_coin:+.8f}", "each strike keeps its volatility")
        table.add_row("delta sticky_delta", f"{smile.sticky_delta_coin:+.8f}", "each moneyness keeps its volatility")
        if smile.minimum_variance_coin is not None:
            table.add_row("delta minimum_variance", f"{smile.minimum_variance_coin:+.8f}", "fitted to the tape")
        table.add_row("delta ssr", f"{smile.ssr_coin:+.8f}", f"skew-stickiness ratio {smile.ssr_ratio:g}")
    return table


def _many(sheet: Sheet) -> Table:
    table = _table(
        "legs per coin, totals with quantities",
        *("leg", "qty", "forward", "iv", "premium", "options_only", "usd", "coin", "linear_usd"),
        *("sticky_delta", "gamma 1 %", "vega", "theta/day"),
    )
    for item in sheet.options:
        smile = "-" if item.smile is None else f"{item.smile.sticky_delta_coin:+.4f}"
        deltas = [f"{getattr(item.delta, name):+.4f}" for name in item.delta.__struct_fields__]
        table.add_row(
            *(item.instrument, f"{item.qty_coin:+g}", f"{item.forward_usd:,.2f}", f"{item.iv:.2%}"),
            *(f"{item.premium_coin:.5f}", *deltas, smile, f"{item.gamma_coin_per_percent:+.4f}"),
            *(_number(2)(item.vega_usd_per_percent), _number(2)(item.theta_usd_per_day)),
        )
    for leg in sheet.futures:
        deltas = [f"{getattr(leg.delta, name):+.4f}" for name in leg.delta.__struct_fields__]
        table.add_row(leg.instrument, f"{leg.qty_coin:+g}", f"{leg.price_usd:,.2f}", "", "", *deltas)
    totals = sheet.totals
    deltas = [f"{getattr(totals.delta, name):+.4f}" for name in totals.delta.__struct_fields__]
    table.add_section()
    table.add_row(
        *("total", "", "", "", f"{totals.premium_coin:+.5f}", *deltas, "", f"{totals.gamma_coin_per_percent:+.4f}"),
        *(f"{totals.vega_usd_per_percent:+,.2f}", f"{totals.theta_usd_per_day:+,.2f}"),
    )
    if totals.delta_usd_with_equity_coin is not None:
        table.add_row("with equity", *[""] * 5, f"{totals.delta_usd_with_equity_coin:+.4f}")
    return table


def _evidence(sheet: Sheet) -> Table:
    table = _table(
        "hedging errors on the tape, against sticky_strike",
        "delta",
        "variance ratio",
        "chance",
        "steps",
        "worth a switch",
    )
    for item in sheet.evidence:
        ratio = "not told" if item.variance_ratio is None else f"{item.variance_ratio:.4f}"
        chance = "not told" if item.chance_share is None else f"{item.chance_share:.2%}"
        table.add_row(item.rule.value, ratio, chance, str(item.steps_count), "yes" if item.is_better else "no")
    return table


def _ladder(sheet: Sheet) -> Table:
    moves = sorted({rung.iv_move for rung in sheet.ladder})
    table = _table(
        "gap: delta (coins) | profit (USD) | margin (coins)", "spot", *(f"vol {move:+.0%}" for move in moves)
    )
    shares = sorted({rung.spot_share for rung in sheet.ladder})
    at = {(rung.spot_share, rung.iv_move): rung for rung in sheet.ladder}
    for share in shares[::_LADDER_STEP]:
        rungs = [at[share, move] for move in moves]
        table.add_row(
            f"{share:+.0%}", *(f"{r.delta_coin_net:+.3f} | {r.pnl_usd:+,.0f} | {r.margin_coin:.3f}" for r in rungs)
        )
    return table
