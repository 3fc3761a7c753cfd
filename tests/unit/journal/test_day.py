"""The last day of a book out of a ledger: what earlier runs wrote down, bounded, and found by its keys alone."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import event

from bot.domain.decided import Decided, FillBooked, Outcome
from bot.domain.errors import JournalError
from bot.domain.ids import FillId, InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.journal import postgres as place
from bot.journal import postgres_line, rows
from bot.journal.day import Day
from bot.journal.ledger import Ledger
from bot.journal.profit_rows import ProfitRow
from bot.journal.reader import LedgerReader
from bot.journal.schema import decisions

_NOW: Ns = Ns(1_800_000_000 * NS_PER_S)
_MINUTE_NS = 60 * NS_PER_S
_CALM: dict[str, Any] = {"action": Action.SKIP, "reason": Reason.INSIDE_BAND, "trade_coin": 0.0}

Made = Callable[..., Decided]


def _ago(minutes: float) -> Ns:
    return Ns(_NOW - round(minutes * _MINUTE_NS))


def _write(ledger: Ledger, made: Sequence[Decided], run_id: str) -> None:
    """As the ledger does, without asking whether they say anything new."""
    ledger._transactions.write([(ledger._texts.decision, rows.decision_row(run_id, each)) for each in made], _NOW)


@pytest.fixture
def day_of(url: str) -> Iterator[Callable[..., Day]]:
    """Reads over a line of its own, as a page does while a bot writes."""
    opened: list[LedgerReader] = []

    def read(book: str = "BTC", *, gives_up: Callable[[], bool] = lambda: False) -> Day:
        opened.append(LedgerReader.open(url, gives_up=gives_up))
        return opened[-1].day(book, Ns(_NOW - NS_PER_DAY), _NOW, except_run_id="now")

    yield read
    for reader in opened:
        reader.close()


def test_what_earlier_runs_decided_is_told_with_their_names(
    open_ledger: Any, day_of: Callable[..., Day], decided: Made
) -> None:
    """Numbers begin anew with each run: newest first, curves oldest first; the run that asks is left out."""
    for run_id, minutes in (("r1", 30.0), ("r2", 20.0), ("now", 10.0)):
        ledger = open_ledger(run_id, started_ns=_ago(minutes))
        first = decided(seq=7, now_ns=_ago(minutes))
        _write(ledger, [first, structs.replace(first, seq=9, now_ns=_ago(minutes - 1), **_CALM)], run_id)
        ledger.close()
    day = day_of()

    assert [(run_id, each.seq, each.action) for run_id, each in day.decisions] == [
        *(("r2", 9, "skip"), ("r2", 7, "hedge"), ("r1", 9, "skip"), ("r1", 7, "hedge")),
    ]
    assert [sample.now_ns for sample in day.samples] == [_ago(30), _ago(29), _ago(20), _ago(19)]
    assert day.samples[0][1:] == (97_000.5, 0.164, 0.16, 0.17, -0.1, 0.1)
    assert day.hedges == ((_ago(30), 7, -0.064, 97_000.5, 0.164), (_ago(20), 7, -0.064, 97_000.5, 0.164))


def test_a_day_begins_a_day_ago(open_ledger: Any, day_of: Callable[..., Day], decided: Made) -> None:
    """Of a run that is older, the part that belongs to it, wherever that begins; of one that was over, nothing."""
    over = open_ledger("over", started_ns=_ago(5_000))
    _write(over, [decided(seq=1, now_ns=_ago(4_999))], "over")
    over.close()
    killed = open_ledger("killed", started_ns=_ago(4_000))
    steps = [decided(seq=10 * step + step % 7, now_ns=_ago(4_000 - step)) for step in range(3_000)]
    _write(killed, steps, "killed")
    day = day_of()

    assert day.samples[0].now_ns == _ago(1_440)
    assert day.samples[-1].now_ns == _ago(1_001)
    assert len(day.samples) == len(day.hedges) == 440
    assert {run_id for run_id, _ in day.decisions} == {"killed"}


def test_a_run_on_a_clock_that_is_ahead_is_left_out(
    open_ledger: Any, day_of: Callable[..., Day], decided: Made
) -> None:
    """A tape that is played again, a clock that was set: its curve would go on into the future."""
    _write(open_ledger("r1", started_ns=_ago(10)), [decided(now_ns=_ago(5)), decided(seq=2, now_ns=_ago(-5))], "r1")

    assert day_of() == Day(decisions=(), samples=(), hedges=(), fills=(), parts_usd={})


def test_fills_come_with_the_position_after_them(open_ledger: Any, day_of: Callable[..., Day], fill: Any) -> None:
    """Of this book; what a reconciliation changed is no fill."""
    ledger = open_ledger("r1", started_ns=_ago(10))
    for number in range(3):
        got = fill(fill_id=FillId(f"T-{number}"), received_ns=_ago(9 - number))
        booked = FillBooked(
            fill_id=got.fill_id,
            label=got.label,
            instrument=got.instrument,
            amount_native=got.amount_native,
            price_native=got.price_native,
            fee_native=got.fee_native,
            fee_currency="BTC",
            position_native=Decimal(-6200 * (number + 1)),
            slippage_usd=-1.5,
        )
        ledger.record("BTC", got, Outcome(notes=(booked,)))
        ledger.record("ETH", got, Outcome())
    ledger._take_position("BTC", InstrumentId("BTC-PERPETUAL"), None, Decimal(5))
    ledger.close()
    day = day_of()

    assert [(row.fill_id, row.received_ns, after) for row, after in day.fills] == [
        *(("T-2", _ago(7), -18_600), ("T-1", _ago(8), -12_400), ("T-0", _ago(9), -6_200)),
    ]
    assert day_of("ETH").fills == ()


def test_what_made_the_profit_is_what_was_told_last_less_what_was_told_before_the_day(
    open_ledger: Any, day_of: Callable[..., Day]
) -> None:
    """Rows add up in themselves, leg by leg; a leg without a row of the day made nothing in it."""

    def row(leg: str, minutes: float, **parts: float) -> ProfitRow:
        return ProfitRow(
            book="BTC",
            leg=leg,
            at_ns=_ago(minutes),
            since_ns=_ago(3_000),
            currency="USD",
            total_native=0.0,
            total_usd=sum(parts.values()),
            parts_native={},
            parts_usd=parts,
            steps_count=1,
            unexplained_count=0,
        )

    told = [
        *(row("A", 2_000, gamma=5.0, theta=-1.0), row("A", 1_450, gamma=7.0, theta=-2.0)),
        *(row("A", 700, gamma=9.0, theta=-4.0), row("A", 10, gamma=8.0, theta=-6.0, fee=-0.5)),
        *(row("B", 1_500, vega=3.0), row("C", 20, hedge=2.0)),
    ]
    ledger = open_ledger("r1", started_ns=_ago(3_000))
    ledger.keep_profits(told)
    ledger.close(_ago(9))

    assert day_of().parts_usd == {"gamma": 1.0, "theta": -4.0, "fee": -0.5, "hedge": 2.0}


def test_a_busy_day_is_bounded_and_found_by_its_keys(
    open_ledger: Any, day_of: Callable[..., Day], decided: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty thousand decisions in a ledger of another book's as well: no table that grows is gone through."""
    ledger = open_ledger("r1", started_ns=_ago(1_400))
    count = 20_000
    first = rows.decision_row("r1", decided(**_CALM))
    names = list(decisions.c.keys())
    seq, now_ns, action, book = (names.index(name) for name in ("seq", "now_ns", "action", "book"))

    def made(number: int) -> tuple[Any, ...]:
        row = list(first)
        row[seq], row[now_ns] = 11 * number, _ago(1_400 - number * 1_390 / count)
        row[action], row[book] = ("hedge" if number % 10 == 0 else "skip"), ("ETH" if number % 2 else "BTC")
        return tuple(row)

    raw = ledger._transactions.connection.connection.driver_connection
    raw.executemany(ledger._texts.decision, map(made, range(count)))
    asked: list[tuple[str, Any]] = []
    execute = LedgerReader.day

    def watched(self: LedgerReader, *args: Any, **words: Any) -> Day:
        def ask(_connection: Any, _cursor: Any, text: str, given: Any, *_rest: Any) -> None:
            asked.append((text, given))

        event.listen(self._connection, "before_cursor_execute", ask)
        found = execute(self, *args, **words)
        event.remove(self._connection, "before_cursor_execute", ask)
        return found

    monkeypatch.setattr(LedgerReader, "day", watched)
    day = day_of()
    plans = {step[3] for text, given in asked for step in raw.execute(f"explain query plan {text}", given)}

    assert (len(day.decisions), len(day.hedges)) == (60, 500)
    assert 1_390 <= len({sample.now_ns // _MINUTE_NS for sample in day.samples}) <= len(day.samples) <= 5_761
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN")}
    assert "runs" in scanned, plans
    assert [name for name in scanned if name.startswith(("decisions", "fills", "profits"))] == []


def test_a_reader_gives_up_when_it_is_told_to(open_ledger: Any, day_of: Callable[..., Day], decided: Made) -> None:
    """In the middle of a question: nothing is left half read."""
    ledger = open_ledger("r1", started_ns=_ago(100))
    _write(ledger, [decided(seq=step, now_ns=_ago(99 - step / 30)) for step in range(2_900)], "r1")
    turns = iter([False] * 2)

    with pytest.raises(JournalError, match=r"cannot be read.*interrupted"):
        day_of(gives_up=lambda: next(turns, True))


@pytest.mark.postgres
def test_a_database_tells_the_same(postgres: Any, decided: Made, fill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same questions, in its own words; how long it may take is not asked here."""
    monkeypatch.setattr(postgres_line, "WAIT_S", 60.0)
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        monkeypatch.setitem(place._SETTINGS, name, "60000ms")
    url = postgres.url()
    ledger = Ledger.open(url, run_id="r1", started_ns=_ago(300), mode="demo", config_hash="c0ffee", version="0.1.0")
    _write(ledger, [decided(seq=3 * step, now_ns=_ago(299 - step)) for step in range(290)], "r1")
    ledger.record("BTC", fill(received_ns=_ago(8)), Outcome())
    ledger.close()
    reader = LedgerReader.open(url)
    day = reader.day("BTC", _ago(100), _NOW, except_run_id="now")
    reader.close()

    assert [sample.now_ns for sample in day.samples] == [_ago(100 - step) for step in range(91)]
    assert (len(day.decisions), len(day.hedges), day.fills, day.parts_usd) == (60, 91, (), {})
