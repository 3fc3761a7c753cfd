"""What a sweep tries and what came of each try: policies x parameters x portfolios x tapes x seeds, from a TOML file.

Knows the file, the configurations it means, and the figures of a run; who runs them is the caller's.
"""

import enum
import hashlib
import itertools
import math
import random
import statistics
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, structs

from bot.domain.errors import ConfigError
from bot.observe.costs import CostReport
from bot.observe.tally import RunResult
from bot.research.counterfactual import OpenRisk

Scalar = str | float | bool
Cell = str | int | float | bool | None
Row = Mapping[str, Cell]
"""A line of the results."""

POINTS_MAX: Final = 1_000_000
_KEY_LENGTH: Final = 16
_SHOWN_MAX: Final = 40
"""Lines of the table; the file has all."""
_Count = Annotated[int, Meta(ge=1, le=POINTS_MAX)]


class Fills(enum.StrEnum):
    """How hedges are filled."""

    EXCHANGE = "exchange"
    """By the simulated exchange: latency, depth, queue, impact."""
    IDEAL = "ideal"
    """At once, whole, at the touch; the engine decides, without guards and limits."""
    KERNEL = "kernel"
    """The same, compiled."""


class Range(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers between two: `count` of them in a grid, one for each draw of a random search."""

    low: float
    high: float
    count: _Count | None = None
    log: bool = False
    """By ratio instead of by difference; needs numbers above zero."""

    def __post_init__(self) -> None:
        """ValueError where there is nothing between, or no logarithm."""
        if not self.low < self.high or (self.log and self.low <= 0.0):
            raise ValueError("low must be below high, and above 0 with log = true")

    def at(self, share: float) -> float:
        """So far on the way from low to high."""
        if share in {0.0, 1.0}:
            return self.high if share else self.low
        if self.log:
            return math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)

    def grid(self) -> list[Scalar]:
        """`count` numbers, both ends among them; ConfigError without a count."""
        if self.count is None:
            raise ConfigError("sweep: a range needs its count in a grid; add count = 5, or draws = 100 to the file")
        return [self.at(place / max(self.count - 1, 1)) for place in range(self.count)]


class Seeds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seeds in a row."""

    first: int = 1
    count: _Count


class SweepFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The TOML file; every list is an axis."""

    policies: Annotated[tuple[dict[str, str | bool | float | tuple[Scalar, ...] | Range], ...], Meta(min_length=1)]
    """Each a policy (`policy`; without: the configuration's) and keys as of `--set`: a value, a list, or a range."""
    config: str | None = None
    """Configuration of the book; default: config/simulate.toml, with tapes config/tape.toml."""
    currency: str = "BTC"
    portfolios: tuple[str, ...] = ()
    """None: the configuration's."""
    tapes: tuple[str, ...] = ()
    """None: drawn worlds."""
    seeds: tuple[int, ...] | Seeds = (1,)
    hours: Annotated[float, Meta(gt=0.0)] | None = None
    step_ms: Annotated[int, Meta(ge=10)] = 1_000
    """Between market messages of a drawn world."""
    fills: Fills = Fills.EXCHANGE
    linear: bool = False
    """A chain as if it were settled in USDC; with tapes."""
    impact_usd_per_coin: Annotated[float, Meta(ge=0.0, le=1_000.0)] | None = None
    draws: Annotated[int, Meta(ge=0, le=POINTS_MAX)] = 0
    """Random search: so many choices of policy and parameters, instead of all of a grid."""
    draw_seed: int = 1


class Choice(Struct, frozen=True, kw_only=True):
    """A policy and what is set of the book."""

    policy: str | None
    settings: tuple[tuple[str, Scalar], ...]
    """By key, sorted."""

    def __str__(self) -> str:
        """As one would type it."""
        words = [] if self.policy is None else [self.policy]
        return " ".join([*words, *(f"{key}={_shown(value)}" for key, value in self.settings)]) or "as configured"


class Point(Struct, frozen=True, kw_only=True):
    """One configuration of the sweep."""

    choice: Choice
    portfolio: str | None
    tape: str | None
    seed: int


def read(path: Path) -> SweepFile:
    """The file; ConfigError names what is wrong with it."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), SweepFile)
    except OSError as error:
        raise ConfigError(f"sweep: cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"sweep: {path}: {error}; docs/how-to/sweep.md has the keys") from None


def points(file: SweepFile) -> Iterator[Point]:
    """Every configuration, those of a market together; ConfigError names what cannot be varied."""
    seeds = file.seeds
    drawn = range(seeds.first, seeds.first + seeds.count) if isinstance(seeds, Seeds) else seeds
    tried, tapes, portfolios = [*choices(file)], file.tapes or (None,), file.portfolios or (None,)
    whole = len(tried) * len(drawn) * len(tapes) * len(portfolios)
    if whole > POINTS_MAX:
        raise ConfigError(f"sweep: {whole:,} configurations are more than {POINTS_MAX:,}; try draws")
    for tape, portfolio, seed, choice in itertools.product(tapes, portfolios, drawn, tried):
        yield Point(choice=choice, portfolio=portfolio, tape=tape, seed=seed)


def choices(file: SweepFile) -> Iterator[Choice]:
    """Of policies and parameters: the whole grid, or as many as are drawn. More draws begin with the same ones."""
    axes = [_axes(entry, number) for number, entry in enumerate(file.policies, start=1)]
    if not file.draws:
        for policy, ways in axes:
            grids = [way.grid() if isinstance(way, Range) else way for way in ways.values()]
            if math.prod(map(len, grids)) > POINTS_MAX:
                raise ConfigError(f"sweep: {policy} has more than {POINTS_MAX:,} combinations; try draws")
            for values in itertools.product(*grids):
                yield _choice(policy, zip(ways, values, strict=True))
        return
    dice = random.Random(file.draw_seed)  # noqa: S311 - a search, no secret
    for number in range(file.draws):
        policy, ways = axes[number % len(axes)]
        yield _choice(policy, [(key, _drawn(way, dice)) for key, way in ways.items()])


def _axes(entry: Mapping[str, object], number: int) -> tuple[str | None, dict[str, tuple[Scalar, ...] | Range]]:
    policy, ways = entry.get("policy"), {}
    if policy is not None and not isinstance(policy, str):
        raise ConfigError(
            f"sweep: policies {number}: policy is one name; write another [[policies]] for another policy"
        )
    for key, way in entry.items():
        if isinstance(way, Range | tuple):
            ways[key] = way
        elif isinstance(way, Scalar) and key != "policy":
            ways[key] = (way,)
        if ways.get(key) == ():
            raise ConfigError(f"sweep: policies {number}: {key} has no value")
    return policy, ways


def _choice(policy: str | None, settings: Iterable[tuple[str, Scalar]]) -> Choice:
    return Choice(policy=policy, settings=tuple(sorted(settings)))


def _drawn(way: tuple[Scalar, ...] | Range, dice: random.Random) -> Scalar:
    share = dice.random()
    return way.at(share) if isinstance(way, Range) else way[int(share * len(way))]


def _shown(value: Scalar) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else value


def key_of(*parts: object) -> str:
    """Of everything a result depends on: the same parts, the same key, in any process and on any machine."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:_KEY_LENGTH]


# --- what came of it -------------------------------------------------------------------------------------


class Figures(Struct, frozen=True, kw_only=True):
    """Of one run; costs are positive when paid, profits when earned."""

    hedges: int
    orders: int
    fills: int
    refused: int
    seconds: float
    cost_usd: float
    fees_usd: float
    traded_usd: float
    residual_usd: float
    """Deviation the open delta made over the run: root of the sum of (net delta x index move)^2."""
    residual_ratio: float | None
    """Its square over the options' alone."""
    pnl_usd: float
    pnl_options_usd: float
    pnl_hedge_usd: float
    pnl_funding_usd: float
    outside_band_s: float
    net_delta_coin_final: float | None
    tradable_share: float | None
    """Of a tape's time."""
    violations: str
    """Empty when the run was in order."""
    trace_hash: str | None


def figures_of(run: RunResult, costs: CostReport, risk: OpenRisk) -> Figures:
    """What a run came to."""
    totals, pnl = costs.totals, run.pnl_usd
    return Figures(
        hedges=run.hedges,
        orders=run.orders,
        fills=run.fills,
        refused=run.refused,
        seconds=run.seconds,
        cost_usd=totals.total.usd,
        fees_usd=totals.fees.usd,
        traded_usd=totals.traded_usd,
        residual_usd=math.sqrt(risk.squared_usd),
        residual_ratio=risk.squared_usd / risk.unhedged_squared_usd if risk.unhedged_squared_usd else None,
        pnl_usd=pnl.total,
        pnl_options_usd=pnl.options,
        pnl_hedge_usd=pnl.hedge,
        pnl_funding_usd=pnl.funding,
        outside_band_s=run.outside_band_s,
        net_delta_coin_final=run.net_delta_coin_final,
        tradable_share=run.tradable_share,
        violations="; ".join((*run.violations, *([costs.problem] if costs.problem else []))),
        trace_hash=run.trace_hash,
    )


def row_of(key: str, point: Point, figures: Figures) -> Row:
    """A line of the results: what was tried under its names, then the figures."""
    tried: dict[str, Cell] = {
        "configuration": key,
        "policy": point.choice.policy,
        "tape": point.tape,
        "portfolio": point.portfolio,
    }
    return tried | {"seed": point.seed} | dict(point.choice.settings) | structs.asdict(figures)


def as_text(plan: Mapping[str, Point], rows: Mapping[str, Row]) -> str:
    """A line for each policy and parameters, over what it was tried on: means, and the standard error of the profit."""
    found: dict[Choice, list[Row]] = {}
    for key, point in plan.items():
        if key in rows:
            found.setdefault(point.choice, []).append(rows[key])
    head = f"{'':<52}{'runs':>6}{'hedges':>9}{'cost':>12}{'left open':>12}{'profit':>14}{'error':>10}"
    lines = [head, *(_line(choice, runs) for choice, runs in itertools.islice(found.items(), _SHOWN_MAX))]
    if len(found) > _SHOWN_MAX:
        lines.append(f"and {len(found) - _SHOWN_MAX} more in the file")
    return "\n".join([*lines, "", "means of a run, USD; left open: deviation of net delta times index move over a run"])


def _line(choice: Choice, runs: Sequence[Row]) -> str:
    count = len(runs)
    hedges, costs, left, profits = (
        [float(run[name] or 0.0) for run in runs] for name in ("hedges", "cost_usd", "residual_usd", "pnl_usd")
    )
    cost, profit = statistics.fmean(costs), statistics.fmean(profits)
    rest = math.sqrt(statistics.fmean([usd * usd for usd in left]))
    error = f"{statistics.stdev(profits) / math.sqrt(count):.2f}" if count > 1 else ""
    hedged = statistics.fmean(hedges)
    return f"{choice!s:<52}{count:>6}{hedged:>9.1f}{cost:>12,.2f}{rest:>12,.2f}{profit:>+14,.2f}{error:>10}"
