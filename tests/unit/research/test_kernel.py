"""The kernel comes to what the engine comes to, hedge by hedge."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.book import BookParams
from bot.domain.errors import ConfigError
from bot.hedging.band import TradeTo
from bot.hedging.bands import (
    delta_percent,
    fixed,
    gamma_scaled,
    leland_time,
    price_move,
    time_based,
    variance_budget,
    whalley_wilmott,
)
from bot.hedging.modifiers import Modifiers
from bot.research import ideal
from bot.research.ideal import Looks, Money, idealised
from bot.research.strip import strip_of

Walk = Callable[..., Looks]


@pytest.fixture(scope="session")
def kernel() -> ModuleType:
    """Imported where it is wanted: it takes half a second."""
    return importlib.import_module("bot.research.kernel")


_BANDS = [
    fixed.Params(low_coin_per_option_coin=-0.01, high_coin_per_option_coin=0.03, low_coin=-0.01),
    fixed.Params(),
    delta_percent.Params(percent=5.0, half_coin_min=0.01),
    gamma_scaled.Params(move_fraction=0.002, half_coin_min=0.005),
    variance_budget.Params(budget_usd=2_000.0, horizon_hours=24.0),
    whalley_wilmott.Params(),
    whalley_wilmott.Params(risk_aversion_per_usd=1e-4),
    whalley_wilmott.Params(risk_aversion_relative=100.0, is_plain=True),
    whalley_wilmott.Params(residual_usd_per_day=500.0),
    time_based.Params(interval_s=20.0),
    price_move.Params(move_fraction=0.004),
]


def _agree(one: Money, other: Money) -> None:
    """The same hedges; money and risk to 1e-9 of the largest part of it."""
    assert one.hedges == other.hedges
    largest = max(abs(usd) for usd in one[:5]) or 1.0
    for name, usd in zip(one._fields[:6], one[:6], strict=True):
        assert getattr(other, name) == pytest.approx(usd, rel=1e-9, abs=1e-9 * largest), name
    assert other[6:8] == pytest.approx(one[6:8], rel=1e-9)
    assert other.net_coin == pytest.approx(one.net_coin, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("band", _BANDS, ids=lambda band: band.__struct_config__.tag)
@settings(max_examples=3)
@given(
    seed=st.integers(0, 2**32),
    trade_to=st.sampled_from(list(TradeTo)),
    trade_coin_min=st.sampled_from([0.0, 0.0001, 0.05]),
    hedge=st.sampled_from(["BTC-PERPETUAL", "BTC_USDC-PERPETUAL"]),
)
def test_it_hedges_as_the_engine_does(  # noqa: PLR0917
    make: Any,
    walk: Walk,
    kernel: ModuleType,
    band: Any,
    seed: int,
    trade_to: TradeTo,
    trade_coin_min: float,
    hedge: str,
) -> None:
    """Every policy, wherever trades aim, inverse and linear, through late, wide and crossed quotes: the same hedges."""
    modifiers = Modifiers(trade_to=trade_to)
    book = idealised(make.book(band=band, modifiers=modifiers, trade_coin_min=trade_coin_min, hedge_instrument=hedge))
    seen = walk(seed, book)

    _agree(ideal.played(seen, book), kernel.played(*strip_of(seen, book), book))


def test_the_walk_is_a_test(make: Any, walk: Walk, kernel: ModuleType) -> None:
    """It makes hedges both ways, among looks at which nothing may be done and deltas of which an interval is known."""
    book = idealised(make.book(band=time_based.Params(interval_s=1.0)))
    seen = walk(1, book)
    strip, facts = strip_of(seen, book)
    amounts = [hedge.lots_count for hedge in kernel.played(strip, facts, book).hedges]

    assert min(amounts) < 0 < max(amounts)
    assert 10 < len(amounts) < 80
    assert 0 < np.count_nonzero(strip.is_open) < 80
    assert np.count_nonzero(strip.above_coin > strip.below_coin) > 0
    assert facts.is_inverse
    assert facts.fee_rate == 0.00035


def test_a_policy_it_does_not_have_is_named(make: Any, walk: Walk, kernel: ModuleType) -> None:
    """With what to do about it."""
    book: BookParams = idealised(make.book(band=leland_time.Params(interval_s=60.0)))
    seen = walk(1, book, looks_count=3)

    with pytest.raises(ConfigError, match=r'books\.btc\.band\.policy: the kernel has delta_percent.* fills = "ideal"'):
        kernel.played(*strip_of(seen, book), book)
