"""How soon a change of the market is noticed, and how often one that is none: `python tests/sim/regime_paths.py`.

Writes the table of docs/explanation/regimes.md: drawn prices every second, twenty seeds of each.
"""

import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from bot.domain.decided import PriceJumped, RegimeChanged
from bot.domain.reasons import Regime
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns, ns_from_iso
from bot.hedging.regime import RegimeParams, RegimeWatch

_START_NS: Final = ns_from_iso("2026-11-23T09:00:00Z")
_VOL: Final = 0.45
_CHANGE_MINUTE: Final = 240
SEEDS: Final = range(20)


class Path(NamedTuple):
    """One kind of day."""

    words: str
    minutes: int
    vol: Callable[[float], float]
    jump_fraction: float = 0.0
    """At the change, in one second."""


def _burst(times: float, until: float = 60.0) -> Callable[[float], float]:
    return lambda minute: _VOL * (times if 0.0 <= minute - _CHANGE_MINUTE < until else 1.0)


PATHS: Final = {
    "quiet": Path("a day of steady volatility", 1_440, lambda _: _VOL),
    "twice": Path("volatility doubles for an hour", 360, _burst(2.0)),
    "five": Path("five times the volatility for an hour", 360, _burst(5.0)),
    "jump": Path("a jump of 0.8 %", 300, lambda _: _VOL, 0.008),
    "night": Path("a third of the volatility from then on", 480, _burst(1.0 / 3.0, math.inf)),
}


class Noticed(NamedTuple):
    """What was noticed, and after how many minutes from the change; negative: before it."""

    regimes: tuple[tuple[float, Regime], ...]
    jumps: tuple[float, ...]


def prices(path: Path, seed: int) -> Iterator[tuple[Ns, float, float]]:
    """(time, price, minutes from the change), once a second."""
    dice, price = random.Random(f"regime:{seed}"), 65_000.0
    step = math.sqrt(NS_PER_S / NS_PER_YEAR)
    for second in range(path.minutes * 60):
        minute = second / 60.0
        price *= math.exp(path.vol(minute) * step * dice.gauss(0.0, 1.0))
        if second == _CHANGE_MINUTE * 60:
            price *= 1.0 + path.jump_fraction
        yield Ns(_START_NS + (second + 1) * NS_PER_S), price, minute - _CHANGE_MINUTE


def notice(path: Path, seed: int, params: RegimeParams | None = None) -> Noticed:
    """One path watched to its end."""
    watch = RegimeWatch(params or RegimeParams())
    regimes: list[tuple[float, Regime]] = []
    jumps: list[float] = []
    for now_ns, price, minute in prices(path, seed):
        watch.see_price(price, now_ns)
        for note in watch.notes():
            if isinstance(note, RegimeChanged):
                regimes.append((minute, note.regime_after))
            elif isinstance(note, PriceJumped):
                jumps.append(minute)
    return Noticed(tuple(regimes), tuple(jumps))


def _first(noticed: Noticed, *regimes: Regime) -> float | None:
    return next((minute for minute, regime in noticed.regimes if regime in regimes and minute >= 0.0), None)


def _spread(found: list[float | None]) -> str:
    minutes = sorted(minute for minute in found if minute is not None)
    if not minutes:
        return f"0 of {len(found)}"
    return f"{len(minutes)} of {len(found)}, after {statistics.median(minutes):.1f} min ({minutes[-1]:.1f} at most)"


def main() -> None:
    """The table, as Markdown."""
    lines = ["| market | calm | hot | crisis | jump noticed | changes that were none |", "|---|---|---|---|---|---|"]
    for path in PATHS.values():
        seen = [notice(path, seed) for seed in SEEDS]
        before = sum(minute < 0.0 for noticed in seen for minute, _ in noticed.regimes)
        early = sum(minute < 0.0 for noticed in seen for minute in noticed.jumps)
        is_quiet = path is PATHS["quiet"]
        false = sum(len(noticed.regimes) + len(noticed.jumps) for noticed in seen) if is_quiet else before + early
        columns = [_spread([_first(noticed, regime) for noticed in seen]) for regime in (Regime.CALM, Regime.HOT)]
        columns.append(_spread([_first(noticed, Regime.CRISIS) for noticed in seen]))
        columns.append(_spread([next((minute for minute in noticed.jumps if minute >= 0.0), None) for noticed in seen]))
        lines.append(f"| {path.words} | {' | '.join([''] * 4 if is_quiet else columns)} | {false} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
