"""Which instruments a direction may open: names only."""

import pytest

from bot.domain.ids import InstrumentId
from bot.hedging.sides import Sides
from bot.hedging.target import HedgeSide

A, B, C = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL"), InstrumentId("BTC-25DEC26")


@pytest.mark.parametrize(
    ("buying", "selling", "opened", "sides"),
    [
        ((A,), (A,), (A,), (HedgeSide.BOTH, None, None)),
        ((A, B), (A, B), (A, B), (HedgeSide.BOTH, HedgeSide.BOTH, None)),
        ((B,), (A,), (B, A), (HedgeSide.SHORT, HedgeSide.LONG, None)),
        ((B, C), (A, B), (B, C, A), (HedgeSide.SHORT, HedgeSide.BOTH, HedgeSide.LONG)),
    ],
)
def test_an_instrument_is_for_the_sides_that_name_it(
    buying: tuple[InstrumentId, ...],
    selling: tuple[InstrumentId, ...],
    opened: tuple[InstrumentId, ...],
    sides: tuple[HedgeSide | None, ...],
) -> None:
    """One that no side names is closed only; each is told once, bought ones first."""
    made = Sides(buying=buying, selling=selling)

    assert made.opened == opened
    assert tuple(map(made.of, (A, B, C))) == sides
