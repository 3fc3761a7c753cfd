"""What a venue's error code means for an order just sent: one table per venue, the same words in each.

Knows no venue. ccxt's exception classes are not enough (facts 4.1), so the code decides; a code without a row leaves
the outcome unknown, and the order is looked up.
"""

import enum
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from bot.domain.errors import VenueRefused
from bot.domain.events import Event, OrderRefused, OrderUnknown
from bot.domain.ids import Label
from bot.domain.reasons import RefusalKind
from bot.domain.time import Ns

NOT_SENT: Final = 0
"""`code` of refusals the venue never heard of."""


class Unknown(enum.Enum):
    """The order may or may not exist."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class Row(Struct, frozen=True):
    """The venue's name of a code and what it means for an order just sent."""

    name: str
    outcome: RefusalKind | Unknown


_UNLISTED: Final = Row("unlisted", UNKNOWN)


def row_of(table: Mapping[int, Row], code: int) -> Row:
    """The row of a code; unlisted codes leave the outcome unknown."""
    return table.get(code, _UNLISTED)


def verdict(table: Mapping[int, Row], label: Label, error: VenueRefused, now_ns: Ns) -> Event:
    """What the venue's no to a new order comes to: OrderRefused, or OrderUnknown where it is no definite one."""
    row = row_of(table, error.code)
    # "Gone" is an answer about an older order: on a new one it explains nothing.
    if isinstance(row.outcome, Unknown) or row.outcome is RefusalKind.GONE:
        return OrderUnknown(label=label, received_ns=now_ns, cause=f"{error.code} {row.name}")
    return OrderRefused(label=label, received_ns=now_ns, code=error.code, name=row.name, kind=row.outcome)


def may_be_late(told: Event) -> bool:
    """Whether an order came to nothing by what may be a clock: its deadline was over by the venue's."""
    return isinstance(told, OrderRefused) and told.kind is RefusalKind.NOT_EXECUTED


def not_sent(label: Label, name: str, kind: RefusalKind, now_ns: Ns) -> OrderRefused:
    """A no of our own: the order never left."""
    return OrderRefused(label=label, received_ns=now_ns, code=NOT_SENT, name=name, kind=kind)
