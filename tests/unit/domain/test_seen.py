"""What a venue shows of an account survives being written down, and tells absent from zero."""

from decimal import Decimal

import msgspec
import pytest

from bot.domain.seen import OrderSeen, PositionSeen

_POSITION = PositionSeen(instrument="BTC-PERPETUAL", amount_native=Decimal(-20), funding_native=Decimal("0.000001"))
_ORDER = OrderSeen(
    order_id="7",
    label=None,
    instrument="BTC-PERPETUAL",
    amount_native=Decimal(10),
    filled_native=Decimal(0),
    price_native=Decimal("100000.5"),
)


@pytest.mark.parametrize("seen", [_POSITION, _ORDER], ids=["position", "order"])
def test_it_survives_being_written_down(seen: PositionSeen | OrderSeen) -> None:
    """Decimals keep their digits."""
    assert msgspec.json.decode(msgspec.json.encode(seen), type=type(seen)) == seen


def test_what_is_not_told_is_none() -> None:
    """Never zero: a greek of zero is a statement."""
    assert (_POSITION.delta_coin, _POSITION.mark_native, _POSITION.average_native) == (None, None, None)
