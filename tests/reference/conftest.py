"""Number tables beside this file (their header lines state columns and tolerances), and recorded days of a venue."""

import csv
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from bot.domain import time as bot_time

Rows = list[dict[str, str]]

_FOLDER = Path(__file__).parent
_HISTORY = Path(__file__).resolve().parents[2] / os.environ.get("HEDGEBOT_SHARED", "../shared") / "data" / "history"
_COLUMNS = (
    *("snapshot", "instrument_name", "timestamp", "underlying_price", "mark_price", "mark_iv", "delta"),
    *("best_bid_price", "best_ask_price"),
)


class Recorded(NamedTuple):
    """One file of recorded option chains, a row per option and snapshot: what the venue sent, in our units."""

    coin: str
    snapshot: np.ndarray
    expiry: np.ndarray
    seconds_left: np.ndarray
    forward_usd: np.ndarray
    strike_usd: np.ndarray
    tau_years: np.ndarray
    iv: np.ndarray
    is_call: np.ndarray
    mark_coin: np.ndarray
    delta_coin: np.ndarray
    bid_coin: np.ndarray
    """0 for an empty side."""
    ask_coin: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Recorded":
        """Some of the rows."""
        return Recorded(self.coin, *(column[chosen] for column in self[1:]))


def read_rows(name: str) -> Rows:
    """Rows of one table as text: figures have 20 digits, and what they are compared with is the reader's decision."""
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.fixture(scope="session")
def rows_of() -> Callable[[str], Rows]:
    """Rows of a table by its file name."""
    return read_rows


def _files(pattern: str) -> list[Path]:
    return sorted(_HISTORY.rglob(pattern)) if _HISTORY.is_dir() else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `recorded` runs on every recorded day that is here; without any it skips, saying so."""
    if "recorded" in metafunc.fixturenames:
        files = [*_files("*.parquet"), *_files("*_get_order_book_*.jsonl.gz")]
        names = [str(path.relative_to(_HISTORY)) for path in files] or ["none"]
        metafunc.parametrize("recorded", files or [None], ids=names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest, shared_data: Path) -> Recorded:
    """One recorded file."""
    if request.param is None:
        pytest.skip(f"no recorded days of option chains in {shared_data / 'history'}")
    path: Path = request.param
    columns = _parquet(path) if path.suffix == ".parquet" else _json_lines(path)
    names = [name.split("-") for name in columns["instrument_name"]]
    expiries = {code: bot_time.expiry_ns_from_code(code) for code in {name[1] for name in names}}
    now_ns = [bot_time.ns_from_ms(int(stamp)) for stamp in columns["timestamp"]]
    left_ns = [expiries[name[1]] - now for name, now in zip(names, now_ns, strict=True)]
    return Recorded(
        coin=names[0][0],
        snapshot=columns["snapshot"],
        expiry=np.array([name[1] for name in names]),
        seconds_left=np.array(left_ns) / 1e9,
        forward_usd=columns["underlying_price"],
        strike_usd=np.array([float(name[2]) for name in names]),
        tau_years=np.array(
            [bot_time.tau_years(now, expiries[name[1]]) for name, now in zip(names, now_ns, strict=True)]
        ),
        iv=columns["mark_iv"] / 100.0,
        is_call=np.array([name[3] == "C" for name in names]),
        mark_coin=columns["mark_price"],
        delta_coin=columns["delta"],
        bid_coin=columns["best_bid_price"],
        ask_coin=columns["best_ask_price"],
    )


def _parquet(path: Path) -> dict[str, np.ndarray]:
    import polars as pl  # noqa: PLC0415 - only where such files are: the number tables need no data frames

    frame = pl.read_parquet(path)
    frame = frame.with_columns(delta=pl.col("greeks").struct.field("delta"), snapshot=pl.col("snapshot_file"))
    return {name: frame[name].to_numpy() for name in _COLUMNS}


def _json_lines(path: Path) -> dict[str, np.ndarray]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    taken = [{**row["result"], "snapshot": row["snapshot"], "delta": row["result"]["greeks"]["delta"]} for row in rows]
    return {name: np.array([row[name] for row in taken]) for name in _COLUMNS}
