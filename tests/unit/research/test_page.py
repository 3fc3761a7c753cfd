"""The measured part of docs/explanation/bands.md."""

from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.hedging.policies import POLICIES
from bot.research import page
from bot.research.contest import Contest
from bot.research.marked_page import marks
from bot.research.page import TARGET, Found, figures, write
from bot.research.published import Comparison, ExactBand, Figure
from bot.research.toy import Rates

BEGIN, END = marks(TARGET)


@pytest.fixture(scope="module")
def found(small_contest: Contest) -> Found:
    """A small contest, and one row of every other table."""
    figure = Figure(ours_usd=1.0, theirs_usd=1.1, error_usd=0.1)
    band = ExactBand(
        case="btc_x",
        position="short",
        plain_median_ratio=0.98,
        plain_low_ratio=0.9,
        plain_high_ratio=1.05,
        combined_median_ratio=1.02,
    )
    return Found(
        contests=(small_contest,),
        comparisons=(
            Comparison(world="w", policy="known", cost=figure, deviation=figure, equivalent=figure),
            Comparison(world="w", policy="tails", cost=figure, deviation=figure, equivalent=None),
        ),
        rates={"edge_band": Rates(name="edge_band", cost_usd=0.5, risk_usd=0.25)},
        toy_rows=({"policy": "edge_band", "objective": "0.75", "ratio_to_edge": "1.0"},),
        exact=(band,),
    )


def test_every_rival_is_told_with_its_interval(found: Found) -> None:
    """And whoever is not beaten is named below the table."""
    text = figures(found)

    for standing in found.contests[0].standings:
        assert f"{standing.lead_usd:+.4f} ({standing.lead_low_usd:+.4f} to {standing.lead_high_usd:+.4f})" in text
        if not standing.is_beaten:
            assert standing.candidate.name in text.split("Not shown to be worse than the default: ")[1].split("\n")[0]


def test_figures_stand_beside_those_of_the_tables(found: Found) -> None:
    """Ours, theirs in brackets; the largest difference and how many lie within so many standard errors."""
    text = figures(found)

    assert "| w | known | 1.0000 (1.1000) | 1.0000 (1.1000) | 1.0000 (1.1000) | 1.0 |" in text
    assert "| w | tails | 1.0000 (1.1000) | 1.0000 (1.1000) | tails decide | 1.0 |" in text
    assert "| edge_band | 0.7500 | 0.7500 | +0.00 % | 1.0000 | 1.0000 | 2.000 |" in text
    assert "off by 10.0% at most" in " ".join(text.split())


def test_only_what_is_between_the_marks_is_replaced(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing twice gives the same page; the picture goes to the images of the documentation."""
    (tmp_path / "explanation").mkdir()
    (tmp_path / "images").mkdir()
    target = tmp_path / "explanation" / "bands.md"
    target.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.setattr(page, "compute", lambda *_: found)

    write(target, tmp_path, lambda _: None)
    once = target.read_text()
    write(target, tmp_path, lambda _: None)

    assert target.read_text() == once
    assert once.startswith(f"before\n{BEGIN}\n")
    assert once.endswith(f"{END}\nafter\n")
    assert "old" not in once
    assert (tmp_path / "images" / "bands.svg").read_text().startswith("<svg")


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    """Before anything is computed, as is a page that is not there."""
    (tmp_path / "p.md").write_text("nothing\n")

    with pytest.raises(ConfigError, match="lacks the lines"):
        write(tmp_path / "p.md", tmp_path, lambda _: None)
    with pytest.raises(ConfigError, match=r"cannot be read"):
        write(tmp_path / "q.md", tmp_path, lambda _: None)


def test_the_committed_page_measures_every_policy(repo_root: Path) -> None:
    """A policy added since the last `make bands` is missing there."""
    text = (repo_root / "docs/explanation/bands.md").read_text()
    measured = text.split(BEGIN)[1].split(END)[0]

    for kind in POLICIES:
        assert f"`{kind.__struct_config__.tag}`" in measured
