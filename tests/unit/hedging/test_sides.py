"""The instrument of a direction, given what is held: close first, then open."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.hedging.sides import Choice, Sides, choose

A, B = InstrumentId("OKX:BTC-USDT-SWAP"), InstrumentId("BTC-PERPETUAL")
_TWO, _ONE = Sides(buying=A, selling=B), Sides(buying=A, selling=A)


@pytest.mark.parametrize(
    ("held", "is_buy", "instrument", "most"),
    [
        ({}, True, A, None),
        ({}, False, B, None),
        ({A: "2"}, True, A, None),
        ({B: "-2"}, False, B, None),
        ({B: "-2"}, True, B, "2"),
        ({A: "2"}, False, A, "2"),
        ({A: "2", B: "-3"}, True, B, "3"),
        ({A: "2", B: "-3"}, False, A, "2"),
        # of the wrong sign, as an adopted position may be: nothing to close, it is added to
        ({B: "2"}, True, A, None),
        ({A: "-2"}, False, B, None),
        ({A: "-2"}, True, A, None),
        ({B: "2"}, False, B, None),
    ],
)
def test_what_is_held_the_other_way_is_closed_first(
    held: dict[InstrumentId, str], is_buy: bool, instrument: InstrumentId, most: str | None
) -> None:
    """No further than to nothing; the other one is told beside it."""
    amounts = {name: Decimal(amount) for name, amount in held.items()}

    assert choose(_TWO, amounts, {}, is_buy=is_buy) == Choice(
        instrument, None if most is None else Decimal(most), B if instrument == A else A
    )


@pytest.mark.parametrize(
    ("held", "choice"),
    [
        ("0.0019", Choice(B, None, A)),
        ("0.002", Choice(A, Decimal("0.002"), B)),
        ("0.005", Choice(A, Decimal("0.004"), B)),
    ],
)
def test_a_rest_under_the_smallest_order_is_not_closed(make: Any, held: str, choice: Choice) -> None:
    """An order of it would be refused again and again, and the hedge never made."""
    listed = {A: structs.replace(make.linear_perpetual(), id=A, lot_native=Decimal("0.002"))}

    assert choose(_TWO, {A: Decimal(held)}, listed, is_buy=False) == choice


@pytest.mark.parametrize("amount", ["-2", "0", "2"])
@pytest.mark.parametrize("is_buy", [True, False])
def test_one_instrument_has_no_sides(amount: str, is_buy: bool) -> None:
    """Whatever is held."""
    assert choose(_ONE, {A: Decimal(amount)}, {}, is_buy=is_buy) == Choice(A, None)
    assert not _ONE.are_two
    assert _TWO.are_two
