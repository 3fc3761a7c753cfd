"""A report as one HTML page that needs nothing beside itself: no script, no font, no request.

Knows words, tables and styles; computes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from msgspec import structs

from bot.domain.time import NS_PER_S, iso_utc
from bot.observe.plot import LIGHT, SERIES, SERIES_COUNT, SHAPES, STYLE
from bot.observe.report_charts import Chart, charts
from bot.observe.reported import Components, Report
from bot.risk.scalping import Outcome, Span

COMPONENT_WORDS: Final = {
    "carry_usd": "gamma less time",
    "left_usd": "delta left open",
    "volatility_usd": "volatility",
    "basis_usd": "basis",
    "costs_usd": "slippage and fees",
    "funding_usd": "funding",
    "other_usd": "other: third order, rounding, settlement",
}
_DARK: Final = {
    "page": "#14181d",
    "ink": "#e6eaee",
    "muted": "#a3adb8",
    "grid": "#2a3138",
    "axis": "#5b6670",
    "card": "#1d232a",
    "c0": "#6fb1f0",
    "c1": "#e6eaee",
    "c2": "#4cc38a",
    "c3": "#ff7b6b",
    "c4": "#f0a35a",
    "c5": "#c792ea",
    "c6": "#4fc7d1",
    "c7": "#c3cf5f",
    "c8": "#8a94a0",
}
_SPANS_MAX: Final = 48
_OUTCOME: Final = ("at the volatility", "expected, USD", "chance, USD", "standard error", "in standard errors")
_HOUR: Final = ("from (UTC)", "move", "break-even", "gained", "time", "delta left open", "costs", "net")
_ALONE: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A browser refuses whatever the page would ask for, and says so."""


def _colours(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


_KEYS: Final = "".join(f"i.k.s{n}{{background:var(--c{n})}}" for n in range(SERIES_COUNT))
_PAGE: Final = (
    f":root{{color-scheme:light dark;{_colours(LIGHT)}}}"
    f"@media(prefers-color-scheme:dark){{:root{{{_colours(_DARK)}}}}}"
    """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:20px 16px 48px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.2em 0;overflow-wrap:anywhere}h2{font-size:1.12rem;margin:0}
header p,figcaption p,section>p{margin:.2em 0 .6em;color:var(--muted)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));gap:10px;margin:16px 0}
.tiles div{background:var(--card);border-radius:8px;padding:10px 12px}
.tiles b{display:block;font-size:1.22rem;font-variant-numeric:tabular-nums}
.tiles span{color:var(--muted);font-size:.86rem}
figure,section{margin:30px 0 0}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none;padding:0;margin:0 0 4px;font-size:.86rem}
.legend li{display:flex;align-items:center;gap:6px}
i.k{display:inline-block;width:16px;height:3px;border-radius:2px;flex:none}
i.k.area{height:11px;opacity:.45}i.k.dot{width:9px;height:9px;border-radius:50%}
i.k.ring{width:13px;height:13px;border-radius:50%;background:none!important;border:2.4px solid var(--ink)}
i.k.up,i.k.down{width:10px;height:9px;border-radius:0;clip-path:polygon(50% 0,100% 100%,0 100%)}
i.k.down{clip-path:polygon(0 0,100% 0,50% 100%)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:4px 12px 4px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid)}
th{color:var(--muted);font-weight:600;white-space:normal;vertical-align:bottom}
th:first-child,td:first-child{text-align:left}td:first-child{white-space:normal;min-width:5.6em}
tr.sum td{font-weight:600}
.bad{background:var(--c3);color:var(--page);padding:8px 12px;border-radius:8px;font-weight:600}
footer{margin-top:36px;color:var(--muted);font-size:.86rem}
"""
)


def as_html(report: Report) -> str:
    """The whole page."""
    title = f"{report.run_id}: {report.book} options, delta-hedged"
    body = [_header(report, title), _tiles(report), *map(_figure, charts(report)), *_tables(report), _footer(report)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f'<meta http-equiv="Content-Security-Policy" content="{_ALONE}">'
        f"<title>{escape(title)}</title><style>{_PAGE}{STYLE}{SHAPES}{SERIES}{_KEYS}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def span_words(report: Report) -> str:
    """From when to when, and how long."""
    seconds = (report.end_ns - report.start_ns) // NS_PER_S
    long = f"{seconds / 3_600:.1f} h" if seconds >= 3_600 else f"{seconds:,} s"
    start, end = (iso_utc(at)[:16].replace("T", " ") for at in (report.start_ns, report.end_ns))
    return f"{start} to {end} UTC, {long}"


def key_figures(report: Report) -> list[tuple[str, str]]:
    """What a reader wants first: words and figure."""
    scalped, costs = report.scalping.scalping, report.costs.totals
    made = report.points[-1].made if report.points else None
    found = [] if made is None else [("result, USD", f"{made.total_usd:+,.2f}")]
    found.append(("hedges", f"{report.scalping.hedges_count:,}"))
    found.append(("costs of hedging, USD", f"{-costs.total.usd:+,.2f}"))
    if costs.total.bps is not None:
        found.append(("of what was traded, bps", f"{costs.total.bps:.2f}"))
    if costs.maker_share is not None:
        found.append(("of it rested", f"{costs.maker_share:.0%}"))
    if scalped is not None:
        found += [
            (f"volatility paid, gamma {word}", f"{side.iv_paid:.1%}")
            for word, side in (("bought", scalped.bought), ("sold", scalped.sold))
            if side is not None
        ]
        found.append(("volatility met", f"{scalped.realised_vol_fraction:.1%}"))
        if scalped.break_even is not None:
            found.append(("break-even move an hour", f"{scalped.break_even.per_hour:.2%}"))
    if report.refused_fraction is not None:
        found.append(("of the time hedging was refused", f"{report.refused_fraction:.1%}"))
    return found


def _header(report: Report, title: str) -> str:
    problem = f'<p class="bad">DOES NOT ADD UP: {escape(report.problem)}</p>' if report.problem else ""
    words = f"{escape(report.mode)}, delta convention {escape(report.convention)}; {span_words(report)}"
    return f"<header><h1>{escape(title)}</h1><p>{words}</p>{problem}</header>"


def _tiles(report: Report) -> str:
    tiles = (f"<div><b>{escape(figure)}</b><span>{escape(word)}</span></div>" for word, figure in key_figures(report))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _figure(chart: Chart) -> str:
    caption = f"<figcaption><h2>{escape(chart.title)}</h2><p>{escape(chart.words)}</p></figcaption>"
    return f"<figure>{caption}{chart.body}</figure>"


def _tables(report: Report) -> list[str]:
    found = [_made(report)]
    if report.scalping.scalping is not None:
        scalped = report.scalping.scalping
        outcomes = [_outcome("paid", scalped.at_implied), _outcome("met", scalped.at_realised)]
        words = "What the decisions were worth, had each moment had the volatility named, and what chance made of them."
        found.append(_table("Process and outcome", words, _OUTCOME, outcomes))
    hours = report.scalping.hours
    shown = [_span(one) for one in hours[-_SPANS_MAX:]]
    found.append(_table("Scalping by the hour", f"USD; the last {len(shown)} of {len(hours)} hours.", _HOUR, shown))
    if report.ladder:
        rungs = [
            (f"{one.spot_share:+.0%}", f"{one.pnl_usd:+,.0f}", f"{one.delta_coin_net:+.3f}", f"{one.margin_coin:,.3f}")
            for one in report.ladder
        ]
        columns = ("move of spot", "profit, USD", f"delta, {report.book}", f"margin, {report.book}")
        found.append(_table("Gap-risk ladder", "Volatility unmoved; margin is an estimate.", columns, rungs))
    held = [(one.instrument, f"{one.held_coin:+,g}", f"{one.iv:.1%}") for one in report.smile if one.held_coin]
    if held:
        found.append(_table("Options held at the end", "", ("instrument", report.book, "volatility"), held))
    return found


def _span(one: Span) -> tuple[str, ...]:
    even = "" if one.break_even_share is None else f"{one.break_even_share:.2%}"
    money = (one.gained_usd, one.paid_usd, one.left_usd, one.cost_usd, one.net_usd)
    start = iso_utc(one.start_ns)[5:16].replace("T", " ")
    return (start, f"{one.move_share:+.2%}", even, *(f"{usd:+,.2f}" for usd in money))


def _made(report: Report) -> str:
    rows: list[tuple[str, ...]] = []
    if report.points:
        made = report.points[-1].made
        rows = [(word, f"{getattr(made, name):+,.2f}") for name, word in COMPONENT_WORDS.items()]
        rows.append(("result", f"{made.total_usd:+,.2f}"))
        rows.append(("price of coins merely held", f"{report.held_usd:+,.2f}"))
        rows.append(("worth of the account made", f"{report.profit.wealth_usd:+,.2f}"))
    assert {field.name for field in structs.fields(Components)} == set(COMPONENT_WORDS), "a component without words"
    return _table("What made the profit", "", ("", "USD"), rows, sums={"result", "worth of the account made"})


def _outcome(word: str, told: Outcome) -> tuple[str, ...]:
    sigmas = "" if told.sigmas is None else f"{told.sigmas:+.1f}"
    return (word, f"{told.expected_usd:+,.2f}", f"{told.chance_usd:+,.2f}", f"{told.error_usd:,.2f}", sigmas)


def _table(
    title: str,
    words: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    sums: frozenset[str] | set[str] = frozenset(),
) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = (
        f"<tr{' class=' + chr(34) + 'sum' + chr(34) if row[0] in sums else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    said = f"<p>{escape(words)}</p>" if words else ""
    return f'<section><h2>{escape(title)}</h2>{said}<div class="scroll">{table}</div></section>'


def _footer(report: Report) -> str:
    closes = (
        "Does not add up."
        if report.problem
        else "Adds up: profit against the account, costs against the run's own figures."
    )
    words = "Every figure is made again from the run's tape. Commands: hedgebot pnl, scalping, tca, why."
    return f"<footer>{closes} {words}</footer>"
