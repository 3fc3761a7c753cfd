"""Recorded rows and files, written by hand."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.research.tapes.sift import Read
from bot.sim.history import HistoryRow

START_NS = ns_from_iso("2023-04-12T10:00:00Z")
_CALL = "BTC-14APR23-30000-C"
_ROW = HistoryRow(
    instrument=_CALL,
    time_ns=START_NS,
    forward_usd=30_010.0,
    forward_name="BTC-14APR23",
    index_usd=30_000.0,
    mark_native=0.0142,
    iv_mark_percent=52.5,
    bid_native=0.0135,
    bid_amount_native=5.0,
    ask_native=0.0145,
    ask_amount_native=3.2,
    delta=0.5,
)


@pytest.fixture(scope="session")
def read() -> Callable[..., Read]:
    """Makes a row found in a file: its number, seconds after the start, and any field by keyword."""

    def make(number: int, after_s: float, file: str = "a.jsonl", **change: Any) -> Read:
        at_ns = Ns(START_NS + round(after_s * NS_PER_S))
        return Read(file, number, replace(_ROW, **({"time_ns": at_ns} | change)))

    return make


def _book(name: str, after_s: float, **change: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "instrument_name": name,
        "timestamp": (START_NS + round(after_s * NS_PER_S)) // 1_000_000,
        "underlying_price": 30_010.5,
        "underlying_index": "BTC-14APR23",
        "index_price": 30_000.25,
        "mark_price": 0.0142,
        "mark_iv": 52.5,
        "bid_iv": 50.0,
        "ask_iv": 55.0,
        "best_bid_price": 0.0135,
        "best_bid_amount": 5.0,
        "best_ask_price": 0.0145,
        "best_ask_amount": 3.2,
        "greeks": {"delta": 0.5},
        "open_interest": 3.5,
        "min_price": 0.0005,
        "max_price": 0.05,
        "last_price": None,
        "settlement_price": None,
    }
    return result | change


@pytest.fixture(scope="session")
def book() -> Callable[..., dict[str, Any]]:
    """Makes a `get_order_book` result: instrument, seconds after the start, any field by keyword."""
    return _book


@pytest.fixture
def write_lines(tmp_path: Path) -> Callable[..., Path]:
    """Writes results, or any text, as JSON lines under a name; gzipped where the name says so."""

    def write(name: str, *lines: dict[str, Any] | str) -> Path:
        path = tmp_path / name
        text = "".join((line if isinstance(line, str) else json.dumps({"result": line})) + "\n" for line in lines)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write
