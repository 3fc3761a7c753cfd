"""Books too large for their hedge instrument, with and without each guard: `python tests/sim/large_books.py`.

Writes the table of docs/explanation/stability.md. Ten minutes of a drawn world in which own trades move the price.
"""

import contextlib
import itertools
import statistics
import sys
from collections import deque
from typing import Final, NamedTuple
from unittest.mock import patch

from msgspec import structs

from bot.app.pressed import play as play_pressed
from bot.domain.decided import AlarmRaised, FillBooked, Outcome
from bot.domain.events import Event
from bot.domain.market_events import FutureMarked
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.engine import Engine
from bot.hedging import hedger
from bot.hedging.stability import StabilityParams
from bot.research.validation.feedback import Pressed
from bot.sim.impact import Impact

_MINUTE_NS: Final = 60 * NS_PER_S
_NO_GAIN: Final = 1e9
OFF: Final = StabilityParams(gain_ratio_max=_NO_GAIN, oscillation_width_ratio=1.0)
"""No guard."""


class World(NamedTuple):
    """One book in one market."""

    words: str
    straddles: float
    """One-day, at the money: gamma 0.0005 coin per USD each."""
    half_coin: float
    trade_to: str
    impact: Impact | None
    guards: dict[str, StabilityParams]
    volume_usd_per_day: float = 5e8


NO_RULE: Final = structs.replace(OFF, pause_ns=Ns(1))
"""No guard, and a fill may be taken back at once: the one rule that nobody can switch off in the configuration."""
_CHASED: Final = Impact(lasting_usd_per_coin=2.0, passing_usd_per_coin=30.0)
_SWUNG: Final = Impact(lasting_usd_per_coin=0.2, passing_usd_per_coin=26.0)
_BOUNCED: Final = Impact(passing_usd_per_coin=20.0, fading_ns=Ns(2 * NS_PER_S))
_ALONE: Final = {"none": OFF}
_THIN_USD: Final = 2e7

WORLDS: Final = {
    "long": World(
        "long gamma 0.05, 26 USD per coin, back to target",
        100.0,
        1.0,
        "target",
        _SWUNG,
        {
            **_ALONE,
            "oscillation": structs.replace(OFF, oscillation_width_ratio=2.0),
            "loop gain": structs.replace(OFF, gain_ratio_max=0.2),
            "default": StabilityParams(),
        },
    ),
    "short": World(
        "short gamma 0.05, 32 USD per coin, to the edge",
        -100.0,
        2.0,
        "edge",
        _CHASED,
        {
            **_ALONE,
            "runaway": structs.replace(OFF, volume_usd_per_day=5e8),
            "loop gain": structs.replace(OFF, gain_ratio_max=0.2),
            "default": StabilityParams(),
        },
    ),
    "bounced": World(
        "long gamma 0.05, 20 USD per coin that are gone in two seconds, back to target",
        100.0,
        2.0,
        "target",
        _BOUNCED,
        {"none": NO_RULE, "reversal rule": OFF},
    ),
    "thin": World(
        "short gamma 0.002, a market of 20 million USD a day",
        -4.0,
        0.05,
        "edge",
        None,
        {**_ALONE, "participation": structs.replace(OFF, volume_usd_per_day=_THIN_USD, participation_share_max=0.1)},
        volume_usd_per_day=_THIN_USD,
    ),
}


class Figures(NamedTuple):
    """What a run came to."""

    hedges: int
    traded_coin: float
    fees_usd: float
    move_usd: float
    """Standard deviation of the price move of a second."""
    delta_coin_max: float
    minute_share_max: float
    """Largest own part of a minute's volume."""
    alarms: frozenset[str]
    violations: tuple[str, ...]


def play(world: World, guards: StabilityParams, *, seed: int = 1, minutes: float = 10.0) -> Figures:
    """One run, heard at every event."""
    pressed = Pressed(
        straddles=world.straddles,
        half_coin=world.half_coin,
        trade_to=world.trade_to,
        impact=world.impact,
        guards=guards,
        seed=seed,
        minutes=minutes,
    )
    heard = _Heard()
    with patch.object(hedger, "reverses_too_soon", _never) if guards is NO_RULE else contextlib.nullcontext():
        result = play_pressed(pressed, (heard,))
    moves = [after - before for before, after in itertools.pairwise(heard.prices)]
    minute_usd = world.volume_usd_per_day * _MINUTE_NS / NS_PER_DAY
    return Figures(
        hedges=result.hedges,
        traded_coin=heard.traded_coin,
        fees_usd=-result.pnl_usd.fees,
        move_usd=statistics.pstdev(moves),
        delta_coin_max=heard.delta_coin_max,
        minute_share_max=heard.minute_usd_max / minute_usd,
        alarms=frozenset(heard.alarms),
        violations=result.violations,
    )


def _never(*_: object, **__: object) -> bool:
    return False


class _Heard:
    """Listens to a run."""

    def __init__(self) -> None:
        self._minute: deque[tuple[int, float]] = deque()
        self.prices: list[float] = []
        self.alarms: set[str] = set()
        self.traded_coin = self.delta_coin_max = self.minute_usd_max = 0.0
        self._now_ns = 0

    def see(self, _: Engine, event: Event, outcome: Outcome) -> None:
        """Every event and what came of it."""
        if isinstance(event, FutureMarked) and event.mark_usd is not None:
            self.prices.append(event.mark_usd)
        if outcome.decided is not None:
            self._now_ns = outcome.decided.now_ns
            self.delta_coin_max = max(self.delta_coin_max, abs(outcome.decided.delta_coin_net or 0.0))
        for note in outcome.notes:
            if isinstance(note, AlarmRaised):
                self.alarms.add(note.name)
            elif isinstance(note, FillBooked):
                self._filled(abs(float(note.amount_native)), float(note.price_native))

    def _filled(self, amount_usd: float, price_usd: float) -> None:
        self.traded_coin += amount_usd / price_usd
        self._minute.append((self._now_ns, amount_usd))
        while self._now_ns - self._minute[0][0] > _MINUTE_NS:
            self._minute.popleft()
        self.minute_usd_max = max(self.minute_usd_max, sum(usd for _, usd in self._minute))


def main() -> None:
    """The table, as Markdown."""
    lines = ["| book and market | guard | hedges | own coins | fees, USD | move in a second, USD | largest delta |"]
    lines.append("|---|---|---|---|---|---|---|")
    for world in WORLDS.values():
        for name, guards in world.guards.items():
            seen = play(world, guards)
            share = f"; {seen.minute_share_max:.0%} of a minute's volume" if world.impact is None else ""
            lines.append(
                f"| {world.words} | {name} | {seen.hedges} | {seen.traded_coin:,.1f}{share} | {seen.fees_usd:,.0f} "
                f"| {seen.move_usd:.1f} | {seen.delta_coin_max:.1f} |"
            )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
