"""What own hedging does to the price it hedges against: the multiplier of a move, and its limit (theory 6.1).

The hedger is the whole engine, with and without the guards of `hedging.stability`, in a drawn world whose price moves
with what the account takes. Knows what is looked at and what is right; putting a run together is the caller's.
"""

import itertools
import math
import statistics
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from msgspec import Struct, structs

from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event
from bot.domain.market_events import FutureMarked
from bot.domain.units import float_from_decimal
from bot.drive.sim_process import Audit
from bot.engine import Engine
from bot.hedging.stability import StabilityParams
from bot.observe.plot import Axis, Drawing, Line, Mark
from bot.observe.plot_file import Name, Panel, Words, as_file
from bot.research.validation.checks import Check, Estimate, Picture, Section, computed, drawn
from bot.sim.impact import Impact

NO_GUARD: Final = StabilityParams(gain_ratio_max=1e9, oscillation_width_ratio=1.0)
"""The two guards of the default out of reach; the others are off by themselves."""
GUARDED: Final = StabilityParams(volume_usd_per_day=5e8)
"""All that act by themselves, and what the hedge instrument trades a day."""
_GAMMA_OF_STRADDLE: Final = 0.0005
"""Of a day, at the money at 64,000 USD, coin per USD; the true one is taken from the run."""
_FAILS_RATIO: Final = 3.0
"""Times the moves of the market alone. By theory short gamma stays below it under a gain of 2/3, and is lost at one."""
_SETTLED: Final = 10
"""Seconds until the first hedge has been felt."""
_MULTIPLIED_MINUTES: Final = 3.0
_PHASE_MINUTES: Final = 2.0
_CALM_GAIN: Final = 0.95
_WILD_GAIN: Final = 1.5
"""Theory has the boundary at a gain of one; between these a run of two minutes may go either way."""
_SWINGING_GAIN: Final = 2.0
"""From here on a hedge of long gamma, taken for news, calls for one that lands beyond the other edge of the band."""


class Pressed(Struct, frozen=True, kw_only=True):
    """One run of a book of one-day straddles at the money."""

    straddles: float
    """Signed."""
    half_coin: float
    """Of a fixed band."""
    trade_to: str
    impact: Impact | None
    guards: StabilityParams
    seed: int
    minutes: float


Play = Callable[[Pressed, Sequence[Audit]], object]
Say = Callable[[str], None]


class Looks(Struct, frozen=True, kw_only=True):
    """What is played."""

    multiplier_seeds: int = 12
    cell_seeds: int = 3
    multiplied: tuple[tuple[float, float], ...] = tuple(
        (side * 100.0, kappa) for side in (-1.0, 1.0) for kappa in (2.0, 5.0, 10.0)
    )
    """Straddles, and USD the price moves for good per coin: loop gains of 0.1, 0.25 and 0.5, short and long."""
    straddles: tuple[float, ...] = (-160.0, -120.0, -80.0, -40.0, 40.0, 80.0, 120.0, 160.0)
    kappas_usd_per_coin: tuple[float, ...] = (5.0, 10.0, 20.0, 30.0)


class MoveLook:
    """Sees prices, gamma and own fills of a run."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.price_usd: list[float] = []
        self.own_coin: list[float] = []
        """Bought so far at that price, signed."""
        self._coin = 0.0
        self._gammas: list[float] = []

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        del engine
        if isinstance(event, FutureMarked) and event.mark_usd is not None:
            self.price_usd.append(event.mark_usd)
            self.own_coin.append(self._coin)
        if outcome.decided is not None and outcome.decided.gamma_coin_per_usd is not None:
            self._gammas.append(outcome.decided.gamma_coin_per_usd)
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                self._coin += float_from_decimal(note.amount_native) / float_from_decimal(note.price_native)

    @property
    def gamma_coin_per_usd(self) -> float:
        """Mean over the run."""
        return statistics.fmean(self._gammas)

    def move_usd(self) -> float:
        """Standard deviation of the price's move from one mark to the next."""
        return statistics.pstdev(after - before for before, after in itertools.pairwise(self.price_usd))

    def multiplier(self, kappa_usd_per_coin: float) -> float:
        """1 / (1 - ρ), ρ the part of the price's way of which our own answer, a second later, is made: least squares.

        The way itself over its cause would be too short where a move is still being answered when it is looked at.
        """
        price, own = np.array(self.price_usd[_SETTLED:]), np.array(self.own_coin[_SETTLED:])
        way, answer = price[:-1] - price[0], kappa_usd_per_coin * (own[1:] - own[0])
        return 1.0 / (1.0 - float(answer @ way) / float(way @ way))


class Cell(Struct, frozen=True, kw_only=True):
    """One book and one impact, over its seeds."""

    straddles: float
    kappa_usd_per_coin: float
    fails_share: float
    ratio: float
    """Median of the moves over those of the market alone."""
    own_coin: float
    """Median of the largest hedge held."""

    @property
    def gain(self) -> float:
        """Loop gain, unsigned."""
        return abs(self.straddles) * _GAMMA_OF_STRADDLE * self.kappa_usd_per_coin


def section(play: Play, looks: Looks, seed: int, say: Say) -> Section:
    """The multiplier, and the phases without and with guards."""
    checks = _multipliers(play, looks, seed, say)
    seeds = [100 * seed + place for place in range(looks.cell_seeds)]
    cells = [(straddles, kappa) for kappa in looks.kappas_usd_per_coin for straddles in looks.straddles]
    say(f"feedback: {len(cells)} books, {len(seeds)} seeds, without guards and with them")
    alone = {one: _looked(play, _pressed(0.001, 0.0, NO_GUARD, one)).move_usd() for one in seeds}
    bare, kept = ([_cell(play, _pressed(*cell, guards, 0), alone) for cell in cells] for guards in (NO_GUARD, GUARDED))
    return Section(
        title="Feedback of own hedging",
        text=_TEXT + _kept(bare, kept),
        checks=[*checks, *phases(bare, kept)],
        pictures=[_picture(bare, kept)],
    )


_TEXT: Final = f"""
The whole engine hedges a book of one-day straddles in a drawn world where each coin it takes moves the price for
good. A move is multiplied by 1 / (1 + κΓ): ours is reckoned from how much of the price's way our own coins add to it
a second later, the error is that of its mean over seeds. Where short gamma brings the loop gain κ|Γ| to one there is
no answer. Buis et al. (2024) see the same in a market of agents: failures fall as hedgers' gamma goes from short to
long and set in at a boundary; percentages are of each simulator and no measure. A run fails where the price moves
{_FAILS_RATIO:g} times as much in a second as the market alone does. Long gamma damps, until its hedges swing it past
the other edge of the band: from a gain of two on it fails as well, as theory says of whoever answers its own last
trade.
"""


def _kept(bare: Sequence[Cell], kept: Sequence[Cell]) -> str:
    """What the guards are worth where all fails: less, and nothing is promised."""
    shares = [
        100.0 * with_guards.own_coin / alone.own_coin
        for alone, with_guards in zip(bare, kept, strict=True)
        if alone.fails_share
    ]
    if not shares:
        return ""
    return f"""The guards of [stability](stability.md) have to see their own trades first. Of a book that fails from the
    first hedge on they leave {min(shares):.0f} to {max(shares):.0f} % of the coins it would have bought in
    {_PHASE_MINUTES:g} minutes, and the alarm; the cure is a smaller book."""


def _multipliers(play: Play, looks: Looks, seed: int, say: Say) -> list[Check]:
    checks = []
    for straddles, kappa in looks.multiplied:
        say(f"feedback: {straddles:+g} straddles, {kappa:g} USD per coin, {looks.multiplier_seeds} seeds")
        found, expected = [], []
        for place in range(looks.multiplier_seeds):
            pressed = Pressed(
                straddles=straddles,
                half_coin=0.01,
                trade_to="target",
                impact=Impact(lasting_usd_per_coin=kappa),
                guards=NO_GUARD,
                seed=100 * seed + place,
                minutes=_MULTIPLIED_MINUTES,
            )
            look = _looked(play, pressed)
            found.append(look.multiplier(kappa))
            expected.append(1.0 / (1.0 + kappa * look.gamma_coin_per_usd))
        error = statistics.stdev(found) / math.sqrt(len(found))
        name = f"{straddles:+g} straddles, κ {kappa:g} USD per coin"
        checks.append(
            drawn(name, "multiplier", Estimate(value=statistics.fmean(found), error=error), statistics.fmean(expected))
        )
    return checks


def _pressed(straddles: float, kappa: float, guards: StabilityParams, seed: int) -> Pressed:
    return Pressed(
        straddles=straddles,
        half_coin=1.0,
        trade_to="edge",
        impact=Impact(lasting_usd_per_coin=kappa),
        guards=guards,
        seed=seed,
        minutes=_PHASE_MINUTES,
    )


def _looked(play: Play, pressed: Pressed) -> MoveLook:
    look = MoveLook()
    play(pressed, (look,))
    return look


def _cell(play: Play, pressed: Pressed, alone: dict[int, float]) -> Cell:
    """Every seed of a book; `alone`: moves of its market by itself."""
    looks = [_looked(play, structs.replace(pressed, seed=seed)) for seed in alone]
    ratios = [look.move_usd() / usd for look, usd in zip(looks, alone.values(), strict=True)]
    assert pressed.impact is not None, "a grid of impacts"
    return Cell(
        straddles=pressed.straddles,
        kappa_usd_per_coin=pressed.impact.lasting_usd_per_coin,
        fails_share=sum(ratio > _FAILS_RATIO for ratio in ratios) / len(ratios),
        ratio=statistics.median(ratios),
        own_coin=statistics.median(max(map(abs, look.own_coin)) for look in looks),
    )


def phases(bare: Sequence[Cell], kept: Sequence[Cell]) -> list[Check]:
    """Order of the grid, its boundary, and that guards do no harm."""
    short, long = ([cell for cell in bare if (cell.straddles < 0.0) is is_short] for is_short in (True, False))
    counts = (
        (
            f"failures that rise from short to long gamma, gains under {_SWINGING_GAIN:g}",
            _rises([cell for cell in bare if cell.gain < _SWINGING_GAIN], "kappa_usd_per_coin", "straddles"),
        ),
        ("failures that fall as the impact grows", _rises(bare, "straddles", "kappa_usd_per_coin", sign=-1.0)),
        (
            "short gamma, gain under one: failing",
            sum(cell.fails_share > 0.0 for cell in short if cell.gain < _CALM_GAIN),
        ),
        (
            f"short gamma, gain from {_WILD_GAIN:g}: not failing",
            sum(cell.fails_share < 1.0 for cell in short if cell.gain >= _WILD_GAIN),
        ),
        (
            "long gamma, gain under one: failing",
            sum(cell.fails_share > 0.0 for cell in long if cell.gain < _CALM_GAIN),
        ),
        (
            f"long gamma, gain from {_SWINGING_GAIN:g}: not failing",
            sum(cell.fails_share < 1.0 for cell in long if cell.gain >= _SWINGING_GAIN),
        ),
        (
            "with guards: failing more often than without",
            sum(with_guards.fails_share > alone.fails_share for alone, with_guards in zip(bare, kept, strict=True)),
        ),
    )
    return [computed("books of the grid", name, float(count), 0.0, 0.0) for name, count in counts]


def _rises(cells: Sequence[Cell], along: str, by: str, *, sign: float = 1.0) -> int:
    """Neighbours of one row of which the later fails more often."""
    rises = 0
    for _, row in itertools.groupby(
        sorted(cells, key=lambda cell: (getattr(cell, along), sign * getattr(cell, by))),
        key=lambda cell: getattr(cell, along),
    ):
        rises += sum(after.fails_share > before.fails_share for before, after in itertools.pairwise(row))
    return rises


def _picture(bare: Sequence[Cell], kept: Sequence[Cell]) -> Picture:
    ends = (min(cell.straddles for cell in bare) - 15.0, max(cell.straddles for cell in bare) + 15.0)
    top = max(cell.kappa_usd_per_coin for cell in bare) + 4.0
    lowest = 1.0 / (_GAMMA_OF_STRADDLE * top)
    curves = [
        [(side * count, 1.0 / (_GAMMA_OF_STRADDLE * count)) for count in np.linspace(lowest, ends[1], 60)]
        for side in (-1.0, 1.0)
    ]
    panels = []
    for title, cells in (("No guard", bare), ("Guards, with the volume of the hedge instrument", kept)):
        marks = []
        for cell in cells:
            series = 2 if not cell.fails_share else 3 if cell.fails_share == 1.0 else 4
            told = f"gain {cell.gain:.2f}: {cell.ratio:.2f} times the market's moves, {cell.fails_share:.0%} fail"
            marks.append(Mark(cell.straddles, cell.kappa_usd_per_coin, series, "dot", told))
        drawing = Drawing(
            Axis(*ends, "one-day straddles held, short to long"),
            Axis(0.0, top, "USD the price moves per own coin"),
            [Line(curve, 8, is_dashed=True) for curve in curves],
            marks=marks,
        )
        names = [Name("calm", 2, "dot"), Name("some seeds fail", 4, "dot"), Name("all fail", 3, "dot")]
        panels.append(Panel(drawing, [*names, Name("loop gain of one", 8, "dashed")], title, 280))
    words = Words(
        "Where hedging feeds on itself",
        "each dot a book and an impact; failing: the price moves three times as much as without it",
    )
    return Picture(
        name="validation-feedback",
        words="books that fail, by gamma and impact, without guards and with them",
        svg=as_file(words, panels),
    )
