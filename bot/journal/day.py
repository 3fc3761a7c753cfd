"""The last day of a book as the ledger has it, for whoever looks at a run that began a moment ago.

Everything is found by primary key and counted: what it costs does not grow with the ledger. What was not written down
is not made up: net delta, price and band are known where a decision was recorded. Never writes, reads no clock.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, func, literal, select

from bot.domain.decided import Decided
from bot.domain.ids import InstrumentId, venue_of
from bot.domain.reasons import Action
from bot.domain.time import NS_PER_S, Ns
from bot.journal import rows
from bot.journal.rows import FillRow
from bot.journal.schema import decisions, fills, positions, profits, runs

_Asked = TypeVar("_Asked", bound=tuple[object, ...])

_RUNS_MAX: Final = 50
"""Of a day: a bot that is restarted more often is not looked at by its curves."""
_DECISIONS_MAX: Final = 60
_FILLS_MAX: Final = 40
_HEDGES_MAX: Final = 500
"""As many as a page lists (`observe/board.py`)."""
_HEDGES_AMONG: Final = 20_000
"""Of the newest decisions of a run, those that are searched for hedges: a day of a busy market."""
_FILLS_AMONG: Final = 2_000
"""Of the newest changes of positions, those that are searched for fills of a book."""
_PROBE_NS: Final = Ns(15 * NS_PER_S)
_PROBES_MIN: Final = 60
"""A run that was short is shown whole."""
_PROBES_MAX: Final = 5_760
"""Of a run's day, at equal distances in its numbers: four a minute, as a busy hour has more numbers than a calm one."""
_LEGS_MAX: Final = 200


class Sample(NamedTuple):
    """How a book stood when a decision was written down; None: not known then."""

    now_ns: Ns
    price_usd: float | None
    delta_coin_net: float | None
    delta_coin_low: float | None
    delta_coin_high: float | None
    band_low_coin: float | None
    band_high_coin: float | None


class Hedge(NamedTuple):
    """A hedge, by its decision."""

    now_ns: Ns
    seq: int
    trade_coin: float
    price_usd: float | None
    delta_coin_net: float | None


class Day(Struct, frozen=True, kw_only=True):
    """Of one book, without the run that asks."""

    decisions: tuple[tuple[str, Decided], ...]
    """With their runs, newest first."""
    samples: tuple[Sample, ...]
    """Oldest first; several a minute in a busy market."""
    hedges: tuple[Hedge, ...]
    """Oldest first."""
    fills: tuple[tuple[FillRow, Decimal], ...]
    """With the position after each, newest first."""
    parts_usd: dict[str, float]
    """What made the profit, by the names of `hedgebot pnl`, as far as it was told: every ten minutes."""


class _Bounds(NamedTuple):
    """Of a run's decisions: the first of the day and the last one; of the time that is looked at."""

    first_seq: int
    first_ns: Ns
    last_seq: int
    last_ns: Ns


class DayReader:
    """Reads for one book, from `since_ns` to `until_ns`."""

    def __init__(self, connection: Connection, book: str, since_ns: Ns, until_ns: Ns, *, except_run_id: str) -> None:
        """Nothing read yet; `except_run_id` is the run that asks."""
        self._connection = connection
        self._book = book
        self._since_ns = since_ns
        self._until_ns = until_ns
        self._except_run_id = except_run_id

    def read(self) -> Day:
        """All of it; SQLAlchemyError or the driver's own error as the database gives them."""
        made: list[tuple[str, Decided]] = []
        samples: list[list[Sample]] = []
        hedges: list[Hedge] = []
        parts: dict[str, float] = {}
        for run_id in self._run_ids():
            for name, part in self._parts(run_id).items():
                parts[name] = parts.get(name, 0.0) + part
            bounds = self._bounds(run_id)
            if bounds is None:
                continue
            made += self._decisions(run_id, bounds, _DECISIONS_MAX - len(made))
            hedges += self._hedges(run_id, bounds, _HEDGES_MAX - len(hedges))
            samples.append(self._samples(run_id, bounds))
        return Day(
            decisions=tuple(made),
            samples=tuple(sample for run in reversed(samples) for sample in run),
            hedges=tuple(reversed(hedges)),
            fills=self._fills(),
            parts_usd=parts,
        )

    def _run_ids(self) -> list[str]:
        """Newest first; one that was killed has no end."""
        is_recent = runs.c.ended_ns.is_(None) | (runs.c.ended_ns >= self._since_ns)
        query = (
            select(runs.c.run_id)
            .where(runs.c.run_id != self._except_run_id, runs.c.started_ns < self._until_ns, is_recent)
            .order_by(runs.c.started_ns.desc())
            .limit(_RUNS_MAX)
        )
        return [str(row[0]) for row in self._connection.execute(query)]

    def _of(self, run_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return decisions.c.run_id == run_id, decisions.c.book == self._book

    def _bounds(self, run_id: str) -> _Bounds | None:
        """None where the run decided nothing in that time, or on a clock that is ahead of ours."""
        seqs = select(decisions.c.seq, decisions.c.now_ns).where(*self._of(run_id)).limit(1)
        last = self._connection.execute(seqs.order_by(decisions.c.seq.desc())).first()
        if last is None or not self._since_ns <= last.now_ns < self._until_ns:
            return None
        first = self._connection.execute(seqs.order_by(decisions.c.seq)).one()
        low, high, found = int(first.seq), int(last.seq), first
        if first.now_ns < self._since_ns:
            while low < high:  # numbers grow with time: halved, so 63 times at most
                middle = (low + high) // 2
                found = self._connection.execute(seqs.where(decisions.c.seq >= middle).order_by(decisions.c.seq)).one()
                low, high = (found.seq + 1, high) if found.now_ns < self._since_ns else (low, middle)
            found = self._connection.execute(seqs.where(decisions.c.seq >= low).order_by(decisions.c.seq)).one()
        return _Bounds(int(found.seq), Ns(found.now_ns), int(last.seq), Ns(last.now_ns))

    def _newest(self, query: Select[_Asked], run_id: str, bounds: _Bounds, count: int) -> Select[_Asked]:
        chosen = query.where(*self._of(run_id), decisions.c.seq >= bounds.first_seq)
        return chosen.order_by(decisions.c.seq.desc()).limit(count)

    def _decisions(self, run_id: str, bounds: _Bounds, count: int) -> list[tuple[str, Decided]]:
        names = tuple(decisions.c.keys())
        query = self._newest(select(*decisions.c), run_id, bounds, count)
        return [(run_id, rows.decided_from_row(names, tuple(row))) for row in self._connection.execute(query)]

    def _hedges(self, run_id: str, bounds: _Bounds, count: int) -> list[Hedge]:
        columns = (decisions.c[name] for name in (*Hedge._fields, "action"))
        newest = self._newest(select(*columns), run_id, bounds, _HEDGES_AMONG).subquery()
        chosen = select(*(newest.c[name] for name in Hedge._fields)).where(newest.c.action == Action.HEDGE.value)
        query = chosen.order_by(newest.c.seq.desc()).limit(count)
        return [Hedge(*row) for row in self._connection.execute(query)]

    def _samples(self, run_id: str, bounds: _Bounds) -> list[Sample]:
        """A decision at each of so many places of the run's numbers, in one question."""
        count = min(_PROBES_MAX, max(_PROBES_MIN, (bounds.last_ns - bounds.first_ns) // _PROBE_NS))
        step = max(1, -(-(bounds.last_seq - bounds.first_seq) // (count - 1)))
        place = select(literal(bounds.first_seq, BigInteger).label("seq")).cte("place", recursive=True)
        place = place.union_all(select(place.c.seq + step).where(place.c.seq < bounds.last_seq))
        near = decisions.alias()
        found = (
            select(near.c.seq)
            .where(near.c.run_id == run_id, near.c.book == self._book, near.c.seq >= place.c.seq)
            .order_by(near.c.seq)
            .limit(1)
            .correlate(place)
            .scalar_subquery()
        )
        query = (
            select(*(decisions.c[name] for name in Sample._fields))
            .where(*self._of(run_id), decisions.c.seq.in_(select(found).select_from(place)))
            .order_by(decisions.c.seq)
        )
        return [Sample(*row) for row in self._connection.execute(query)]

    def _fills(self) -> tuple[tuple[FillRow, Decimal], ...]:
        newest = select(positions).order_by(positions.c.position_id.desc()).limit(_FILLS_AMONG).subquery()
        query = (
            select(newest.c.instrument, newest.c.fill_id, newest.c.position_native)
            .where(newest.c.book == self._book, newest.c.run_id != self._except_run_id, newest.c.fill_id.is_not(None))
            .where(newest.c.at_ns >= self._since_ns, newest.c.at_ns < self._until_ns)
            .order_by(newest.c.position_id.desc())
            .limit(_FILLS_MAX)
        )
        after = {
            (venue_of(InstrumentId(str(name))), str(fill_id)): rows.decimal_from_text(str(amount))
            for name, fill_id, amount in self._connection.execute(query)
        }
        booked = self._booked(after)
        return tuple((booked[key], amount) for key, amount in after.items() if key in booked)

    def _booked(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], FillRow]:
        venues, fill_ids = {venue for venue, _ in keys}, [fill_id for _, fill_id in keys]
        names = FillRow.__struct_fields__
        query = select(*(fills.c[name] for name in names)).where(
            fills.c.venue.in_(sorted(venues)), fills.c.fill_id.in_(fill_ids)
        )
        found = [rows.fill_from_row(names, tuple(row)) for row in self._connection.execute(query)]
        return {(venue_of(row.instrument), row.fill_id): row for row in found}

    def _parts(self, run_id: str) -> dict[str, float]:
        """Of all legs: what was told last less what was told before the day began."""
        total: dict[str, float] = {}
        for leg in self._legs(run_id):
            mine = (profits.c.run_id == run_id, profits.c.book == self._book, profits.c.leg == leg)
            told = select(profits.c.parts_usd).where(*mine).order_by(profits.c.at_ns.desc()).limit(1)
            of_day = profits.c.at_ns >= self._since_ns, profits.c.at_ns < self._until_ns
            newest = self._connection.execute(told.where(*of_day)).scalar()
            if newest is None:
                continue
            before = self._connection.execute(told.where(profits.c.at_ns < self._since_ns)).scalar()
            for sign, text in ((1.0, newest), (-1.0, before)):
                for name, part in ({} if text is None else msgspec.json.decode(text, type=dict[str, float])).items():
                    total[name] = total.get(name, 0.0) + sign * part
        return total

    def _legs(self, run_id: str) -> list[str]:
        found: list[str] = []
        while len(found) < _LEGS_MAX:
            after = profits.c.leg > (found[-1] if found else "")
            of_run = profits.c.run_id == run_id, profits.c.book == self._book
            leg = self._connection.execute(select(func.min(profits.c.leg)).where(*of_run, after)).scalar()
            if leg is None:
                break
            found.append(str(leg))
        return found
