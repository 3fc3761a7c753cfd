"""`hedgebot validate`: the page, and an end that says whether all is reproduced."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.exit_codes import ExitCode
from bot.research.marked_page import marks
from bot.research.validation import page
from bot.research.validation.checks import Section, computed
from bot.research.validation.page import TARGET, Effort

Call = Callable[..., int]


@pytest.mark.parametrize(
    ("ours", "code", "told"), [(1.0, 0, "1 figures, 0 off"), (2.0, ExitCode.DIFFERENT, "1 figures, 1 off")]
)
def test_a_miss_is_named_and_ends_with_a_code(
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    ours: float,
    code: int,
    told: str,
) -> None:
    """The page is written either way; effort and tables are those of the command line."""
    target, asked = tmp_path / "validation.md", []
    target.write_text("\n".join(marks(TARGET)))
    section = Section(title="A claim", text="", checks=(computed("row", "figure", ours, 1.0, 0.5),))

    def compute(tables: Path, _: object, effort: Effort, __: object) -> list[Section]:
        asked.append((tables, effort.paths_count, effort.seed))
        return [section]

    monkeypatch.setattr(page, "compute", compute)

    assert call("validate", str(target), "--paths", "100", "--seed", "5", "--tables", "t") == code
    out = capsys.readouterr().out
    assert told in out
    assert ("off: A claim: row, figure: 2.0000 against 1.0000" in out) is bool(code)
    assert asked == [(Path("t"), 100, 5)]
    assert "## A claim" in target.read_text()


def test_a_page_that_cannot_be_written_is_refused_first(call: Call, tmp_path: Path) -> None:
    """Before minutes are spent."""
    (tmp_path / "p.md").write_text("mine")

    assert call("validate", str(tmp_path / "p.md")) == ExitCode.CONFIG
