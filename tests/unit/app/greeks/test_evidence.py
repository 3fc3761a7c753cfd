"""Evidence from a tape: every option with a volatility, in steps of five minutes."""

import gzip
import json
from pathlib import Path

import pytest

from bot.app.greeks.evidence import evidence_of
from bot.domain.errors import ConfigError
from bot.domain.time import Ns, ns_from_iso
from bot.pricing.smile import SmileDelta

_BEGAN = ns_from_iso("2026-03-20T08:00:00Z")


def _row(strike: int, seconds: int, forward: float, iv: float) -> dict[str, object]:
    return {
        "instrument_name": f"BTC-27MAR26-{strike}-C",
        "timestamp": _BEGAN // 1_000_000 + 1000 * seconds,
        "state": "open",
        "underlying_price": forward,
        "underlying_index": "BTC-27MAR26",
        "index_price": forward,
        "mark_price": 0.04,
        "mark_iv": iv,
        "bid_iv": 0.0,
        "ask_iv": 0.0,
        "best_bid_price": 0.0,
        "best_bid_amount": 0.0,
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
    """An hour of seven strikes every five minutes, the forward up and down by half a percent."""
    rows = [
        _row(strike, 300 * step + strike // 5_000, 100_000.0 + 500.0 * (step % 2), 60.0 - (strike - 100_000) / 2_500.0)
        for step in range(12)
        for strike in range(85_000, 115_001, 5_000)
    ]
    rows[3]["mark_iv"] = 0.0
    with gzip.open(tmp_path / "btc_get_order_book_5min.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"snapshot": "x", "result": row}) + "\n" for row in rows)
    return tmp_path


def test_a_step_every_five_minutes(folder: Path) -> None:
    """Twelve looks are eleven steps; up to a moment, fewer. Sticky strikes made them: the other rule is worse."""
    whole = evidence_of(folder, "BTC", None).verdicts()
    half = evidence_of(folder, "BTC", Ns(_BEGAN + 1700 * 10**9)).verdicts()

    assert whole[SmileDelta.STICKY_DELTA].steps == 11
    assert half[SmileDelta.STICKY_DELTA].steps == 5
    assert whole[SmileDelta.STICKY_DELTA].ratio > 1.0


def test_a_tape_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """As for a snapshot."""
    with pytest.raises(ConfigError, match="--tape: there is no folder"):
        evidence_of(tmp_path / "gone", "BTC", None)
    with pytest.raises(ConfigError, match="btc_get_order_book"):
        evidence_of(tmp_path, "BTC", None)
