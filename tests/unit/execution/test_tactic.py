"""The limit price of a crossing order: never beyond the cap, on the tick, at least the touch."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instruments import TickStep
from bot.execution.tactic import Crossing, limit_price, outside_band


@pytest.mark.parametrize(
    ("amount", "bps", "expected"),
    [
        ("10", 10.0, "100100.5"),  # 100,000.5 + 10 bps = 100,100.5005
        ("-10", 10.0, "99900"),  # 99,999.5 - 10 bps = 99,899.5005: up to the tick, not beyond the cap
        ("10", 0.0, "100000.5"),
        ("-10", 0.0, "99999.5"),
        ("10", 0.01, "100000.5"),  # a cap of 0.1 USD is narrower than a tick: the touch
        ("-10", 0.01, "99999.5"),
    ],
)
def test_the_price_is_the_touch_and_the_cap(make: Any, amount: str, bps: float, expected: str) -> None:
    """A buyer pays at most the ask and the cap; a seller takes at least the bid less the cap."""
    price = limit_price(
        make.perpetual(),
        amount_native=Decimal(amount),
        bid_usd=99_999.5,
        ask_usd=100_000.5,
        how=Crossing(slippage_bps_max=bps),
    )

    assert price == Decimal(expected)


@pytest.mark.parametrize(("amount", "expected"), [("1", "0.0055"), ("-1", "0.0048")])
def test_the_price_follows_the_tick_ladder(make: Any, amount: str, expected: str) -> None:
    """Above 0.005 prices move in steps of 0.0005, below of 0.0001: a wrong tick is refused by the venue."""
    steps = (TickStep(above_native=Decimal("0.005"), tick_native=Decimal("0.0005")),)
    price = limit_price(
        make.option(tick_steps=steps),
        amount_native=Decimal(amount),
        bid_usd=0.0049,
        ask_usd=0.0052,
        how=Crossing(slippage_bps_max=300.0),
    )

    assert price == Decimal(expected)


@given(
    bid=st.integers(min_value=2, max_value=400_000),
    width=st.integers(min_value=1, max_value=1_000),
    bps=st.floats(min_value=0.0, max_value=500.0),
    is_buy=st.booleans(),
)
def test_the_price_never_goes_beyond_the_cap(make: Any, bid: int, width: int, bps: float, is_buy: bool) -> None:
    """On the tick, crossing the touch, and within the cap or at the touch itself."""
    bid_usd, ask_usd = bid * 0.5, (bid + width) * 0.5
    price = limit_price(
        make.perpetual(),
        amount_native=Decimal(10 if is_buy else -10),
        bid_usd=bid_usd,
        ask_usd=ask_usd,
        how=Crossing(slippage_bps_max=bps),
    )

    assert price % Decimal("0.5") == 0
    if is_buy:
        assert ask_usd <= float(price) <= ask_usd * (1.0 + bps * 1e-4) + 1e-9
    else:
        assert bid_usd >= float(price) >= bid_usd * (1.0 - bps * 1e-4) - 1e-9


@pytest.mark.parametrize(
    ("price", "low", "high", "words"),
    [
        ("100", 100.0, 200.0, None),
        ("200", 100.0, 200.0, None),
        ("99.5", 100.0, 200.0, "limit 99.5 under the venue's lowest price 100"),
        ("200.5", 100.0, 200.0, "limit 200.5 over the venue's highest price 200"),
        ("1", None, None, None),
        ("1", None, 2.0, None),
        ("3", 2.0, None, None),
    ],
)
def test_a_price_outside_the_venues_band_is_named(
    price: str, low: float | None, high: float | None, words: str | None
) -> None:
    """The venue would refuse it, or clamp it: neither is what was decided."""
    assert outside_band(Decimal(price), low, high) == words
