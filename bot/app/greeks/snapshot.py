"""The market at one moment, from wherever it is known: what `sheet` computes from.

Knows instruments and the newest of each; a tape or a recorded day becomes one here, a feed in `feed`.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from bot.domain.errors import ConfigError, JournalError, MalformedMessage
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import Ns, iso_utc
from bot.journal.history_files import read_rows
from bot.journal.tape_history import is_run, read_tape
from bot.sim.history import HistoryRow
from bot.sim.recorded_listing import listed_from_rows


class Quote(NamedTuple):
    """Newest of one instrument; `None` is absent. Prices in its native units, volatility as a fraction."""

    time_ns: Ns
    forward_usd: float | None
    """Of an option's expiry; the mark of a future or perpetual."""
    index_usd: float | None
    iv: float | None
    bid_native: float | None
    ask_native: float | None
    delivery_usd: float | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything known at `now_ns`."""

    source: str
    """Where it comes from, for a reader."""
    now_ns: Ns
    listed: dict[InstrumentId, Instrument]
    quotes: dict[InstrumentId, Quote]

    def index_usd(self, base: str) -> float | None:
        """The newest index of a coin."""
        known = [
            (quote.time_ns, quote.index_usd)
            for name, quote in self.quotes.items()
            if quote.index_usd is not None and self.listed[name].base == base
        ]
        return max(known)[1] if known else None


def from_folder(folder: Path, currency: str, at_ns: Ns | None) -> Snapshot:
    """A run's tape or a recorded day as it stood at a moment (None: at its end); ConfigError says what is wrong."""
    try:
        rows, listed = _open(folder, currency)
        newest: dict[InstrumentId, HistoryRow] = {}
        last_ns = first_ns = None
        for row in rows:
            first_ns = row.time_ns if first_ns is None else first_ns
            if at_ns is not None and row.time_ns > at_ns:
                break
            last_ns = row.time_ns
            newest[InstrumentId(row.instrument)] = row
    except (JournalError, MalformedMessage, ValueError) as error:
        raise ConfigError(f"--tape: {str(error).removeprefix('tape: ')}") from error
    if last_ns is None:
        began = "" if first_ns is None else f"; it begins at {iso_utc(first_ns)}"
        raise ConfigError(f"--at: nothing had been recorded by then{began}")
    return Snapshot(
        source=str(folder),
        now_ns=last_ns if at_ns is None else at_ns,
        listed={item.id: item for item in listed},
        quotes={name: _quote(row) for name, row in newest.items()},
    )


def moments(folder: Path, currency: str, at_ns: Ns | None, every_ns: Ns) -> Iterator[list[tuple[Instrument, Quote]]]:
    """What was seen of each instrument in each stretch of `every_ns` up to a moment, newest of the stretch."""
    try:
        rows, listed = _open(folder, currency)
        specs = {item.id: item for item in listed}
        stretch: dict[InstrumentId, HistoryRow] = {}
        end_ns = None
        for row in rows:
            if at_ns is not None and row.time_ns > at_ns:
                break
            if end_ns is None or row.time_ns >= end_ns:
                if stretch:
                    yield [(specs[name], _quote(seen)) for name, seen in stretch.items()]
                stretch, end_ns = {}, row.time_ns + every_ns
            stretch[InstrumentId(row.instrument)] = row
        if stretch:
            yield [(specs[name], _quote(seen)) for name, seen in stretch.items()]
    except (JournalError, MalformedMessage, ValueError) as error:
        raise ConfigError(f"--tape: {str(error).removeprefix('tape: ')}") from error


def _open(folder: Path, currency: str) -> tuple[Iterable[HistoryRow], Sequence[Instrument]]:
    """Rows in order of time and what is listed; ConfigError without a folder."""
    if not folder.is_dir():
        raise ConfigError(f"--tape: there is no folder {folder}")
    if is_run(folder):
        tape = read_tape(folder)
        return tape.rows(), tape.listed
    rows = list(read_rows(folder, currency))
    return rows, listed_from_rows(rows)


def _quote(row: HistoryRow) -> Quote:
    return Quote(
        time_ns=row.time_ns,
        forward_usd=row.forward_usd,
        index_usd=row.index_usd,
        iv=None if row.iv_mark_percent is None else row.iv_mark_percent / 100.0,
        bid_native=row.bid_native,
        ask_native=row.ask_native,
    )
