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
_DASHES: Final = 3
"""In the name of an option."""
_OFF_SCALE_PERCENT: Final = (999.0, 500.0)
"""What the venue writes when a quote has no sensible volatility (recorded data notes, section 4.4)."""


class BookResult(Struct, frozen=True):
    """Fields used of a `public/get_order_book` result; prices in coin, of linear contracts and futures in USD."""

    instrument_name: str
    timestamp: int
    index_price: float
    mark_price: float
    underlying_price: float | None = None
    """Of an option."""
    underlying_index: str | None = None
    mark_iv: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    best_bid_price: float | None = None
    best_bid_amount: float | None = None
    best_ask_price: float | None = None
    best_ask_amount: float | None = None
    greeks: dict[str, float | None] = {}
    open_interest: float | None = None
    min_price: float | None = None
    max_price: float | None = None
    last_price: float | None = None
    settlement_price: float | None = None


class _Line(Struct, frozen=True):
    """One line of the file: an envelope, or the result itself."""

    result: BookResult | None = None


_envelope: Final = msgspec.json.Decoder(_Line)
_bare: Final = msgspec.json.Decoder(BookResult)


def decoded(line: bytes) -> BookResult:
    """One line of JSON; msgspec.DecodeError says what is wrong with it."""
    return _envelope.decode(line).result or _bare.decode(line)


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
                result = decoded(line)
                if not result.instrument_name.startswith(f"{base}-") or result.instrument_name.count("-") != _DASHES:
                    raise ValueError(f"{result.instrument_name!r} is no option on {base}")  # noqa: TRY301
                yield row_of(result)
    except (msgspec.DecodeError, ValueError, EOFError, OSError, zlib.error) as error:
        raise MalformedMessage(f"{path.name} line {number}: {error}") from error


def row_of(result: BookResult) -> HistoryRow:
    """Absent is None from here on: an iv of 0 or off scale, a price of 0. ValueError for what no row can be made of."""
    name = result.instrument_name
    is_option = name.count("-") == _DASHES
    delta, forward_usd = result.greeks.get("delta"), result.underlying_price if is_option else result.mark_price
    if is_option and delta is None:
        raise ValueError(f"{name} has no delta")
    if forward_usd is None:
        raise ValueError(f"{name} has no forward")
    numbers = (forward_usd, result.index_price, result.mark_price, delta or 0.0)
    if not all(math.isfinite(number) for number in numbers) or result.index_price <= 0 or forward_usd <= 0:
        raise ValueError(f"{name} has an impossible price")
    return HistoryRow(
        instrument=name,
        time_ns=_time_ns(result.timestamp),
        forward_usd=forward_usd,
        forward_name=result.underlying_index or name,
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
