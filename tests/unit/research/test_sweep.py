"""What a sweep tries, and the figures of a run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.research.sweep import Choice, Figures, Point, Range, Seeds, SweepFile, as_text, choices, key_of, points, read

Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A sweep file with this text."""

    def write(text: str) -> Path:
        path = tmp_path / "s.toml"
        path.write_text(text)
        return path

    return write


_WHOLE = """
tapes = ["one", "two"]
portfolios = ["p.toml"]
seeds = { first = 5, count = 2 }
[[policies]]
policy = "whalley_wilmott"
risk_aversion_relative = { low = 1, high = 100, count = 3, log = true }
is_plain = [true, false]
[[policies]]
"tactic.kind" = "cross"
"""


def test_a_grid_is_every_combination(written: Written) -> None:
    """Of tapes, portfolios, policies with their parameters and seeds; those of a market come together."""
    found = list(points(read(written(_WHOLE))))

    assert len(found) == 2 * 1 * (3 * 2 + 1) * 2
    assert [point.tape for point in found] == ["one"] * 14 + ["two"] * 14
    assert {point.seed for point in found} == {5, 6}
    assert [str(point.choice) for point in found[:3]] == [
        "whalley_wilmott is_plain=true risk_aversion_relative=1",
        "whalley_wilmott is_plain=false risk_aversion_relative=1",
        "whalley_wilmott is_plain=true risk_aversion_relative=10",
    ]
    assert str(found[-1].choice) == "tactic.kind=cross"
    assert len(set(found)) == len(found)


def test_without_any_axis_there_is_one_run_as_configured(written: Written) -> None:
    """An empty policy is the configuration's own."""
    (point,) = points(read(written("[[policies]]\n")))

    assert (point.seed, point.tape, str(point.choice)) == (1, None, "as configured")


@pytest.mark.parametrize(
    ("way", "numbers"),
    [
        (Range(low=0.0, high=1.0, count=3), [0.0, 0.5, 1.0]),
        (Range(low=1.0, high=16.0, count=3, log=True), [1.0, pytest.approx(4.0), 16.0]),
        (Range(low=2.0, high=3.0, count=1), [2.0]),
    ],
)
def test_a_range_holds_both_ends(way: Range, numbers: list[float]) -> None:
    """In equal steps, or equal ratios."""
    assert way.grid() == numbers


def test_a_search_draws_within_its_ranges_and_grows_by_its_end(written: Written) -> None:
    """More draws begin with the same ones, so that nothing done is done again; another draw_seed draws others."""
    text = """
draws = {}
draw_seed = {}
[[policies]]
policy = "time_based"
interval_s = {{ low = 10, high = 1000, log = true }}
[[policies]]
policy = "gamma_scaled"
move_fraction = [0.01, 0.02]
"""
    few, many, others = (list(choices(read(written(text.format(*numbers))))) for numbers in ((6, 1), (40, 1), (6, 2)))

    assert many[:6] == few
    assert others != few
    assert [choice.policy for choice in few] == ["time_based", "gamma_scaled"] * 3
    drawn = [float(dict(choice.settings)["interval_s"]) for choice in many[::2]]
    assert all(10.0 <= value <= 1000.0 for value in drawn)
    assert 5 <= sum(value < 100.0 for value in drawn) <= 15
    assert {dict(choice.settings)["move_fraction"] for choice in many[1::2]} == {0.01, 0.02}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "missing required field `policies`"),
        ("policies = []", "length >= 1"),
        ("policy = 3", "unknown field `policy`"),
        ("x = ", "Invalid value"),
        ("step_ms = 1\n[[policies]]", ">= 10"),
        ("seeds = { first = 1 }\n[[policies]]", "missing required field `count` - at `$.seeds`"),
        ("seeds = { first = 1, count = 1_000_001 }\n[[policies]]", "<= 1000000"),
        ("seeds = { count = 1_000_000 }\n[[policies]]\ninterval_s = [1, 2]", "2,000,000 configurations are more than"),
        ("[[policies]]\npolicy = ['a', 'b']", "policies 1: policy is one name"),
        ("[[policies]]\nx = []", "policies 1: x has no value"),
        ("[[policies]]\n[policies.limits]\norder_usd_max = 1", "unknown field `order_usd_max`"),
        ("[[policies]]\nx = { low = 1, high = 2 }", "a range needs its count in a grid"),
        ("[[policies]]\nx = { low = 2, high = 1, count = 2 }", "low must be below high"),
        ("[[policies]]\nx = { low = 0, high = 1, count = 2, log = true }", "above 0 with log"),
        (
            "[[policies]]\nx = { low = 0, high = 1, count = 1000000 }\ny = { low = 0, high = 1, count = 2 }",
            "more than 1,000,000 combinations",
        ),
    ],
)
def test_mistakes_in_the_file_are_named(written: Written, text: str, why: str) -> None:
    """With the file or the key, and before anything is run."""
    with pytest.raises(ConfigError, match=r"^sweep: ") as refused:
        list(points(read(written(text))))

    assert why in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(ConfigError, match=r"cannot read .*none\.toml: No such file"):
        read(tmp_path / "none.toml")


def test_a_key_is_of_what_it_is_given() -> None:
    """The same for the same parts, in whatever order a table has its names."""
    assert key_of({"a": 1, "b": 2}, "x") == key_of({"b": 2, "a": 1}, "x") == "67d75a911333fbbf"
    assert key_of({"a": 1}) != key_of({"a": 1.5})


def test_runs_of_a_choice_are_told_together() -> None:
    """Means and the standard error over seeds; a choice without a result yet is left out."""
    narrow, wide = (Choice(policy="time_based", settings=(("interval_s", value),)) for value in (60.0, 300.0))
    plan = {
        name: Point(choice=choice, portfolio=None, tape=None, seed=seed)
        for name, choice, seed in (("a", narrow, 1), ("b", narrow, 2), ("c", wide, 1))
    }

    def row(pnl_usd: float) -> dict[str, Any]:
        return {"hedges": 3, "cost_usd": 10.0, "residual_usd": 2.0, "pnl_usd": pnl_usd}

    text = as_text(plan, {"a": row(1.0), "b": row(5.0)})

    assert text.splitlines()[1].split() == ["time_based", "interval_s=60", "2", "3.0", "10.00", "2.00", "+3.00", "2.00"]
    assert "interval_s=300" not in text


def test_a_long_table_ends_with_a_number() -> None:
    """The file has them all."""
    plan = {
        str(number): Point(choice=Choice(policy=f"p{number}", settings=()), portfolio=None, tape=None, seed=1)
        for number in range(50)
    }
    row = {"hedges": 1, "cost_usd": 1.0, "residual_usd": 1.0, "pnl_usd": 1.0}

    assert "and 10 more in the file" in as_text(plan, dict.fromkeys(plan, row))


def test_the_page_tells_every_key_and_column(repo_root: Path) -> None:
    """docs/how-to/sweep.md is the reference of the file and of the results."""
    page = (repo_root / "docs/how-to/sweep.md").read_text()
    names = [name for kind in (SweepFile, Range, Seeds, Figures) for name in kind.__struct_fields__]

    assert [name for name in names if not re.search(rf"`[^`]*\b{name}\b[^`]*`", page)] == []
