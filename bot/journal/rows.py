"""Structs of the domain to ledger rows and back, checked on both ways.

Knows the column order of `schema`; not the database. A number that is not finite is a bug upstream:
it is stopped here by assertion, before it could become a NULL.
"""

import math
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided
from bot.domain.events import Filled, IntentRestored
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, venue_of
from bot.domain.time import Ns

Cell = str | int | float | None
"""What a column can hold."""

Row = tuple[Cell, ...]


class OrderRow(Struct, frozen=True, kw_only=True):
    """An intent and the last thing known about its order."""

    label: Label
    run_id: str
    book: str
    instrument: InstrumentId
    amount_native: Decimal
    """Signed: + buy."""
    price_native: Decimal
    arrival_mid_native: float
    valid_until_ns: Ns
    decided_seq: int
    rest_until_ns: Ns | None
    """None: immediate-or-cancel."""
    kind: str | None
    """`acked`, `refused`, `unknown`, `updated`, `absent`; None when nothing was heard."""
    state: str | None
    """The venue's state with `updated`."""


class FillRow(Struct, frozen=True, kw_only=True):
    """A fill as booked."""

    run_id: str
    book: str
    fill_id: FillId
    order_id: OrderId
    label: Label | None
    instrument: InstrumentId
    amount_native: Decimal
    """Signed: + bought."""
    price_native: Decimal
    fee_native: Decimal
    """Positive is a cost, in `fee_currency`."""
    fee_currency: str
    is_maker: bool
    slippage_usd: float | None
    """Positive is a gain against the mid at the decision."""
    venue_ns: Ns
    received_ns: Ns


class PositionRow(Struct, frozen=True, kw_only=True):
    """A position after it changed."""

    run_id: str
    book: str
    instrument: InstrumentId
    fill_id: FillId | None
    """None: taken from the venue by a reconciliation."""
    position_native: Decimal
    at_ns: Ns


def text_from_decimal(value: Decimal) -> str:
    """Exact decimal text without an exponent."""
    assert value.is_finite(), f"{value} cannot be written to the ledger"
    return format(value, "f")


def decimal_from_text(text: str) -> Decimal:
    """Exact decimal from the ledger's text."""
    value = Decimal(text)
    assert value.is_finite(), f"the ledger holds {text!r} where a number belongs"
    return value


def checked(row: Row) -> Row:
    """The row itself; a NaN or an infinity in it is a bug."""
    for cell in row:
        if cell.__class__ is float:
            assert math.isfinite(cell), f"{cell} cannot be written to the ledger: {row}"
    return row


def intent_row(run_id: str, book: str, order: PlaceOrder) -> Row:
    """Columns of `intents`."""
    return checked(
        (
            order.label,
            run_id,
            book,
            order.instrument,
            text_from_decimal(order.amount_native),
            text_from_decimal(order.price_native),
            order.arrival_mid_native,
            order.valid_until_ns,
            order.decided_seq,
            order.rest_until_ns,
        )
    )


def reload_row(run_id: str, at_ns: Ns, who: tuple[str, str], config_hash: str, changes: Sequence[str]) -> Row:
    """Columns of `reloads`; `who` and why."""
    return checked((run_id, at_ns, *who, config_hash, msgspec.json.encode(changes).decode()))


def fill_row(run_id: str, book: str, fill: Filled, slippage_usd: float | None) -> Row:
    """Columns of `fills`."""
    return checked(
        (
            venue_of(fill.instrument),
            fill.fill_id,
            run_id,
            book,
            fill.order_id,
            fill.label,
            fill.instrument,
            text_from_decimal(fill.amount_native),
            text_from_decimal(fill.price_native),
            text_from_decimal(fill.fee_native),
            fill.fee_currency,
            fill.is_maker,
            slippage_usd,
            fill.venue_ns,
            fill.received_ns,
        )
    )


def decision_row(run_id: str, decided: Decided) -> Row:
    """Columns of `decisions`."""
    return checked(
        (
            run_id,
            decided.book,
            decided.seq,
            decided.now_ns,
            decided.convention,
            decided.action.value,
            decided.reason.value,
            decided.delta_coin_net,
            decided.delta_coin_low,
            decided.delta_coin_high,
            decided.delta_coin_options,
            decided.delta_coin_futures,
            decided.delta_coin_collateral,
            decided.delta_coin_expiring,
            decided.delta_coin_surviving,
            decided.delta_coin_delivered,
            decided.gamma_coin_per_usd,
            decided.gamma_coin_per_hour,
            decided.band_low_coin,
            decided.band_high_coin,
            decided.target_coin,
            decided.trade_coin,
            decided.price_usd,
            decided.index_usd,
            decided.hedge_instrument,
            decided.hedge_age_ns,
            decided.option_age_ns_max,
            msgspec.json.encode(decided.doubtful).decode() if decided.doubtful else "[]",
            decided.detail,
            decided.band_taker_low_coin,
            decided.band_taker_high_coin,
            msgspec.json.encode(decided.forwards).decode() if decided.forwards else "[]",
            None if decided.features is None else msgspec.json.encode(decided.features).decode(),
            decided.volume_usd_per_day,
            msgspec.json.encode(decided.split).decode() if decided.split else "[]",
        )
    )


def decided_from_row(names: Sequence[str], row: Sequence[Cell]) -> Decided:
    """A decision as it was written; `names` are the columns of `row`, `run_id` is left out."""
    cells = _cells(names, row)
    del cells["run_id"]
    doubtful = msgspec.json.decode(str(cells.pop("doubtful")), type=tuple[InstrumentId, ...])
    forwards = msgspec.json.decode(str(cells.pop("forwards")), type=list[object])
    split = msgspec.json.decode(str(cells.pop("split")), type=list[object])
    features = cells.pop("features")
    return msgspec.convert(
        {
            **cells,
            "type": "Decided",
            "doubtful": doubtful,
            "forwards": forwards,
            "split": split,
            "features": None if features is None else msgspec.json.decode(str(features)),
        },
        type=Decided,
    )


def order_from_row(names: Sequence[str], row: Sequence[Cell]) -> OrderRow:
    """An order with the last thing known about it."""
    return msgspec.convert(_cells(names, row), type=OrderRow)


def fill_from_row(names: Sequence[str], row: Sequence[Cell]) -> FillRow:
    """A fill."""
    cells = _cells(names, row)
    return msgspec.convert({**cells, "is_maker": bool(cells["is_maker"])}, type=FillRow)


def position_from_row(names: Sequence[str], row: Sequence[Cell]) -> PositionRow:
    """A position."""
    return msgspec.convert(_cells(names, row), type=PositionRow)


def _cells(names: Sequence[str], row: Sequence[Cell]) -> dict[str, Cell]:
    """Column to cell; the database's own kind of text for names is turned into plain text."""
    return {str(name): cell for name, cell in zip(names, checked(tuple(row)), strict=True)}


def restored_from_order(order: OrderRow, received_ns: Ns) -> IntentRestored:
    """The event that hands an unresolved order of an earlier run to the engine."""
    return IntentRestored(
        label=order.label,
        instrument=order.instrument,
        amount_native=order.amount_native,
        price_native=order.price_native,
        valid_until_ns=order.valid_until_ns,
        received_ns=received_ns,
    )
