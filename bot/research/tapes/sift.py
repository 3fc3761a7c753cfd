"""Puts recorded rows in order and finds what is wrong with them: duplicates, clocks, quotes, holes.

Knows rows; where they come from is somebody else's. Nothing is repaired: what cannot be played is left out and told.
"""

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from bot.domain.time import NS_PER_S, Ns, expiry_ns_from_code, iso_utc
from bot.research.tapes.defects import Defect, DefectKind
from bot.sim.history import HistoryRow

HOLE_NS: Final = Ns(660 * NS_PER_S)
"""Two rounds of five minutes and a minute: what `config/tape.toml` calls old."""
_PARKED_COIN: Final = 1.0
_WINDOW_NS: Final = 1_800 * NS_PER_S
"""The index is averaged over the last half hour of an expiry."""


class Read(NamedTuple):
    """A row and where it was."""

    file: str
    number: int
    row: HistoryRow


class Hole(NamedTuple):
    """Nothing was recorded in between."""

    start_ns: Ns
    end_ns: Ns


class Sifted(NamedTuple):
    """What can be played, in order of time and name, and what was wrong."""

    rows: list[HistoryRow]
    defects: list[Defect]
    holes: list[Hole]


def sift(found: Sequence[Read], hole_ns: Ns = HOLE_NS) -> Sifted:
    """Rows as found in their files, sorted; what is left out, and why."""
    defects: list[Defect] = []
    possible: list[Read] = []
    for read in found:
        why = impossible(read.row)
        if why:
            defects.append(_defect(read, DefectKind.IMPOSSIBLE, why))
        else:
            possible.append(read)
    forward = _going_forward(possible, defects)
    forward.sort(key=lambda read: (read.row.time_ns, read.row.instrument))
    kept = list(_once(forward, defects))
    for read in kept:
        defects += [_defect(read, kind, detail) for kind, detail in oddities(read.row)]
    holes = list(holes_of(kept, defects, hole_ns))
    return Sifted([read.row for read in kept], defects, holes)


def _defect(read: Read, kind: DefectKind, detail: str) -> Defect:
    return Defect(read.file, read.number, kind, read.row.instrument, detail)


def impossible(row: HistoryRow) -> str:
    """What cannot be, in words; empty where all can."""
    for name in ("forward_usd", "index_usd"):
        value = getattr(row, name)
        if not (math.isfinite(value) and value > 0.0):
            return f"{name} is {value}"
    if not (math.isfinite(row.mark_native) and row.mark_native >= 0.0):
        return f"mark is {row.mark_native}"
    for name in ("bid_native", "ask_native", "bid_amount_native", "ask_amount_native", "iv_mark_percent", "delta"):
        value = getattr(row, name)
        if value is not None and not (math.isfinite(value) and (value >= 0.0 or name == "delta")):
            return f"{name} is {value}"
    return "" if row.time_ns > 0 else f"its time is {row.time_ns}"


def oddities(row: HistoryRow) -> Iterator[tuple[DefectKind, str]]:
    """What is odd about a row that is played all the same."""
    if row.bid_native is None:
        yield DefectKind.NO_BID, ""
    if row.ask_native is None:
        yield DefectKind.NO_ASK, ""
    is_option = row.instrument.count("-") == 3
    if row.ask_native is not None and is_option:
        whole = row.forward_usd if "_" in row.instrument else _PARKED_COIN
        if row.ask_native >= whole:
            yield DefectKind.PARKED_ASK, f"ask {row.ask_native:g} at a mark of {row.mark_native:g}"
    if row.bid_native is not None and row.ask_native is not None and row.bid_native >= row.ask_native:
        yield DefectKind.CROSSED, f"{row.bid_native:g} over {row.ask_native:g}"
    if is_option and row.mark_native == 0.0:
        yield DefectKind.NO_MARK, ""
    if is_option and row.iv_mark_percent is None:
        yield DefectKind.NO_VOLATILITY, ""


def _going_forward(found: Iterable[Read], defects: list[Defect]) -> list[Read]:
    """Of each instrument in each file the most rows whose clock goes forward; a file may begin with the newest."""
    series: dict[tuple[str, str], list[Read]] = {}
    for read in found:
        series.setdefault((read.file, read.row.instrument), []).append(read)
    kept: list[Read] = []
    for reads in series.values():
        times = [read.row.time_ns for read in reads]
        if all(before <= after for before, after in itertools.pairwise(times)):
            kept += reads
            continue
        if _falls(times):
            reads.reverse()
            times.reverse()
        inside = _longest(times)
        before_ns = 0
        for place, read in enumerate(reads):
            if place in inside:
                kept.append(read)
                before_ns = read.row.time_ns
            else:
                away_s = (read.row.time_ns - before_ns) / NS_PER_S if before_ns else 0.0
                detail = f"{iso_utc(read.row.time_ns)}, {away_s:+,.3f} s from the row before"
                defects.append(_defect(read, DefectKind.CLOCK_JUMP, detail))
    return kept


def _falls(times: Sequence[int]) -> bool:
    """Whether more steps go back than forward."""
    steps = [after - before for before, after in itertools.pairwise(times)]
    return sum(step < 0 for step in steps) > sum(step > 0 for step in steps)


def _longest(times: Sequence[int]) -> set[int]:
    """Places of a longest part that never falls."""
    tails: list[int] = []
    places: list[int] = []
    before: list[int | None] = []
    for place, time in enumerate(times):
        at = bisect.bisect_right(tails, time)
        before.append(places[at - 1] if at else None)
        tails[at:] = [*([time] if at == len(tails) else [time, *tails[at + 1 :]])]
        places[at:] = [*([place] if at == len(places) else [place, *places[at + 1 :]])]
    found: set[int] = set()
    last = places[-1] if places else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found


def _once(reads: Iterable[Read], defects: list[Defect]) -> Iterator[Read]:
    """The first of each instrument and moment."""
    last: Read | None = None
    for read in reads:
        if last is not None and (last.row.time_ns, last.row.instrument) == (read.row.time_ns, read.row.instrument):
            detail = f"{'as' if last.row == read.row else 'unlike'} {last.file} row {last.number}"
            defects.append(_defect(read, DefectKind.DUPLICATE, detail))
            continue
        last = read
        yield read


def holes_of(reads: Iterable[Read], defects: list[Defect], hole_ns: Ns) -> Iterator[Hole]:
    """Stretches without a row, longer than the bound, of rows in order; the expiries they hide are told as well."""
    last: Read | None = None
    alive: dict[str, Ns | None] = {}
    """Expiries seen by then, by their code."""
    for read in reads:
        if last is not None and read.row.time_ns - last.row.time_ns > hole_ns:
            hole = Hole(last.row.time_ns, read.row.time_ns)
            lasts_s = (hole.end_ns - hole.start_ns) / NS_PER_S
            defects.append(_defect(read, DefectKind.HOLE, f"{lasts_s:,.0f} s since {iso_utc(hole.start_ns)}"))
            defects.extend(
                _defect(read, DefectKind.EXPIRY_IN_HOLE, iso_utc(expiry_ns))
                for expiry_ns in alive.values()
                if expiry_ns is not None and hole.start_ns < expiry_ns and expiry_ns - _WINDOW_NS < hole.end_ns
            )
            yield hole
        last = read
        code = read.row.instrument.partition("-")[2].partition("-")[0]
        if code not in alive:
            alive[code] = None if code == "PERPETUAL" else expiry_ns_from_code(code)
