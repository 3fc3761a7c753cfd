"""Money and coins of a delivery, by hand."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind
from bot.risk.delivery import delivered_coin, payoff_native

_CALL, _PUT = "BTC-27MAR26-100000-C", "BTC-27MAR26-100000-P"
_USD_CALL, _FUTURE = "BTC_USDC-27MAR26-100000-C", "BTC-27MAR26"


def _spec(make: Any, name: str) -> Instrument:
    if name == _FUTURE:
        return replace(make.perpetual(), id=InstrumentId(name), kind=Kind.FUTURE, expiry_ns=make.option().expiry_ns)
    return make.option(name)


@pytest.mark.parametrize(
    ("name", "delivery", "expected"),
    [
        (_CALL, "125000", "0.2"),
        (_CALL, "99000", "0"),
        (_PUT, "80000", "0.25"),
        (_USD_CALL, "125000", "25000"),
        (_FUTURE, "125000", "125000"),
    ],
)
def test_what_a_delivery_pays(make: Any, name: str, delivery: str, expected: str) -> None:
    """Inverse options in coins at the delivery price, linear ones in USDC; a future ends at that price."""
    assert payoff_native(_spec(make, name), Decimal(delivery)) == Decimal(expected)


@pytest.mark.parametrize(
    ("name", "amount", "delivery", "expected"),
    [
        (_CALL, "2", 125_000.0, 2.0),
        (_CALL, "2", 99_000.0, 0.0),
        (_CALL, "-1", 125_000.0, -1.0),
        (_PUT, "2", 80_000.0, -2.0),
        (_PUT, "-2", 80_000.0, 2.0),
        (_PUT, "2", 100_000.0, 0.0),  # at the strike nothing is exercised
        (_CALL, "2", 100_000.0, 0.0),
        (_USD_CALL, "1", 125_000.0, 1.0),
        (_FUTURE, "-50000", 125_000.0, -0.4),
    ],
)
def test_the_coins_of_a_physical_delivery(make: Any, name: str, amount: str, delivery: float, expected: float) -> None:
    """Whole coins in the money, none otherwise; a long put gives them away."""
    assert delivered_coin(_spec(make, name), Decimal(amount), delivery) == pytest.approx(expected)
