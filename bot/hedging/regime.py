"""How wild the market is now against its own day, and whether its price has just jumped (theory 6.3).

Streaming, fed with the price of the hedge instrument: a tick costs a comparison, a minute a few sums. Four looks: the
volatility of the last minutes over that of the day (and with it the regime, with hysteresis), the jump test of bipower
variation, a CUSUM of variance, and the profile of the day by which all of it is measured. Knows prices and time only.
"""

import math
from collections import deque
from typing import Final, NamedTuple

from msgspec import Struct

from bot.domain.decided import Note, PriceJumped, RegimeChanged
from bot.domain.reasons import Regime
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.pricing.realized_vol import JumpTest
from bot.pricing.realized_vol_stream import PriceStream

HOURS: Final = 24
MINUTE_NS: Final = 60 * NS_PER_S
_CELL_NS: Final = 5 * NS_PER_S
"""Squared returns over this make the variance of a minute: twelve of them, and no noise of single ticks."""
_HOUR_NS: Final = 60 * MINUTE_NS
_WINDOW_MINUTES: Final = 60
"""Of the jump test (theory 6.3)."""
_LOCAL_MINUTES_MIN: Final = 30
"""Fewer minutes know no local volatility."""
_LOCAL_SHARE_MIN: Final = 0.04
"""Local variance counts as at least this share of the day's: after a still hour not every move is a jump."""
_FAST_MINUTES: Final = 5.0
_SLOW_MINUTES: Final = 1_440.0
_WARM_MINUTES: Final = 60
"""Before, everything is normal."""
_SAME_JUMP_NS: Final = 2 * MINUTE_NS
"""The test of the hour rises when the minute of a jump has ended: that is no second one."""
_BURST_MAX: Final = 7.0
"""A minute's variance counts as at most so many times what is usual: a jump is no regime."""
_CUSUM_SLACK: Final = 0.5
_CUSUM_STEP_MAX: Final = 4.0
_CUSUM_MAX: Final = 10.0
_DAYS_KEPT: Final = 28
_DAYS_MIN: Final = 7
"""Of an hour, before its own profile takes the place of the configured one."""
_THURSDAY: Final = 3
"""Weekday of the epoch, Monday being 0."""
_SATURDAY: Final = 5


class RegimeParams(Struct, frozen=True, kw_only=True):
    """Of a book that looks at regimes; the defaults change no band."""

    calm_ratio: float = 0.7
    """Volatility of the last minutes over the day's: calm under it."""
    hot_ratio: float = 1.5
    crisis_ratio: float = 3.0
    leave_share: float = 0.85
    """A regime is left only at this share of where it is entered (calm: at one over it)."""
    up_minutes_count: int = 3
    """In a row, before a wilder regime is believed."""
    down_minutes_count: int = 20
    """In a row, before a calmer one is."""
    cusum_alarm_ratio: float = 5.0
    """Excess variance added up, in minutes of the usual: hot at once beyond it."""
    jump_sigmas: float = 5.0
    """A move within a minute of so many of its local standard deviations is a jump."""
    jump_test_sigmas: float = 3.1
    """So is the hour's bipower test rising over this."""
    jump_hold_ns: Ns = Ns(60 * NS_PER_S)
    """For so long hedges are made at once."""
    is_jump_hedged: bool = True
    hour_ratios: tuple[float, ...] = (1.0,) * HOURS
    """Volatility of each UTC hour over the day's, until a week of that hour has been seen."""
    weekend_ratio: float = 1.0
    """Times it on Saturday and Sunday."""
    width_ratio_calm: float = 1.0
    width_ratio_hot: float = 1.0
    width_ratio_crisis: float = 1.0
    crosses_in: tuple[Regime, ...] = ()
    """Regimes in which hedges are taken at once, whatever the tactic."""
    crisis_budget_usd: float | None = None
    """In a crisis the open delta may make at most this standard deviation in a day; None: no such cut."""

    def width_ratio(self, regime: Regime) -> float:
        """Times the width of the band."""
        ratios = {
            Regime.CALM: self.width_ratio_calm,
            Regime.HOT: self.width_ratio_hot,
            Regime.CRISIS: self.width_ratio_crisis,
        }
        return ratios.get(regime, 1.0)


class RegimeSeen(NamedTuple):
    """What was seen at one moment. None: too little seen to tell."""

    regime: Regime = Regime.NORMAL
    vol_ratio: float | None = None
    cusum_ratio: float = 0.0
    jump_test_sigmas: float | None = None
    hour_ratio: float = 1.0
    has_jumped: bool = False
    width_ratio: float = 1.0
    at_once: str = ""
    """Why hedges are taken at once, whatever the tactic; empty where they are not."""
    lifts_filters: bool = False
    """Whether they also wait for no filter, and go to the edge: after a jump."""
    half_coin_max: float = math.inf
    """Of the band, by the budget of a crisis."""


class Profile:
    """Volatility by hour of the day, weekends apart: as configured, then the median of the last four weeks."""

    def __init__(self, params: RegimeParams) -> None:
        """As configured."""
        self._params = params
        self._seen: dict[tuple[bool, int], deque[float]] = {}

    def ratio(self, now_ns: Ns) -> float:
        """Volatility usual at this hour over that of the day."""
        key = _hour_of(now_ns)
        seen = self._seen.get(key)
        if seen is None or len(seen) < _DAYS_MIN:
            return self._params.hour_ratios[key[1]] * (self._params.weekend_ratio if key[0] else 1.0)
        return sorted(seen)[len(seen) // 2]

    def push(self, hour_ns: Ns, ratio: float) -> None:
        """What an hour that has ended was, over the day's."""
        self._seen.setdefault(_hour_of(hour_ns), deque(maxlen=_DAYS_KEPT)).append(ratio)


def _hour_of(now_ns: Ns) -> tuple[bool, int]:
    weekday = (now_ns // NS_PER_DAY + _THURSDAY) % 7
    return weekday >= _SATURDAY, now_ns % NS_PER_DAY // _HOUR_NS


class _Average:
    """Exponentially weighted, and a plain mean until there is enough for that."""

    def __init__(self, minutes: float) -> None:
        self._weight = 1.0 / minutes
        self._count = 0
        self.value = 0.0

    def push(self, mean_per_minute: float, minutes_count: int) -> None:
        """The mean of so many minutes."""
        self._count += minutes_count
        weight = max(1.0 - (1.0 - self._weight) ** minutes_count, minutes_count / self._count)
        self.value += weight * (mean_per_minute - self.value)


class RegimeWatch:
    """Mutable private state of one engine; everything in it follows from prices and their times."""

    def __init__(self, params: RegimeParams) -> None:
        """Nothing seen: all is normal."""
        self._params = params
        self._profile = Profile(params)
        self._fast, self._slow = _Average(_FAST_MINUTES), _Average(_SLOW_MINUTES)
        self._local = PriceStream(_WINDOW_MINUTES, grids=2, lags=0)
        self._price: tuple[Ns, float] | None = None
        self._cell_price = self._minute_price = self._jump_from = 0.0
        self._variance = self._hour_variance = 0.0
        self._hour_minutes = 0
        self._hour_ns = Ns(0)
        """Begin of the hour that is being added up."""
        self._clean_price = 1.0
        """A price whose minutes have the usual volatility of the day: what the jump test looks at."""
        self._minutes_count = 0
        self._local_sd: float | None = None
        self._test: JumpTest | None = None
        self._cusum = 0.0
        self._regime = Regime.NORMAL
        self._wanted: tuple[Regime, int] = (Regime.NORMAL, 0)
        self._jumped_ns: Ns | None = None
        self._notes: list[Note] = []

    def see_price(self, price_usd: float, now_ns: Ns) -> None:
        """The hedge instrument's mark; times never go back within a run, and if they do the price is left out."""
        if self._price is None:
            self._price = (now_ns, price_usd)
            self._cell_price = self._minute_price = self._jump_from = price_usd
            return
        before_ns, before = self._price
        if now_ns < before_ns:
            return
        if now_ns // _CELL_NS != before_ns // _CELL_NS:
            self._variance += math.log(before / self._cell_price) ** 2
            self._cell_price = before
        minutes = now_ns // MINUTE_NS - before_ns // MINUTE_NS
        if minutes:
            change = math.log(before / self._minute_price)
            self._end_minutes(self._variance, change, before_ns, 1)
            self._variance, self._minute_price, self._jump_from = 0.0, before, before
        self._look_for_jump(price_usd, now_ns, max((now_ns - before_ns) / MINUTE_NS, 1.0))
        if minutes > 1:
            self._end_silence(math.log(price_usd / before), (now_ns - before_ns) / MINUTE_NS, now_ns, minutes - 1)
            self._cell_price = self._minute_price = price_usd
        self._price = (now_ns, price_usd)

    def at(self, now_ns: Ns, price_usd: float) -> RegimeSeen:
        """The picture of this moment."""
        params, regime = self._params, self._regime
        has_jumped = self._jumped_ns is not None and now_ns - self._jumped_ns < params.jump_hold_ns
        leaps = has_jumped and params.is_jump_hedged
        half_coin_max = math.inf
        hour_ratio = self._profile.ratio(now_ns)
        if regime is Regime.CRISIS and params.crisis_budget_usd is not None:
            day_sd = hour_ratio * math.sqrt(self._fast.value * NS_PER_DAY / MINUTE_NS)
            half_coin_max = params.crisis_budget_usd / (price_usd * day_sd)
        return RegimeSeen(
            regime=regime,
            vol_ratio=self._vol_ratio(),
            cusum_ratio=self._cusum,
            jump_test_sigmas=None if self._test is None else self._test.z,
            hour_ratio=hour_ratio,
            has_jumped=has_jumped,
            width_ratio=params.width_ratio(regime),
            at_once="the price jumped" if leaps else f"{regime} market" if regime in params.crosses_in else "",
            lifts_filters=leaps,
            half_coin_max=half_coin_max,
        )

    def notes(self) -> list[Note]:
        """What was noticed since the last call."""
        notes, self._notes = self._notes, []
        return notes

    # --- minutes -------------------------------------------------------------------------------------------

    def _end_silence(self, change: float, elapsed_minutes: float, now_ns: Ns, minutes: int) -> None:
        """Minutes without a price: what has moved meanwhile is spread over them, as many as the window holds."""
        per_minute = change / math.sqrt(elapsed_minutes)
        self._end_minutes(per_minute**2, per_minute, now_ns, min(minutes, _WINDOW_MINUTES))

    def _end_minutes(self, variance_raw: float, change_raw: float, at_ns: Ns, minutes: int) -> None:
        """A minute has ended, or several that were alike."""
        ratio = self._profile.ratio(at_ns)
        variance, change = variance_raw / ratio**2, change_raw / ratio
        usual = self._slow.value
        self._learn(at_ns, variance_raw, minutes)
        if self._is_warm:
            self._cusum_step(variance, usual)
            variance = min(variance, _BURST_MAX * max(usual, self._fast.value))
        self._fast.push(variance, minutes)
        self._slow.push(variance, minutes)
        self._minutes_count += minutes
        self._clean_price *= math.exp(change)
        self._local.push(self._clean_price)
        self._test_jump(at_ns)
        self._choose(at_ns, minutes)

    @property
    def _is_warm(self) -> bool:
        return self._minutes_count >= _WARM_MINUTES and self._slow.value > 0.0

    def _learn(self, at_ns: Ns, variance_raw: float, minutes: int) -> None:
        """The hour's own volatility over the day's, once it has ended."""
        hour_ns = Ns(at_ns - at_ns % _HOUR_NS)
        if hour_ns != self._hour_ns:
            # An hour in which nothing moved at all is a feed that stood still: no measure, and nothing to divide by.
            if self._is_warm and self._hour_minutes >= _LOCAL_MINUTES_MIN and self._hour_variance > 0.0:
                mean = self._hour_variance / self._hour_minutes
                self._profile.push(self._hour_ns, math.sqrt(mean / self._slow.value))
            self._hour_ns, self._hour_variance, self._hour_minutes = hour_ns, 0.0, 0
        self._hour_variance += minutes * variance_raw
        self._hour_minutes += minutes

    def _cusum_step(self, variance: float, usual: float) -> None:
        excess = min(variance / usual - 1.0, _CUSUM_STEP_MAX)
        self._cusum = min(max(self._cusum + excess - _CUSUM_SLACK, 0.0), _CUSUM_MAX)

    def _vol_ratio(self) -> float | None:
        return math.sqrt(self._fast.value / self._slow.value) if self._is_warm else None

    # --- regime --------------------------------------------------------------------------------------------

    def _choose(self, now_ns: Ns, minutes: int) -> None:
        """Up after a few minutes in a row, down after many; a CUSUM alarm is hot at once."""
        params, ratio = self._params, self._vol_ratio()
        if ratio is None:
            return
        level = self._level(ratio)
        if self._cusum > params.cusum_alarm_ratio and _ORDER[level] < _ORDER[Regime.HOT]:
            level = Regime.HOT
            if _ORDER[self._regime] < _ORDER[level]:
                self._enter(level, ratio, now_ns)
        if level is self._regime:
            self._wanted = (level, 0)
            return
        is_up = _ORDER[level] > _ORDER[self._regime]
        wanted, count = self._wanted
        same_way = wanted is not self._regime and (_ORDER[wanted] > _ORDER[self._regime]) is is_up
        # Of several levels in one direction the nearest that held throughout is entered.
        nearest = (min if is_up else max)(level, wanted, key=_ORDER.__getitem__) if same_way and count else level
        count = minutes + (count if same_way else 0)
        self._wanted = (nearest, count)
        if count >= (params.up_minutes_count if is_up else params.down_minutes_count):
            self._enter(nearest, ratio, now_ns)

    def _level(self, ratio: float) -> Regime:
        """By the thresholds of entering, or of leaving for the regime that holds."""
        params, now = self._params, self._regime
        crisis = params.crisis_ratio * (params.leave_share if now is Regime.CRISIS else 1.0)
        hot = params.hot_ratio * (params.leave_share if _ORDER[now] >= _ORDER[Regime.HOT] else 1.0)
        calm = params.calm_ratio / (params.leave_share if now is Regime.CALM else 1.0)
        if ratio > crisis:
            return Regime.CRISIS
        if ratio > hot:
            return Regime.HOT
        return Regime.CALM if ratio < calm else Regime.NORMAL

    def _enter(self, regime: Regime, ratio: float, now_ns: Ns) -> None:
        self._notes.append(
            RegimeChanged(
                regime_before=self._regime,
                regime_after=regime,
                vol_ratio=ratio,
                cusum_ratio=self._cusum,
                hour_ratio=self._profile.ratio(now_ns),
            )
        )
        self._regime, self._wanted = regime, (regime, 0)

    # --- jumps ---------------------------------------------------------------------------------------------

    def _test_jump(self, now_ns: Ns) -> None:
        """The hour's test, and the local standard deviation of a minute that ticks are held against."""
        before = self._test
        test = self._local.jump_test() if self._local.returns_count >= _LOCAL_MINUTES_MIN else None
        self._test = test if isinstance(test, JumpTest) else None
        if self._test is None:
            self._local_sd = None
            return
        local = self._test.bipower / self._local.returns_count
        self._local_sd = math.sqrt(max(local, _LOCAL_SHARE_MIN * self._slow.value))
        limit = self._params.jump_test_sigmas
        is_news = self._jumped_ns is None or now_ns - self._jumped_ns > _SAME_JUMP_NS
        if is_news and before is not None and before.z <= limit < self._test.z:
            self._jump(now_ns, f"the hour's jump test rose to {self._test.z:.1f}, limit {limit:g}")

    def _look_for_jump(self, price_usd: float, now_ns: Ns, minutes: float) -> None:
        """Against the last minute's close, or the last price before a silence of so many minutes."""
        if self._local_sd is None:
            return
        move = math.log(price_usd / self._jump_from)
        usual = self._local_sd * self._profile.ratio(now_ns) * math.sqrt(minutes)
        if abs(move) > self._params.jump_sigmas * usual > 0.0:
            self._jump_from = price_usd
            self._jump(now_ns, f"{math.expm1(move):+.3%} is {abs(move) / usual:.1f} standard deviations of a minute")

    def _jump(self, now_ns: Ns, detail: str) -> None:
        self._jumped_ns = now_ns
        self._notes.append(PriceJumped(detail=detail))


_ORDER: Final = {Regime.CALM: 0, Regime.NORMAL: 1, Regime.HOT: 2, Regime.CRISIS: 3}
