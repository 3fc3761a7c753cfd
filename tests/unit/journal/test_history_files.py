"""Recorded history from its files, written here by hand."""

import gzip
import json
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError, MalformedMessage
from bot.journal.history_files import read_rows

_FILE = "btc_get_order_book_5min.jsonl.gz"


def _result(**others: object) -> dict[str, object]:
    result: dict[str, object] = {
        "underlying_price": 30_010.5,
        "underlying_index": "BTC-14APR23",
        "timestamp": 1_700_000_000_123,
        "stats": {"high": None, "low": None, "price_change": None, "volume": None},
        "state": "open",
        "settlement_price": None,
        "open_interest": 3.5,
        "min_price": 0.0005,
        "max_price": 0.05,
        "mark_price": 0.0142,
        "mark_iv": 52.5,
        "last_price": None,
        "interest_rate": 0.0,
        "instrument_name": "BTC-14APR23-30000-C",
        "index_price": 30_000.25,
        "greeks": {"delta": 0.5, "gamma": 0.0001, "rho": 1.0, "theta": -50.0, "vega": 8.0},
        "estimated_delivery_price": 30_000.25,
        "change_id": 54_940_443_299,
        "bids": [],
        "asks": [],
        "bid_iv": 50.0,
        "ask_iv": 55.0,
        "best_bid_price": 0.0135,
        "best_bid_amount": 5.0,
        "best_ask_price": 0.0145,
        "best_ask_amount": 3.2,
    }
    return result | others


def _write(folder: Path, *lines: str) -> Path:
    with gzip.open(folder / _FILE, "wt") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return folder


def _line(**others: object) -> str:
    return json.dumps({"snapshot": "20230412_1042", "result": _result(**others)})


def test_a_line_becomes_a_row(tmp_path: Path) -> None:
    """Milliseconds to nanoseconds, the rest under its unit."""
    row = next(read_rows(_write(tmp_path, _line()), "BTC"))

    assert (row.instrument, row.time_ns) == ("BTC-14APR23-30000-C", 1_700_000_000_123_000_000)
    assert (row.forward_usd, row.forward_name, row.index_usd) == (30_010.5, "BTC-14APR23", 30_000.25)
    assert (row.mark_native, row.iv_mark_percent, row.iv_bid_percent, row.iv_ask_percent) == (0.0142, 52.5, 50.0, 55.0)
    assert (row.bid_native, row.bid_amount_native, row.ask_native, row.ask_amount_native) == (0.0135, 5.0, 0.0145, 3.2)
    assert (row.delta, row.open_interest_native) == (0.5, 3.5)
    assert (row.last_native, row.settlement_native, row.price_min_native, row.price_max_native) == (
        None,
        None,
        0.0005,
        0.05,
    )


def test_rows_come_out_in_time_order(tmp_path: Path) -> None:
    """Whatever the order of the lines; by name within a millisecond."""
    late = _line(timestamp=1_700_000_000_999)
    put = _line(instrument_name="BTC-14APR23-30000-P")

    rows = list(read_rows(_write(tmp_path, late, put, _line()), "btc"))

    assert [(row.instrument[-1], row.time_ns % 1_000_000_000) for row in rows] == [
        ("C", 123_000_000),
        ("P", 123_000_000),
        ("C", 999_000_000),
    ]


@pytest.mark.parametrize(
    ("others", "field", "expected"),
    [
        ({"mark_iv": 0.0}, "iv_mark_percent", None),
        ({"bid_iv": 0.0}, "iv_bid_percent", None),
        ({"ask_iv": 999.0}, "iv_ask_percent", None),
        ({"ask_iv": 500.0}, "iv_ask_percent", None),
        ({"mark_iv": None}, "iv_mark_percent", None),
        ({"best_bid_price": 0.0, "best_bid_amount": 0.0}, "bid_native", None),
        ({"best_bid_price": 0.0, "best_bid_amount": 0.0}, "bid_amount_native", None),
        ({"best_ask_price": None, "best_ask_amount": None}, "ask_native", None),
        ({"best_ask_price": 1.0}, "ask_native", 1.0),
        ({"mark_price": 0.0}, "mark_native", 0.0),
        ({"mark_price": 5e-4}, "mark_native", 0.0005),
    ],
)
def test_absent_is_none_and_parked_orders_are_kept(
    tmp_path: Path, others: dict[str, object], field: str, expected: float | None
) -> None:
    """Zero and off-scale volatilities and zero quotes are no data; an ask of a whole coin is what it is."""
    row = next(read_rows(_write(tmp_path, _line(**others)), "BTC"))

    assert getattr(row, field) == expected


@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        "{}",
        '{"result": {"instrument_name": "BTC-14APR23-30000-C"}}',
        _line(timestamp="yesterday"),
        _line(timestamp=0),
        _line(underlying_price=None),
        _line(index_price=-1.0),
        _line(mark_price="0.01"),
        _line(greeks={}),
        _line(instrument_name="ETH-14APR23-2000-C"),
        _line(instrument_name="BTC-PERPETUAL"),
        _line()[:200],
        "",
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, bad: str) -> None:
    """File and line number, so that it can be found."""
    folder = _write(tmp_path, _line(), bad)

    with pytest.raises(MalformedMessage, match=rf"{_FILE} line 2: "):
        list(read_rows(folder, "BTC"))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """What is not gzip, or ends in the middle, is malformed, not a crash."""
    whole = (_write(tmp_path, _line(), _line()) / _FILE).read_bytes()
    for content in (b"plain text", whole[: len(whole) // 2]):
        (tmp_path / _FILE).write_bytes(content)
        with pytest.raises(MalformedMessage, match=_FILE):
            list(read_rows(tmp_path, "BTC"))


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    """The message says what was looked for."""
    with pytest.raises(ConfigError, match="eth_get_order_book_5min"):
        list(read_rows(tmp_path, "ETH"))


@pytest.mark.realdata
@pytest.mark.parametrize(("currency", "count"), [("BTC", 15_375), ("ETH", 14_426)])
def test_the_recorded_day_reads_completely(shared_data: Path, currency: str, count: int) -> None:
    """Every line, in time order, no quote crossed."""
    rows = list(read_rows(shared_data / "history" / "demo_deribit_2023-04-12", currency))

    assert len(rows) == count
    assert [row.time_ns for row in rows] == sorted(row.time_ns for row in rows)
    assert [row for row in rows if row.bid_native and row.ask_native and row.bid_native >= row.ask_native] == []
    assert {row.iv_mark_percent for row in rows} & {0.0, 999.0, 500.0} == set()
