"""A recorded day as a snapshot: the newest row of each instrument up to a moment."""

import gzip
import json
from pathlib import Path

import pytest

from bot.app.greeks.snapshot import Snapshot, from_folder
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.domain.time import Ns, ns_from_iso

_CALL = InstrumentId("BTC-27MAR26-100000-C")
_BEGAN = ns_from_iso("2026-03-20T08:00:00Z")


def _row(seconds: int, iv: float | None, forward: float, bid: float) -> dict[str, object]:
    return {
        "instrument_name": _CALL,
        "timestamp": _BEGAN // 1_000_000 + 1000 * seconds,
        "state": "open",
        "underlying_price": forward,
        "underlying_index": "BTC-27MAR26",
        "index_price": 99_000.0,
        "mark_price": 0.04,
        "mark_iv": iv,
        "bid_iv": 0.0,
        "ask_iv": 0.0,
        "best_bid_price": bid,
        "best_bid_amount": 1.0,
        "best_ask_price": 0.0,
        "best_ask_amount": 0.0,
        "greeks": {"delta": 0.5},
        "open_interest": 1.0,
        "min_price": 0.0,
        "max_price": 0.1,
        "change_id": 1,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A day of two rows of one option, a minute apart."""
    rows = [_row(0, 55.0, 100_000.0, 0.039), _row(60, 0.0, 101_000.0, 0.0)]
    with gzip.open(tmp_path / "btc_get_order_book_5min.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"snapshot": "x", "result": row}) + "\n" for row in rows)
    return tmp_path


def _newest(folder: Path, seconds: int | None) -> Snapshot:
    return from_folder(folder, "BTC", None if seconds is None else Ns(_BEGAN + seconds * 1_000_000_000))


def test_the_newest_row_up_to_the_moment_counts(folder: Path) -> None:
    """In our units; what is absent is None."""
    early, late = _newest(folder, 59), _newest(folder, None)
    quotes = early.quotes[_CALL], late.quotes[_CALL]

    assert [(quote.forward_usd, quote.iv, quote.bid_native) for quote in quotes] == [
        (100_000.0, 0.55, 0.039),
        (101_000.0, None, None),
    ]
    assert (early.now_ns, late.now_ns) == (Ns(_BEGAN + 59_000_000_000), Ns(_BEGAN + 60_000_000_000))
    assert (early.index_usd("BTC"), early.index_usd("ETH")) == (99_000.0, None)
    assert early.listed[_CALL].strike_usd == 100_000.0


def test_before_the_beginning_there_is_nothing(folder: Path) -> None:
    """The line says when it begins."""
    with pytest.raises(ConfigError, match="--at: nothing had been recorded by then; it begins at 2026-03-20T08:00:00"):
        _newest(folder, -1)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    """Missing, and without a recording."""
    with pytest.raises(ConfigError, match="--tape: there is no folder"):
        from_folder(tmp_path / "gone", "BTC", None)
    with pytest.raises(ConfigError, match="btc_get_order_book"):
        from_folder(tmp_path, "BTC", None)
