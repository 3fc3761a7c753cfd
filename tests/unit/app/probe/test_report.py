"""The report: one line per question, what was left behind, and nothing that breaks the table."""

import json
from typing import Any

import pytest
from msgspec import structs

from bot.app.probe.question import Question, Verdict, answered, inconclusive
from bot.app.probe.report import Finding, Report, as_json, as_markdown, sentence


async def _never(_: object) -> Any:
    raise AssertionError("a report asks nothing")


@pytest.fixture
def report() -> Report:
    """Two questions."""
    first = Question(name="first", asked="What?", done="a look", ask=_never)
    return Report(
        when="2026-01-01T00:00:00Z",
        version="1",
        ws_url="ws://x",
        rest_url="http://x",
        scope="trade:read_write",
        sizes=("orders of 10 USD",),
        findings=(
            Finding.of(first, answered("this | that\nand more", code=1)),
            Finding.of(structs.replace(first, name="second"), inconclusive("no")),
        ),
        orders_count=3,
        left=(),
        interrupted="",
    )


def test_people_get_a_table_with_a_line_per_question(report: Report) -> None:
    """Bars and line ends do not break it; what was done stands below; what was not asked is said."""
    text = as_markdown(report)

    assert "| `first` | What? | answered | this ¦ that and more |" in text
    assert "| `second` | What? | inconclusive | no |" in text
    assert "3 orders were sent; nothing of them is left." in text
    assert "- `first`: a look" in text
    assert "OKX" in text


def test_programs_get_the_same(report: Report) -> None:
    """Verdicts as words, facts as they were seen."""
    read = json.loads(as_json(report))

    assert [item["answer"]["verdict"] for item in read["findings"]] == ["answered", "inconclusive"]
    assert read["findings"][0]["answer"]["facts"] == {"code": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "probe: 2 questions: 1 answered, 1 inconclusive, 0 failed; 3 orders; nothing is left behind"),
        ({"left": ("order x may be open",)}, "LEFT BEHIND: order x may be open"),
        ({"interrupted": "a signal came at first"}, "stopped early: a signal came at first"),
    ],
)
def test_the_last_line_says_what_came_of_it(report: Report, change: dict[str, Any], said: str) -> None:
    """Counts, what is left behind, and whether it came to its end; the page says the same."""
    changed = structs.replace(report, **change)

    assert said in sentence(changed)
    for words in (*changed.left, changed.interrupted):
        assert words in as_markdown(changed)
    assert changed.count(Verdict.FAILED) == 0
