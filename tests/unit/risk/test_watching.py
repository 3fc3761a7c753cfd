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


def test_strikes_around_the_money_where_there_is_a_surface(make: Any) -> None:
    """Twenty strikes, the option out of the money of each, both of the nearest three; none without a forward."""
    view = MarketView(make.trust())
    for strike in range(50_000, 150_000, 1_000):
        for letter in "CP":
            view.list_instrument(make.option(f"BTC-27MAR26-{strike}-{letter}"))
    view.list_instrument(make.option("BTC-26JUN26-100000-C"))
    legs = arrange({_HELD: Decimal(1)}, view.instruments)
    sources = Sources(compares=True)
    assert wanted(view, legs, sources) == []

    view.see_option(make.option_marked(_HELD, forward_usd=100_400.0))

    names = wanted(view, legs, sources)
    strikes = {int(name.split("-")[2]) for name in names}
    assert strikes == set(range(91_000, 111_000, 1_000))
    assert len(names) == 23
    assert {name for name in names if name.endswith("P")} == {
        f"BTC-27MAR26-{strike}-P" for strike in range(91_000, 102_000, 1_000)
    }
