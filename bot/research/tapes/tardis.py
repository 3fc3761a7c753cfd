"""CSV in the style of Tardis.dev (`options_chain`, `derivative_ticker`; times in microseconds) to rows.

An options file has no index: that of a ticker file read before it is used, else the forward of the nearest expiry,
which is told. A ticker file has no quotes: it gives the index alone. Another venue's rows are told and left out.
"""

import bisect
import csv
import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from bot.domain.time import Ns
from bot.research.tapes.defects import Defect, DefectKind
from bot.research.tapes.sift import Read
from bot.sim.history import HistoryRow

Found = Iterator[Read | Defect]

_NS_PER_US: Final = 1_000
_OPTIONS: Final = frozenset({"symbol", "underlying_price", "mark_iv", "mark_price"})
_TICKER: Final = frozenset({"symbol", "index_price", "mark_price"})
_VENUES: Final = frozenset({"", "deribit"})
_PERCENT_MAX: Final = 500.0
"""Off scale, as the venue writes it (recorded data notes, section 4.4)."""


def header_of(path: Path) -> tuple[str, ...]:
    """The first line's names; empty where there are none."""
    try:
        with _open(path) as file:
            return tuple(next(csv.reader(file), ()))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error):
        return ()


def is_tardis(header: tuple[str, ...]) -> bool:
    """Whether a CSV has one of the shapes known here."""
    names = set(header)
    return bool({"timestamp", "local_timestamp"} & names) and (names >= _OPTIONS or names >= _TICKER)


def is_ticker(header: tuple[str, ...]) -> bool:
    """Whether it tells an index and no options: to be read before those."""
    return set(header) >= _TICKER and not set(header) >= _OPTIONS


def _open(path: Path) -> IO[str]:
    return gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open("r", newline="")


class Indices:
    """The index of each coin by time, as files have told it so far."""

    def __init__(self) -> None:
        """Nothing told."""
        self._times: dict[str, list[Ns]] = {}
        self._usd: dict[str, list[float]] = {}

    def tell(self, base: str, at_ns: Ns, usd: float) -> None:
        """One look; what is not newer than the last is passed over."""
        times = self._times.setdefault(base, [])
        if not times or at_ns > times[-1]:
            times.append(at_ns)
            self._usd.setdefault(base, []).append(usd)

    def at(self, base: str, at_ns: Ns) -> float | None:
        """The newest of then; None before the first."""
        place = bisect.bisect_right(self._times.get(base, ()), at_ns)
        return self._usd[base][place - 1] if place else None


def read_csv(path: Path, indices: Indices) -> Found:
    """Every row of a file."""
    reader = _Reader(path.name, indices)
    number = 1
    try:
        with _open(path) as file:
            for cells in csv.DictReader(file):
                number += 1
                try:
                    yield from reader.take(number, cells)
                except ValueError as error:
                    yield Defect(path.name, number, DefectKind.UNREADABLE, cells.get("symbol") or "", str(error))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        yield Defect(path.name, number + 1, DefectKind.UNREADABLE, "", f"the file is damaged from here on: {error}")


class _Reader:
    def __init__(self, name: str, indices: Indices) -> None:
        self._name = name
        self._indices = indices
        self._nearest: dict[str, tuple[float, float]] = {}
        """Expiry and forward of the nearest expiry seen of a coin."""

    def take(self, number: int, cells: Mapping[str, str]) -> Found:
        symbol, venue = cells.get("symbol") or "", cells.get("exchange") or ""
        if venue not in _VENUES:
            yield Defect(self._name, number, DefectKind.FOREIGN, symbol, f"of {venue}")
            return
        at_ns = Ns(round(_number(cells, "timestamp", "local_timestamp")) * _NS_PER_US)
        base = symbol.partition("-")[0].partition("_")[0]
        if "underlying_price" not in cells:
            self._indices.tell(base, at_ns, _number(cells, "index_price"))
            return
        row, is_guess = self._option(symbol, base, at_ns, cells)
        if is_guess:
            yield Defect(self._name, number, DefectKind.INDEX_FROM_FORWARD, symbol, f"{row.index_usd:g}")
        yield Read(self._name, number, row)

    def _option(self, symbol: str, base: str, at_ns: Ns, cells: Mapping[str, str]) -> tuple[HistoryRow, bool]:
        forward_usd = _number(cells, "underlying_price")
        index_usd = _maybe(cells, "index_price") or self._indices.at(base, at_ns)
        is_guess = index_usd is None
        if index_usd is None:
            expiry = _number(cells, "expiration")
            nearest = self._nearest.get(base)
            if nearest is None or expiry <= nearest[0]:
                self._nearest[base] = nearest = (expiry, forward_usd)
            index_usd = nearest[1]
        row = HistoryRow(
            instrument=symbol,
            time_ns=at_ns,
            forward_usd=forward_usd,
            forward_name=cells.get("underlying_index") or "index_price",
            index_usd=index_usd,
            mark_native=_number(cells, "mark_price"),
            iv_mark_percent=_volatility(cells, "mark_iv"),
            bid_native=_maybe(cells, "bid_price"),
            bid_amount_native=_maybe(cells, "bid_amount"),
            ask_native=_maybe(cells, "ask_price"),
            ask_amount_native=_maybe(cells, "ask_amount"),
            iv_bid_percent=_volatility(cells, "bid_iv"),
            iv_ask_percent=_volatility(cells, "ask_iv"),
            has_quote_ivs=True,
            delta=_maybe(cells, "delta", is_zero_known=True),
            open_interest_native=_maybe(cells, "open_interest", is_zero_known=True),
            last_native=_maybe(cells, "last_price"),
        )
        return row, is_guess


def _number(cells: Mapping[str, str], *names: str) -> float:
    """The first of these cells that is filled; ValueError names them where none is, or it is no number."""
    for name in names:
        if text := cells.get(name):
            value = float(text)
            if not math.isfinite(value):
                raise ValueError(f"{name} is {text}")
            return value
    raise ValueError(f"{' and '.join(names)} is missing")


def _maybe(cells: Mapping[str, str], name: str, *, is_zero_known: bool = False) -> float | None:
    """None where a cell is empty; a price or amount of zero is none either."""
    text = cells.get(name)
    value = float(text) if text else None
    return value if value or is_zero_known else None


def _volatility(cells: Mapping[str, str], name: str) -> float | None:
    value = _maybe(cells, name)
    return None if value is None or value >= _PERCENT_MAX else value
