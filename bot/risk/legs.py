"""Positions arranged for measuring: options by expiry and settlement, futures apart.

Knows positions and specifications; nothing of prices or of what a leg counts for.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import float_from_decimal


class OptionLeg(NamedTuple):
    """One held option, ready for the formula."""

    name: InstrumentId
    qty_coin: float
    strike_usd: float
    is_call: bool


class Expiry(NamedTuple):
    """Held options that share forward and settlement."""

    index_name: str
    expiry_ns: Ns
    is_inverse: bool
    options: tuple[OptionLeg, ...]


class Legs(Struct, frozen=True, kw_only=True):
    """Positions arranged for measuring; made anew only when positions or specifications change."""

    expiries: tuple[Expiry, ...]
    futures: tuple[tuple[Instrument, Decimal], ...]
    unlisted: tuple[InstrumentId, ...]
    """Held without a specification: cannot be counted."""


def arrange(held: Mapping[InstrumentId, Decimal], instruments: Mapping[InstrumentId, Instrument]) -> Legs:
    """Sort what is held by expiry and kind."""
    options: dict[tuple[str, Ns, bool], list[OptionLeg]] = {}
    futures: list[tuple[Instrument, Decimal]] = []
    for name, amount in held.items():
        spec = instruments.get(name)
        if spec is None:
            continue
        if not spec.is_option:
            futures.append((spec, amount))
            continue
        assert spec.expiry_ns is not None, f"option {name} has no expiry"
        assert spec.strike_usd is not None, f"option {name} has no strike"
        leg = OptionLeg(name, float_from_decimal(amount), spec.strike_usd, spec.is_call is True)
        options.setdefault((spec.index_name, spec.expiry_ns, spec.is_inverse), []).append(leg)
    return Legs(
        expiries=tuple(Expiry(*key, tuple(legs)) for key, legs in options.items()),
        futures=tuple(futures),
        unlisted=tuple(name for name in held if name not in instruments),
    )
