"""Realised variance against reference figures: every one of rv_estimators.json, from the paths beside it."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bot.pricing import realized_vol as rv
from bot.pricing import realized_vol_stream as stream

Rows = list[dict[str, str]]

_DAYS = 1.0 / 365.0
_RELATIVE = 1e-12
"""The file states no tolerance; its sums have 20 digits, and a price of 60,000 leaves 1e-16 of a return undecided."""


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    """The reference figures."""
    given = json.loads((Path(__file__).parent / "rv_estimators.json").read_text(encoding="utf-8"))
    return {name: float(text) for name, text in given.items() if name != "notes"}


@pytest.fixture(scope="module")
def columns(rows_of: Callable[[str], Rows]) -> tuple[np.ndarray, ...]:
    """Open, high, low, close of each minute."""
    rows = rows_of("rv_path.csv")
    return tuple(np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close"))


@pytest.fixture(scope="module")
def ticks(rows_of: Callable[[str], Rows]) -> np.ndarray:
    """Prices ten seconds apart."""
    return np.array([float(row["price"]) for row in rows_of("rv_ticks_10s.csv")])


def _batch(columns: tuple[np.ndarray, ...], ticks: np.ndarray, decay: float) -> dict[str, float]:
    """Every figure by the functions on arrays."""
    bars = rv.bars(*columns)
    returns = rv.log_returns(np.concatenate([columns[0][:1], columns[3]]))
    fast = rv.log_returns(ticks)
    assert not isinstance(bars, rv.Defect)
    assert not isinstance(returns, rv.Defect)
    assert not isinstance(fast, rv.Defect)
    return _named(
        (rv.close_close(returns), rv.parkinson(bars), rv.garman_klass(bars), rv.rogers_satchell(bars)),
        rv.jump_test(returns),
        rv.two_scale(ticks, 30),
        (rv.realised_kernel(fast, 20), rv.ewma(returns, decay)),
    )


def _streamed(columns: tuple[np.ndarray, ...], ticks: np.ndarray, decay: float) -> dict[str, float]:
    """Every figure by the streaming classes."""
    bars, minutes = stream.BarStream(len(columns[0])), stream.PriceStream(len(columns[0]))
    fast, weighted = stream.PriceStream(len(ticks) - 1, grids=30, lags=20), stream.EwmaStream(decay)
    closes = [float(columns[0][0]), *columns[3].tolist()]
    found = [bars.push(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    found += [taker.push(price) for taker in (minutes, weighted) for price in closes]
    found += [fast.push(price) for price in ticks.tolist()]
    assert set(found) == {None}
    return _named(
        (minutes.close_close(), bars.parkinson(), bars.garman_klass(), bars.rogers_satchell()),
        minutes.jump_test(),
        fast.two_scale(),
        (fast.realised_kernel(), weighted.variance()),
    )


def _named(
    sums: tuple[float, float, float, float],
    jumps: rv.JumpTest | rv.Defect,
    scales: rv.TwoScale | rv.Defect,
    rest: tuple[float | rv.Defect, float | rv.Defect],
) -> dict[str, float]:
    assert isinstance(jumps, rv.JumpTest)
    assert isinstance(scales, rv.TwoScale)
    kernel, last = (float(number) for number in rest)
    return {
        "rv_day": sums[0],
        "vol_close_to_close": rv.annual_vol(sums[0], _DAYS),
        "vol_parkinson": rv.annual_vol(sums[1], _DAYS),
        "vol_garman_klass": rv.annual_vol(sums[2], _DAYS),
        "vol_rogers_satchell": rv.annual_vol(sums[3], _DAYS),
        "bipower_day": jumps.bipower,
        "jump_component_day": jumps.jump,
        "tripower_quarticity_day": jumps.quarticity,
        "bns_ratio_z": jumps.z,
        "rv_10s_all_day": scales.all,
        "rv_subsampled_K30_day": scales.subsampled,
        "tsrv_K30_day": scales.variance,
        "tsrv_K30_adjusted_day": scales.adjusted,
        "realised_kernel_parzen_H20_day": kernel,
        "ewma_lambda0_97_1min_last_var": last,
        "ewma_vol_annual": rv.annual_vol(last, 1.0 / 525_600.0),
    }


@pytest.mark.parametrize("way", [_batch, _streamed], ids=["batch", "streaming"])
def test_every_figure(
    figures: dict[str, float],
    columns: tuple[np.ndarray, ...],
    ticks: np.ndarray,
    way: Callable[[tuple[np.ndarray, ...], np.ndarray, float], dict[str, float]],
) -> None:
    """All sixteen figures, on arrays and one observation at a time."""
    found = way(columns, ticks, 0.97)
    wanted = {name: figure for name, figure in figures.items() if name not in {"n_bars", "annualisation_minutes"}}

    assert len(columns[0]) == figures["n_bars"]
    assert found == pytest.approx(wanted, rel=_RELATIVE, abs=0.0)


def test_yang_zhang_of_bars_without_gaps_lies_beside_garman_klass(columns: tuple[np.ndarray, ...]) -> None:
    """A bar opens where the last one closed: what is left is k of open-to-close and 1 - k of Rogers-Satchell."""
    bars = rv.bars(*columns)
    assert isinstance(bars, rv.Bars)
    count, moves = len(columns[0]), np.log(columns[3] / columns[0])
    weight = 0.34 / (1.34 + (count + 1) / (count - 1))
    expected = weight * count * float(np.var(moves, ddof=1)) + (1.0 - weight) * rv.rogers_satchell(bars)

    assert rv.yang_zhang(bars) == pytest.approx(expected, rel=1e-12)
    assert math.sqrt(expected * 365.0) == pytest.approx(rv.annual_vol(rv.garman_klass(bars), _DAYS), rel=0.15)
