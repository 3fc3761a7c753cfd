"""Whether our own hedging moves the price we hedge against, and what is done about it (theory 6.1, 6.2).

Fed with own orders, own fills and prices of the hedge instrument; asked at every decision. Four guards: the loop gain
(impact of a coin times the book's gamma), oscillation (hedges that take each other back), runaway (short gamma chasing
a price that follows it) and participation (our share of the market's volume). Each makes hedging slower, smaller or
wider for a bounded time and calls a human; none stops it for good, because short gamma must not be left alone.
"""

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import Struct

from bot.domain.decided import AlarmRaised, GuardMoved, Note
from bot.domain.ids import Label
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_DAY, NS_PER_MS, NS_PER_S, NS_PER_YEAR, Ns
from bot.market.quality import least_volume_usd

_TRADES_KEPT: Final = 30
"""Own trades the impact is measured on."""
_SAMPLES_MIN: Final = 8
_SURE_ERRORS: Final = 3.0
"""Standard errors taken off the measured impact: what acts is what is surely there."""
_SETTLE_NS: Final = 500 * NS_PER_MS
"""After a fill the price is looked at no sooner: tickers come every 100 ms, and fills by another socket."""
_SHORT_COUNT: Final = 6
_TURNS_MIN: Final = 4
"""Sign changes in the last six trades (theory 6.2, rule 4)."""
_LONG_COUNT: Final = 20
_CORRELATION_MAX: Final = -0.5
_WIDTHS_MIN: Final = 0.7
"""Mean trade over the half width."""
_SPREADS_MIN: Final = 2.0
"""Mean trade over the standard deviation of what the market alone does to the delta between two of them."""
_WIDTH_RATIO_MAX: Final = 8.0
"""Of repeated oscillation; the hard delta limit cuts it besides."""
_RUN_COUNT: Final = 3
_FOLLOWED_SD: Final = 2.0
"""Price moves right after own trades, in standard deviations (theory 6.2, rule 5)."""
_MINUTE_NS: Final = 60 * NS_PER_S
_FILLS_KEPT: Final = 1_000
_NEVER_NS: Final = Ns(0)


class StabilityParams(Struct, frozen=True, kw_only=True):
    """Of a book. Guards that need the market's volume are off without one."""

    gain_ratio_max: float = 0.2
    """Largest loop gain, |gamma| times the price move that one own coin surely makes (theory 6.2, rule 7)."""
    pace_ns: Ns = Ns(10 * NS_PER_S)
    """Beyond it: no hedge sooner after the last one, and each is cut to `gain_ratio_max` over the gain."""
    oscillation_width_ratio: float = 2.0
    """Times the width while hedges take each other back; 1 switches the guard off."""
    oscillation_hold_ns: Ns = Ns(600 * NS_PER_S)
    runaway_share: float = 0.1
    """Own part of the market's volume from which on a run of hedges is a runaway; needs `volume_usd_per_day`."""
    pause_ns: Ns = Ns(60 * NS_PER_S)
    """No hedge for so long after a runaway."""
    volume_usd_per_day: float | None = None
    """Of the hedge instrument: the most that is counted with, and what is where the venue tells none."""
    participation_share_max: float | None = None
    """Largest own part of a minute's volume; needs `volume_usd_per_day`. None: no cap."""


class Moment(Struct, frozen=True, kw_only=True):
    """What the guards look at beside own trades."""

    now_ns: Ns
    gamma_coin_per_usd: float
    vol_per_year: float | None
    half_coin: float
    """Of the band that decides."""
    price_usd: float
    volume_usd_per_day: float | None = None
    """Of the hedge instrument, as the venue tells it."""


class Guard(Struct, frozen=True, kw_only=True):
    """What the guards ask of this decision."""

    gain_ratio: float | None = None
    """Loop gain that is surely there, positive; None: too few trades to tell."""
    width_ratio: float = 1.0
    share: float = 1.0
    """Of the hedge that is due."""
    room_coin: float = math.inf
    """Largest trade by participation."""
    hold: tuple[Reason, str] | None = None
    """Why no hedge is made now."""


@dataclass(slots=True)
class OwnTrade:
    """One order of ours on the hedge instrument, from the decision until the price has answered."""

    label: Label
    sent_ns: Ns
    price_before_usd: float
    takes: bool
    coin: float = 0.0
    """Filled, signed."""
    filled_ns: Ns = _NEVER_NS
    price_after_usd: float | None = None
    answered_ns: Ns = _NEVER_NS

    @property
    def moved_usd(self) -> float | None:
        """Price move from the decision to the answer; None where there is none, or where it rested meanwhile."""
        return self.price_after_usd - self.price_before_usd if self.takes and self.price_after_usd is not None else None


class ImpactSeen(NamedTuple):
    """Price move per own coin, USD, and its standard error."""

    usd_per_coin: float
    error_usd_per_coin: float


# --- detectors: pure ---------------------------------------------------------------------------------------


def impact_of(trades: Sequence[OwnTrade]) -> ImpactSeen | None:
    """Least squares through the origin of price moves on own coins; None with fewer than eight."""
    pairs = [(trade.coin, trade.moved_usd) for trade in trades if trade.moved_usd is not None and trade.coin]
    if len(pairs) < _SAMPLES_MIN:
        return None
    squares = math.fsum(coin * coin for coin, _ in pairs)
    slope = math.fsum(coin * moved for coin, moved in pairs) / squares
    rest = math.fsum((moved - slope * coin) ** 2 for coin, moved in pairs)
    return ImpactSeen(slope, math.sqrt(rest / (len(pairs) - 1) / squares))


def oscillates(trades: Sequence[OwnTrade], now: Moment) -> bool:
    """Whether hedges take each other back: often, large against the band, and larger than the market explains."""
    return _turns(trades[-_SHORT_COUNT:], now) or _anticorrelated(trades[-_LONG_COUNT:], now)


def _turns(trades: Sequence[OwnTrade], now: Moment) -> bool:
    if len(trades) < _SHORT_COUNT:
        return False
    turns = sum((one.coin > 0.0) is not (two.coin > 0.0) for one, two in itertools.pairwise(trades))
    return turns >= _TURNS_MIN and _is_large(trades, now)


def _anticorrelated(trades: Sequence[OwnTrade], now: Moment) -> bool:
    if len(trades) < _LONG_COUNT:
        return False
    squares = math.fsum(trade.coin**2 for trade in trades)
    products = math.fsum(one.coin * two.coin for one, two in itertools.pairwise(trades))
    return products < _CORRELATION_MAX * squares and _is_large(trades, now)


def _is_large(trades: Sequence[OwnTrade], now: Moment) -> bool:
    """A band of which the price crosses both edges by itself is busy, and no fault of ours."""
    mean = math.fsum(abs(trade.coin) for trade in trades) / len(trades)
    between_ns = (trades[-1].sent_ns - trades[0].sent_ns) / (len(trades) - 1)
    return mean > _WIDTHS_MIN * now.half_coin and mean > _SPREADS_MIN * _delta_sd_coin(now, between_ns)


def runs_away(trades: Sequence[OwnTrade], now: Moment, volume_usd_per_day: float, share: float) -> bool:
    """Whether short gamma chases a price that follows it: three hedges one way, much of the volume, price behind."""
    run = trades[-_RUN_COUNT:]
    if len(run) < _RUN_COUNT or now.gamma_coin_per_usd >= 0.0 or now.vol_per_year is None:
        return False
    sign = math.copysign(1.0, run[-1].coin)
    if any(trade.coin * sign <= 0.0 for trade in run):
        return False
    own_usd = math.fsum(abs(trade.coin) for trade in run) * now.price_usd
    span_ns = max(run[-1].filled_ns - run[0].sent_ns, NS_PER_S)
    if own_usd <= share * volume_usd_per_day * span_ns / NS_PER_DAY:
        return False
    answered = [trade for trade in run if trade.moved_usd is not None]
    followed_usd = math.fsum((trade.moved_usd or 0.0) * sign for trade in answered)
    heard_ns = sum(trade.answered_ns - trade.sent_ns for trade in answered)
    return followed_usd > _FOLLOWED_SD * _price_sd_usd(now, heard_ns)


def _price_sd_usd(now: Moment, span_ns: float) -> float:
    return (now.vol_per_year or 0.0) * now.price_usd * math.sqrt(span_ns / NS_PER_YEAR)


def _delta_sd_coin(now: Moment, span_ns: float) -> float:
    return abs(now.gamma_coin_per_usd) * _price_sd_usd(now, span_ns)


# --- state -------------------------------------------------------------------------------------------------


class Stability:
    """Mutable private state of one engine; everything in it follows from events."""

    def __init__(self, params: StabilityParams) -> None:
        """No trade yet."""
        self._params = params
        self._sent: deque[OwnTrade] = deque(maxlen=_TRADES_KEPT)
        self._trades: deque[OwnTrade] = deque(maxlen=_TRADES_KEPT)
        """Those that filled, by their first fill."""
        self._fills: deque[tuple[Ns, float]] = deque(maxlen=_FILLS_KEPT)
        """When, and how many coins, unsigned."""
        self._price: tuple[Ns, float] | None = None
        self._impact: ImpactSeen | None = None
        self._has_news = False
        self._width_ratio = 1.0
        self._wide_until_ns = Ns(0)
        self._wide_since_ns = Ns(0)
        self._pause_until_ns = Ns(0)
        self._pause_since_ns = Ns(0)
        self._is_gain_over = False
        self._notes: list[Note] = []

    def sent(self, label: Label, *, price_usd: float, now_ns: Ns, takes: bool) -> None:
        """An order left, decided at this price of the hedge instrument."""
        self._answer_newest(now_ns)
        self._sent.append(OwnTrade(label=label, sent_ns=now_ns, price_before_usd=price_usd, takes=takes))

    def see_fill(self, label: Label | None, coin: float, now_ns: Ns) -> None:
        """A fill of the hedge instrument, once per fill id; somebody else's on the account counts as volume only."""
        self._fills.append((now_ns, abs(coin)))
        trade = next((trade for trade in reversed(self._sent) if trade.label == label), None)
        if trade is None:
            return
        if trade.coin == 0.0:
            self._trades.append(trade)
        trade.coin += coin
        trade.filled_ns, trade.price_after_usd = now_ns, None
        self._has_news = True

    def see_price(self, price_usd: float, now_ns: Ns) -> None:
        """Mark of the hedge instrument."""
        self._price = (now_ns, price_usd)
        if self._trades and self._trades[-1].price_after_usd is None:
            newest = self._trades[-1]
            if now_ns - newest.filled_ns >= _SETTLE_NS:
                self._answer_newest(now_ns)

    def _answer_newest(self, now_ns: Ns) -> None:
        """The price as it is answers the last trade, if one has been seen since its fill."""
        if self._price is None or not self._trades or self._trades[-1].price_after_usd is not None:
            return
        newest, (seen_ns, price_usd) = self._trades[-1], self._price
        if seen_ns > newest.filled_ns:
            newest.price_after_usd, newest.answered_ns = price_usd, now_ns
            self._has_news = True

    def width_ratio(self, now_ns: Ns) -> float:
        """Times the width of the band, at this moment."""
        return self._width_ratio if now_ns < self._wide_until_ns else 1.0

    def at(self, now: Moment) -> Guard:
        """What the guards ask now; notices what has gone wrong since it was last asked."""
        if self._has_news:
            self._has_news = False
            self._impact = impact_of(self._trades)
            self._notice_oscillation(now)
            self._notice_runaway(now)
        gain = self._gain(now)
        self._notice_gain(gain)
        share = 1.0 if gain is None or gain <= self._params.gain_ratio_max else self._params.gain_ratio_max / gain
        room_coin = self._room_coin(now)
        return Guard(
            gain_ratio=gain,
            width_ratio=self.width_ratio(now.now_ns),
            share=share,
            room_coin=room_coin,
            hold=self._paused(now.now_ns) or self._paced(now, gain) or self._participates(room_coin),
        )

    def notes(self) -> list[Note]:
        """What was noticed since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def _volume_usd(self, now: Moment) -> float | None:
        """The market's volume a day; None where none is configured: the guards that need one are off."""
        most = self._params.volume_usd_per_day
        return None if most is None else least_volume_usd(most, now.volume_usd_per_day)

    # --- gain ----------------------------------------------------------------------------------------------

    def _gain(self, now: Moment) -> float | None:
        if self._impact is None:
            return None
        sure = self._impact.usd_per_coin - _SURE_ERRORS * self._impact.error_usd_per_coin
        return max(sure, 0.0) * abs(now.gamma_coin_per_usd)

    def _notice_gain(self, gain: float | None) -> None:
        is_over = gain is not None and gain > self._params.gain_ratio_max
        if is_over is self._is_gain_over:
            return
        self._is_gain_over = is_over
        if self._impact is None or gain is None:
            self._note(Reason.LOOP_GAIN, "", None)
            return
        text = (
            f"own hedges move the price by {self._impact.usd_per_coin:.3g} USD per coin; times gamma, a loop gain of "
            f"at least {gain:.2f}, limit {self._params.gain_ratio_max:g}: too large a book for this hedge instrument"
        )
        self._note(Reason.LOOP_GAIN, text if is_over else "", None)

    def _paced(self, now: Moment, gain: float | None) -> tuple[Reason, str] | None:
        """Beyond the largest gain hedges keep a pace, so that what passes of their impact has passed."""
        if gain is None or gain <= self._params.gain_ratio_max or not self._trades:
            return None
        # From one on, short gamma loses more delta with a hedge than the hedge brings.
        pace_ns = self._params.pause_ns if gain >= 1.0 and now.gamma_coin_per_usd < 0.0 else self._params.pace_ns
        if now.now_ns - self._trades[-1].filled_ns >= pace_ns:
            return None
        return Reason.LOOP_GAIN, f"loop gain {gain:.2f}"

    # --- oscillation ---------------------------------------------------------------------------------------

    def _notice_oscillation(self, now: Moment) -> None:
        ratio = self._params.oscillation_width_ratio
        if ratio == 1.0 or not oscillates(
            [trade for trade in self._trades if trade.sent_ns >= self._wide_since_ns], now
        ):
            return
        self._width_ratio = min(self.width_ratio(now.now_ns) * ratio, _WIDTH_RATIO_MAX)
        self._wide_since_ns = now.now_ns
        self._wide_until_ns = Ns(now.now_ns + self._params.oscillation_hold_ns)
        text = f"hedges take each other back: {self._width_ratio:g} times the width"
        self._note(Reason.OSCILLATES, text, self._wide_until_ns)

    # --- runaway -------------------------------------------------------------------------------------------

    def _notice_runaway(self, now: Moment) -> None:
        volume = self._volume_usd(now)
        since = [trade for trade in self._trades if trade.sent_ns >= self._pause_since_ns]
        if volume is None or not runs_away(since, now, volume, self._params.runaway_share):
            return
        self._pause_since_ns = self._pause_until_ns = Ns(now.now_ns + self._params.pause_ns)
        text = (
            "short gamma, three hedges one way and the price follows them: hedge with options, or make the book smaller"
        )
        self._note(Reason.RUNAWAY, text, self._pause_until_ns)

    def _paused(self, now_ns: Ns) -> tuple[Reason, str] | None:
        if now_ns >= self._pause_until_ns:
            return None
        left_s = (self._pause_until_ns - now_ns) / NS_PER_S
        return Reason.RUNAWAY, f"the price follows own hedges: {left_s:.0f} s of pause left"

    # --- participation -------------------------------------------------------------------------------------

    def _room_coin(self, now: Moment) -> float:
        """What may still be traded of this minute's part of the volume, coins."""
        share, volume_usd = self._params.participation_share_max, self._volume_usd(now)
        if share is None or volume_usd is None:
            return math.inf
        while self._fills and now.now_ns - self._fills[0][0] > _MINUTE_NS:
            self._fills.popleft()
        whole = share * volume_usd * _MINUTE_NS / NS_PER_DAY / now.price_usd
        return max(whole - math.fsum(coin for _, coin in self._fills), 0.0)

    def _participates(self, room_coin: float) -> tuple[Reason, str] | None:
        """Nothing left of this minute's part; a minute without a trade leaves room for one lot at least."""
        if room_coin > 0.0 or not self._fills:
            return None
        share = self._params.participation_share_max or 0.0
        return Reason.PARTICIPATION, f"own trades are {share:.0%} of the last minute's volume"

    def _note(self, guard: Reason, detail: str, until_ns: Ns | None) -> None:
        self._notes.append(GuardMoved(guard=guard, detail=detail, until_ns=until_ns))
        if detail:
            self._notes.append(AlarmRaised(name=guard.value, detail=detail, deadline_ns=until_ns))
