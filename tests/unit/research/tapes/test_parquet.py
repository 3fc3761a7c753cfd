"""History as a Parquet file."""

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bot.domain.errors import ConfigError
from bot.research.tapes import parquet
from bot.research.tapes.defects import Defect
from bot.research.tapes.parquet import Facts
from bot.research.tapes.sift import Read
from bot.sim.recorded_listing import listed_from_rows

Make = Callable[..., Read]


def test_what_was_written_comes_back(read: Make, tmp_path: Path) -> None:
    """Rows and facts, to the last bit; the columns carry their units."""
    rows = [read(1, 0).row, read(2, 300, bid_native=None, iv_mark_percent=None, delta=None).row]
    facts = Facts(listed=listed_from_rows(rows), index_usd={"btc_usd": 30_000.0})
    path = tmp_path / "day.parquet"

    assert parquet.write(path, rows, facts) == 2
    frame = parquet.opened(path)
    back = list(parquet.read_ours(path.name, frame))
    assert [one.row for one in back if isinstance(one, Read)] == rows
    assert [one.number for one in back if isinstance(one, Read)] == [1, 2]
    assert (parquet.facts_of(path), parquet.is_ours(frame.columns)) == (facts, True)
    assert {"time_ns", "forward_usd", "bid_native", "iv_mark_percent"} < set(frame.columns)


def test_a_row_of_ours_that_is_no_row_is_told(read: Make, tmp_path: Path) -> None:
    """A file may have been changed by somebody."""
    path = tmp_path / "day.parquet"
    parquet.write(path, [read(1, 0).row], Facts(listed=(), index_usd={}))
    frame = pl.read_parquet(path).with_columns(index_usd=pl.lit(None, dtype=pl.Float64))

    found = list(parquet.read_ours("x", frame))
    assert [(one.row, one.instrument) for one in found if isinstance(one, Defect)] == [(1, "BTC-14APR23-30000-C")]


def test_columns_that_are_wanted_are_given_without_nan(tmp_path: Path) -> None:
    """A file of others is read by name."""
    pl.DataFrame({"a": [1.0, float("nan")], "b": ["x", None], "c": [1, 2]}).write_parquet(tmp_path / "o.parquet")
    frame = parquet.opened(tmp_path / "o.parquet")

    assert list(parquet.rows_of(frame, ("b", "a", "z"))) == [{"b": "x", "a": 1.0}, {"b": None, "a": None}]
    assert (parquet.facts_of(tmp_path / "o.parquet"), parquet.is_ours(frame.columns)) == (None, False)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "x.parquet").write_text("plain")
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parquet.opened(tmp_path / "x.parquet")


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing else of the program needs it."""
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "polars":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r"pip install 'hedgebot\[research\]'"):
        parquet.opened(tmp_path / "x.parquet")
