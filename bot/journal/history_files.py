"""Reads recorded history: gzipped JSON lines of `public/get_order_book` results, one option a line.

Knows the file names and fields of such a recording (recorded data notes, section 2); turns them into rows in
time order. Does not log and does not know what the rows are for.
"""

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bot.domain.errors import ConfigError, MalformedMessage
from bot.domain.time import Ns, ns_from_ms
from bot.sim.history import HistoryRow

_FILE_NAME: Final = "{currency}_get_order_book_5min.jsonl.gz"
_OFF_SCALE_PERCENT: Final = (999.0, 500.0)
"""What the venue writes when a quote has no sensible volatility (recorded data notes, section 4.4)."""


class _Result(Struct, frozen=True):
    """Fields used of a `public/get_order_book` result; prices in coin."""

    instrument_name: str
    timestamp: int
    underlying_price: float
    underlying_index: str
    index_price: float
    mark_price: float
    mark_iv: float | None
    bid_iv: float | None
    ask_iv: float | None
    best_bid_price: float | None
    best_bid_amount: float | None
    best_ask_price: float | None
    best_ask_amount: float | None
    greeks: dict[str, float]
    open_interest: float
    min_price: float
    max_price: float
    last_price: float | None = None
    settlement_price: float | None = None


class _Line(Struct, frozen=True):
    """One line of the file."""

    result: _Result


_decoder: Final = msgspec.json.Decoder(_Line)


def read_rows(folder: Path, currency: str) -> Iterator[HistoryRow]:
    """Rows of one coin, oldest first, instrument names in order within one millisecond.

    The whole file is read before the first row is given out (a line may be minutes older than the one before
    it). ConfigError when the file is not there; MalformedMessage names file and line of what cannot be read.
    """
    path = folder / _FILE_NAME.format(currency=currency.lower())
    if not path.is_file():
        raise ConfigError(f"history: {path} does not exist; name a folder that holds {path.name}")
    rows = list(_read(path, currency.upper()))
    rows.sort(key=lambda row: (row.time_ns, row.instrument))
    yield from rows


def _read(path: Path, base: str) -> Iterator[HistoryRow]:
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            for line in lines:
                number += 1
                yield _row(_decoder.decode(line).result, base)
    except (msgspec.DecodeError, ValueError, EOFError, OSError, zlib.error) as error:
        raise MalformedMessage(f"{path.name} line {number}: {error}") from error


def _row(result: _Result, base: str) -> HistoryRow:
    """Absent is None from here on: an iv of 0 or off scale, a price of 0."""
    name = result.instrument_name
    if not name.startswith(f"{base}-") or name.count("-") != 3:
        raise ValueError(f"{name!r} is no option on {base}")
    delta = result.greeks.get("delta")
    if delta is None:
        raise ValueError(f"{name} has no delta")
    numbers = (result.underlying_price, result.index_price, result.mark_price, delta)
    if not all(math.isfinite(number) for number in numbers) or result.index_price <= 0 or result.underlying_price <= 0:
        raise ValueError(f"{name} has an impossible price")
    return HistoryRow(
        instrument=name,
        time_ns=_time_ns(result.timestamp),
        forward_usd=result.underlying_price,
        forward_name=result.underlying_index,
        index_usd=result.index_price,
        mark_native=result.mark_price,
        iv_mark_percent=_iv(result.mark_iv),
        bid_native=result.best_bid_price or None,
        bid_amount_native=result.best_bid_amount or None,
        ask_native=result.best_ask_price or None,
        ask_amount_native=result.best_ask_amount or None,
        iv_bid_percent=_iv(result.bid_iv),
        iv_ask_percent=_iv(result.ask_iv),
        has_quote_ivs=True,
        delta=delta,
        open_interest_native=result.open_interest,
        last_native=result.last_price,
        settlement_native=result.settlement_price,
        price_min_native=result.min_price,
        price_max_native=result.max_price,
    )


def _time_ns(timestamp_ms: int) -> Ns:
    if timestamp_ms <= 0:
        raise ValueError(f"timestamp {timestamp_ms} is not a time")
    return ns_from_ms(timestamp_ms)


def _iv(percent: float | None) -> float | None:
    return None if percent is None or percent == 0.0 or percent in _OFF_SCALE_PERCENT else percent
