"""Regimes and jumps: each threshold by hand-made minutes, hysteresis and determinism as properties."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.decided import Note, PriceJumped, RegimeChanged
from bot.domain.reasons import Regime
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, ns_from_iso
from bot.hedging.regime import HOURS, MINUTE_NS, Profile, RegimeParams, RegimeSeen, RegimeWatch

MONDAY_NS = ns_from_iso("2026-11-23T09:00:00Z")
CELL_NS = 5 * NS_PER_S
USUAL = 1e-4
"""Log move of five seconds: 12 of them make a minute's standard deviation of 0.035 %."""


class Market:
    """Prices every five seconds that move by so much up or down, and what was made of them."""

    def __init__(self, params: RegimeParams | None = None, start_ns: Ns = MONDAY_NS, seed: int = 0) -> None:
        self.watch = RegimeWatch(params or RegimeParams())
        self.now_ns = start_ns
        self.price = 65_000.0
        self.notes: list[Note] = []
        self._dice = random.Random(seed)

    def move(self, change: float, after_ns: int = CELL_NS) -> None:
        """One price."""
        self.now_ns = Ns(self.now_ns + after_ns)
        self.price *= math.exp(change)
        self.watch.see_price(self.price, self.now_ns)
        self.notes += self.watch.notes()

    def minutes(self, count: int, size: float = USUAL) -> None:
        """Moves of one size, up or down by the dice: every minute has the same variance."""
        for _ in range(count * 12):
            self.move(self._dice.choice((-size, size)))

    def seen(self) -> RegimeSeen:
        """The picture now."""
        return self.watch.at(self.now_ns, self.price)

    def changes(self) -> list[Regime]:
        """Regimes entered, in order."""
        return [note.regime_after for note in self.notes if isinstance(note, RegimeChanged)]

    def jumps(self) -> int:
        """How many were noticed."""
        return sum(isinstance(note, PriceJumped) for note in self.notes)


def _warm(params: RegimeParams | None = None) -> Market:
    market = Market(params)
    market.minutes(180)
    return market


def test_nothing_is_known_in_the_first_hour() -> None:
    """Whatever the price does: normal, without figures, and no jump."""
    market = Market()
    market.minutes(10)
    market.minutes(10, 20.0 * USUAL)
    seen = market.seen()

    assert (seen.regime, seen.vol_ratio, seen.has_jumped) == (Regime.NORMAL, None, False)
    assert market.notes == []


def test_a_steady_market_has_a_ratio_of_one() -> None:
    """Fast over slow; the profile is flat, the CUSUM empty."""
    seen = _warm().seen()

    assert (seen.vol_ratio, seen.hour_ratio, seen.cusum_ratio) == (pytest.approx(1.0, abs=0.01), 1.0, 0.0)
    assert (seen.regime, seen.width_ratio, seen.at_once) == (Regime.NORMAL, 1.0, "")


@pytest.mark.parametrize(
    ("size", "minutes", "expected"),
    [
        (2.0, 3, []),
        (2.0, 5, [Regime.HOT]),
        (1.4, 30, [Regime.HOT]),  # the ratio stays under 1.5: what adds up is an excess of almost a minute a minute
        (1.2, 240, []),
        (6.0, 12, [Regime.HOT, Regime.CRISIS]),
        (0.5, 19, []),
        (0.5, 30, [Regime.CALM]),
        (0.8, 240, []),
    ],
)
def test_a_change_that_lasts_is_another_regime(size: float, minutes: int, expected: list[Regime]) -> None:
    """Up after three minutes in a row, or once excess variance adds up to five; down after twenty."""
    market = _warm()
    market.minutes(minutes, size * USUAL)

    assert market.changes() == expected


def test_the_way_down_is_slow_and_by_steps() -> None:
    """Twenty quiet minutes each; from a crisis it is hot before anything else. The day remembers: usual is calm now."""
    market = _warm()
    market.minutes(12, 6.0 * USUAL)
    market.minutes(18)
    held = market.changes()
    market.minutes(120)

    assert held == [Regime.HOT, Regime.CRISIS]
    assert market.changes() == [Regime.HOT, Regime.CRISIS, Regime.HOT, Regime.CALM]


@given(st.lists(st.sampled_from([0.4, 0.8, 1.0, 1.6, 2.5, 6.0]), min_size=20, max_size=60), st.integers(0, 5))
@settings(max_examples=15)
def test_regimes_do_not_flicker(sizes: list[float], seed: int) -> None:
    """Whatever minutes come: up to the next level and down again takes twenty minutes, and one level at a time down."""
    market = Market(seed=seed)
    market.minutes(70)
    order = [Regime.CALM, Regime.NORMAL, Regime.HOT, Regime.CRISIS]
    entered: list[tuple[int, Regime]] = [(-100, Regime.NORMAL)]
    for number, size in enumerate(sizes):
        market.minutes(1, size * USUAL)
        entered += [(number, regime) for regime in market.changes()[len(entered) - 1 :]]

    for (before_at, before), (at, after) in itertools.pairwise(entered):
        assert after is not before
        if order.index(after) < order.index(before):
            assert at - before_at >= 20, entered


def test_what_a_regime_asks_is_the_owners_table() -> None:
    """Width by regime; a tactic that takes; a budget that cuts: USD over the price and a day's move."""
    params = RegimeParams(
        width_ratio_hot=1.5, width_ratio_crisis=0.5, crosses_in=(Regime.CRISIS,), crisis_budget_usd=1_000.0
    )
    market = _warm(params)
    market.minutes(5, 2.0 * USUAL)
    hot = market.seen()
    market.minutes(12, 6.0 * USUAL)
    crisis = market.seen()

    assert (hot.width_ratio, hot.at_once, hot.half_coin_max) == (1.5, "", math.inf)
    assert (crisis.width_ratio, crisis.at_once, crisis.lifts_filters) == (0.5, "crisis market", False)
    fast = market.watch._fast.value
    assert crisis.half_coin_max == pytest.approx(1_000.0 / (market.price * math.sqrt(fast * 1_440.0)))


@pytest.mark.parametrize(("sigmas", "jumps"), [(4.5, 0), (6.0, 1), (-6.0, 1)])
def test_a_move_of_five_deviations_is_a_jump_at_the_tick_it_comes(sigmas: float, jumps: int) -> None:
    """Local deviation of a minute by bipower, of 180 equal minutes; a tick later, not a minute."""
    market = _warm()
    assert market.watch._local_sd is not None
    market.move(sigmas * market.watch._local_sd, after_ns=NS_PER_S)
    seen = market.seen()

    assert (market.jumps(), seen.has_jumped, seen.lifts_filters) == (jumps, bool(jumps), bool(jumps))
    assert seen.at_once == ("the price jumped" if jumps else "")


def test_a_jump_is_over_after_its_time_and_is_no_regime() -> None:
    """A minute; the variance of one minute alone leaves the regime where it was; told once."""
    market = _warm()
    market.move(0.01, after_ns=NS_PER_S)
    at_once = market.seen().has_jumped
    market.minutes(1)
    later = market.seen().has_jumped
    market.minutes(30)

    assert (at_once, later) == (True, False)
    assert market.changes() == []
    assert market.jumps() == 1


def test_a_jump_may_be_measured_without_being_acted_on() -> None:
    """It is recorded all the same."""
    market = _warm(RegimeParams(is_jump_hedged=False))
    market.move(0.01, after_ns=NS_PER_S)
    seen = market.seen()

    assert (seen.has_jumped, seen.at_once, seen.lifts_filters) == (True, "", False)


def test_the_test_of_the_hour_notices_what_no_single_tick_showed() -> None:
    """Three large minutes in a quiet hour, each under five deviations: bipower falls behind the variance."""
    market = _warm(RegimeParams(jump_sigmas=50.0))
    for _ in range(3):
        for _ in range(12):
            market.move(5.0 * USUAL)
        market.minutes(5)

    assert market.jumps() >= 1
    (note,) = [note for note in market.notes if isinstance(note, PriceJumped)][:1]
    assert "the hour's jump test rose to" in note.detail


def test_a_silence_is_measured_by_its_length() -> None:
    """Ten minutes without a price: a move of three of a minute's deviations is nothing in them, thirty are a jump."""
    quiet, jumped = _warm(), _warm()
    assert quiet.watch._local_sd is not None
    quiet.move(3.0 * quiet.watch._local_sd, after_ns=10 * MINUTE_NS)
    jumped.move(30.0 * quiet.watch._local_sd, after_ns=10 * MINUTE_NS)
    quiet.minutes(5)

    assert (quiet.jumps(), quiet.changes()) == (0, [])
    assert jumped.jumps() == 1


def test_a_price_of_yesterday_is_left_out() -> None:
    """Times do not go back; one that does changes nothing."""
    market, other = _warm(), _warm()
    market.watch.see_price(1.0, Ns(market.now_ns - 1))
    market.minutes(3)
    other.minutes(3)

    assert market.seen() == other.seen()


def test_the_hour_has_its_own_measure() -> None:
    """An hour that is configured to be twice as wild is no hot one when it is; one that is not, is."""
    hours = tuple(2.0 if hour == 12 else 1.0 for hour in range(HOURS))
    known, unknown = _warm(RegimeParams(hour_ratios=hours)), _warm()
    for market in (known, unknown):
        market.minutes(30, 2.0 * USUAL)

    assert known.changes() == []
    assert known.seen().vol_ratio == pytest.approx(1.0, abs=0.02)
    assert unknown.changes() == [Regime.HOT]


def test_the_profile_is_configured_until_a_week_of_an_hour_is_known() -> None:
    """Then the median of what was seen, weekends apart; hours of others stay as configured."""
    profile = Profile(RegimeParams(hour_ratios=(1.5,) * HOURS, weekend_ratio=0.5))
    saturday_ns = Ns(MONDAY_NS + 5 * NS_PER_DAY)
    for ratio in (1.0, 9.0, 1.1, 1.2, 1.3, 0.1):
        profile.push(MONDAY_NS, ratio)
    before = profile.ratio(MONDAY_NS)
    profile.push(MONDAY_NS, 1.4)

    assert (before, profile.ratio(MONDAY_NS)) == (1.5, 1.2)
    assert (profile.ratio(Ns(MONDAY_NS + 3_600 * NS_PER_S)), profile.ratio(saturday_ns)) == (1.5, 0.75)


def test_hours_are_learnt_from_what_they_were() -> None:
    """Nine days whose 12th hour is twice as wild: no regime change any more after a week."""
    market = Market(RegimeParams(cusum_alarm_ratio=100.0), start_ns=Ns(MONDAY_NS - MONDAY_NS % NS_PER_DAY))
    changed_by_day = []
    for _ in range(11):
        for hour in range(24):
            market.minutes(60, (2.0 if hour == 12 else 1.0) * USUAL)
        changed_by_day.append(len(market.changes()))
    weekdays = [0, 1, 2, 3, 4, 7, 8]

    assert changed_by_day[0] > 0
    assert len(market.watch._profile._seen[False, 12]) >= len(weekdays)
    assert market.watch._profile.ratio(Ns(MONDAY_NS + 3 * 3_600 * NS_PER_S)) == pytest.approx(1.9, abs=0.15)


def test_hours_without_any_move_are_no_profile() -> None:
    """A venue whose price stands still for two weeks, then moves: it is measured as configured."""
    market = _warm()
    for _ in range(14 * 24 * 60):
        market.move(0.0, after_ns=MINUTE_NS)
    market.minutes(3)

    assert all(all(ratio > 0.0 for ratio in seen) for seen in market.watch._profile._seen.values())
    assert market.watch._profile.ratio(Ns(market.now_ns + 6 * 3_600 * NS_PER_S)) == 1.0


def test_the_same_prices_give_the_same_pictures() -> None:
    """State follows from prices and their times alone."""

    def pictures() -> list[RegimeSeen]:
        market, found = Market(seed=3), []
        for size in (1.0, 2.0, 6.0, 0.4):
            market.minutes(70, size * USUAL)
            found.append(market.seen())
        return found

    assert pictures() == pictures()
