"""What stops trading by itself: figures of one moment against limits, believed only once they have lasted.

Pure but for what a confirmation remembers. Knows no order and no position; what a stop does is `latches`' word.
"""

import enum
import math
from collections import deque
from typing import Final, NamedTuple

from msgspec import Struct

from bot.domain.stops import LossCount, StopKind
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns

VELOCITY_NS: Final = Ns(300 * NS_PER_S)
"""Window of the loss velocity."""
_SAMPLE_NS: Final = Ns(5 * NS_PER_S)
"""Between two samples kept of it."""


class Trigger(enum.StrEnum):
    """What can trip; also the cause of the stop that is latched then."""

    DAILY_LOSS = "daily_loss"
    """Loss since midnight UTC, the first start or a lift, USD."""
    DRAWDOWN = "drawdown"
    """Loss since the highest profit since the first start or a lift, USD."""
    LOSS_VELOCITY = "loss_velocity"
    """Loss within any five minutes, USD."""
    ORDER_RATE = "order_rate"
    """Orders in a minute."""
    REFUSALS = "refusals"
    """Orders refused or lost in a row."""
    SPREAD = "spread"
    """Touch of the hedge instrument, basis points."""
    STALENESS = "staleness"
    """Age of the oldest datum a decision needs, seconds."""
    MARGIN = "margin"
    """Maintenance margin over equity, the worst of the accounts."""
    RESIDUAL = "residual"
    """Equity by our books against the venue's, USD: profit that nothing explains."""
    DEPEG = "depeg"
    """Index of a stablecoin-margined hedge against the index in USD, basis points."""


LOSSES: Final = frozenset({Trigger.DAILY_LOSS, Trigger.DRAWDOWN, Trigger.LOSS_VELOCITY})
"""Those that count over restarts."""
_BY_DATA: Final = frozenset(
    {
        *LOSSES,
        *(Trigger.SPREAD, Trigger.MARGIN, Trigger.RESIDUAL, Trigger.DEPEG),
    }
)
"""Those that one bad datum could trip: they need several data, not several looks at the same one."""


class Rule(Struct, frozen=True, kw_only=True):
    """One limit and what is latched beyond it."""

    trigger: Trigger
    limit_native: float
    """In the unit of its trigger."""
    kind: StopKind


class StopParams(Struct, frozen=True, kw_only=True):
    """Of a book; without rules nothing is watched."""

    rules: tuple[Rule, ...] = ()
    confirm_count: int = 3
    """Different data beyond the limit in a row, for figures that one bad datum could make."""
    confirm_ns: Ns = Ns(5 * NS_PER_S)
    """And for so long."""
    shares_dollars: bool = False
    """Other books' legs are settled in the same dollar accounts: what those are worth is not this book's to explain."""


class Figures(NamedTuple):
    """Of one moment; a figure that is not known is missing and trips nothing."""

    now_ns: Ns
    as_of_ns: Ns
    """When the newest datum in them came: without a newer one nothing is confirmed."""
    values: dict[Trigger, float]


class Tripped(NamedTuple):
    """A limit that is surely broken."""

    rule: Rule
    value: float


class _Over(NamedTuple):
    since_ns: Ns
    as_of_ns: Ns
    data_count: int


class Triggers:
    """Mutable private state of one engine."""

    def __init__(self, params: StopParams) -> None:
        """Nothing seen."""
        self._params: Final = params
        self._over: dict[Trigger, _Over] = {}

    def rearm(self) -> None:
        """What was over its limit has to last anew."""
        self._over.clear()

    def tick(self, now: Figures) -> list[Tripped]:
        """Limits that are surely broken now."""
        return [Tripped(rule, now.values[rule.trigger]) for rule in self._params.rules if self._is_sure(rule, now)]

    def _is_sure(self, rule: Rule, now: Figures) -> bool:
        value = now.values.get(rule.trigger)
        if value is None or math.isnan(value) or value <= rule.limit_native:
            self._over.pop(rule.trigger, None)
            return False
        if rule.trigger not in _BY_DATA:
            return True
        before = self._over.get(rule.trigger)
        if before is None:
            before = _Over(now.now_ns, now.as_of_ns, 1)
        elif now.as_of_ns > before.as_of_ns:
            before = _Over(before.since_ns, now.as_of_ns, before.data_count + 1)
        self._over[rule.trigger] = before
        lasted_ns = now.now_ns - before.since_ns
        return before.data_count >= self._params.confirm_count and lasted_ns >= self._params.confirm_ns


class Losses:
    """Profit over time, as the triggers count losses: of the day, from the peak, within minutes. Mutable."""

    def __init__(self) -> None:
        """Nothing seen."""
        self._day: int | None = None
        self._day_usd = 0.0
        self._peak_usd = 0.0
        self._profit_usd = 0.0
        self._recent: deque[tuple[Ns, float]] = deque()

    def restore(self, count: LossCount) -> None:
        """Go on where the last run ended; to be called before the first profit, which counts from zero."""
        self._day, self._day_usd = count.as_of_ns // NS_PER_DAY, count.day_loss_usd
        self._peak_usd = count.peak_loss_usd
        self._recent.append((count.recent_ns, count.recent_loss_usd))

    def count(self, now_ns: Ns) -> LossCount:
        """How far they have come by the last profit seen."""
        recent_ns, best_usd = max(self._recent, key=lambda sample: sample[1], default=(now_ns, self._profit_usd))
        return LossCount(
            as_of_ns=now_ns,
            day_loss_usd=self._day_usd - self._profit_usd,
            peak_loss_usd=self._peak_usd - self._profit_usd,
            recent_loss_usd=best_usd - self._profit_usd,
            recent_ns=recent_ns,
        )

    def rearm(self) -> None:
        """Everything is counted from the next profit on: what was lost before a lift has been looked at."""
        self._day = None
        self._recent.clear()

    def see(self, now_ns: Ns, profit_usd: float) -> dict[Trigger, float]:
        """Losses at this moment, positive; `profit_usd` is the profit since the start of the run."""
        day, self._profit_usd = now_ns // NS_PER_DAY, profit_usd
        if self._day is None:
            self._peak_usd = profit_usd
        if day != self._day:
            self._day, self._day_usd = day, profit_usd
        self._peak_usd = max(self._peak_usd, profit_usd)
        while self._recent and now_ns - self._recent[0][0] > VELOCITY_NS:
            self._recent.popleft()
        if not self._recent or now_ns - self._recent[-1][0] >= _SAMPLE_NS:
            self._recent.append((now_ns, profit_usd))
        best_usd = max((usd for _, usd in self._recent), default=profit_usd)
        return {
            Trigger.DAILY_LOSS: self._day_usd - profit_usd,
            Trigger.DRAWDOWN: self._peak_usd - profit_usd,
            Trigger.LOSS_VELOCITY: best_usd - profit_usd,
        }
