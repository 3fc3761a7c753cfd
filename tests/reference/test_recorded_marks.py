"""Own marks and deltas against a venue's, on recorded real days: every row, read where it is, never copied."""

from collections import Counter
from typing import Protocol

import numpy as np
import pytest

from bot.pricing import black76

_MARK_COIN_99_PERCENT = {"BTC": 1.9e-4, "ETH": 2.8e-4}
"""The venue rounds its mark to 4 decimals and its volatility to 2, and in a fast market its mark lags its own forward
by up to seconds: on one quiet day with one release the 99 % quantile, to the two digits these figures have."""
_MARK_COIN_MAX = 3.5e-3
_DELTA_MAX = 5e-5
_WINDOW_SECONDS = 1800
"""Before delivery the venue decays what it shows: there its numbers are no Black-76 (exchange facts, 2.6)."""


class Recorded(Protocol):
    """Columns of a recorded file (conftest)."""

    coin: str
    expiry: np.ndarray
    seconds_left: np.ndarray
    forward_usd: np.ndarray
    strike_usd: np.ndarray
    tau_years: np.ndarray
    iv: np.ndarray
    is_call: np.ndarray
    mark_coin: np.ndarray
    delta_coin: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Recorded":
        """Some of the rows."""


@pytest.fixture
def day(recorded: Recorded) -> Recorded:
    """A recorded day outside the settlement window."""
    outside = recorded.rows(recorded.seconds_left > _WINDOW_SECONDS)
    print(f"{recorded.coin}: {len(recorded.iv)} rows, {len(recorded.iv) - len(outside.iv)} in the window")  # noqa: T201
    assert len(outside.iv) > 0, "a recorded day without a row outside the settlement window"
    return outside


@pytest.mark.realdata
def test_own_marks_are_the_venues(day: Recorded) -> None:
    """Black-76 over the forward is the mark on 99 % of rows; nowhere further off than 3.5e-3 coin."""
    greeks = black76.greeks(day.forward_usd, day.strike_usd, day.tau_years, day.iv, day.is_call)
    error = np.abs(greeks.coin_price - day.mark_coin)
    is_tail = error > _MARK_COIN_99_PERCENT[day.coin]
    tail = Counter(day.expiry[is_tail].tolist())
    of = Counter(day.expiry.tolist())
    told = ", ".join(f"{expiry} {tail[expiry]} of {of[expiry]}" for expiry in sorted(of))
    quantile = float(np.quantile(error, 0.99))
    print(f"{day.coin}: 99 % within {quantile:.2e}, worst {error.max():.2e}, tail: {told}")  # noqa: T201

    assert float(f"{quantile:.1e}") <= _MARK_COIN_99_PERCENT[day.coin]
    assert error.max() <= _MARK_COIN_MAX


@pytest.mark.realdata
def test_own_deltas_are_the_venues(day: Recorded) -> None:
    """Every row's delta is the venue's to 5e-5, on the path decisions take and on the chain's."""
    columns = (day.forward_usd, day.strike_usd, day.tau_years, day.iv, day.is_call)
    decided = np.array(
        [black76.delta_gamma(*row)[0] for row in zip(*(column.tolist() for column in columns), strict=True)]
    )
    error = np.maximum(np.abs(decided - day.delta_coin), np.abs(black76.greeks(*columns).delta - day.delta_coin))
    print(f"{day.coin}: worst delta {error.max():.2e}")  # noqa: T201

    assert bool(error.max() <= _DELTA_MAX)
