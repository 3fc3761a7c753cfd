"""A tape of ours as history: what was shown, in order, and nothing that cannot be valued."""

from pathlib import Path
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.errors import JournalError
from bot.domain.time import NS_PER_S, Ns
from bot.journal.tape_history import is_run, read_tape

_CALL = "BTC-27MAR26-100000-C"


def _listed(make: Any, *specs: Any) -> list[ev.Event]:
    return [ev.InstrumentListed(instrument=spec, received_ns=make.now_ns) for spec in specs]


def _later(make: Any, seconds: int) -> Ns:
    return Ns(make.now_ns + seconds * NS_PER_S)


def test_tickers_and_quotes_become_rows(make: Any, tmp_path: Path) -> None:
    """Option, perpetual, its quote: each with what was known then; other events show nothing."""
    events = [
        *_listed(make, make.perpetual(), make.option(), make.option("BTC-27MAR26-120000-C")),
        make.option_marked(iv_mark=0.61, index_usd=99_990.0),
        ev.Ticked(now_ns=make.now_ns),
        make.future_marked(received_ns=_later(make, 1), mark_usd=100_010.0),
        make.quoted(received_ns=_later(make, 2), bid_native=100_000.0, ask_native=None, ask_amount_native=None),
        make.option_marked(received_ns=_later(make, 3), iv_mark=None),
    ]
    tape = read_tape(make.tape(tmp_path, events))
    rows = list(tape.rows())

    assert [row.instrument for row in rows] == [_CALL, "BTC-PERPETUAL", "BTC-PERPETUAL", _CALL]
    assert [spec.id for spec in tape.listed] == ["BTC-PERPETUAL", _CALL]
    assert tape.index_usd == {"btc_usd": 99_990.0}
    assert (tape.first_seen_ns, tape.end_ns) == ((make.now_ns, _later(make, 1)), _later(make, 3))
    assert (rows[0].iv_mark_percent, rows[0].forward_name, rows[0].mark_native) == (61.0, "BTC-27MAR26", 0.061)
    assert (rows[1].bid_native, rows[1].price_min_native, rows[1].mark_native) == (99_999.5, 98_500.0, 100_010.0)
    assert (rows[2].bid_native, rows[2].ask_native, rows[2].mark_native) == (100_000.0, None, 100_010.0)
    assert rows[3].iv_mark_percent is None


def test_what_cannot_be_valued_is_left_out(make: Any, tmp_path: Path) -> None:
    """Without mark, forward or index; of instruments nobody described; quotes before the first ticker."""
    events = [
        make.quoted(),
        *_listed(make, make.perpetual(), make.option()),
        make.quoted(),
        make.option_marked(mark_native=None),
        make.option_marked(forward_usd=None),
        make.future_marked(index_usd=None),
        make.future_marked("ETH-PERPETUAL"),
        make.option_marked(is_open=False),
        make.future_marked(is_open=False),
    ]
    option, future = read_tape(make.tape(tmp_path, events)).rows()

    assert (option.bid_native, option.ask_native) == (None, None)
    assert (future.bid_native, future.ask_native) == (None, None)


def test_time_never_goes_back(make: Any, tmp_path: Path) -> None:
    """Two sockets' stamps cross: the order of the tape stands."""
    events = [*_listed(make, make.perpetual()), make.future_marked(received_ns=_later(make, 1)), make.future_marked()]

    assert [row.time_ns for row in read_tape(make.tape(tmp_path, events)).rows()] == [_later(make, 1)] * 2


def test_a_tape_without_quotes_and_a_damaged_one_are_refused(make: Any, tmp_path: Path) -> None:
    """Before anything is played."""
    silent = make.tape(tmp_path / "silent", _listed(make, make.perpetual()))
    with pytest.raises(JournalError, match=f"tape: nothing was quoted on the tape in {silent}"):
        read_tape(silent)

    damaged = make.tape(tmp_path / "damaged", [*_listed(make, make.perpetual()), make.future_marked()])
    segment = damaged / "tape-000001.bin"
    segment.write_bytes(segment.read_bytes().replace(b"BTC-PERPETUAL", b"BTC-PERPETUAX"))
    with pytest.raises(JournalError, match="checksum"):
        read_tape(damaged)


def test_a_run_is_known_by_its_manifest(make: Any, tmp_path: Path) -> None:
    """Any other folder is not one."""
    assert is_run(make.tape(tmp_path / "run", []))
    assert not is_run(tmp_path)
