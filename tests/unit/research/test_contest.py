"""Rivals, tuning, paired differences."""

import numpy as np
import pytest
from msgspec import structs

from bot.hedging.bands import fixed, time_based, whalley_wilmott
from bot.hedging.policies import POLICIES
from bot.research import contest
from bot.research.contest import Candidate, Contest, Rival, default_of, rivals_of, tune
from bot.research.lockstep import Outcome
from bot.research.sampled import Grid
from bot.research.world import FloatArray, World

_SEEDS = range(1, 41)


def _outcome(cost_usd: FloatArray, others: FloatArray) -> Outcome:
    return Outcome(
        cost_usd=cost_usd,
        variance_usd_squared=others,
        profit_usd=others,
        trades=others,
        hedge_coin=others,
        price_usd=others,
    )


def test_every_policy_of_the_product_competes(small: World) -> None:
    """A new policy is compared, or this fails."""
    assert {type(rival.makes[0](1.0).params) for rival in rivals_of(small)} == set(POLICIES)


def test_the_best_parameter_of_those_tried_is_taken(grid: Grid) -> None:
    """By the mean of the objective; every point of its shape is kept for the picture, in order of variance."""
    shape = Rival(
        name="fixed",
        makes=(
            lambda m: Candidate(
                name="fixed", params=fixed.Params(low_coin_per_option_coin=-0.2 * m, high_coin_per_option_coin=0.2 * m)
            ),
        ),
    )
    (tuned,) = tune(grid, [shape], _SEEDS)

    assert isinstance(tuned.candidate.params, fixed.Params)
    variances = [point.variance_usd_squared for point in tuned.tried]
    assert variances == sorted(variances)
    assert len(variances) == 19
    best = min(tuned.tried, key=lambda point: point.objective_usd)
    others = [point for point in tuned.tried if point is not best]
    assert all(best.objective_usd < point.objective_usd for point in others)
    assert not tuned.is_at_the_end


def test_a_best_at_the_end_of_what_was_tried_is_said(grid: Grid) -> None:
    """A clock that is only ever too fast: the slowest tried is the best, and not known to be."""
    shape = Rival(
        name="clock", makes=(lambda m: Candidate(name="clock", params=time_based.Params(interval_s=10.0 * m)),)
    )

    assert tune(grid, [shape], range(1, 6))[0].is_at_the_end


def test_the_default_is_not_tuned(small: World) -> None:
    """Its risk aversion is the objective's."""
    assert default_of(small).params == whalley_wilmott.Params(risk_aversion_per_usd=small.risk_aversion_per_usd)


def test_the_contest_holds_everybody_once(small_contest: Contest) -> None:
    """The default traded further in, then each rival."""
    names = [standing.candidate.name for standing in small_contest.standings]

    assert len(names) == len(set(names)) == 2 + 3
    assert all(
        standing.lead_low_usd <= standing.lead_usd <= standing.lead_high_usd for standing in small_contest.standings
    )


def test_the_default_is_shown_at_other_aversions(small_contest: Contest) -> None:
    """More aversion: more cost, less left open. Its own place in the contest is not moved by it."""
    costs = [point.cost_usd for point in small_contest.default_curve]

    assert len(costs) == 19
    assert costs == sorted(costs, reverse=True)


def test_leads_are_differences_of_objectives(small_contest: Contest) -> None:
    """Default less the other: negative where the default is better."""
    for standing in small_contest.standings:
        difference = small_contest.default.objective_usd - standing.point.objective_usd
        assert standing.lead_usd == pytest.approx(difference, abs=1e-12)


def test_the_default_beats_the_clock_even_on_few_paths(small_contest: Contest) -> None:
    """The one that is worst by far."""
    (clock,) = [each for each in small_contest.standings if each.candidate.name == "time_based"]

    assert clock.is_beaten


def test_against_itself_nothing_is_shown(small: World) -> None:
    """No difference, no interval below zero; a constant lead is certain."""
    some = np.linspace(1.0, 2.0, 10)
    own = _outcome(some, some)
    worse = structs.replace(own, cost_usd=some + 0.5)
    itself = contest._standing(default_of(small), own, own, small)
    other = contest._standing(default_of(small), own, worse, small)

    assert (itself.lead_usd, itself.is_beaten) == (0.0, False)
    assert (other.lead_low_usd, other.lead_high_usd) == pytest.approx((-0.5, -0.5))
    assert other.is_beaten


def test_the_interval_is_student_s(small: World) -> None:
    """Ten differences 0 to 9: mean 4.5, deviation 3.0277, t 2.2622 at nine degrees (any table of t)."""
    zero = np.zeros(10)
    own = _outcome(np.arange(10.0), zero)
    other = structs.replace(own, cost_usd=zero)
    standing = contest._standing(default_of(small), own, other, small)

    assert standing.lead_high_usd - 4.5 == pytest.approx(2.2622 * 3.02765 / 10**0.5, rel=1e-4)
