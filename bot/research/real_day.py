"""The figures of `docs/explanation/real-day.md`: portfolios under policies on a recorded day, put between two marks.

Knows results and how tables are written; running them is the caller's.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from bot.research.backtest import Backtest
from bot.research.frontier import Dot, Words, draw
from bot.research.marked_page import MarkedPage, table
from bot.research.steps import LegSteps

TARGET: Final = "real-day"
IMAGE: Final = "images/real-day.svg"

PORTFOLIOS: Final = {"long straddle": "straddle", "short strangle": "strangle", "long call": "call"}
"""What a reader calls it to its file in `config/portfolios`."""
POLICIES: Final = {
    "whalley_wilmott": (),
    "fixed": (),
    "time_based": ("interval_s=900",),
}
"""Band policy to what is set of it."""


class Case(Struct, frozen=True, kw_only=True):
    """One cell of the table."""

    coin: str
    settlement: str
    portfolio: str
    policy: str
    result: Backtest


def write(page: Path, cases: Sequence[Case], say: Callable[[str], None]) -> None:
    """Replace what stands between the marks of `page`; the picture goes beside it. ConfigError without marks."""
    marked = MarkedPage(page, TARGET)
    marked.write(figures(cases))
    image = marked.image(IMAGE)
    image.write_text(picture(cases), encoding="utf-8")
    say(f"wrote {page} and {image}")


def figures(cases: Sequence[Case]) -> str:
    """The section as Markdown."""
    tape = cases[0].result.tape
    parts = [
        "## Measured",
        "",
        f"{tape.start[:16]}Z to {tape.end[11:16]}Z. Variance: of the profit from one look at all options to the next.",
        "",
        f"![cost against what is left open](../{IMAGE})",
        "",
        *table(
            (
                *("coin", "settled", "portfolio", "policy", "hedges", "cost, USD", "fees", "variance hedged, USD^2"),
                *("unhedged", "ratio", "of the delta's part", "profit, USD", "tradable", "apart, of all parts"),
            ),
            [_row(case) for case in cases],
        ),
        "",
        "### Steps the greeks explain",
        "",
        *table(("coin", "settled", "option", "to expiry", "steps", "explained", "wanted"), _steps(cases)),
        "",
        *_missed(cases),
    ]
    return "\n".join(parts) + "\n"


def _row(case: Case) -> list[str]:
    result, variance = case.result, case.result.variance
    numbers = (variance.hedged_usd_squared, variance.unhedged_usd_squared)
    return [
        *(case.coin, case.settlement, case.portfolio, f"`{case.policy}`", str(result.hedges)),
        *(f"{result.costs_usd.total:.2f}", f"{result.costs_usd.fees:.2f}"),
        *("" if number is None else f"{number:.2f}" for number in numbers),
        *("" if ratio is None else f"{ratio:.4f}" for ratio in (variance.ratio, variance.ratio_delta)),
        *(f"{result.pnl_usd:+.2f}", f"{result.tradable_share:.2%}", f"{result.apart_share:.1e}"),
    ]


def _legs(cases: Sequence[Case]) -> dict[tuple[str, str, str, bool], LegSteps]:
    """A leg's steps do not depend on the policy: each is told once."""
    found: dict[tuple[str, str, str, bool], LegSteps] = {}
    for case in cases:
        for leg in case.result.steps:
            found.setdefault((case.coin, case.settlement, leg.instrument, leg.is_far), leg)
    return found


def _steps(cases: Sequence[Case]) -> list[list[str]]:
    return [
        [
            *(coin, settlement, name, "over 36 h" if is_far else "under 36 h"),
            *(str(leg.steps_count), f"{leg.explained_share:.2%}", f"{leg.wanted_share:.0%}"),
        ]
        for (coin, settlement, name, is_far), leg in _legs(cases).items()
    ]


def _missed(cases: Sequence[Case]) -> list[str]:
    rows = [
        [
            *(settlement, name, step.start[:19] + "Z", f"{step.seconds:.0f}"),
            *(f"{number:+.3g}" for number in (step.delta_native, step.gamma_native, step.residual_native)),
        ]
        for (_, settlement, name, _), leg in _legs(cases).items()
        for step in leg.missed
    ]
    if not rows:
        return ["Every step is explained."]
    head = ("settled", "option", "from", "s", "delta", "gamma", "residual")
    return ["The others, native money of what is held:", "", *table(head, rows)]


def picture(cases: Sequence[Case]) -> str:
    """A dot each: cost of hedging against the share of the delta's variance that is left."""
    dots = [
        Dot(
            f"{case.policy}, {case.portfolio}",
            f"{case.coin} {case.settlement}, {case.portfolio}, {case.policy}",
            case.result.variance.ratio_delta or 0.0,
            case.result.costs_usd.total,
        )
        for case in cases
    ]
    words = Words(
        title="A real day: what hedging cost, and what it left of the delta's variance",
        note=f"{cases[0].result.tape.start[:10]}; down and left is better",
        left_open="variance of net delta times index move, over unhedged",
        cost="cost of hedging, USD",
    )
    return draw(dots, words)
