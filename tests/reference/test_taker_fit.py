"""The simulator's takers and queues against the recorded messages they are fitted to."""

import importlib.util
import itertools
import statistics
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.sim import market_maker, takers
from bot.sim.facts import Side, TradePrinted
from bot.sim.world import build_exchange


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


@pytest.mark.realdata
def test_who_rests_in_the_simulator_loses_as_much(shape: Any) -> None:
    """A second later, in units of what the price moves in a second: within twice the standard error of the record."""
    start_ns = ns_from_iso("2026-11-23T09:00:00Z")
    venue = build_exchange(1, start_ns)
    venue.watch("BTC-PERPETUAL")
    marks, trades = [], []
    for second in range(4_000):
        venue.advance(Ns(start_ns + second * NS_PER_S))
        marks.append(venue.mark("BTC-PERPETUAL")[0])
        trades += [(second, change.trade) for change in venue.changes() if isinstance(change, TradePrinted)]
    moves = [1e4 * (after / before - 1.0) for before, after in itertools.pairwise(marks)]
    made = [
        (-1.0 if trade.side is Side.BUY else 1.0) * 1e4 * (marks[second + 1] / float(trade.price_native) - 1.0)
        for second, trade in trades
        if second + 1 < len(marks)
    ]
    recorded, unit = shape.mark_outs_bps[1][0], shape.second_sd_bps

    assert len(made) > 500
    assert abs(statistics.mean(made) / statistics.pstdev(moves) - recorded.value / unit) < 2.0 * recorded.error / unit
