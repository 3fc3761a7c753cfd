"""How often the greeks explain what a held option made from one recorded mark to the next.

By `attribution.is_explained`, as in the account of a run's profit (theory 5.2; docs/explanation/real-day.md).
"""

from typing import Final

from msgspec import Struct

from bot.domain.decided import Outcome
from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.market_events import OptionMarked
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns, iso_utc
from bot.domain.units import float_from_decimal
from bot.engine import Engine
from bot.risk import attribution
from bot.risk.attribution import OptionHeld, OptionMarket

_FAR_NS: Final = 36 * 3_600 * NS_PER_S
_WINDOW_NS: Final = 1_800 * NS_PER_S
"""Inside it an option is one on an average, and is taken apart as that in the account of the profit."""
FAR_SHARE, NEAR_SHARE = 0.99, 0.90
"""Of steps that have to be explained: over 36 hours before expiry, and nearer."""


class StepMissed(Struct, frozen=True, kw_only=True):
    """A step the greeks do not explain; native money."""

    start: str
    seconds: float
    delta_native: float
    gamma_native: float
    residual_native: float


class LegSteps(Struct, frozen=True, kw_only=True):
    """One option's steps on one side of 36 hours to expiry."""

    instrument: str
    is_far: bool
    steps_count: int
    missed: tuple[StepMissed, ...]

    @property
    def explained_share(self) -> float:
        """Of the steps."""
        return 1.0 - len(self.missed) / self.steps_count

    @property
    def wanted_share(self) -> float:
        """As many as have to be."""
        return FAR_SHARE if self.is_far else NEAR_SHARE

    @property
    def is_within(self) -> bool:
        """Whether that is as many as have to be."""
        return self.explained_share >= self.wanted_share


class StepLook:
    """Of one book; fed with every event after the engine took it."""

    def __init__(self) -> None:
        """Nothing seen."""
        self._seen: dict[InstrumentId, tuple[Ns, OptionMarket]] = {}
        self._counts: dict[tuple[InstrumentId, bool], int] = {}
        self._missed: dict[tuple[InstrumentId, bool], list[StepMissed]] = {}

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        del outcome
        if not isinstance(event, OptionMarked) or event.forward_usd is None or event.iv_mark is None:
            return
        amount, spec = engine.account.held().get(event.instrument), engine.view.instruments.get(event.instrument)
        if not amount or spec is None or spec.expiry_ns is None or spec.strike_usd is None:
            return
        left_ns = spec.expiry_ns - event.venue_ns
        if left_ns <= _WINDOW_NS:
            return
        now = OptionMarket(event.forward_usd, event.iv_mark, left_ns / NS_PER_YEAR)
        before = self._seen.get(spec.id)
        if before is not None and (event.venue_ns <= before[0] or before[1][:2] == now[:2]):
            return
        self._seen[spec.id] = (event.venue_ns, now)
        if before is not None:
            leg = OptionHeld(float_from_decimal(amount), spec.strike_usd, spec.is_call is True, spec.is_inverse)
            self._step(spec.id, leg, before, (event.venue_ns, now))

    def _step(
        self, name: InstrumentId, leg: OptionHeld, before: tuple[Ns, OptionMarket], after: tuple[Ns, OptionMarket]
    ) -> None:
        is_far = before[1].tau_years * NS_PER_YEAR > _FAR_NS
        judged = attribution.option_step(leg, before[1], after[1]).aged
        self._counts[name, is_far] = self._counts.get((name, is_far), 0) + 1
        if not attribution.is_explained(judged):
            self._missed.setdefault((name, is_far), []).append(
                StepMissed(
                    start=iso_utc(before[0]),
                    seconds=(after[0] - before[0]) / NS_PER_S,
                    delta_native=judged.delta,
                    gamma_native=judged.gamma,
                    residual_native=judged.residual,
                )
            )

    def legs(self) -> tuple[LegSteps, ...]:
        """By instrument, the far steps first."""
        return tuple(
            LegSteps(instrument=name, is_far=far, steps_count=count, missed=tuple(self._missed.get((name, far), ())))
            for (name, far), count in sorted(self._counts.items(), key=lambda item: (item[0][0], not item[0][1]))
        )
