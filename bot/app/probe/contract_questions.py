"""Questions about what is traded: units and fees of options, the size of a linear position."""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field

from bot.app.probe.question import Answer, Bench, Question, answered, inconclusive
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_DAY, Ns, ms_from_ns
from bot.venues.deribit_wire import Number, exact, is_option_name
from bot.venues.venue_rest import convert

_BASES: Final = ("BTC", "ETH")
_LOG_DAYS: Final = 30
_LOG_ROWS_MAX: Final = 100
_LOOKS_MAX: Final = 20
_LOOK_PAUSE_S: Final = 0.5
_SAME: Final = 2e-6
"""Sizes are shown with six digits."""
_APART: Final = 5.0
"""The two formulas must differ by so many times that much to be told apart."""


class _Listed(Struct):
    instrument_name: InstrumentId
    base_currency: str
    contract_size: Number
    min_trade_amount: Number
    maker_commission: Number
    taker_commission: Number


class _Trade(Struct):
    amount: Number
    fee: Number
    fee_currency: str


class _Trades(Struct):
    trades: list[_Trade]


class LogRow(Struct):
    """A row of the transaction log, as far as deliveries go."""

    instrument_name: str = ""
    amount: Number | None = None
    commission: Number | None = None
    stamp_ms: int = field(name="timestamp", default=0)


class _Log(Struct):
    logs: list[LogRow]


class _Summary(Struct):
    fees: object = None


class _LinearPosition(Struct):
    size: Number
    mark_price: Number
    average_price: Number
    size_currency: Number = 0.0


async def _options(bench: Bench, currency: str) -> list[_Listed]:
    params = {"currency": currency, "kind": "option", "expired": False}
    rows = convert(await bench.road.ask("public/get_instruments", params), list[_Listed])
    return [row for row in rows if row.base_currency in _BASES]


def _each(rows: Sequence[_Listed], *fields: str) -> dict[str, list[dict[str, str]]]:
    """By coin: the different values of some fields."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        values = {field: f"{exact(getattr(row, field)):f}" for field in fields}
        seen = found.setdefault(row.base_currency, [])
        if values not in seen:
            seen.append(values)
    return found


def _told(found: dict[str, list[dict[str, str]]]) -> str:
    return "; ".join(
        f"{base}: {' or '.join(', '.join(f'{key} {value}' for key, value in values.items()) for values in each)}"
        for base, each in sorted(found.items())
    )


async def linear_option_units(bench: Bench) -> Answer:
    """Contract size and least amount of the options settled in USDC."""
    found = _each(await _options(bench, "USDC"), "contract_size", "min_trade_amount")
    missing = sorted(set(_BASES) - set(found))
    if missing:
        return inconclusive(f"no linear options of {', '.join(missing)} are listed; {_told(found)}", **found)
    return answered(_told(found), **found)


async def option_fees(bench: Bench) -> Answer:
    """Rates in the listing, discounts of the account, and the fees of this account's last option trades."""
    facts: dict[str, object] = {}
    told = []
    for currency, name in (("BTC", "inverse"), ("USDC", "linear")):
        found = _each(await _options(bench, currency), "maker_commission", "taker_commission")
        facts[name] = found
        told.append(f"{name} {_told(found) or 'not listed'}")
        params = {"currency": currency, "kind": "option", "count": 10}
        trades = convert(await bench.road.ask("private/get_user_trades_by_currency", params), _Trades).trades
        facts[f"{name}_trades"] = [f"{exact(row.fee):f} {row.fee_currency} for {exact(row.amount):f}" for row in trades]
    summary = await bench.road.ask("private/get_account_summary", {"currency": "BTC", "extended": True})
    facts["discounts"] = convert(summary, _Summary).fees
    is_listed = bool(facts["inverse"] and facts["linear"])
    return (answered if is_listed else inconclusive)("; ".join(told), **facts)


async def deliveries(bench: Bench) -> list[LogRow]:
    """Rows of type delivery in this account's log of the last thirty days."""
    found: list[LogRow] = []
    for currency in (*_BASES, "USDC"):
        end_ms = bench.road.venue_ms()
        params = {
            "currency": currency,
            "start_timestamp": end_ms - ms_from_ns(Ns(_LOG_DAYS * NS_PER_DAY)),
            "end_timestamp": end_ms,
            "query": "delivery",
            "count": _LOG_ROWS_MAX,
        }
        found += convert(await bench.road.ask("private/get_transaction_log", params), _Log).logs
    return found


async def delivery_fees(bench: Bench) -> Answer:
    """What delivered options cost, from the account's own log."""
    rows = [row for row in await deliveries(bench) if is_option_name(row.instrument_name)]
    seen = [f"{row.instrument_name}: {exact(row.commission or 0.0):f} for {exact(row.amount or 0.0):f}" for row in rows]
    if not rows:
        return inconclusive(f"no option of this account was delivered in the last {_LOG_DAYS} days")
    return answered("; ".join(seen[:3]), deliveries=seen)


async def linear_size(bench: Bench) -> Answer:
    """Whether `size` follows mark or average, on the least long position of the linear perpetual if none is held."""
    if not (await _linear(bench)).size:
        await bench.orders.crossing(bench.road, bench.linear, bench.linear.lot_native)
    for _ in range(_LOOKS_MAX):
        held = await _linear(bench)
        by_mark = abs(held.size - held.size_currency * held.mark_price)
        by_average = abs(held.size - held.size_currency * held.average_price)
        facts: dict[str, object] = {
            "size": held.size,
            "size_currency": held.size_currency,
            "mark_price": held.mark_price,
            "average_price": held.average_price,
        }
        near_usd, far_usd = sorted((by_mark, by_average))
        if held.size and near_usd <= _SAME < far_usd / _APART:
            price = "mark_price" if by_mark < by_average else "average_price"
            return answered(f"size = size_currency × {price}", **facts)
        await asyncio.sleep(_LOOK_PAUSE_S)
    return inconclusive("neither formula fits alone" if held.size else "no position came about", **facts)


async def _linear(bench: Bench) -> _LinearPosition:
    params = {"instrument_name": bench.linear.id}
    return convert(await bench.road.ask("private/get_position", params), _LinearPosition)


QUESTIONS: Final = (
    Question(
        name="linear_option_units",
        asked="Which contract size and least amount do BTC_USDC and ETH_USDC options have?",
        done="nothing is sent but a look at the listing",
        ask=linear_option_units,
    ),
    Question(
        name="option_fees",
        asked="What do options cost today?",
        done="nothing is sent but looks at the listing, the account and its last trades",
        ask=option_fees,
    ),
    Question(
        name="delivery_fees",
        asked="What does the delivery of options cost today?",
        done="nothing is sent but a look at the transaction log",
        ask=delivery_fees,
    ),
    Question(
        name="linear_size",
        asked="Is `size` of a linear position its coins at the mark or at the average price?",
        done="one immediate-or-cancel buy of the linear perpetual, unless one is held, traded back afterwards",
        ask=linear_size,
    ),
)
