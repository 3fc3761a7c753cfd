"""Every reader of a venue's replies: whatever comes of the right shape or a wrong one, it is understood or refused."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from bot.domain.errors import ConfigError, MalformedMessage, VenueError
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import Ns
from bot.venues import (
    binance_rest,
    bybit,
    bybit_rest,
    deribit_account,
    deribit_fees,
    deribit_log,
    deribit_rest,
    deribit_wire,
    hyperliquid,
    hyperliquid_rest,
    okx_rest,
)
from bot.venues.ccxt_feed import reading_of
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import convert

NOW = Ns(1_770_000_000_000_000_000)
NAME = "BTC-USDT-SWAP"
FEES = (Decimal("0.0001"), Decimal("0.0005"))
SIZES = {InstrumentId(f"OKX:{NAME}"): Decimal("0.01")}
SETTINGS = VenueSettings(venue=VenueId("deribit"), ws_url="", rest_url="", is_testnet=True)
PERPETUAL = Instrument(
    id=InstrumentId("BTC-PERPETUAL"),
    venue=VenueId("deribit"),
    kind=Kind.PERPETUAL,
    base="BTC",
    settlement=Settlement.COIN,
    settlement_currency="BTC",
    index_name="btc_usd",
    contract_size_native=Decimal(10),
    lot_native=Decimal(10),
    tick_native=Decimal("0.5"),
    fee_rate_maker=FEES[0],
    fee_rate_taker=FEES[1],
)

numbers = st.sampled_from(["1", "0.001", "64000.5", "-2", "0", "", "NaN", "-Infinity", "1e400", "1e-400", "１", "x"])
texts = (
    numbers
    | st.sampled_from([NAME, "BTC-PERPETUAL", "BTCUSDT", "buy", "Sell", "net", "live", "open"])
    | st.text(max_size=4)
)
floats = st.floats() | st.sampled_from([0.0, 1.0, -1.0, 64_000.5, 1e300])
integers = st.integers() | st.sampled_from([0, 1, -1, 5, 1_770_000_000_000, 10**30])
junk = st.recursive(
    st.none() | st.booleans() | integers | floats | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.StrType: texts,
    inspect.DecimalType: texts,
    inspect.IntType: integers,
    inspect.FloatType: floats,
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
}


def of_shape(shape: inspect.Type, depth: int = 4) -> st.SearchStrategy[Any]:
    """Values as JSON has them that a type would take, and now and then one it would not."""
    match shape:
        case inspect.StructType(fields=fields) if depth:
            needed = {field.encode_name: of_shape(field.type, depth - 1) for field in fields if field.required}
            optional = {field.encode_name: of_shape(field.type, depth - 1) for field in fields if not field.required}
            found: st.SearchStrategy[Any] = st.fixed_dictionaries(needed, optional=optional)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if depth:
            found = st.lists(of_shape(item, depth - 1), max_size=2)
        case inspect.TupleType(item_types=items) if depth:
            found = st.tuples(*(of_shape(item, depth - 1) for item in items)).map(list)
        case inspect.UnionType(types=types):
            found = st.one_of(*(of_shape(item, depth) for item in types))
        case inspect.LiteralType(values=values):
            found = st.sampled_from(values)
        case inspect.EnumType(cls=cls):
            found = st.sampled_from([member.value for member in cls])
        case _:
            found = PLAIN.get(type(shape), junk)
    # One in so many fields is nonsense: more would leave nothing that gets as far as the arithmetic.
    return st.integers(0, 30).flatmap(lambda dice: junk if dice == 0 else found)


class Reader(NamedTuple):
    """What is read, and by what."""

    name: str
    shape: Any
    read: Callable[[Any], object]


def _rows_of(module: ModuleType, name: str, read: Callable[[Any], object]) -> Reader:
    shape = getattr(module, name)
    return Reader(f"{module.__name__.rpartition('.')[2]}.{name}", shape, lambda value: read(convert(value, shape)))


def _listed_with(module: ModuleType, second: str, read: Callable[[Any, Any], object]) -> Reader:
    """Read from two replies."""
    shapes = getattr(module, "Listed", None) or module.Universe.Listed, getattr(module, second)
    name = f"{module.__name__.rpartition('.')[2]}.{second} and listing"
    return Reader(name, tuple[shapes], lambda both: read(*map(convert, _pair(both), shapes)))


def _pair(drawn: Any) -> list[Any]:
    return drawn if isinstance(drawn, list) and len(drawn) == 2 else [drawn, drawn]


def _asked(reader: Callable[[Any], Any], replies: Any) -> object:
    """Run what asks a venue: its answers come in the order they were drawn, and the last one stays."""
    left = replies if isinstance(replies, list) and replies else [replies]

    async def ask(_method: str, _params: dict[str, object]) -> object:
        return left.pop(0) if len(left) > 1 else left[0]

    return asyncio.run(reader(ask))


def _snapshot(ask: Any) -> Any:
    return deribit_account.AccountReader(ask, {PERPETUAL.id: PERPETUAL}, lambda: NOW).snapshot()


def _news(ask: Any) -> Any:
    return deribit_log.SettlementLog(ask, {PERPETUAL.id: PERPETUAL}, lambda: NOW).news()


_POSITIONS = list[deribit_rest.Position]
_SNAPSHOT = tuple[
    _POSITIONS, list[deribit_wire.Order], deribit_rest.Trades, dict[str, list[deribit_wire.Portfolio]], _POSITIONS
]

READERS = (
    _rows_of(okx_rest, "Order", lambda row: okx_rest.order_read(row, SIZES)),
    _rows_of(okx_rest, "Fill", lambda row: okx_rest.filled(row, SIZES, NOW)),
    _rows_of(okx_rest, "Position", lambda row: okx_rest.position_seen(row, SIZES)),
    _rows_of(okx_rest, "Detail", okx_rest.money_of),
    _rows_of(okx_rest, "Listed", lambda row: okx_rest.instrument_from(row, FEES)),
    _listed_with(okx_rest, "TradeFee", lambda listed, fee: okx_rest.fees_of(fee, listed)),
    _rows_of(okx_rest, "Time", lambda row: okx_rest.stamp_ns(row.ts)),
    _rows_of(binance_rest, "Order", binance_rest.order_read),
    _rows_of(binance_rest, "Fill", lambda row: binance_rest.filled(row, {}, NOW)),
    _rows_of(binance_rest, "Position", binance_rest.position_seen),
    _rows_of(binance_rest, "Account", lambda row: binance_rest.money_of(row.assets)),
    _rows_of(binance_rest, "Commission", binance_rest.fees_of),
    _rows_of(binance_rest, "Listed", lambda row: binance_rest.instrument_from(row, FEES, Decimal(64_000))),
    _rows_of(bybit_rest, "Order", bybit_rest.order_read),
    _rows_of(bybit_rest, "Fill", lambda row: bybit_rest.filled(row, NOW)),
    _rows_of(bybit_rest, "Position", bybit_rest.position_seen),
    _rows_of(bybit_rest, "Coin", bybit_rest._money),
    _rows_of(bybit_rest, "Listed", lambda row: bybit_rest.instrument_from(row, FEES)),
    Reader("bybit_rest wallet", bybit_rest._Reply, bybit_rest.money_of),
    Reader("bybit_rest time", bybit_rest._Reply, bybit_rest.venue_ms),
    _rows_of(hyperliquid_rest, "Order", lambda row: hyperliquid_rest.order_read(row, "open", 1)),
    _rows_of(hyperliquid_rest, "Fill", lambda row: hyperliquid_rest.filled(row, NOW)),
    _rows_of(hyperliquid_rest, "Account", hyperliquid_rest.positions_of),
    _rows_of(hyperliquid_rest, "Account", hyperliquid_rest.money_of),
    _rows_of(hyperliquid_rest, "Acked", hyperliquid_rest.oid_of),
    _listed_with(hyperliquid_rest, "Context", lambda row, seen: hyperliquid_rest.instrument_from(row, seen, FEES)),
    Reader("deribit_rest.Listed", deribit_rest.Listed, lambda row: deribit_rest.instrument_from(row, SETTINGS)),
    Reader("deribit_fees", deribit_fees._Summaries, lambda told: deribit_fees.AccountFees(told).of(PERPETUAL)),
    Reader("deribit_account", _SNAPSHOT, lambda replies: _asked(_snapshot, replies)),
    Reader("deribit_log", tuple[deribit_log._Page, deribit_log._Page], lambda replies: _asked(_news, replies)),
    Reader("bybit marks", dict[str, Any], lambda told: reading_of(lambda: bybit.marks(InstrumentId("BYBIT:X"), told))),
    Reader(
        "hyperliquid marks",
        dict[str, Any],
        lambda told: reading_of(lambda: hyperliquid.marks(InstrumentId("HYPERLIQUID:X"), told)),
    ),
)


def _floats_in(value: object) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, Decimal):
        yield float(value) if value.is_finite() else math.nan
    elif isinstance(value, msgspec.Struct):
        for inner in msgspec.structs.asdict(value).values():
            yield from _floats_in(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _floats_in(inner)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@given(data=st.data())
def test_any_reply_is_read_or_refused(reader: Reader, data: st.DataObject) -> None:
    """Only errors of ours come of what a venue says, and no number that is none."""
    reply = data.draw(of_shape(inspect.type_info(reader.shape)))
    with contextlib.suppress(MalformedMessage, VenueError, ConfigError):
        read = reader.read(reply)
        assert all(math.isfinite(value) for value in _floats_in(read)), read
