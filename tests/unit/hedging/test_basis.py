"""Volatility and correlation of bases: what a known path comes to, and what a guess is worth."""

import math
import random
from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.hedging.basis import BasisWatch

A, B = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC-25DEC26")
_STEP_S = 900.0
_PER_YEAR = NS_PER_YEAR / (_STEP_S * NS_PER_S)


def _fed(make: Any, paths: dict[InstrumentId, list[float]]) -> BasisWatch:
    """Tickers of all instruments at every step, the bases as given."""
    watch = BasisWatch(paths)
    for step, bases in enumerate(zip(*paths.values(), strict=True)):
        at = Ns(make.now_ns + round(step * _STEP_S * NS_PER_S))
        for name, basis in zip(paths, bases, strict=True):
            watch.see(make.future_marked(name, received_ns=at, mark_usd=100_000.0 * math.exp(basis)))
    return watch


def _walk(seed: int, vol: float, steps: int) -> list[float]:
    dice, path = random.Random(seed), [0.0]
    for _ in range(steps):
        path.append(path[-1] + dice.gauss(0.0, vol / math.sqrt(_PER_YEAR)))
    return path


def test_before_anything_is_seen_a_guess_counts() -> None:
    """A dated future strays more than a perpetual; nothing is known of both together."""
    watch = BasisWatch([A, B])

    assert watch.vol_per_root_year(A, is_dated=False) == 0.005
    assert watch.vol_per_root_year(B, is_dated=True) == 0.02
    assert watch.correlation(A, B) == 0.0


@pytest.mark.parametrize("vol", [0.001, 0.05, 0.3])
def test_a_basis_that_wanders_is_measured(make: Any, vol: float) -> None:
    """Half the weight is a day's worth of guess: the variance is the mean of both, within what 96 samples can tell."""
    watch = _fed(make, {A: _walk(1, vol, 2_000)})
    expected = math.sqrt(0.5 * (0.005**2 + vol**2))

    assert watch.vol_per_root_year(A, is_dated=False) == pytest.approx(expected, rel=0.15)


def test_bases_that_move_together_are_seen_to(make: Any) -> None:
    """One half of the weight is the guess that they do not: 96 of 96 and 1 / (1 - exp(-1/96)) = 96.5."""
    path = _walk(2, 0.05, 2_000)
    same, opposite = _fed(make, {A: path, B: path}), _fed(make, {A: path, B: [-basis for basis in path]})
    other = _fed(make, {A: path, B: _walk(3, 0.05, 2_000)})

    assert same.correlation(A, B) == same.correlation(B, A) == pytest.approx(96.5 / 192.5, abs=1e-4)
    assert opposite.correlation(A, B) == pytest.approx(-96.5 / 192.5, abs=1e-4)
    assert abs(other.correlation(A, B)) < 0.2


def test_what_is_not_heard_moves_nothing(make: Any) -> None:
    """A future without a mark or an index, one that is no hedge, and one that fell silent add no sample of zero."""
    path = _walk(4, 0.05, 50)
    watch = _fed(make, {A: path})
    before = watch.vol_per_root_year(A, is_dated=False)
    later = Ns(make.now_ns + 51 * round(_STEP_S * NS_PER_S))
    watch.see(make.future_marked(A, received_ns=later, mark_usd=None))
    watch.see(make.future_marked(A, received_ns=later, index_usd=None))
    watch.see(make.future_marked(B, received_ns=later, mark_usd=150_000.0))
    watch.see(make.future_marked(A, received_ns=Ns(make.now_ns + 50 * round(_STEP_S * NS_PER_S) + 1)))

    assert watch.vol_per_root_year(A, is_dated=False) == before
    assert watch.correlation(A, B) == 0.0
