"""Streaming estimators of realised variance are the batch functions over their window, whatever the path."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pricing import realized_vol as rv
from bot.pricing import realized_vol_stream as stream

_PRICES = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60)
_Answer = float | tuple[float, ...] | rv.Defect


def _same(one: _Answer, other: _Answer, scale: float) -> bool:
    """Equal to rounding of the sums they are made of; the same word where there is no number."""
    if isinstance(one, rv.Defect) or isinstance(other, rv.Defect):
        return one is other
    return bool(np.allclose(one, other, rtol=1e-9, atol=1e-12 * scale))


@given(_PRICES, st.integers(3, 40), st.integers(2, 3), st.integers(0, 2))
def test_prices(path: list[float], window: int, grids: int, lags: int) -> None:
    """Close-close, jump test, two scales and kernel over the last returns."""
    streamed = stream.PriceStream(window, grids=grids, lags=lags)
    for price in path:
        assert streamed.push(price) is None
    kept = path[-window - 1 :]
    returns = rv.log_returns(kept)
    if isinstance(returns, rv.Defect):
        assert streamed.returns_count == 0
        return
    scale = 1.0 + rv.close_close(returns)

    assert streamed.returns_count == len(returns)
    assert _same(streamed.close_close(), rv.close_close(returns), scale)
    assert _same(streamed.jump_test(), rv.jump_test(returns), scale * scale)
    assert _same(streamed.two_scale(), rv.two_scale(kept, grids), scale)
    assert _same(streamed.realised_kernel(), rv.realised_kernel(returns, lags), scale)


@st.composite
def bars(draw: st.DrawFn) -> tuple[float, float, float, float]:
    """One bar: the middle two of four prices are open and close, in either order."""
    low, one, other, high = sorted(draw(st.lists(st.floats(1.0, 1e5), min_size=4, max_size=4)))
    opens, closes = (one, other) if draw(st.booleans()) else (other, one)
    return opens, high, low, closes


@given(st.lists(bars(), min_size=1, max_size=40), st.integers(2, 30))
def test_bars(path: list[tuple[float, float, float, float]], window: int) -> None:
    """The four estimators on bars over the last bars."""
    streamed = stream.BarStream(window)
    for bar in path:
        assert streamed.push(*bar) is None
    batch = rv.bars(*zip(*path[-window:], strict=True))
    assert isinstance(batch, rv.Bars)
    scale = 1.0 + rv.parkinson(batch)

    for one, other in (
        (streamed.parkinson(), rv.parkinson(batch)),
        (streamed.garman_klass(), rv.garman_klass(batch)),
        (streamed.rogers_satchell(), rv.rogers_satchell(batch)),
        (streamed.yang_zhang(), rv.yang_zhang(batch)),
    ):
        assert _same(one, other, scale)


@given(_PRICES, st.floats(0.5, 0.999))
def test_exponential_weights(path: list[float], decay: float) -> None:
    """The recursion is the weighted sum."""
    streamed = stream.EwmaStream(decay)
    for price in path:
        assert streamed.push(price) is None
    returns = rv.log_returns(path)
    expected = returns if isinstance(returns, rv.Defect) else rv.ewma(returns, decay)

    assert _same(streamed.variance(), expected, 1.0)


@given(st.lists(st.floats(1e-2, 1e4), min_size=2, max_size=40), st.floats(1e-3, 1e3))
def test_the_unit_of_the_price_does_not_matter(path: list[float], factor: float) -> None:
    """Variance is a pure number: prices in cents give the same."""
    one, other = rv.log_returns(path), rv.log_returns([factor * price for price in path])
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)

    assert rv.close_close(one) == pytest.approx(rv.close_close(other), rel=1e-9, abs=1e-12)
    assert math.isfinite(rv.close_close(one))
