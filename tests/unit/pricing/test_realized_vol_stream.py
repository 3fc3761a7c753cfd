"""Realised variance one observation at a time: bad ones leave no trace, old ones leave the window."""

import math

import numpy as np
import pytest

from bot.pricing import realized_vol as rv
from bot.pricing import realized_vol_stream as stream
from bot.pricing.realized_vol import Defect


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_bad_price_leaves_no_trace(price: float) -> None:
    """It is named, and the figures are those of the good prices alone."""
    clean, dirty = stream.PriceStream(10, grids=2, lags=1), stream.PriceStream(10, grids=2, lags=1)
    for good in (100.0, 101.0, 99.0, 100.5):
        assert clean.push(good) is None
        assert dirty.push(price) is Defect.NOT_POSITIVE
        assert dirty.push(good) is None

    assert dirty.jump_test() == clean.jump_test()
    assert (dirty.two_scale(), dirty.realised_kernel()) == (clean.two_scale(), clean.realised_kernel())


@pytest.mark.parametrize(
    ("bar", "defect"),
    [
        ((1.0, 2.0, 0.0, 1.0), Defect.NOT_POSITIVE),
        ((1.0, math.nan, 0.5, 1.0), Defect.NOT_POSITIVE),
        ((1.0, 0.9, 0.5, 0.8), Defect.NOT_A_BAR),
        ((1.0, 2.0, 0.5, 0.4), Defect.NOT_A_BAR),
    ],
)
def test_a_bad_bar_leaves_no_trace(bar: tuple[float, float, float, float], defect: Defect) -> None:
    """The next bar's gap is measured from the last good close."""
    bars = stream.BarStream(5)
    assert bars.push(100.0, 101.0, 99.0, 100.0) is None
    assert bars.push(*bar) is defect
    assert bars.push(102.0, 103.0, 101.0, 102.0) is None
    batch = rv.bars([100.0, 102.0], [101.0, 103.0], [99.0, 101.0], [100.0, 102.0])
    assert isinstance(batch, rv.Bars)

    assert (bars.bars_count, bars.yang_zhang()) == (2, pytest.approx(rv.yang_zhang(batch)))


def test_before_the_first_observations() -> None:
    """Sums are nothing, whatever needs a sample says so."""
    prices, bars = stream.PriceStream(10, grids=2, lags=2), stream.BarStream(2)
    found = [prices.jump_test(), prices.two_scale(), prices.realised_kernel(), bars.yang_zhang()]
    found += [stream.EwmaStream(0.9).variance(), stream.HarStream(50).forecast()]

    assert found == [Defect.TOO_FEW] * 6
    assert (prices.close_close(), bars.parkinson(), bars.garman_klass(), bars.rogers_satchell()) == (0.0,) * 4


def test_days_stream_to_the_fits_forecast() -> None:
    """A bad day is named; the forecast is that of a fit to the window."""
    rng = np.random.default_rng(2)
    days = rng.uniform(1e-4, 9e-4, 90).tolist()
    streamed = stream.HarStream(60)
    found = [streamed.push(day) for day in [*days, 0.0, math.nan]]
    fit = rv.har_fit(days[-60:])
    assert isinstance(fit, rv.HarFit)

    assert found == [*[None] * 90, Defect.NOT_POSITIVE, Defect.NOT_POSITIVE]
    assert streamed.forecast() == fit.forecast(days[-60:])


def test_a_window_of_a_month_costs_no_drift() -> None:
    """After a wild print has left the window nothing of it is left in the sums."""
    prices = stream.PriceStream(50, grids=5, lags=3)
    rng = np.random.default_rng(4)
    path = np.exp(np.cumsum(rng.normal(0.0, 1e-6, 400)))
    path[100] *= 1e6
    for price in path.tolist():
        prices.push(price)
    returns = rv.log_returns(path[-51:])
    assert isinstance(returns, np.ndarray)

    assert prices.close_close() == pytest.approx(rv.close_close(returns), rel=1e-13)


@pytest.mark.parametrize("make", [lambda: stream.BarStream(1), lambda: stream.PriceStream(5, grids=6)])
def test_a_window_that_cannot_work_is_a_bug(make: type) -> None:
    """A window smaller than its estimator is refused where it is made."""
    with pytest.raises(AssertionError):
        make()
