"""The figures of `docs/explanation/bands.md`: computed anew and put between two marks of the page.

Knows the order of things and how tables are written. Takes minutes; `make bands` runs it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from bot.hedging.policies import BandParams
from bot.research import picture, published, toy
from bot.research.contest import SEEDS, TUNING_SEEDS, Contest, compete, rivals_of
from bot.research.marked_page import MarkedPage, table, wrapped
from bot.research.published import Comparison, ExactBand, Figure, read_table
from bot.research.sampled import Grid
from bot.research.toy import Rates
from bot.research.world import CRYPTO, WORLDS

TARGET: Final = "bands"
IMAGE: Final = "images/bands.svg"
_PUBLISHED_PATHS: Final = 4_096
_PUBLISHED_SEED: Final = 7
_TOY_PATHS: Final = 1_024
_TOY_YEARS: Final = 20.0
_TOY_SEED: Final = 1

Say = Callable[[str], None]


class Found(Struct, frozen=True, kw_only=True):
    """Everything the page tells."""

    contests: tuple[Contest, ...]
    comparisons: tuple[Comparison, ...]
    rates: dict[str, Rates]
    toy_rows: tuple[dict[str, str], ...]
    exact: tuple[ExactBand, ...]


def write(page: Path, tables: Path, say: Say) -> None:
    """Compute, and replace what stands between the marks of `page`; the picture goes beside it.

    ConfigError where the page has no marks.
    """
    marked = MarkedPage(page, TARGET)
    found = compute(tables, say)
    marked.write(figures(found))
    image = marked.image(IMAGE)
    image.write_text(picture.draw(found.contests[0]), encoding="utf-8")
    say(f"wrote {page} and {image}")


def compute(tables: Path, say: Say) -> Found:
    """All figures; `say` hears how far it is."""
    frontier = read_table(tables / "policy_frontier_mc.csv")
    contests, comparisons = [], []
    for world in WORLDS:
        grid = Grid(world)
        if world in CRYPTO:
            say(f"{world.name}: {len(TUNING_SEEDS)} seeds to tune the others, {len(SEEDS)} to compare")
            contests.append(compete(grid, rivals_of(world)))
        say(f"{world.name}: {_PUBLISHED_PATHS} paths against the published rows")
        comparisons += published.compare(grid, frontier, _PUBLISHED_PATHS, _PUBLISHED_SEED)
    say(f"constant gamma: {_TOY_PATHS} paths of {_TOY_YEARS:g} years")
    return Found(
        contests=tuple(contests),
        comparisons=tuple(comparisons),
        rates=toy.simulate(_TOY_PATHS, _TOY_YEARS, _TOY_SEED),
        toy_rows=tuple(read_table(tables / "policy_toy.csv")),
        exact=tuple(published.exact_bands(read_table(tables / "dpz_exact_band.csv"))),
    )


# --- words and tables ------------------------------------------------------------------------------------


def figures(found: Found) -> str:
    """The section as Markdown."""
    parts = ["## Measured", "", *wrapped(_INTRODUCTION), "", f"![cost against what is left open](../{IMAGE})", ""]
    for contest in found.contests:
        parts += [*_contest(contest), ""]
    parts += [*_toy(found), "", *_published(found.comparisons), "", *_exact(found.exact)]
    return "\n".join(parts) + "\n"


_INTRODUCTION: Final = f"""
Short one call at the money, a lognormal price, no rates, hedged at a known volatility; looked at every minute (month:
every five); one way costs 5 bp; figures in USD per option on a coin of 100 USD. Every policy is the product's own code
with its modifiers. The others' free parameter was tuned for the objective, cost + risk aversion / 2 x residual
variance, on {len(TUNING_SEEDS)} paths; then all ran on {len(SEEDS)} other, common paths. The default is not tuned. A
lead is its objective less the other's, path by path: mean and 95 % interval; below zero the default is better.
"""


def _contest(contest: Contest) -> list[str]:
    own, world = contest.default, contest.world
    rows = [
        (
            "**`whalley_wilmott`**",
            f"{own.cost_usd:.4f}",
            f"{own.variance_usd_squared:.4f}",
            f"**{own.objective_usd:.4f}**",
            f"{contest.default_trades_count:.0f}",
            "",
        )
    ]
    ends = {tuned.candidate.name for tuned in contest.tuned if tuned.is_at_the_end}
    for each in sorted(contest.standings, key=lambda standing: standing.point.objective_usd):
        interval = f"{each.lead_usd:+.4f} ({each.lead_low_usd:+.4f} to {each.lead_high_usd:+.4f})"
        note = (
            "" if each.is_beaten else " **not decided**" if each.lead_low_usd < 0.0 else " **better than the default**"
        )
        rows.append(
            (
                f"{_named(each.candidate.name)}{_parameter(each.candidate.params)}"
                + (" (at the end of what was tried)" if each.candidate.name in ends else ""),
                f"{each.point.cost_usd:.4f}",
                f"{each.point.variance_usd_squared:.4f}",
                f"{each.point.objective_usd:.4f}",
                f"{each.trades_count:.0f}",
                interval + note,
            )
        )
    undecided = [each.candidate.name for each in contest.standings if not each.is_beaten]
    verdict = (
        "The default is better than every other one."
        if not undecided
        else f"Not shown to be worse than the default: {', '.join(undecided)}."
    )
    title = (
        f"### {world.name}: {world.tau_years * 365.0:g} days, volatility {100 * world.iv:g} %, risk aversion "
        f"{world.risk_aversion_per_usd:g} per USD"
    )
    head = ("policy and its parameter", "cost", "residual variance", "objective", "orders", "lead of the default")
    return [title, "", *table(head, rows), "", verdict]


def _named(name: str) -> str:
    policy, comma, rest = name.partition(",")
    return f"`{policy}`{comma}{rest}"


def _parameter(params: BandParams) -> str:
    """What is not at its default, as it would stand in a configuration; a low edge mirrors the high one."""
    shown = [
        f"{field.name} {value:.3g}"
        for field in structs.fields(params)
        if isinstance(value := getattr(params, field.name), float)
        and value not in (field.default, 0.0)
        and not field.name.startswith("low_")
    ]
    return "".join(f", {text}" for text in shown)


def _toy(found: Found) -> list[str]:
    rows, edge = [], found.rates["edge_band"].objective_usd
    for row in found.toy_rows:
        ours, exact = found.rates[row["policy"]], float(row["objective"])
        rows.append(
            (
                row["policy"],
                f"{ours.objective_usd:.4f}",
                f"{exact:.4f}",
                f"{100 * (ours.objective_usd / exact - 1):+.2f} %",
                f"{ours.objective_usd / edge:.4f}",
                f"{float(row['ratio_to_edge']):.4f}",
                f"{ours.cost_usd / ours.risk_usd:.3f}",
            )
        )
    head = ("policy", "objective", "exact", "off by", "over edge", "exact", "cost / risk")
    text = (
        "Constant gamma: the delta is a Brownian motion, and all has a closed form; at each optimum cost / risk is 2."
    )
    return ["### Against closed forms", "", text, "", *table(head, rows)]


def _published(comparisons: Sequence[Comparison]) -> list[str]:
    sigmas = [abs(figure.sigmas) for each in comparisons for figure in each.figures]
    shares = [sum(s <= most for s in sigmas) / len(sigmas) for most in (1.0, 2.0, 3.0)]
    text = f"""
    {_PUBLISHED_PATHS} paths of ours beside a table made with 100,000 others by other code. Of {len(sigmas)} figures
    {shares[0]:.0%} lie within one standard error of the difference, {shares[1]:.0%} within two, {shares[2]:.0%} within
    three; the largest difference is {max(sigmas):.1f}. Figures of one setup share their paths, so they err together.
    `ww`: the plain formula at a risk aversion of g / 100; `opt_half`, `opt_centre`: `trade_to` `inner`, `target`;
    `rss_H0`: the default. A certainty equivalent that the table knows ten times worse than the mean is decided by a
    few paths of the tail and left out.
    """
    rows = [
        (
            each.world,
            each.policy,
            *(_both(figure) for figure in (each.cost, each.deviation, each.equivalent)),
            f"{max(abs(figure.sigmas) for figure in each.figures):.1f}",
        )
        for each in comparisons
    ]
    head = ("setup", "policy", "mean cost (published)", "deviation of profit", "certainty equivalent", "largest, se")
    return ["### Against the published frontier", "", *wrapped(text), "", *table(head, rows)]


def _both(figure: Figure | None) -> str:
    return "tails decide" if figure is None else f"{figure.ours_usd:.4f} ({figure.theirs_usd:.4f})"


def _exact(bands: Sequence[ExactBand]) -> list[str]:
    rows = [
        (
            each.case,
            each.position,
            f"{each.plain_median_ratio:.3f}",
            f"{each.plain_low_ratio:.3f} to {each.plain_high_ratio:.3f}",
            f"{each.combined_median_ratio:.3f}",
        )
        for each in bands
    ]
    worst = max(abs(ratio - 1.0) for each in bands for ratio in (each.plain_low_ratio, each.plain_high_ratio))
    text = f"""
    Width over the width of the exact utility optimum, |z| at most 1.5. The plain formula is off by {worst:.1%} at most;
    the combined one is wider where gamma fades, on purpose.
    """
    head = ("case", "position", "plain, median", "plain, range", "default, median")
    return ["### Against the exact band", "", *wrapped(text), "", *table(head, rows)]
