"""How much of a run the bot could have traded in, by its own rules: not while its data or the venue forbid it.

Fed by whoever drives an engine. A decision stands until the next one.
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.decided import Decided, Outcome
from bot.domain.events import Event
from bot.domain.reasons import Action, Reason
from bot.domain.time import Ns
from bot.engine import Engine

_BARRED: Final = frozenset(
    {
        Reason.NOT_RECONCILED,
        Reason.STREAM_LOST,
        Reason.NO_LEASE,
        Reason.HEDGE_QUOTE_DISTRUSTED,
        Reason.EQUITY_UNKNOWN,
        Reason.DELTA_UNCERTAIN,
        Reason.VENUE_DISAGREES,
        Reason.SPREAD_TOO_WIDE,
        Reason.PRICE_BAND,
        Reason.BACKING_OFF,
        Reason.PAUSED,
        Reason.HALTED,
    }
)
"""Refusals that are about what is seen and heard; limits of the owner's are not among them."""


class Tradable:
    """Time by why it could not be traded in; of one book."""

    def __init__(self) -> None:
        """Nothing seen."""
        self.span_ns = Ns(0)
        self._barred_ns: dict[Reason, Ns] = {}
        self._last_ns: Ns | None = None
        self._last_barred: Reason | None = None

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        del event
        decided = outcome.decided
        if decided is None:
            return
        span_ns = 0 if self._last_ns is None else decided.now_ns - self._last_ns
        self.span_ns = Ns(self.span_ns + span_ns)
        if self._last_barred is not None:
            self._barred_ns[self._last_barred] = Ns(self._barred_ns.get(self._last_barred, 0) + span_ns)
        self._last_ns, self._last_barred = decided.now_ns, _barred(engine, decided)

    @property
    def share(self) -> float:
        """Of the time since the first decision; 0.0 where no time has passed."""
        return 1.0 - sum(self._barred_ns.values()) / self.span_ns if self.span_ns else 0.0

    @property
    def barred_ns(self) -> Mapping[Reason, Ns]:
        """Time that could not be traded in, by reason."""
        return self._barred_ns


def _barred(engine: Engine, decided: Decided) -> Reason | None:
    """Why nothing could have been traded, had it been due; inside its band a bot says nothing of old quotes."""
    if decided.action is Action.REFUSE and decided.reason in _BARRED:
        return decided.reason
    distrust = engine.view.hedge_verdict(decided.hedge_instrument, decided.now_ns)
    return None if distrust is None else Reason.HEDGE_QUOTE_DISTRUSTED
