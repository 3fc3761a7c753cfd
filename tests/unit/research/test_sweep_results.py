"""Results on disk: whatever moment a process is killed at, each is there once."""

import shutil
from pathlib import Path
from typing import Any

import polars
import pytest
from msgspec import structs

from bot.domain.errors import ConfigError
from bot.research.sweep import Figures
from bot.research.sweep_results import FILE, LOG, Results

_FIGURES = Figures(
    hedges=3,
    orders=4,
    fills=5,
    refused=0,
    seconds=60.0,
    cost_usd=1.5,
    fees_usd=1.0,
    traded_usd=2_000.0,
    residual_usd=7.0,
    residual_ratio=None,
    pnl_usd=-4.0,
    pnl_options_usd=-3.0,
    pnl_hedge_usd=1.0,
    pnl_funding_usd=0.0,
    outside_band_s=0.5,
    net_delta_coin_final=0.01,
    tradable_share=None,
    violations="",
    trace_hash="abc",
)


def _row(key: str, **settings: object) -> dict[str, Any]:
    """A result under this key."""
    tried = {"configuration": key, "policy": "fixed", "tape": None, "portfolio": None, "seed": 1}
    return tried | settings | structs.asdict(_FIGURES)


def _again(folder: Path) -> dict[str, Any]:
    """What the next start finds."""
    results = Results(folder)
    results.close()
    return dict(results.rows)


def _written(folder: Path) -> polars.DataFrame:
    return polars.read_parquet(folder / FILE)


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    """From the log at once, from the file after it was written; in the order that is asked for."""
    first = Results(tmp_path)
    for key in ("b", "a", "c"):
        first.add(_row(key, interval_s=60.0))
    first.close()  # as after a kill: nothing was folded
    second = Results(tmp_path)
    second.fold(["a", "b"])
    second.close()

    assert second.rows == first.rows
    assert list(_written(tmp_path)["configuration"]) == ["a", "b", "c"]
    assert (tmp_path / LOG).read_bytes() == b""
    assert _again(tmp_path) == first.rows
    assert _written(tmp_path).schema["residual_ratio"] == polars.Float64
    assert _written(tmp_path).columns[:6] == ["configuration", "policy", "tape", "portfolio", "seed", "interval_s"]


def test_a_kill_at_any_byte_loses_no_finished_result(tmp_path: Path) -> None:
    """However much of the log was written: every whole line counts, what is torn is told and written no more."""
    whole = Results(tmp_path / "whole")
    for key in ("a", "b"):
        whole.add(_row(key))
    whole.close()
    text = (tmp_path / "whole" / LOG).read_bytes()
    ends = [at + 1 for at, byte in enumerate(text) if byte == ord("\n")]
    for cut in (*range(0, len(text), 97), *ends, *(end - 1 for end in ends), ends[0] + 1):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir(exist_ok=True)
        (folder / LOG).write_bytes(text[:cut])
        found = Results(folder)
        found.add(_row("c"))
        found.close()

        # The newline alone may be missing: the result is whole.
        wanted = {key for key, end in zip("ab", ends, strict=True) if cut >= end - 1}
        assert set(found.rows) == wanted | {"c"}, cut
        assert bool(found.notices) is (cut not in {0, *ends, *(end - 1 for end in ends)}), cut
        again = Results(folder)
        assert set(again.rows) == wanted | {"c"}, cut
        assert again.notices == []
        again.close()


def test_a_result_in_file_and_log_counts_once(tmp_path: Path) -> None:
    """A process can be killed after it wrote the file and before it emptied the log."""
    results = Results(tmp_path)
    results.add(_row("a"))
    log = (tmp_path / LOG).read_bytes()
    results.fold()
    results.close()
    (tmp_path / LOG).write_bytes(log)

    again = Results(tmp_path)
    again.close()

    assert list(_written(tmp_path)["configuration"]) == ["a"]
    assert again.notices == []


def test_a_file_that_is_not_whole_is_set_aside_and_told(tmp_path: Path) -> None:
    """Nothing is deleted, nothing half read is believed; one that was being written, `results.parquet.new`, is none."""
    results = Results(tmp_path)
    results.add(_row("a"))
    results.fold()
    results.add(_row("b"))
    results.close()
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    shutil.copy(tmp_path / FILE, tmp_path / f"{FILE}.new")

    again = Results(tmp_path)
    again.close()

    assert set(again.rows) == {"b"}
    assert "set aside as results.parquet.unreadable" in again.notices[0]
    assert (tmp_path / f"{FILE}.unreadable").read_bytes() == whole[: len(whole) // 2]
    assert list(_written(tmp_path)["configuration"]) == ["b"]


def test_the_file_grows_with_the_log(tmp_path: Path) -> None:
    """Now and then, so that a log of a long sweep stays short and whoever looks meanwhile sees most of it."""
    results = Results(tmp_path)
    for number in range(250):
        results.add(_row(str(number)))
    results.close()

    assert _written(tmp_path).height == 200
    assert len((tmp_path / LOG).read_bytes().splitlines()) == 50


def test_two_sweeps_in_one_folder_are_refused(tmp_path: Path) -> None:
    """Until the first is done."""
    first = Results(tmp_path)
    with pytest.raises(ConfigError, match="another sweep is writing to"):
        Results(tmp_path)
    first.close()
    _again(tmp_path)


def test_columns_are_of_one_kind(tmp_path: Path) -> None:
    """Numbers, booleans or words; a key that is a number here and a word there is words; one not set there is null."""
    results = Results(tmp_path)
    results.add(_row("a", count=1, mixed=2.5, flag=True))
    results.add(_row("b", count=1.5, mixed="x"))
    results.fold()
    results.close()
    found = _written(tmp_path)

    assert found["count"].to_list() == [1.0, 1.5]
    assert found["mixed"].to_list() == ["2.5", "x"]
    assert found["flag"].to_list() == [True, None]
    assert _again(tmp_path)["b"]["flag"] is None


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Somebody else's file, or no folder at all."""
    (tmp_path / "f").write_text("")
    with pytest.raises(ConfigError, match="--to: cannot write"):
        Results(tmp_path / "f" / "g")
    polars.DataFrame({"x": [1]}).write_parquet(tmp_path / FILE)
    with pytest.raises(ConfigError, match="is of something else; name another folder"):
        Results(tmp_path)
    _again(tmp_path / "other")
