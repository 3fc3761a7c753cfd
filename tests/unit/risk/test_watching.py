"""What is watched besides what is held."""

from decimal import Decimal
from typing import Any

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Kind
from bot.market.view import MarketView
from bot.risk.forward import ForwardSource
from bot.risk.legs import arrange
from bot.risk.sources import Sources
from bot.risk.watching import wanted

_HELD = InstrumentId("BTC-27MAR26-100000-C")


def test_the_future_of_a_held_expiry_where_the_forward_is_its(make: Any) -> None:
    """Not of another expiry, and not by default."""
    view = MarketView(make.trust())
    held = make.option(_HELD)
    view.list_instrument(held)
    view.list_instrument(make.perpetual(id="BTC-27MAR26", kind=Kind.FUTURE, expiry_ns=held.expiry_ns))
    view.list_instrument(make.perpetual(id="BTC-26JUN26", kind=Kind.FUTURE, expiry_ns=held.expiry_ns + 1))
    legs = arrange({_HELD: Decimal(1)}, view.instruments)

    assert wanted(view, legs, Sources(forward=ForwardSource.FUTURE)) == ["BTC-27MAR26"]
    assert wanted(view, legs, Sources()) == []
