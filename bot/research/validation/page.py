"""The figures of `docs/explanation/validation.md`: theory and published tables beside what the product makes of them.

Knows the order of things and how tables are written. `make validation` runs it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from bot.research import toy
from bot.research.marked_page import MarkedPage, table, wrapped
from bot.research.published import read_table
from bot.research.validation import clock, feedback, volatility, widths
from bot.research.validation.checks import ERRORS_MAX, Check, Section
from bot.research.validation.feedback import Looks, Play

TARGET: Final = "validation"
_TOY_PATHS: Final = 1_024
_TOY_YEARS: Final = 20.0
_SHARES: Final = (1.0, 2.0, 3.0)
Say = Callable[[str], None]


class Effort(Struct, frozen=True, kw_only=True):
    """How much is drawn."""

    paths_count: int = 10_000
    """Of the clock and of both volatilities; the dearer ones follow it."""
    seed: int = 1

    @property
    def frontier_paths_count(self) -> int:
        """Each has ten thousand steps."""
        return max(self.paths_count // 40, 64)

    @property
    def looks(self) -> Looks:
        """Runs of the engine."""
        return Looks(
            multiplier_seeds=min(max(self.paths_count // 800, 3), 12),
            cell_seeds=min(max(self.paths_count // 3_000, 1), 3),
        )


def compute(tables: Path, play: Play, effort: Effort, say: Say) -> list[Section]:
    """Every section, in reading order."""
    hedged = clock.played(read_table(tables / "discrete_hedge_exact.csv"), effort.paths_count, effort.seed, say)
    return [
        *clock.sections(hedged),
        volatility.section(read_table(tables / "ahmad_wilmott.csv"), effort.paths_count, effort.seed, say),
        widths.bands(tables),
        widths.ratios(tables, toy.simulate(_TOY_PATHS, _TOY_YEARS, effort.seed)),
        widths.frontier(tables, effort.frontier_paths_count, effort.seed, say),
        feedback.section(play, effort.looks, effort.seed, say),
    ]


def missed(sections: Sequence[Section]) -> list[str]:
    """What is not within its bound, a line each."""
    return [
        f"{section.title}: {check.row}, {check.figure}: {_number(check.ours)} against {_number(check.source)}"
        for section in sections
        for check in section.checks
        if not check.is_within
    ]


def write(page: MarkedPage, sections: Sequence[Section], effort: Effort) -> list[Path]:
    """Put the figures between the marks and the pictures beside the page; gives what was written."""
    page.write(figures(sections, effort))
    images = [(page.image(_image(picture.name)), picture.svg) for section in sections for picture in section.pictures]
    for image, svg in images:
        image.write_text(svg, encoding="utf-8")
    return [page.path, *(image for image, _ in images)]


def _image(name: str) -> str:
    return f"images/{name}.svg"


def figures(sections: Sequence[Section], effort: Effort) -> str:
    """What stands between the marks, as Markdown."""
    parts = ["## Reproduced", "", *wrapped(_verdict(sections, effort)), ""]
    parts += [
        *table(("claim", "figures", "off by more than is right", "largest, standard errors"), map(_line, sections)),
        "",
    ]
    for section in sections:
        parts += [f"## {section.title}", "", *wrapped(section.text), ""]
        for picture in section.pictures:
            parts += [f"![{picture.words}](../{_image(picture.name)})", ""]
        parts += [
            *table(
                ("row", "figure", "ours", "source", "standard error", "errors off", "within"), map(_row, section.checks)
            ),
            "",
        ]
    return "\n".join(parts)


def _verdict(sections: Sequence[Section], effort: Effort) -> str:
    checks = [check for section in sections for check in section.checks]
    off = [abs(errors) for check in checks if (errors := check.errors) is not None]
    shares = ", ".join(f"{sum(one <= most for one in off) / max(len(off), 1):.0%} within {most:g}" for most in _SHARES)
    found = missed(sections)
    said = "all of them are" if not found else f"all but {len(found)} are: {'; '.join(found)}"
    return f"""
    {len(checks)} figures, {len(off)} of them drawn ({effort.paths_count:,} paths, seed {effort.seed}). A drawn one is
    right within {ERRORS_MAX:g} standard errors of its source, a computed one within what its source leaves open;
    {said}. Of the drawn ones {shares} standard errors; rows of one market share their paths, so they err together.
    """


def _line(section: Section) -> tuple[str, ...]:
    off = [abs(errors) for check in section.checks if (errors := check.errors) is not None]
    missing = sum(not check.is_within for check in section.checks)
    return section.title, str(len(section.checks)), str(missing), f"{max(off):.1f}" if off else ""


def _row(check: Check) -> tuple[str, ...]:
    errors = check.errors
    return (
        *(check.row, check.figure, _number(check.ours), _number(check.source)),
        *(f"{check.error:.2g}" if check.error else "none", "" if errors is None else f"{errors:+.1f}"),
        "yes" if check.is_within else "**no**",
    )


def _number(value: float) -> str:
    return f"{value:,.4f}" if abs(value) < 1_000 else f"{value:,.1f}"
