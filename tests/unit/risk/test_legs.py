"""Positions sorted for measuring."""

from decimal import Decimal
from typing import Any

from bot.domain.ids import InstrumentId
from bot.risk.legs import OptionLeg, arrange


def test_options_are_sorted_by_index_expiry_and_settlement_and_futures_kept_apart(make: Any) -> None:
    """Legs that share a forward and a way of settling are together; what nobody listed is named."""
    names = ["BTC-27MAR26-100000-C", "BTC-27MAR26-90000-P", "BTC-26JUN26-90000-P", "BTC_USDC-27MAR26-100000-C"]
    specs = [*(make.option(name) for name in names), make.perpetual()]
    held = {InstrumentId(spec.id): Decimal(number + 1) for number, spec in enumerate(specs)}
    legs = arrange(held | {InstrumentId("BTC-1JAN30-1-C"): Decimal(1)}, {spec.id: spec for spec in specs})

    assert [
        (item.index_name, item.is_inverse, [(leg.name, leg.qty_coin) for leg in item.options]) for item in legs.expiries
    ] == [
        ("btc_usd", True, [(names[0], 1.0), (names[1], 2.0)]),
        ("btc_usd", True, [(names[2], 3.0)]),
        ("btc_usdc", False, [(names[3], 4.0)]),
    ]
    assert legs.expiries[0].options[1] == OptionLeg(InstrumentId(names[1]), 2.0, 90_000.0, False)
    assert legs.expiries[0].expiry_ns == specs[0].expiry_ns
    assert [(spec.id, amount) for spec, amount in legs.futures] == [(specs[-1].id, Decimal(5))]
    assert legs.unlisted == ("BTC-1JAN30-1-C",)
