"""The page on a recorded day."""

from pathlib import Path

import pytest
from msgspec import structs

from bot.domain.errors import ConfigError
from bot.research import real_day
from bot.research.backtest import Backtest
from bot.research.marked_page import marks
from bot.research.real_day import TARGET, Case
from bot.research.steps import LegSteps, StepMissed

BEGIN, END = marks(TARGET)


def _cases(backtested: Backtest) -> list[Case]:
    missed = StepMissed(
        start="2023-04-12T11:00:00.5Z", seconds=300.0, delta_native=1.0, gamma_native=2.0, residual_native=3.0
    )
    leg = LegSteps(instrument="BTC-X", is_far=True, steps_count=100, missed=(missed,))
    results = {"fixed": backtested, "time_based": structs.replace(backtested, steps=(leg,))}
    return [
        Case(coin="BTC", settlement="coin", portfolio="long call", policy=policy, result=result)
        for policy, result in results.items()
    ]


def test_what_stands_between_the_marks_is_replaced(backtested: Backtest, tmp_path: Path) -> None:
    """Tables, each leg's steps once, every step that is not explained, a picture beside it; the rest stays."""
    (tmp_path / "explanation").mkdir()
    (tmp_path / "images").mkdir()
    page = tmp_path / "explanation" / "real-day.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    said: list[str] = []
    real_day.write(page, _cases(backtested), said.append)
    text = page.read_text()

    assert text.startswith(f"before\n{BEGIN}\n\n## Measured")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "| BTC | coin | long call | `fixed` |" in text
    assert "| BTC | coin | BTC-X | over 36 h | 100 | 99.00% | 99% |" in text
    assert "| coin | BTC-X | 2023-04-12T11:00:00Z | 300 | +1 | +2 | +3 |" in text
    assert (tmp_path / "images" / "real-day.svg").read_text().count("<title>") == 2
    assert said == [f"wrote {page} and {tmp_path / 'images' / 'real-day.svg'}"]


def test_a_day_without_a_miss_says_so(backtested: Backtest) -> None:
    """Rather than an empty table."""
    assert "Every step is explained." in real_day.figures(_cases(backtested)[:1])


def test_a_page_without_marks_is_refused(backtested: Backtest, tmp_path: Path) -> None:
    """Nothing is overwritten."""
    (tmp_path / "p.md").write_text("mine")
    with pytest.raises(ConfigError, match="lacks the lines"):
        real_day.write(tmp_path / "p.md", _cases(backtested), print)
    with pytest.raises(ConfigError, match="cannot be read"):
        real_day.write(tmp_path / "q.md", _cases(backtested), print)
