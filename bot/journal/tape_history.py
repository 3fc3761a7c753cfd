"""A tape of our own as recorded history: what the venue was seen to show, for a world that plays it again.

Knows which events are market data and what a row needs; what came of the events is of no interest here. The tape
is read twice: once to see what is on it and that it is whole, once while it plays.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bot.domain.errors import JournalError
from bot.domain.events import Event, InstrumentListed
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked, Quoted
from bot.domain.time import NS_PER_S, Ns, expiry_code
from bot.journal import manifest
from bot.journal.tape_reader import TapeReader
from bot.sim.history import HistoryRow

_PERCENT: Final = 100.0
_STEP_NS: Final = NS_PER_S
"""Further back than two sockets are apart."""


class TapedHistory(Struct, frozen=True, kw_only=True):
    """What is on a tape."""

    folder: Path
    listed: tuple[Instrument, ...]
    """Whatever was quoted, in the order it was listed."""
    index_usd: dict[str, float]
    """First of each index."""
    first_seen_ns: tuple[Ns, ...]
    """When each instrument was first quoted, ascending."""
    end_ns: Ns
    """Last row."""
    rows_count: int
    stepped_back: tuple[tuple[int, str, int], ...]
    """Where the bot's clock went back: number of the row from 1, its instrument, by how many ns."""

    def rows(self) -> Iterator[HistoryRow]:
        """All rows in the order they were received."""
        return _rows(self.folder)


def is_run(folder: Path) -> bool:
    """Whether the folder is that of a run, with a tape of ours."""
    return (folder / manifest.NAME).is_file()


def read_tape(folder: Path) -> TapedHistory:
    """Look through a tape; JournalError says what is wrong with it, or that nothing was quoted on it."""
    specs: dict[str, Instrument] = {}
    seen_ns: dict[str, Ns] = {}
    index_usd: dict[str, float] = {}
    end_ns = Ns(0)
    rows_count = 0
    stepped: list[tuple[int, str, int]] = []
    for row in _rows(folder, specs, stepped):
        rows_count += 1
        seen_ns.setdefault(row.instrument, row.time_ns)
        index_usd.setdefault(specs[row.instrument].index_name, row.index_usd)
        end_ns = row.time_ns
    if not seen_ns:
        raise JournalError(f"tape: nothing was quoted on the tape in {folder}")
    return TapedHistory(
        folder=folder,
        listed=tuple(spec for name, spec in specs.items() if name in seen_ns),
        index_usd=index_usd,
        first_seen_ns=tuple(sorted(seen_ns.values())),
        end_ns=end_ns,
        rows_count=rows_count,
        stepped_back=tuple(stepped),
    )


def _rows(
    folder: Path,
    specs: dict[str, Instrument] | None = None,
    stepped: list[tuple[int, str, int]] | None = None,
) -> Iterator[HistoryRow]:
    """Rows of a tape; the specifications met on the way go into `specs`, a clock that went back into `stepped`."""
    specs = {} if specs is None else specs
    number = 0
    newest: dict[str, HistoryRow] = {}
    now_ns = Ns(0)
    _, digest = manifest.read(folder)
    for _, _, event in TapeReader(folder, digest).events():
        if isinstance(event, InstrumentListed):
            specs[event.instrument.id] = event.instrument
        row = _row(event, specs, newest)
        if row is not None:
            # Several sockets were read: their events are in order, their stamps nearly so.
            number += 1
            if stepped is not None and now_ns - row.time_ns > _STEP_NS:
                stepped.append((number, row.instrument, now_ns - row.time_ns))
            now_ns = max(now_ns, row.time_ns)
            newest[row.instrument] = row = replace(row, time_ns=now_ns)
            yield row


def _row(event: Event, specs: dict[str, Instrument], newest: dict[str, HistoryRow]) -> HistoryRow | None:
    """What an event shows; None when it shows nothing that can be valued."""
    match event:
        case OptionMarked() if (spec := specs.get(event.instrument)) is not None:
            return _option(event, spec)
        case FutureMarked() if (spec := specs.get(event.instrument)) is not None:
            return _future(event, spec)
        case Quoted() if (known := newest.get(event.instrument)) is not None:
            return replace(
                known,
                time_ns=event.received_ns,
                bid_native=event.bid_native,
                bid_amount_native=event.bid_amount_native,
                ask_native=event.ask_native,
                ask_amount_native=event.ask_amount_native,
            )
    return None


def _option(event: OptionMarked, spec: Instrument) -> HistoryRow | None:
    if event.mark_native is None or event.forward_usd is None or event.index_usd is None:
        return None
    return HistoryRow(
        instrument=event.instrument,
        time_ns=event.received_ns,
        forward_usd=event.forward_usd,
        forward_name=_forward_name(spec),
        index_usd=event.index_usd,
        mark_native=event.mark_native,
        iv_mark_percent=None if event.iv_mark is None else event.iv_mark * _PERCENT,
        bid_native=event.bid_native if event.is_open else None,
        bid_amount_native=event.bid_amount_native,
        ask_native=event.ask_native if event.is_open else None,
        ask_amount_native=event.ask_amount_native,
    )


def _future(event: FutureMarked, spec: Instrument) -> HistoryRow | None:
    if event.mark_usd is None or event.index_usd is None:
        return None
    return HistoryRow(
        instrument=event.instrument,
        time_ns=event.received_ns,
        forward_usd=event.mark_usd,
        forward_name=_forward_name(spec),
        index_usd=event.index_usd,
        mark_native=event.mark_usd,
        iv_mark_percent=None,
        bid_native=event.bid_usd if event.is_open else None,
        bid_amount_native=event.bid_amount_native,
        ask_native=event.ask_usd if event.is_open else None,
        ask_amount_native=event.ask_amount_native,
        price_min_native=event.price_min_usd,
        price_max_native=event.price_max_usd,
    )


def _forward_name(spec: Instrument) -> str:
    """The dated future: every expiry has one (exchange facts 0.3)."""
    return "index_price" if spec.expiry_ns is None else f"{spec.base}-{expiry_code(spec.expiry_ns)}"
