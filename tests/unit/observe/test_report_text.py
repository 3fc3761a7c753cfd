"""A report as Markdown and as JSON."""

import json

from msgspec import structs

from bot.observe.report_text import as_json, as_markdown
from bot.observe.reported import Report


def test_markdown_is_a_page(run_report: Report) -> None:
    """Tables whose rows have the columns of their heads; the problem, where there is one."""
    text = as_markdown(run_report)

    assert text.startswith(f"# {run_report.run_id}: BTC options, delta-hedged\n")
    for table in text.split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1
    assert text.count("\n") < 60
    assert "DOES NOT ADD UP" not in text
    broken = structs.replace(run_report, scalping=structs.replace(run_report.scalping, problem="lost"))
    assert "**DOES NOT ADD UP: lost**" in as_markdown(broken)


def test_programs_get_one_line_with_every_point(run_report: Report) -> None:
    """Numbers as numbers."""
    told = json.loads(as_json(run_report))

    assert len(told["points"]) == len(run_report.points)
    assert told["points"][-1]["made"]["costs_usd"] == run_report.points[-1].made.costs_usd
    assert told["profit"]["problem"] == ""
    assert isinstance(told["costs"]["hedges"][0]["amount_native"], float | int)
