"""Recorded history of any kind, opened."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bot.domain import events as ev
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_S, Ns
from bot.research.tapes import parquet
from bot.research.tapes.defects import DefectKind
from bot.research.tapes.history import first_round_ns, in_usdc, nearest, open_history, sentence
from bot.research.tapes.parquet import Facts

_CALL, _PUT, _ETH = "BTC-14APR23-30000-C", "BTC-14APR23-30000-P", "ETH-14APR23-1900-C"
Book = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


def test_a_folder_is_read_whatever_its_files_are(book: Book, write_lines: Write, tmp_path: Path) -> None:
    """Lines, columns, and what is none of ours is told; another coin is not."""
    write_lines("a.jsonl.gz", book(_CALL, 0), book(_ETH, 0, underlying_price=1_900.0, index_price=1_900.0))
    pl.DataFrame([book(_PUT, 5), book(_PUT, 305)]).write_parquet(tmp_path / "b.parquet")
    pl.DataFrame({"price": [1.0]}).write_parquet(tmp_path / "c.parquet")
    (tmp_path / "d.parquet").write_text("broken")
    (tmp_path / "notes.txt").write_text("mine")
    history = open_history([tmp_path], "BTC")

    assert [(row.instrument, row.time_ns - history.start_ns) for row in history.rows()] == [
        (_CALL, 0),
        (_PUT, 5 * NS_PER_S),
        (_PUT, 305 * NS_PER_S),
    ]
    assert [(one.name, one.format, one.rows_count) for one in history.files] == [
        ("a.jsonl.gz", "order books, JSON", 2),
        ("b.parquet", "order books, Parquet", 2),
    ]
    assert [(one.file, one.row, one.kind) for one in history.defects] == [
        ("c.parquet", 0, DefectKind.FOREIGN),
        ("d.parquet", 0, DefectKind.UNREADABLE),
        ("notes.txt", 0, DefectKind.FOREIGN),
    ]
    assert [item.id for item in history.listed] == ["BTC-PERPETUAL", _CALL, _PUT]
    assert (history.rows_count, len(history.first_seen_ns), history.index_usd) == (3, 2, {"btc_usd": 30_000.25})
    assert "3 rows of 3 instruments" in sentence(history)


def test_both_coins_are_had_without_a_coin(book: Book, write_lines: Write) -> None:
    """Each with its index and its perpetual."""
    path = write_lines("a.jsonl", book(_CALL, 0), book(_ETH, 0, underlying_price=1_900.0, index_price=1_900.0))

    assert open_history([path]).index_usd == {"btc_usd": 30_000.25, "eth_usd": 1_900.0}


def test_our_own_file_comes_back_as_it_was(book: Book, write_lines: Write, tmp_path: Path) -> None:
    """Rows, listing, indices; its instruments are those it was written with."""
    history = open_history([write_lines("a.jsonl", book(_CALL, 0), book(_PUT, 300))])
    facts = Facts(listed=history.listed, index_usd=history.index_usd)
    parquet.write(tmp_path / "own.parquet", history.rows(), facts)
    again = open_history([tmp_path / "own.parquet"])

    assert (list(again.rows()), again.listed) == (list(history.rows()), history.listed)
    assert again.files[0].format == "hedgebot Parquet"


def test_a_runs_tape_is_history(make: Any, tmp_path: Path) -> None:
    """Its own instruments and quotes; a clock that went back, and holes, are told."""
    listed: list[ev.Event] = [
        ev.InstrumentListed(instrument=spec, received_ns=make.now_ns) for spec in (make.perpetual(), make.option())
    ]
    hour = Ns(make.now_ns + 3_600 * NS_PER_S)
    back = Ns(hour - 60 * NS_PER_S)
    events = [
        *listed,
        make.option_marked(),
        make.future_marked(),
        make.future_marked(received_ns=hour),
        make.future_marked(received_ns=back),
    ]
    history = open_history([make.tape(tmp_path / "run", events)], "BTC")

    assert [row.time_ns for row in history.rows()] == [make.now_ns, make.now_ns, hour, hour]
    assert [(one.kind, one.row) for one in history.defects] == [(DefectKind.CLOCK_STEPPED, 4), (DefectKind.HOLE, 3)]
    assert [(hole.start_ns, hole.end_ns) for hole in history.holes] == [(make.now_ns, hour)]
    assert history.files[0].format == "run"
    with pytest.raises(ConfigError, match="give it alone"):
        open_history([tmp_path / "run", tmp_path])


def test_a_linear_twin_is_worth_the_same(book: Book, write_lines: Write) -> None:
    """Names, prices and perpetual in USDC; what is linear already has no twin."""
    twin = in_usdc(open_history([write_lines("a.jsonl", book(_CALL, 0))], "BTC"))

    assert [item.id for item in twin.listed] == ["BTC_USDC-PERPETUAL", "BTC_USDC-14APR23-30000-C"]
    assert [row.mark_native for row in twin.rows()] == [pytest.approx(0.0142 * 30_010.5)]
    with pytest.raises(ConfigError, match="--linear"):
        in_usdc(twin)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("x.jsonl", "not json", "nothing of BTC that can be played: x.jsonl row 1, unreadable"),
        ("x.csv", "a,b\n1,2", "nothing of BTC that can be played: x.csv row 0, foreign"),
        ("x.jsonl", "", "nothing of BTC that can be played"),
    ],
)
def test_what_holds_nothing_is_refused(tmp_path: Path, name: str, text: str, why: str) -> None:
    """With the first reason; a path that is not there is named."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=why):
        open_history([tmp_path], "BTC")
    shutil.rmtree(tmp_path)
    with pytest.raises(ConfigError, match="does not exist"):
        open_history([tmp_path], "BTC")


@pytest.mark.parametrize(
    "name",
    [
        *("SOL-14APR23-30-C", "OKX:BTC-USD-230414-30000-C", "BTCUSDT"),
        *("BTC-FS-14APR23_PERP", "BTC-CS-14APR23-30000_31000", "BTC-14APR23-30000-X", "BTC-31APR23", "BTC-"),
    ],
)
def test_another_venues_rows_are_told(book: Book, write_lines: Write, name: str) -> None:
    """Row by row, among ours."""
    path = write_lines("a.jsonl", book(_CALL, 0), book(name, 1))

    assert [(one.row, one.kind, one.instrument) for one in open_history([path]).defects] == [
        (2, DefectKind.FOREIGN, name)
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((0,), 0), ((0, 20, 40), 40), ((0, 20, 60), 20), (tuple(range(0, 900, 25)), 600)],
)
def test_the_first_round(seconds: tuple[int, ...], expected: int) -> None:
    """Ends before a pause of half a minute, after ten minutes at the latest."""
    assert first_round_ns([Ns(second * NS_PER_S) for second in seconds]) == expected * NS_PER_S


def test_what_was_heard_as_it_happened_is_continuous(book: Book, write_lines: Write) -> None:
    """A collector pauses between its rounds."""
    heard = open_history([write_lines("a.jsonl", *(book(_CALL, n) for n in range(0, 300, 10)))])
    collected = open_history([write_lines("b.jsonl", *(book(_CALL, n) for n in range(0, 3_000, 300)))])

    assert (heard.is_continuous, collected.is_continuous) == (True, False)


def test_later_expiries_may_be_left_out(book: Book, write_lines: Write) -> None:
    """What remains is played as it was; perpetuals stay."""
    late = "BTC-28APR23-30000-C"
    history = open_history([write_lines("a.jsonl", book(_CALL, 0), book(late, 1), book(_CALL, 2))])
    near = nearest(history, 1)

    assert [row.instrument for row in near.rows()] == [_CALL, _CALL]
    assert ([item.id for item in near.listed], near.rows_count) == (["BTC-PERPETUAL", _CALL], 2)
