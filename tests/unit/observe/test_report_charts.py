"""The charts of a report: all seven, and what stands there where there is nothing to draw."""

import re

from msgspec import structs

from bot.observe.report_charts import as_files, charts
from bot.observe.reported import Report, SmileCurve


def test_every_chart_of_a_run_is_drawn(run_report: Report) -> None:
    """Price with hedges, delta in its band, profit by part, volatilities, costs, smile with held strikes, gap risk."""
    found = {chart.title: chart.body for chart in charts(run_report)}

    assert list(found) == [
        "BTC price and hedges",
        "Net delta inside its band",
        "Profit since the start, by what made it",
        "Volatility met and volatility paid",
        "Cost of each hedge",
        "Smile at the end, with the strikes held",
        "Gap risk: what a jump would make of the book",
    ]
    assert all(body.count("<svg") == 2 for body in found.values())
    assert not any(re.search(r"\b(nan|inf)\b", body) for body in found.values())
    marks = len(re.findall(r'class="mark f[23]"', found["BTC price and hedges"]))
    assert marks == 2 * len(run_report.hedges) > 0
    assert found["Smile at the end, with the strikes held"].count("<circle") == 2 * 2 * 2
    assert found["Cost of each hedge"].count("needle") == 2 * len(run_report.hedges)


def test_a_fitted_smile_is_a_line_and_other_strikes_are_dots(run_report: Report) -> None:
    """Of its own expiry; only as far as there are strikes."""
    first, last = run_report.smile[0], run_report.smile[-1]
    strikes = (first.strike_usd, 0.5 * (first.strike_usd + last.strike_usd), last.strike_usd, 9e9)
    curve = SmileCurve(expiry_ns=first.expiry_ns, strikes_usd=strikes, ivs=(0.6, 0.5, 0.6, 9.0))
    chart = charts(structs.replace(run_report, curves=(curve,)))[5]

    assert "lines are the fitted surface" in chart.words
    assert chart.body.count("<polyline") == 2
    assert all(points.count(",") == 3 for points in re.findall(r'<polyline[^>]*points="([^"]*)"', chart.body))


def test_where_nothing_can_be_drawn_it_is_said(run_report: Report) -> None:
    """A run without hedges, options or prices; a run of one look has no charts at all."""
    costs = structs.replace(run_report.costs, hedges=())
    bare = structs.replace(run_report, hedges=(), smile=(), ladder=(), deltas=(), costs=costs)
    words = [chart.words for chart in charts(bare)]

    assert (words[4], words[5], words[6]) == (
        "nothing was hedged",
        "no option had a volatility",
        "not told: a leg had no price",
    )
    assert charts(structs.replace(run_report, points=run_report.points[:1])) == []


def test_every_chart_is_a_file_of_its_own(run_report: Report) -> None:
    """By its name, with what it shows; what has nothing to draw is none."""
    files = as_files(run_report)

    assert list(files) == ["price", "delta", "profit", "volatility", "costs", "smile", "ladder"]
    assert all(text.startswith("<svg ") and "var(" not in text for text in files.values())
    assert "hedge: bought" in files["price"]
    costs = structs.replace(run_report.costs, hedges=())
    assert "costs" not in as_files(structs.replace(run_report, costs=costs))
