"""Makes simulated runs that are watched at every step."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app import simulated
from bot.app.config import Config, load
from bot.domain.commands import PlaceOrder
from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event, Ticked
from bot.domain.reasons import Action, Phase
from bot.drive.simulate import Simulation
from bot.hedging.expiry import ExpiryParams
from bot.observe.tally import RunResult
from bot.risk.sources import Sources

_FEW = 6
"""Events told before a violation."""


class WatchedRun:
    """A run checked after every event; the first violation ends the checking and is told with what led to it."""

    def __init__(self, seed: int, simulation: Simulation, config: Config) -> None:
        self.seed = seed
        self.config = config
        self.violation: str | None = None
        self.orders: list[PlaceOrder] = []
        self._limit_coin = config.books[0].limits.delta_coin_worst_max
        self.simulation = simulation
        self._fills: dict[str, Decimal] = {}
        self._held: dict[str, Decimal] = {}
        self._before: list[Event] = []
        self._count = simulation.tally.saw
        simulation.tally.saw = self._saw  # type: ignore[method-assign]

    def run(self) -> RunResult:
        """Play to the end."""
        return self.simulation.run("watched")

    def _saw(self, event: Event, outcome: Outcome) -> None:
        self._count(event, outcome)
        self._before = [*self._before[-_FEW:], event]
        placed = [command for command in outcome.commands if isinstance(command, PlaceOrder)]
        for note in outcome.notes:
            if isinstance(note, FillBooked):
                self._booked(note)
        if placed:
            self._placed(placed, event, outcome)
        self.orders += placed

    def _booked(self, note: FillBooked) -> None:
        """A position is where it was plus the fill; a fill id counts once."""
        if note.fill_id in self._fills:
            self._object(f"fill {note.fill_id} was booked twice")
        self._fills[note.fill_id] = note.amount_native
        held = self._held.setdefault(note.instrument, note.position_native - note.amount_native)
        if note.position_native != held + note.amount_native:
            self._object(f"{note.instrument}: {held} and a fill of {note.amount_native} made {note.position_native}")
        self._held[note.instrument] = note.position_native

    def _placed(self, placed: list[PlaceOrder], event: Event, outcome: Outcome) -> None:
        status, decided = self.simulation._engine.status(), outcome.decided
        if not isinstance(event, Ticked) or decided is None or decided.action is not Action.HEDGE:
            self._object("an order without a decision to hedge")
            return
        live = [order.instrument for order in self.simulation._engine.account.working.live()]
        if len(set(live)) < len(live):
            self._object(f"{len(placed)} orders placed, live on {live}")
        if status.phase is not Phase.RUNNING:
            self._object(f"an order while {status.phase}")
        if {order.label for order in placed} & {order.label for order in self.orders}:
            self._object("a label was used twice")
        if max(abs(decided.delta_coin_low or 0.0), abs(decided.delta_coin_high or 0.0)) > self._limit_coin:
            self._object("worst-case delta beyond the hard limit")

    def _object(self, what: str) -> None:
        if self.violation is None:
            self.violation = f"seed {self.seed}: {what}; before: {self._before}"


@pytest.fixture
def watched(repo_root: Path) -> Callable[..., WatchedRun]:
    """A run of the default straddle on a seed, so many virtual minutes; options of the command line beside it."""

    def make(
        seed: int,
        minutes: float,
        *,
        portfolio: str = "straddle",
        file: Path | None = None,
        expiry: ExpiryParams | None = None,
        sources: Sources | None = None,
        **change: Any,
    ) -> WatchedRun:
        held = repo_root / "config" / "portfolios" / f"{portfolio}.toml"
        config = load(file or repo_root / "config/simulate.toml", {"portfolio": held}, run_tag="sim")
        chosen = {name: part for name, part in (("expiry", expiry), ("sources", sources)) if part is not None}
        config = structs.replace(config, books=tuple(structs.replace(book, **chosen) for book in config.books))
        defaults = {"step_ms": 1_000, "tape": None, "currency": "BTC"}
        options = simulated.SimulateOptions(seed=seed, hours=minutes / 60, **(defaults | change))
        return WatchedRun(seed, simulated.simulation_of(config, options), config)

    return make
