"""The venue's own figures against ours, at every account message: a lasting difference alarms, then refuses.

Mutable private state of one engine. Knows when, for how long, and which leg; what is compared is `venue_figures`' word.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from bot.domain.decided import AlarmRaised, FigureCompared, Note
from bot.domain.events import AccountSeen
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.seen import PositionSeen
from bot.domain.status import EquitySeen
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.risk import venue_figures
from bot.risk.venue_figures import Compared, Scene

_BUCKET_NS: Final = NS_PER_S
_BUCKETS_MAX: Final = 600
_MESSAGE_NS: Final = Ns(2 * NS_PER_S)
"""An account message was made at most this long before it came, of marks this much fresher than ours."""
_UNSEEN_SHARE: Final = 1e-4
"""Of the price, between two marks that are two seconds apart: one standard deviation at 40 % volatility."""
_LOOK_EVERY_NS: Final = Ns(1 * NS_PER_S)
"""Messages in between are not compared: a comparison costs as much as a few decisions."""
_SEEN_TIMES_MIN: Final = 3
"""A difference has to be in as many messages before it is believed, however long apart."""
_ASK_EVERY_NS: Final = Ns(10 * NS_PER_S)
_FUNDING_SHARE: Final = 2e-5
"""Of a hedge's coins: funding that accrues between two looks at the account at the venue's cap is not in our books yet
(0.5 % per 8 h for a minute is 1e-5; exchange facts 2.6)."""
_MONEY_DIGIT: Final = 1e-4
"""Of marks in coins, which have four decimals."""
_SAFETY: Final = 2.0
_IV_POINTS: Final = 0.2
"""Between two marks of the same option a moment apart."""
_EQUITY: Final = "equity"
_OF_EQUITY: Final = frozenset({_EQUITY, venue_figures.OPTIONS_VALUE})
"""Nothing is hedged by these but a book whose equity is."""


class CheckParams(Struct, frozen=True, kw_only=True):
    """How long a difference may last."""

    coin: str
    """Currency of the coin account."""
    alarm_after_ns: Ns
    refuse_after_ns: Ns
    refuses_on_equity: bool
    """Whether the equity is part of what is hedged."""


class _Apart(Struct):
    """A figure that differs."""

    since_ns: Ns
    count: int
    last: Compared
    is_told: bool = False


class CrossCheck:
    """Compares; asks for the positions' greeks once something differs."""

    def __init__(self, params: CheckParams) -> None:
        """Start in agreement."""
        self._params = params
        self._fresh: dict[str, AccountSeen] = {}
        self._looked_ns = Ns(0)
        self._prices: deque[list[float]] = deque(maxlen=_BUCKETS_MAX)
        """Per second: its number, lowest and highest index, and the highest number so far: a clock may be set back."""
        self._apart: dict[str, _Apart] = {}
        self._asked_ns = Ns(0)
        self._worst: tuple[InstrumentId, float, float] | None = None
        self.equity_agrees: bool | None = None
        """Of the coin account, when both sides were compared last, within what timing explains; None: not yet."""

    def see(self, seen: AccountSeen) -> None:
        """Take a message; it is compared at the next tick, with all that came with it."""
        self._fresh[seen.currency] = seen

    def see_price(self, index_usd: float, now_ns: Ns) -> None:
        """Remember how far the index has been."""
        second = now_ns // _BUCKET_NS
        if not self._prices or self._prices[-1][0] != second:
            last = max(second, self._prices[-1][3]) if self._prices else second
            self._prices.append([second, index_usd, index_usd, last])
            return
        bucket = self._prices[-1]
        bucket[1], bucket[2] = min(bucket[1], index_usd), max(bucket[2], index_usd)

    def move_usd(self, now_ns: Ns, age_ns: int) -> float:
        """How far the index can have been within an age and the way of a message: the range seen, and what was not."""
        since = (now_ns - age_ns - _MESSAGE_NS) // _BUCKET_NS
        lowest, highest = math.inf, 0.0
        for second, low, high, last in reversed(self._prices):
            if last < since:  # nor does any before it belong to the few that are asked for
                break
            if second >= since:
                lowest, highest = min(lowest, low), max(highest, high)
        return max(highest - lowest, _UNSEEN_SHARE * highest)

    def is_due(self, now_ns: Ns) -> bool:
        """Whether there is a message to compare."""
        return bool(self._fresh) and now_ns - self._looked_ns >= _LOOK_EVERY_NS

    def pass_over(self) -> None:
        """Forget what came: too soon after the last look, or an order is under way and both sides hold differently."""
        self._fresh.clear()

    def look(self, scene: Scene, equity: Sequence[EquitySeen]) -> list[Note]:
        """Compare what came; what is to be told of it."""
        self._looked_ns = scene.now_ns
        found: list[Compared] = []
        for seen in self._fresh.values():
            found += venue_figures.compare(scene, seen)
            # The dollar account is shared with other books, whose legs are not in ours.
            worth = [item for item in equity if item.currency == seen.currency == self._params.coin]
            for item in worth:
                compared = _equity(scene, seen, item)
                self.equity_agrees = not compared.is_apart
                found.append(compared)
        self._fresh.clear()
        notes: list[Note] = []
        for compared in found:
            if not compared.is_apart:
                ended = self._apart.pop(compared.figure, None)
                if ended is not None and ended.is_told:
                    notes.append(self._note(compared))
            elif compared.figure in self._apart:
                apart = self._apart[compared.figure]
                apart.count, apart.last = apart.count + 1, compared
            else:
                self._apart[compared.figure] = _Apart(scene.now_ns, 1, compared)
        if not self._apart:
            self._worst = None
        return notes + self._told(scene.now_ns)

    @property
    def is_apart(self) -> bool:
        """Whether anything differs, for however short."""
        return bool(self._apart)

    def wants_positions(self, now_ns: Ns) -> bool:
        """Whether to ask for what the venue thinks of each position, half-way to an alarm; asking is recorded."""
        half_ns = Ns(self._params.alarm_after_ns // 2)
        if not any(self._lasts(apart, now_ns, half_ns) for apart in self._apart.values()):
            return False
        if now_ns - self._asked_ns < _ASK_EVERY_NS:
            return False
        self._asked_ns = now_ns
        return True

    def see_positions(self, scene: Scene, positions: Iterable[PositionSeen]) -> None:
        """Find the leg of this book that differs most."""
        theirs = {item.instrument: item.delta_coin for item in positions}
        gaps: list[tuple[float, InstrumentId, float, float]] = []
        for name in {**dict.fromkeys(scene.held), **dict.fromkeys(theirs)}:
            told = theirs.get(name, 0.0)
            ours = venue_figures.leg_delta_coin(scene, name)
            if told is not None and ours is not None:
                gaps.append((abs(ours - told), name, ours, told))
        if gaps:
            _, name, ours, told = max(gaps)
            self._worst = (name, ours, told)

    def blocked(self, now_ns: Ns) -> tuple[Reason, str] | None:
        """The difference for which nothing is placed any more, if it is one."""
        for figure, apart in self._apart.items():
            is_hedged = figure not in _OF_EQUITY or self._params.refuses_on_equity
            if is_hedged and self._lasts(apart, now_ns, self._params.refuse_after_ns):
                return Reason.VENUE_DISAGREES, self._words(apart.last)
        return None

    def _lasts(self, apart: _Apart, now_ns: Ns, after_ns: Ns) -> bool:
        return apart.count >= _SEEN_TIMES_MIN and now_ns - apart.since_ns >= after_ns

    def _told(self, now_ns: Ns) -> list[Note]:
        notes: list[Note] = []
        for apart in self._apart.values():
            if apart.is_told or not self._lasts(apart, now_ns, self._params.alarm_after_ns):
                continue
            apart.is_told = True
            last = apart.last
            notes.append(self._note(last))
            deadline = Ns(apart.since_ns + self._params.refuse_after_ns)
            name = Reason.VENUE_DISAGREES.value
            notes.append(AlarmRaised(name=name, detail=self._words(last), deadline_ns=deadline))
        return notes

    def _note(self, compared: Compared) -> Note:
        return FigureCompared(
            figure=compared.figure,
            ours_native=compared.ours_native,
            venue_native=compared.venue_native,
            tolerance_native=compared.tolerance_native,
            instrument=None if self._worst is None else self._worst[0],
            is_apart=compared.is_apart,
        )

    def _words(self, last: Compared) -> str:
        text = f"{last.figure}: ours {last.ours_native:.6g}, venue {last.venue_native:.6g}"
        text += f", at most {last.tolerance_native:.2g} apart"
        if self._worst is None:
            return text
        name, ours, theirs = self._worst
        return f"{text}; most of it in {name}: ours {ours:+.5f}, venue {theirs:+.5f}"


def _equity(scene: Scene, seen: AccountSeen, worth: EquitySeen) -> Compared:
    """Equity of the coin account by our books and by the venue's.

    It moves with futures and options apart, whose marks may be of different moments, and by funding not booked yet.
    """
    by_index = seen.delta_coin_by_index or {}
    futures = sum(by_index.values()) - seen.delta_coin_options
    coins = abs(futures) + abs(seen.delta_coin_options)
    moved_usd = _SAFETY * coins * scene.move_usd + _IV_POINTS * abs(seen.vega_usd_per_point_options or 0.0)
    return Compared(
        figure=_EQUITY,
        ours_native=float_from_decimal(worth.bot_native),
        venue_native=float_from_decimal(worth.venue_native),
        tolerance_native=moved_usd / scene.price_usd + _FUNDING_SHARE * abs(futures) + _MONEY_DIGIT,
    )
