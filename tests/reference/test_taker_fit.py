"""The simulator's takers and queues against the recorded messages they are fitted to."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot.sim import market_maker, takers


@pytest.fixture(scope="module")
def fitter() -> ModuleType:
    """`taker_fit.py`, loaded by its path: tests are no package."""
    spec = importlib.util.spec_from_file_location("taker_fit", Path(__file__).parent / "taker_fit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shape(fitter: ModuleType, shared_data: Path) -> Any:
    """Fit of the inverse perpetual that was recorded whole."""
    return fitter.fit(fitter.coin_m(shared_data))


@pytest.fixture(scope="module")
def deribit(fitter: ModuleType, shared_data: Path) -> Any:
    """What Deribit's own messages allow."""
    return fitter.deribit(shared_data)


@pytest.mark.realdata
def test_takers_are_the_recorded_ones(fitter: ModuleType, shape: Any, deribit: Any) -> None:
    """Every parameter within the standard error of its fit."""
    pairs = {
        "bursts a second": (takers.BURSTS_PER_S, fitter.per_s_of_deribit(shape, deribit)),
        "median": (takers.BURST_USD_MEDIAN, shape.usd_median),
        "spread": (takers.BURST_LOG_SD, shape.log_sd),
        "informed": (takers.INFORMED, shape.informed),
    }
    apart = {name: (used, str(found)) for name, (used, found) in pairs.items() if abs(used - found.value) > found.error}

    assert apart == {}
    assert shape.usd_median.count > 300


@pytest.mark.realdata
def test_queues_are_the_recorded_ones(deribit: Any) -> None:
    """Median and spread of what Deribit showed at the touch, dust left out, within their standard errors."""
    median, spread = deribit.queue_median_usd, deribit.queue_log_sd

    assert abs(market_maker.QUEUE_USD_MEDIAN - median.value) <= median.error
    assert abs(market_maker.QUEUE_LOG_SD - spread.value) <= spread.error
    assert median.count >= 15


@pytest.mark.realdata
def test_bursts_come_nearly_like_a_poisson_process(shape: Any, deribit: Any) -> None:
    """What is left of the clustering once orders within a tenth of a second count as one."""
    assert 0.7 < shape.gap_dispersion < 2.0
    assert 0.1 < deribit.bursts_per_s_seen < 0.4


@pytest.mark.realdata
def test_who_rested_lost(shape: Any) -> None:
    """Ten seconds later the mid is worse for the maker, by more than twice the standard error."""
    each_burst, each_dollar = shape.mark_outs_bps[10]

    assert each_burst.value + 2.0 * each_burst.error < 0.0
    assert each_dollar.value + 2.0 * each_dollar.error < 0.0
