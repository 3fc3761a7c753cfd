"""The page on what is reproduced."""

from pathlib import Path

import pytest

from bot.research.marked_page import MarkedPage, marks
from bot.research.validation import page
from bot.research.validation.checks import Estimate, Picture, Section, computed, drawn
from bot.research.validation.page import TARGET, Effort


def _sections() -> list[Section]:
    picture = Picture(name="validation-x", words="what is seen", svg="<svg/>\n")
    checks = (drawn("row", "drawn", Estimate(value=1.1, error=0.1), 1.0), computed("row", "computed", 2.0, 1.0, 0.5))
    return [
        Section(title="A claim", text="Of theory.", checks=checks, pictures=(picture,)),
        Section(title="Another", text="Without chance.", checks=(computed("row", "one", 1.0, 1.0, 0.0),)),
    ]


def test_every_figure_stands_beside_its_source(tmp_path: Path) -> None:
    """With its error and whether it is within; what is off is named at the top; pictures lie beside the page."""
    for folder in ("explanation", "images"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "explanation" / "validation.md"
    path.write_text("\n".join(["before", *marks(TARGET), "after"]))
    written = page.write(MarkedPage(path, TARGET), _sections(), Effort())
    text = path.read_text()

    assert written == [path, tmp_path / "images" / "validation-x.svg"]
    assert written[1].read_text() == "<svg/>\n"
    assert "| row | drawn | 1.1000 | 1.0000 | 0.1 | +1.0 | yes |" in text
    assert "| row | computed | 2.0000 | 1.0000 | none |  | **no** |" in text
    assert "| A claim | 2 | 1 | 1.0 |" in text
    assert "![what is seen](../images/validation-x.svg)" in text
    assert "all but 1 are: A claim: row, computed: 2.0000 against 1.0000" in " ".join(text.split())


def test_nothing_off_is_said() -> None:
    """And nothing is missed."""
    sections = _sections()[1:]

    assert page.missed(sections) == []
    assert "all of them are" in page.figures(sections, Effort())


def test_sections_are_made_of_all_tables(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In reading order, with as much drawn as is asked for."""
    asked: list[tuple[str, object]] = []
    empty = Section(title="t", text="", checks=())
    monkeypatch.setattr(page.clock, "played", lambda *given: asked.append(("clock", given[1:3])))
    monkeypatch.setattr(page.clock, "sections", lambda _: [empty, empty])
    monkeypatch.setattr(page.volatility, "section", lambda *given: asked.append(("volatility", given[1:3])) or empty)
    monkeypatch.setattr(page.widths, "frontier", lambda *given: asked.append(("frontier", given[1:3])) or empty)
    monkeypatch.setattr(page.feedback, "section", lambda *_: empty)
    monkeypatch.setattr(page.toy, "simulate", lambda *_: {})
    monkeypatch.setattr(page.widths, "ratios", lambda *_: empty)
    effort = Effort(paths_count=4_000, seed=9)
    found = page.compute(repo_root / "tests/reference", lambda *_: None, effort, lambda _: None)

    assert len(found) == 7
    assert (effort.looks.multiplier_seeds, effort.looks.cell_seeds) == (5, 1)
    assert asked == [("clock", (4_000, 9)), ("volatility", (4_000, 9)), ("frontier", (100, 9))]


def test_the_committed_page_is_whole_and_nothing_on_it_is_off(repo_root: Path) -> None:
    """Every table of the sources is on it, every picture is there."""
    begin, end = marks(TARGET)
    told = (repo_root / "docs/explanation/validation.md").read_text().split(begin)[1].split(end)[0]

    assert "**no**" not in told
    for row in (
        "derman_kamal, 336",
        "btc_7d, 672",
        "sinclair_4.1, 1260",
        "zak_g10_1pct",
        "edge_band",
        "books of the grid",
    ):
        assert row in told
    for name in ("clock", "volatility", "bands", "feedback"):
        assert f"../images/validation-{name}.svg" in told
        assert (repo_root / f"docs/images/validation-{name}.svg").is_file()
