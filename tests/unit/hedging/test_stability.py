"""The guards against our own impact: each detector by hand-made trades, the state by what it is told."""

import math
from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import AlarmRaised, GuardMoved
from bot.domain.ids import Label
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.hedging.stability import (
    Guard,
    Moment,
    OwnTrade,
    Stability,
    StabilityParams,
    impact_of,
    oscillates,
    runs_away,
)

# 65,000 USD at 45 %: 5.2 USD in a root second; gamma 0.05 makes 0.26 coin of it.
NOW = Moment(now_ns=Ns(1_000 * NS_PER_S), gamma_coin_per_usd=0.05, vol_per_year=0.45, half_coin=1.0, price_usd=65_000.0)
VOLUME = 5e8


def _trades(coins: list[float], *, every_s: float = 1.0, usd_per_coin: float = 20.0) -> list[OwnTrade]:
    """Taker orders filled at once and answered a second later by a price that moved so much per coin."""
    found = []
    for number, coin in enumerate(coins):
        sent_ns = Ns(round(number * every_s * NS_PER_S))
        found.append(
            OwnTrade(
                label=Label(f"hb{number}"),
                sent_ns=sent_ns,
                price_before_usd=65_000.0,
                takes=True,
                coin=coin,
                filled_ns=sent_ns,
                price_after_usd=65_000.0 + usd_per_coin * coin,
                answered_ns=Ns(sent_ns + NS_PER_S),
            )
        )
    return found


def test_the_impact_is_the_slope_of_moves_on_own_coins() -> None:
    """Through the origin, with its standard error; not before eight trades, and resting ones do not count."""
    trades = _trades([1.0, -2.0, 1.5, 0.5, -1.0, 2.0, -0.5, 1.0])
    noisy = _trades([1.0, -1.0] * 4)
    for trade, noise in zip(noisy, [4.0, 4.0, -4.0, -4.0] * 2, strict=True):
        trade.price_after_usd = 65_000.0 + 20.0 * trade.coin + noise

    assert impact_of(trades) == pytest.approx((20.0, 0.0))
    assert impact_of(trades[:7]) is None
    # sum of squares 8, residuals of 4 USD each: sqrt(8 * 16 / 7 / 8)
    assert impact_of(noisy) == pytest.approx((20.0, math.sqrt(16.0 / 7.0)))
    noisy[0].takes = False
    assert impact_of(noisy) is None


@pytest.mark.parametrize(
    ("coins", "every_s", "half_coin", "expected"),
    [
        ([2.0, -2.0, 2.0, -2.0, 2.0, -2.0], 1.0, 1.0, True),
        ([2.0, -2.0, 2.0, -2.0, 2.0, 2.0], 1.0, 1.0, True),  # four turns of five
        ([2.0, -2.0, 2.0, -2.0, -2.0, -2.0], 1.0, 1.0, False),
        ([2.0, -2.0, 2.0, -2.0, 2.0], 1.0, 1.0, False),  # five trades tell nothing
        ([2.0, -2.0, 2.0, -2.0, 2.0, -2.0], 1.0, 3.0, False),  # small against the band
        ([2.0, -2.0, 2.0, -2.0, 2.0, -2.0], 15.0, 1.0, False),  # two coins in 15 s is what the market does by itself
        ([0.5, -0.5, 0.5, -0.5, 0.5, -0.5], 1.0, 0.5, False),
        # 20 trades in pairs: every other one a turn, lag-one correlation -0.05
        ([2.0, 2.0, -2.0, -2.0] * 5, 1.0, 1.0, False),
        # five in a row taken back by the next: -0.65
        ([2.0, -2.0, 2.0, -2.0, 2.0, -2.0, 2.0, -2.0, -2.0, 2.0] * 2, 1.0, 1.0, True),
    ],
)
def test_hedges_that_take_each_other_back(coins: list[float], every_s: float, half_coin: float, expected: bool) -> None:
    """Four turns in six trades, or a correlation under -0.5 over twenty; large, and faster than the market."""
    assert oscillates(_trades(coins, every_s=every_s), structs.replace(NOW, half_coin=half_coin)) is expected


@pytest.mark.parametrize(
    ("change", "coins", "usd_per_coin", "volume", "expected"),
    [
        ({}, [2.0, 2.0, 2.0], 20.0, VOLUME, True),
        ({}, [-2.0, -2.0, -2.0], 20.0, VOLUME, True),
        ({"gamma_coin_per_usd": 0.05}, [2.0, 2.0, 2.0], 20.0, VOLUME, False),  # long gamma damps
        ({"vol_per_year": None}, [2.0, 2.0, 2.0], 20.0, VOLUME, False),
        ({}, [2.0, -2.0, 2.0], 20.0, VOLUME, False),
        ({}, [2.0, 2.0], 20.0, VOLUME, False),
        ({}, [2.0, 2.0, 2.0], 2.0, VOLUME, False),  # 12 USD in three seconds is no following: sd 9
        ({}, [2.0, 2.0, 2.0], -20.0, VOLUME, False),  # the price came back
        ({}, [2.0, 2.0, 2.0], 20.0, 1e13, False),  # a drop in that ocean
    ],
)
def test_short_gamma_that_chases_its_own_price(
    change: dict[str, Any], coins: list[float], usd_per_coin: float, volume: float, expected: bool
) -> None:
    """Three hedges one way, over a tenth of the volume, and the price behind them by over two deviations."""
    now = structs.replace(NOW, **({"gamma_coin_per_usd": -0.05} | change))

    assert (
        runs_away(_trades(coins, usd_per_coin=usd_per_coin), now, VOLUME if volume is None else volume, 0.1) is expected
    )


class Book:
    """Guards told of one order a second, each answered by a price that moves so much per coin."""

    def __init__(self, usd_per_coin: float, gamma: float, **params: Any) -> None:
        self.stability = Stability(StabilityParams(**params))
        self.now = structs.replace(NOW, gamma_coin_per_usd=gamma)
        self.usd_per_coin = usd_per_coin
        self.price_usd = 65_000.0
        self.notes: list[Any] = []
        self._count = 0

    def hedge(self, coin: float, after_s: float = 1.0) -> Guard:
        """An order, its fill, and a price after it; what the guards ask then."""
        self._count += 1
        label, at = Label(f"hb{self._count}"), self.now.now_ns
        self.stability.sent(label, price_usd=self.price_usd, now_ns=at, takes=True)
        self.stability.see_fill(label, coin, Ns(at + 30 * NS_PER_MS))
        self.price_usd += self.usd_per_coin * coin
        return self.wait(after_s)

    def wait(self, seconds: float) -> Guard:
        """Time passes and a price is seen."""
        self.now = structs.replace(
            self.now, now_ns=Ns(self.now.now_ns + round(seconds * NS_PER_S)), price_usd=self.price_usd
        )
        self.stability.see_price(self.price_usd, self.now.now_ns)
        guard = self.stability.at(self.now)
        self.notes += self.stability.notes()
        return guard

    def alarms(self) -> list[str]:
        """Names."""
        return [note.name for note in self.notes if isinstance(note, AlarmRaised)]


def test_nothing_is_asked_without_trades() -> None:
    """No figure and no guard: a book that has not hedged yet hedges as ever."""
    assert Book(0.0, 0.05).wait(1.0) == Guard()


def test_hedges_that_move_no_price_raise_nothing() -> None:
    """Thirty in a row, whichever way, on a market that does not care."""
    book = Book(0.0, -0.05, volume_usd_per_day=VOLUME)
    guards = [book.hedge(0.3 if number % 3 else -0.2) for number in range(30)]

    assert {(guard.width_ratio, guard.share, guard.hold) for guard in guards} == {(1.0, 1.0, None)}
    assert guards[-1].gain_ratio == 0.0
    assert book.notes == []


def test_a_loop_gain_over_its_limit_makes_hedges_small_and_slow() -> None:
    """20 USD per coin times 0.05 is a gain of one: a fifth of each hedge, ten seconds apart; an alarm, once."""
    book = Book(20.0, 0.049)
    guards = [book.hedge(0.1 * (-1) ** number) for number in range(9)]

    assert [guard.gain_ratio for guard in guards[:7]] == [None] * 7
    assert guards[7].gain_ratio == pytest.approx(0.98)
    assert guards[7].share == pytest.approx(0.2 / 0.98)
    assert guards[7].hold == (Reason.LOOP_GAIN, "loop gain 0.98")
    assert book.wait(10.0).hold is None
    assert book.alarms() == ["loop_gain"]


@pytest.mark.parametrize(("gamma", "held"), [(0.06, None), (-0.06, Reason.LOOP_GAIN)])
def test_short_gamma_beyond_one_waits_for_the_pause(gamma: float, held: Reason | None) -> None:
    """There a hedge brings less delta than its impact takes away; long gamma overshoots and keeps the shorter pace."""
    book = Book(20.0, gamma)
    for number in range(8):
        book.hedge(0.1 * (-1) ** number)
    guard = book.wait(30.0)

    assert (None if guard.hold is None else guard.hold[0]) is held
    assert book.wait(31.0).hold is None


def test_a_gain_that_falls_lets_go() -> None:
    """Half the book sold: told as lifted, without an alarm."""
    book = Book(20.0, 0.02)
    for number in range(8):
        book.hedge(0.1 * (-1) ** number)
    book.now = structs.replace(book.now, gamma_coin_per_usd=0.005)
    guard = book.wait(1.0)

    assert (guard.share, guard.hold) == (1.0, None)
    assert [note.detail == "" for note in book.notes if isinstance(note, GuardMoved)] == [False, True]
    assert book.alarms() == ["loop_gain"]


def test_an_oscillation_widens_for_a_while_and_again_if_it_goes_on() -> None:
    """Twice, four and eight times the width and no more; ten minutes after the last one it is as before."""
    book = Book(0.0, 0.05)
    ratios = [book.hedge(20.0 * (-1) ** number).width_ratio for number in range(26)]

    assert [ratios.index(ratio) for ratio in (1.0, 2.0, 4.0, 8.0)] == [0, 5, 11, 17]
    assert max(ratios) == 8.0
    assert book.wait(590.0).width_ratio == 8.0
    assert book.wait(20.0).width_ratio == 1.0
    assert set(book.alarms()) == {"oscillates"}


def test_a_width_ratio_of_one_switches_the_guard_off() -> None:
    """Nothing is noticed, nothing told."""
    book = Book(0.0, 0.05, oscillation_width_ratio=1.0)
    ratios = {book.hedge(20.0 * (-1) ** number).width_ratio for number in range(12)}

    assert (ratios, book.notes) == ({1.0}, [])


def test_a_runaway_pauses_for_a_bounded_time() -> None:
    """The third hedge one way stops the fourth for a minute; three more may follow before it pauses again."""
    book = Book(20.0, -0.05, volume_usd_per_day=VOLUME, gain_ratio_max=math.inf)
    holds = [book.hedge(2.0).hold for _ in range(3)]
    after = book.wait(60.0).hold
    again = [book.hedge(2.0).hold for _ in range(3)]

    assert holds == [None, None, (Reason.RUNAWAY, "the price follows own hedges: 60 s of pause left")]
    assert after is None
    assert [hold is None for hold in again] == [True, True, False]
    assert book.alarms() == ["runaway"] * 2
    assert all(note.deadline_ns is not None for note in book.notes if isinstance(note, AlarmRaised))


def test_without_a_volume_nothing_is_a_runaway() -> None:
    """Who does not say what the instrument trades is told nothing about his part of it."""
    book = Book(20.0, -0.05, gain_ratio_max=math.inf)

    assert [book.hedge(2.0).hold for _ in range(4)] == [None] * 4


def test_participation_leaves_room_that_comes_back() -> None:
    """A tenth of 500 million a day is 34,700 USD a minute: 0.534 coin; half a coin traded leaves the rest."""
    book = Book(0.0, 0.05, volume_usd_per_day=VOLUME, participation_share_max=0.1)
    whole = book.wait(1.0).room_coin
    left = book.hedge(0.5)
    spent = book.hedge(0.4)

    assert whole == pytest.approx(0.1 * VOLUME / 1440.0 / 65_000.0)
    assert (left.room_coin, left.hold) == (pytest.approx(whole - 0.5), None)
    assert (spent.room_coin, spent.hold) == (
        0.0,
        (Reason.PARTICIPATION, "own trades are 10% of the last minute's volume"),
    )
    assert book.wait(59.0).room_coin == pytest.approx(whole - 0.4)
    assert book.wait(10.0).room_coin == pytest.approx(whole)


def test_the_guards_count_with_the_smaller_volume() -> None:
    """What the venue tells cuts the room of a quiet day; a busy one gives no more than what is configured."""

    def room(told_usd: float | None) -> float:
        book = Book(0.0, 0.05, volume_usd_per_day=VOLUME, participation_share_max=0.1)
        book.now = structs.replace(book.now, volume_usd_per_day=told_usd)
        return book.wait(1.0).room_coin

    assert room(0.25 * VOLUME) == pytest.approx(0.25 * room(None))
    assert room(4.0 * VOLUME) == room(None)


def test_a_quiet_market_makes_a_runaway_of_fewer_coins() -> None:
    """A drop in the configured ocean, and most of the pond the venue tells of."""

    def holds(told_usd: float | None) -> list[bool]:
        book = Book(20.0, -0.05, gain_ratio_max=math.inf, volume_usd_per_day=1e13)
        book.now = structs.replace(book.now, volume_usd_per_day=told_usd)
        return [book.hedge(2.0).hold is not None for _ in range(3)]

    assert (holds(None), holds(VOLUME)) == ([False] * 3, [False, False, True])


def test_somebody_elses_fill_on_the_account_counts_as_volume_only() -> None:
    """The owner's own trade is no hedge of ours, and part of what the account trades."""
    book = Book(0.0, 0.05, volume_usd_per_day=VOLUME, participation_share_max=0.1)
    before = book.wait(1.0).room_coin
    book.stability.see_fill(None, -0.2, book.now.now_ns)
    book.stability.see_fill(Label("web"), 0.1, book.now.now_ns)

    assert book.wait(1.0).room_coin == pytest.approx(before - 0.3)
    assert book.stability._trades == type(book.stability._trades)(maxlen=30)


def test_fills_of_one_order_are_one_trade_and_the_price_answers_after_the_last() -> None:
    """Two fills of one label; a ticker in the same 500 ms is too early an answer, unless the next order leaves."""
    stability, label = Stability(StabilityParams()), Label("hb1")
    stability.sent(label, price_usd=100.0, now_ns=Ns(0), takes=True)
    stability.see_fill(label, 1.0, Ns(10 * NS_PER_MS))
    stability.see_fill(label, 0.5, Ns(20 * NS_PER_MS))
    stability.see_price(101.0, Ns(300 * NS_PER_MS))
    (trade,) = stability._trades
    early = trade.moved_usd
    stability.see_price(103.0, Ns(520 * NS_PER_MS))

    assert (trade.coin, early, trade.moved_usd) == (1.5, None, 3.0)

    stability.sent(Label("hb2"), price_usd=103.0, now_ns=Ns(NS_PER_S), takes=True)
    stability.see_fill(Label("hb2"), 1.0, Ns(1_010 * NS_PER_MS))
    stability.see_price(102.0, Ns(1_100 * NS_PER_MS))
    stability.sent(Label("hb3"), price_usd=102.0, now_ns=Ns(1_200 * NS_PER_MS), takes=True)

    assert stability._trades[-1].moved_usd == -1.0


def test_the_same_events_give_the_same_guards() -> None:
    """State follows from what was told alone."""

    def played() -> list[Guard]:
        book = Book(15.0, -0.05, volume_usd_per_day=VOLUME, participation_share_max=0.2)
        return [book.hedge(0.3 * (1 + number % 3) * (-1) ** (number // 4)) for number in range(40)]

    first = played()

    assert first == played()
    assert structs.asdict(first[-1])["gain_ratio"] is not None
