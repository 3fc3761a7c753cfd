"""The command `hedgebot sweep FILE`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pytest

from bot.app import sweep
from bot.app.exit_codes import ExitCode
from bot.app.sweep_run import Job
from bot.app.sweep_run import run as really_run

Call = Callable[..., int]
Write = Callable[..., Path]
_S_MAX = 600.0
_CALL = "BTC-14APR23-30000-C"
_TWO = """
hours = 0.05
step_ms = 20_000
seeds = {seeds}
portfolios = ["config/portfolios/call.toml"]
[[policies]]
policy = "fixed"
high_coin_per_option_coin = [0.001, 0.5]
low_coin_per_option_coin = -0.001
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two policies on two seeds, three minutes each."""
    path = tmp_path / "s.toml"
    path.write_text(_TWO.format(seeds="[1, 2]"))
    return path


def _rows(folder: Path) -> list[dict[str, Any]]:
    return polars.read_parquet(folder / "results.parquet").to_dicts()


def test_results_are_those_of_single_runs(call: Call, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each configuration as `hedgebot simulate` would have it, with what was tried beside; a second start runs none."""
    assert call("sweep", str(file), "--workers", "1") == 0
    said = capsys.readouterr()
    rows = _rows(file.with_suffix(""))
    config = file.with_name("c.toml")
    text = Path("config/simulate.toml").read_text()
    config.write_text(text.replace("-0.05", "-0.001").replace("= 0.05", "= 0.5"))
    arguments = ("--hours", "0.05", "--step-ms", "20000", "--portfolio", "config/portfolios/call.toml", "--json")
    assert call("simulate", "--seed", "2", "--config", str(config), *arguments) == 0
    single = json.loads(capsys.readouterr().out)
    (same,) = [row for row in rows if (row["seed"], row["high_coin_per_option_coin"]) == (2, 0.5)]

    assert (same["hedges"], same["pnl_usd"]) == (single["hedges"], single["pnl_usd"]["total"])
    assert same["trace_hash"] == single["trace_hash"]
    assert [row["seed"] for row in rows] == [1, 1, 2, 2]
    assert {row["policy"] for row in rows} == {"fixed"}
    assert rows[0]["hedges"] >= 1
    assert rows[0]["cost_usd"] > rows[1]["cost_usd"]
    assert rows[0]["residual_ratio"] < rows[1]["residual_ratio"]
    assert "fixed high_coin_per_option_coin=0.001 low_coin_per_option_coin=-0.001" in said.out
    assert "4 of 4 configurations are in" in said.err

    assert call("sweep", str(file), "--workers", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["configurations_count"], told["done_count"], told["run_count"]) == (4, 4, 0)
    assert _rows(file.with_suffix("")) == rows


def test_an_interrupt_keeps_what_is_done_and_the_next_start_goes_on(
    call: Call, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same results as without; nothing is run twice, and a longer file runs what is new."""
    seen: list[int] = []

    def interrupted(job: Job) -> object:
        seen.append(job.options.seed)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return really_run(job)

    monkeypatch.setattr(sweep, "run", interrupted)
    to = ("--to", str(tmp_path / "out"), "--workers", "1", "--json")
    assert call("sweep", str(file), *to) == ExitCode.DIFFERENT
    said = capsys.readouterr()
    assert json.loads(said.out)["is_interrupted"]
    assert "interrupted; the same command goes on" in said.err
    kept = _rows(tmp_path / "out")
    assert len(kept) == 2
    file.write_text(_TWO.format(seeds="[1, 2, 2, 3]"))
    assert call("sweep", str(file), *to) == 0
    told = json.loads(capsys.readouterr().out)

    assert (told["configurations_count"], told["run_count"]) == (6, 4)
    rows = _rows(tmp_path / "out")
    assert len({row["configuration"] for row in rows}) == len(rows) == 6
    assert [row for row in rows if row in kept] == kept
    assert len(seen) == 3 + 4


def test_a_tape_is_played_as_a_backtest_plays_it(
    call: Call, write_history: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same hedges, costs and profit; another recording under the same name is another tape."""
    day = tmp_path / "day"
    day.mkdir()
    moments = [(_CALL, 60 * minute, 30_000.0 + 200.0 * (minute % 3)) for minute in range(0, 61, 5)]
    write_history(day, *moments)
    portfolio = tmp_path / "p.toml"
    portfolio.write_text(f'[[legs]]\ninstrument = "{_CALL}"\nqty_coin = "1"\n')
    file = tmp_path / "s.toml"
    file.write_text(
        f'tapes = ["{day}"]\nportfolios = ["{portfolio}"]\n[[policies]]\npolicy = "time_based"\ninterval_s = 60\n'
    )
    assert call("sweep", str(file), "--workers", "1") == 0
    (row,) = _rows(tmp_path / "s")
    capsys.readouterr()
    call("backtest", "--tape", str(day), "--portfolio", str(portfolio), "--policy", "time_based",
         "--set", "interval_s=60", "--json")  # fmt: skip
    told = json.loads(capsys.readouterr().out)

    assert row["hedges"] == told["hedges"] > 0
    assert (row["pnl_usd"], row["cost_usd"]) == (told["pnl_usd"], told["costs_usd"]["total"])
    assert row["tradable_share"] == told["tradable_share"]
    write_history(day, *moments[:-1])
    assert call("sweep", str(file), "--workers", "1") == 0
    assert len(_rows(tmp_path / "s")) == 2


def test_what_fails_is_told_and_tried_again(
    call: Call, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others have their results meanwhile."""
    monkeypatch.setattr(sweep, "run", lambda job: "no luck" if job.options.seed == 2 else really_run(job))
    assert call("sweep", str(file), "--workers", "1", "--json") == ExitCode.DIFFERENT
    said = capsys.readouterr()

    assert [row["seed"] for row in _rows(file.with_suffix(""))] == [1, 1]
    assert list(json.loads(said.out)["failed"].values()) == ["no luck", "no luck"]
    assert ", portfolio config/portfolios/call.toml, seed 2: no luck" in said.err
    monkeypatch.setattr(sweep, "run", really_run)
    assert call("sweep", str(file), "--workers", "1") == 0


def test_the_kernel_has_the_figures_of_the_engine(call: Call, file: Path) -> None:
    """On a drawn world, from the command: the same hedges, money to 1e-9; other rows than those of the exchange."""
    text = file.read_text()
    for fills in ("kernel", "ideal"):
        file.write_text(f'fills = "{fills}"\n{text}')
        assert call("sweep", str(file), "--workers", "1") == 0
    rows = _rows(file.with_suffix(""))
    of_kernel, of_engine = rows[4:], rows[:4]

    assert len(rows) == 8
    assert sum(int(row["hedges"]) for row in of_engine) > 4
    for one, other in zip(of_engine, of_kernel, strict=True):
        assert one["hedges"] == other["hedges"]
        same = ("pnl_usd", "cost_usd", "traded_usd", "residual_usd", "net_delta_coin_final")
        assert [other[name] for name in same] == pytest.approx([one[name] for name in same], rel=1e-9)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[policies]]\nmagic = 3", "--set: magic is in no section of a book"),
        ("[[policies]]\npolicy = 'magic'", "books.btc.band.policy: "),
        ("currency = 'DOGE'\n[[policies]]", "books.doge: no such book is configured"),
        ("tapes = ['no/such']\n[[policies]]", "sweep: there is no tape no/such"),
        ("config = 'no.toml'\n[[policies]]", "config: cannot read no.toml"),
        ("x = 1", "sweep: "),
    ],
)
def test_mistakes_are_named_before_anything_is_run(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    """In one line."""
    file = tmp_path / "s.toml"
    file.write_text(text)

    assert call("sweep", str(file)) == ExitCode.CONFIG
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith(f"hedgebot: {why}")


def test_a_file_without_an_ending_needs_a_folder(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its results would be where it is."""
    (tmp_path / "s").write_text("[[policies]]")

    assert call("sweep", str(tmp_path / "s")) == ExitCode.CONFIG
    assert "give --to" in capsys.readouterr().err


def test_a_kill_of_everything_loses_nothing_that_was_done(
    call: Call, file: Path, repo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL for the command and its workers at once; what had its result is not run again."""
    out = tmp_path / "out"
    log = out / "results.log"
    file.write_text(_TWO.format(seeds="{ count = 4000 }"))  # more than it could do until it is killed
    words = [sys.executable, "-m", "bot", "sweep", str(file), "--to", str(out), "--workers", "2"]
    killed = subprocess.Popen(words, cwd=repo_root, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        end_s = time.monotonic() + _S_MAX
        while not (log.exists() and log.read_bytes().count(b"\n") >= 2):
            assert killed.poll() is None, "it ended by itself"
            assert time.monotonic() < end_s, "nothing was done"
            time.sleep(0.02)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait(timeout=_S_MAX)
    done = {
        json.loads(line)["configuration"] for line in log.read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"
    }
    file.write_text(_TWO.format(seeds="{ count = 4 }"))
    assert call("sweep", str(file), "--to", str(out), "--workers", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    rows = _rows(out)

    assert (told["configurations_count"], told["done_count"]) == (8, 8)
    assert len(rows) == len({row["configuration"] for row in rows}) == len(done) + told["run_count"]
    assert len(done) >= 2
    assert told["run_count"] < 8
