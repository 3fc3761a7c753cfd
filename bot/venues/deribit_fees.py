"""What an account pays per trade: the listing's rates, and the account's own where the venue tells that it has some.

Knows the shape of `fees` in get_account_summaries (captured 2026-05; present only with a discount, exchange facts 2.7).
What cannot be read, or is no rate, changes nothing: the listing's rates are the dearest.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct, structs

from bot.domain.errors import MalformedMessage
from bot.domain.instruments import Instrument, Kind
from bot.venues.deribit_wire import Number, exact
from bot.venues.venue_rest import convert

_RATE_MAX: Final = 0.01
"""What a liquidation costs (exchange facts 0.4): a dearer fee, or a larger rebate, is no fee."""
_RELATIVE_MAX: Final = 2.0
"""Times the standard rate; discounts are below 1."""


class _Default(Struct):
    type: Literal["fixed", "relative"]
    maker: Number
    taker: Number


class _Value(Struct):
    default: _Default


class _Row(Struct):
    index_name: str
    kind: Kind
    value: _Value


class _Summary(Struct):
    fees: list[object] = []


class _Summaries(Struct):
    summaries: list[_Summary] = []


class AccountFees:
    """Rates of one account by index and kind of instrument; without any it changes nothing."""

    def __init__(self, summaries: object = None) -> None:
        """`summaries`: what get_account_summaries answered with `extended`; anything else is an account without any."""
        self._told: Final[Mapping[tuple[str, Kind], _Default]] = dict(_told(summaries))

    def of(self, instrument: Instrument) -> Instrument:
        """The instrument at what this account pays for it."""
        told = self._told.get((instrument.index_name, instrument.kind))
        if told is None:
            return instrument
        return structs.replace(
            instrument,
            fee_rate_maker=_rate(told.type, told.maker, instrument.fee_rate_maker),
            fee_rate_taker=_rate(told.type, told.taker, instrument.fee_rate_taker),
        )


def _told(summaries: object) -> Iterator[tuple[tuple[str, Kind], _Default]]:
    try:
        found = convert(summaries, _Summaries).summaries
    except MalformedMessage:
        return
    for row in (row for summary in found for row in summary.fees):
        try:
            fee = convert(row, _Row)
        except MalformedMessage:
            continue
        yield (fee.index_name, fee.kind), fee.value.default


def _rate(kind: str, told: float, standard: Decimal) -> Decimal:
    if kind == "relative":
        return standard * exact(told) if 0.0 <= told <= _RELATIVE_MAX else standard
    return exact(told) if abs(told) <= _RATE_MAX else standard
