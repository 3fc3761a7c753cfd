"""Setups and their paths."""

import numpy as np
import pytest
from msgspec import structs

from bot.research.world import STRIKE_USD, World, many_paths, paths_of, prices


def test_a_seed_gives_its_path_whatever_stands_beside_it(small: World) -> None:
    """Adding seeds changes no path: figures of two sets of seeds can be compared."""
    alone = np.stack(list(paths_of(small, [5])))
    beside = np.stack(list(paths_of(small, [4, 5, 6])))

    assert alone.shape == (small.steps_count, 1)
    assert np.array_equal(alone[:, 0], beside[:, 1])


def test_many_paths_are_the_same_again(small: World) -> None:
    """One array of normals a step, decided by the seed."""
    first, again = (np.stack(list(many_paths(small, 7, 3))) for _ in range(2))

    assert first.shape == (small.steps_count, 7)
    assert np.array_equal(first, again)


def test_prices_have_the_volatility_of_the_world_and_no_drift(small: World) -> None:
    """At the end: mean at the start's price, log deviation iv x sqrt(tau), both within five standard errors."""
    *_, last = prices(small, many_paths(small, 20_000, 1))
    width = small.iv * small.tau_years**0.5

    assert last.mean() == pytest.approx(STRIKE_USD, rel=5.0 * width / 20_000**0.5)
    assert np.log(last).std() == pytest.approx(width, rel=5.0 / 40_000**0.5)


def test_a_step_is_told_in_both_units(small: World) -> None:
    """Half an hour."""
    assert small.step_ns == 1800 * 10**9
    assert small.step_years == pytest.approx(1800 / (365 * 86_400))


def test_a_world_may_begin_elsewhere_and_be_mistaken(small: World) -> None:
    """Prices begin where it says; what the hedger believes is the volatility it was sold at, else the true one."""
    other = structs.replace(small, start_usd=50.0, iv_sold=0.9)
    near, far = (next(prices(world, many_paths(world, 5, 1))) for world in (small, other))

    assert np.allclose(far / near, 0.5)
    assert (small.iv_mark, other.iv_mark, other.iv) == (0.8, 0.9, 0.8)
