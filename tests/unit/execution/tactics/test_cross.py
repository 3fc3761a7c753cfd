"""One order against the touch, capped, on the tick."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.execution.tactics.cross import Params, limit_price, outside_band

_PERP = Instrument(
    id=InstrumentId("BTC-PERPETUAL"),
    venue=VenueId("deribit"),
    kind=Kind.PERPETUAL,
    base="BTC",
    settlement=Settlement.COIN,
    settlement_currency="BTC",
    index_name="btc_usd",
    contract_size_native=Decimal(10),
    lot_native=Decimal(10),
    tick_native=Decimal("0.5"),
    fee_rate_maker=Decimal(0),
    fee_rate_taker=Decimal(0),
)


@pytest.mark.parametrize(
    ("amount", "bps", "expected"),
    [
        (10, 10.0, "100100.5"),  # 100,000.5 + 10 bps = 100,100.5005, down to the tick
        (-10, 10.0, "99900.0"),  # 99,999.5 - 10 bps = 99,899.5005, up to the tick
        (10, 0.0, "100000.5"),
        (-10, 0.0, "99999.5"),
        (10, 0.01, "100000.5"),  # narrower than a tick: the touch itself
    ],
)
def test_the_limit_is_the_touch_and_the_cap(amount: int, bps: float, expected: str) -> None:
    """Buying from the ask upward, selling from the bid downward, never beyond the cap."""
    price = limit_price(
        _PERP,
        amount_native=Decimal(amount),
        bid_usd=99_999.5,
        ask_usd=100_000.5,
        params=Params(slippage_bps_max=bps),
    )

    assert price == Decimal(expected)


@given(
    ticks=st.integers(2_000, 2_000_000),
    spread=st.integers(1, 50),
    bps=st.floats(min_value=0.0, max_value=100.0),
    is_buy=st.booleans(),
)
def test_the_limit_reaches_the_touch_and_keeps_the_cap(ticks: int, spread: int, bps: float, is_buy: bool) -> None:
    """On the tick; at least the touch; beyond it at most the cap."""
    bid, ask = ticks * 0.5, (ticks + spread) * 0.5
    price = limit_price(
        _PERP,
        amount_native=Decimal(10 if is_buy else -10),
        bid_usd=bid,
        ask_usd=ask,
        params=Params(slippage_bps_max=bps),
    )

    assert price % _PERP.tick_native == 0
    if is_buy:
        assert ask <= price <= Decimal(repr(ask * (1.0 + bps * 1e-4) + 1e-9))
    else:
        assert Decimal(repr(bid * (1.0 - bps * 1e-4) - 1e-9)) <= price <= bid


@pytest.mark.parametrize(
    ("price", "low", "high", "words"),
    [
        ("100", 90.0, 110.0, None),
        ("90", 90.0, 110.0, None),
        ("100", None, None, None),
        ("89.5", 90.0, 110.0, "lowest price 90"),
        ("110.5", 90.0, 110.0, "highest price 110"),
    ],
)
def test_a_price_the_venue_would_not_take_is_said(
    price: str, low: float | None, high: float | None, words: str | None
) -> None:
    """Known beforehand, it is a refusal of ours and no order."""
    found = outside_band(Decimal(price), low, high)

    assert found is None if words is None else words in str(found)
