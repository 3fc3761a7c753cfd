"""Scalping: closed forms of theory 5.1 and 9.6, and drawn paths on which process and chance come out as stated."""

import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.pricing import black76
from bot.risk.scalping import BLOCK_NS, Gamma, Scalping, Step, move_of, scalping, spans

_MINUTE = Ns(60 * NS_PER_S)
_NOTHING = Gamma()
_PATHS = 50


def _step(place: int, move: float, gamma_usd: float, iv: float = 0.6, **change: float) -> Step:
    """A minute with so much dollar gamma."""
    years = _MINUTE / NS_PER_YEAR
    gamma = Gamma(gamma_usd * years, 0.5 * gamma_usd * move**2, -0.5 * gamma_usd * iv**2 * years)
    fields = {"left_usd": 0.0, "left_usd2_years": 0.0, "cost_usd": 0.0} | change
    return Step(
        start_ns=Ns(place * _MINUTE),
        end_ns=Ns((place + 1) * _MINUTE),
        move_share=move,
        bought=gamma if gamma_usd > 0.0 else _NOTHING,
        sold=gamma if gamma_usd < 0.0 else _NOTHING,
        **fields,
    )


def _told(steps: list[Step], traded_usd: float = 0.0) -> Scalping:
    found = scalping(steps, traded_usd)
    assert found is not None
    return found


def _path(seed: int, vol: float, iv: float, *, years: float, count: int) -> list[Step]:
    """A long call, hedged when its delta is 0.05 off, on a driftless lognormal path; money from Black-76 itself."""
    rng, spot, strike, hedge, steps = random.Random(seed), 100.0, 100.0, 0.0, []
    dt = years / count
    step_ns = round(dt * NS_PER_YEAR)
    held = 0.0
    for place in range(count):
        tau = years - place * dt
        delta, gamma = black76.delta_gamma(spot, strike, tau, iv, True)
        if abs(delta + hedge) > 0.05:
            hedge = -delta
        move = math.expm1(vol * math.sqrt(dt) * rng.gauss(0.0, 1.0) - 0.5 * vol * vol * dt)
        gamma_usd, held = gamma * spot * spot, delta + hedge
        gained, paid = 0.5 * gamma_usd * move**2, -0.5 * gamma_usd * iv**2 * dt
        open_usd = held * spot
        steps.append(
            Step(
                start_ns=Ns(place * step_ns),
                end_ns=Ns((place + 1) * step_ns),
                move_share=move,
                bought=Gamma(gamma_usd * dt, gained, paid),
                sold=_NOTHING,
                left_usd=open_usd * move,
                left_usd2_years=open_usd**2 * dt,
                cost_usd=0.0,
            )
        )
        spot *= 1.0 + move
    return steps


def test_break_even_moves_are_theorys() -> None:
    """60 % is 3.14 % a day and 0.64 % an hour; at costs of 5 % of the variance 2.5 % more volatility is needed."""
    steps = [_step(place, 0.001 * (-1) ** place, 1e6) for place in range(60)]
    gained = sum(step.bought.gained_usd for step in steps)
    found = _told([steps[0]._replace(cost_usd=-0.05 * gained), *steps[1:]])

    even = found.break_even
    assert even is not None
    assert even.iv == pytest.approx(0.6)
    assert (round(even.per_day, 4), round(even.per_hour, 4)) == (0.0314, 0.0064)
    assert even.iv_with_costs == pytest.approx(0.6 / math.sqrt(0.95))
    assert move_of(0.6, 1 / 365) == even.per_day


def test_the_haircut_is_cost_rate_over_half_the_band() -> None:
    """Theory 5.1: 5 basis points on a band that a move of 1 % spans are 5 % of the variance."""
    steps = [_step(place, 0.001, 1e6)._replace(half_band_usd=1e4) for place in range(10)]
    found = _told([steps[0]._replace(cost_usd=-5.0), *steps[1:]], traded_usd=10_000.0)

    assert found.haircut.expected_fraction == pytest.approx(0.05)
    assert found.haircut.paid_fraction == pytest.approx(5.0 / sum(step.bought.gained_usd for step in steps))


def test_what_is_earned_is_weighted_with_dollar_gamma() -> None:
    """Twice the gamma where the moves are twice: sigma_eff^2 = sum G r^2 / sum G dt, beside the plain one."""
    steps = [_step(0, 0.001, 1e6), _step(1, 0.002, 2e6)]
    found = _told(steps)
    minute = _MINUTE / NS_PER_YEAR

    assert found.realised_vol_fraction == pytest.approx(math.sqrt(5e-6 / (2 * minute)))
    assert found.bought is not None
    assert found.bought.realised_vol_fraction == pytest.approx(math.sqrt(9e-6 / (3 * minute)))
    assert found.bought.iv_paid == pytest.approx(0.6)
    assert found.bought.gamma_usd == pytest.approx(1.5e6)
    assert found.captured.elsewhere_usd == pytest.approx(0.5 * 9.0 - 0.5 * 1.5 * 5.0)
    assert found.sold is None


def test_short_gamma_pays_for_moves_and_may_be_met_by_less() -> None:
    """Signs the other way about; costs lower what may be realised."""
    found = _told([_step(place, 0.001, -1e6, cost_usd=-0.01) for place in range(60)])

    assert found.sold is not None
    assert found.gained_usd < 0.0 < found.paid_usd
    assert found.sold.iv_paid == pytest.approx(0.6)
    assert found.break_even is not None
    assert found.break_even.iv_with_costs is not None
    assert found.break_even.iv_with_costs < 0.6
    assert found.captured.inefficiency_fraction is not None
    assert found.captured.inefficiency_fraction > 0.0


def test_a_price_that_goes_back_gives_nothing_to_who_does_not_hedge() -> None:
    """Up and down for ever: noise, but for the one of 15 moves a block ends with; nothing is captured."""
    move = 0.001
    steps = []
    for place in range(600):
        step = _step(place, move if place % 2 == 0 else -move / (1.0 + move), 1e6)
        steps.append(step._replace(left_usd=-step.bought.gained_usd))
    found = _told(steps)

    assert found.captured.reverting_share == pytest.approx(14 / 15)
    assert found.captured.reverting_usd == pytest.approx(-found.gained_usd * 14 / 15)
    assert found.captured.sampling_usd == pytest.approx(-found.gained_usd / 15)
    assert found.captured.captured_usd == pytest.approx(0.0, abs=1e-9)
    assert found.captured.inefficiency_fraction == pytest.approx(1.0)


@pytest.mark.parametrize(("vol", "iv"), [(0.6, 0.6), (0.8, 0.6), (0.4, 0.6)])
def test_chance_is_as_large_as_stated(vol: float, iv: float) -> None:
    """Fifty days of a week's call: chance over its standard error has mean 0 and deviation 1, whatever was met.

    Against the marks the same holds where the volatility met is the one paid, and else not.
    """
    days = [_path(seed, vol, iv, years=7 / 365, count=150)[:120] for seed in range(_PATHS)]
    found = [_told(day) for day in days]
    at_realised = [one.at_realised.sigmas or math.nan for one in found]
    at_implied = [one.at_implied.sigmas or math.nan for one in found]

    assert abs(statistics.mean(at_realised)) < 4.0 / math.sqrt(_PATHS)
    assert 0.7 < statistics.stdev(at_realised) < 1.35
    expected = statistics.mean(one.at_realised.expected_usd for one in found)
    if vol == iv:
        assert abs(statistics.mean(at_implied)) < 4.0 / math.sqrt(_PATHS)
        assert 0.7 < statistics.stdev(at_implied) < 1.35
        error = statistics.stdev(one.at_realised.expected_usd for one in found) / math.sqrt(_PATHS)
        assert abs(expected) < 4.0 * error
    else:
        assert (expected > 0.0) is (vol > iv)
        assert abs(statistics.mean(at_implied)) > 4.0 / math.sqrt(_PATHS)


def test_expected_is_the_worth_of_the_difference_in_volatility() -> None:
    """A year's call held at 50 % while 40 % is met: 3.889323 is lost on average (theory 9.6), hedged however."""
    worths = []
    for seed in range(_PATHS):
        found = _told(_path(seed, 0.4, 0.5, years=1.0, count=120))
        assert found.bought is not None
        worths.append(0.5 * found.bought.gamma_usd * (0.4**2 - 0.5**2))
    error = statistics.stdev(worths) / math.sqrt(_PATHS)

    assert error < 0.3
    assert statistics.mean(worths) == pytest.approx(-3.889323, abs=3.0 * error)


@settings(max_examples=40)
@given(
    moves=st.lists(st.floats(-0.01, 0.01), min_size=1, max_size=40),
    left=st.floats(-5.0, 5.0),
    cost=st.floats(-1.0, 0.0),
    sign=st.sampled_from([1.0, -1.0]),
)
def test_every_way_of_taking_it_apart_adds_up(moves: list[float], left: float, cost: float, sign: float) -> None:
    """Net = expected + chance at either volatility = captured + time; captured = available and its four causes."""
    steps = [_step(place, move, sign * 1e6, left_usd=left, cost_usd=cost) for place, move in enumerate(moves)]
    found = _told(steps, 1e4)
    told = found.captured
    ends = [step.end_ns for step in steps[::3]]

    for outcome in (found.at_implied, found.at_realised):
        assert outcome.expected_usd + outcome.chance_usd == pytest.approx(found.net_usd, abs=1e-9)
    causes = (told.elsewhere_usd, told.reverting_usd, told.sampling_usd, told.cost_usd)
    assert told.available_usd + sum(causes) == pytest.approx(told.captured_usd, abs=1e-9)
    assert told.captured_usd + found.paid_usd == pytest.approx(found.net_usd, abs=1e-9)
    assert sum(span.net_usd for span in spans(steps, ends)) == pytest.approx(found.net_usd, abs=1e-9)


def test_spans_end_where_they_are_told_to() -> None:
    """Two hedges make three spans, the last of them open; an end without a step before it makes none."""
    steps = [_step(place, 0.01, 1e6) for place in range(6)]
    found = spans(steps, [Ns(0), Ns(2 * _MINUTE), Ns(5 * _MINUTE)])

    assert [(one.start_ns // _MINUTE, one.end_ns // _MINUTE) for one in found] == [(0, 2), (2, 5), (5, 6)]
    assert found[0].move_share == pytest.approx(1.01**2 - 1.0)
    assert found[1].break_even_share == pytest.approx(move_of(0.6, 3 * _MINUTE / NS_PER_YEAR))
    assert spans([], [Ns(1)]) == ()


def test_without_time_gamma_or_trades_nothing_is_made_up() -> None:
    """No step: nothing. No gamma: no break-even, no ratios. Too short a run: noise is not told."""
    assert scalping([], 0.0) is None
    found = _told([_step(0, 0.001, 1e6)._replace(bought=_NOTHING)])

    assert (found.bought, found.sold, found.break_even, found.captured.inefficiency_fraction) == (
        None,
        None,
        None,
        None,
    )
    assert (found.haircut.paid_fraction, found.haircut.expected_fraction, found.captured.reverting_share) == (
        None,
        None,
        None,
    )
    assert BLOCK_NS == 15 * _MINUTE
