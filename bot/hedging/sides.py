"""Which instrument a hedge is made with, where buying and selling have one each.

What is held against the wanted direction is closed first: holding both pays funding twice and margin twice. Knows
amounts and signs; no price.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.units import ZERO, Rounding, round_to_step


class Sides(Struct, frozen=True, kw_only=True):
    """Instruments by direction; the same twice where there is one."""

    buying: InstrumentId
    selling: InstrumentId

    @property
    def are_two(self) -> bool:
        """Whether the direction matters."""
        return self.buying != self.selling


class Choice(NamedTuple):
    """What the next order is made with."""

    instrument: InstrumentId
    most_native: Decimal | None
    """Largest size, unsigned, where a position is closed: beyond it the other side's instrument takes over."""
    other: InstrumentId | None = None
    """The other side's instrument, whose position counts against the same limit; None where there is one for both."""


def choose(
    sides: Sides, held: Mapping[InstrumentId, Decimal], listed: Mapping[InstrumentId, Instrument], *, is_buy: bool
) -> Choice:
    """The instrument for a hedge in a direction, given what is held.

    What is less than the smallest order cannot be closed: partial fills leave such a rest where a venue's smallest
    order is larger than its step.
    """
    opens, closes = (sides.buying, sides.selling) if is_buy else (sides.selling, sides.buying)
    against, spec = held.get(closes, ZERO), listed.get(closes)
    if not sides.are_two:
        return Choice(opens, None)
    if not (against < ZERO if is_buy else against > ZERO):
        return Choice(opens, None, closes)
    most = abs(against) if spec is None else round_to_step(abs(against), spec.lot_native, Rounding.TOWARD_ZERO)
    return Choice(opens, None, closes) if most == ZERO else Choice(closes, most, opens)
