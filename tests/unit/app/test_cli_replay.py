"""`simulate --tape-out` and `replay`: one line, or JSON; exit 0 when equal, 1 when not."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import cli
from bot.app.exit_codes import ExitCode

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, repo_root: Path) -> Call:
    """Run the command in the checkout; its exit code."""
    monkeypatch.chdir(repo_root)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["hedgebot", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return 0 if ended.value.code is None else int(ended.value.code)

    return run


@pytest.fixture
def folder(call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The run folder of a simulated minute."""
    path = tmp_path / "r1"
    assert call("simulate", "--hours", "0.02", "--seed", "3", "--tape-out", str(path)) == 0
    capsys.readouterr()
    return path


def test_a_simulation_with_a_tape_replays_equal(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence, and as JSON the counts."""
    assert call("replay", str(folder)) == 0
    assert capsys.readouterr().out.startswith("sim-BTC-3: equal: ")
    assert call("replay", str(folder), "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["is_equal"], result["ending"], result["difference"]) == (True, "in order", None)


def test_a_run_is_found_by_its_name(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the folder `runs`, where the configuration puts them."""
    monkeypatch.chdir(folder.parent)
    (folder.parent / "runs").symlink_to(folder.parent, target_is_directory=True)
    folder.rename(folder.parent / "named")

    assert call("replay", "named", "--json") == 0
    assert json.loads(capsys.readouterr().out)["run_id"] == "sim-BTC-3"


def test_a_changed_byte_ends_with_one(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the line says where."""
    segment = folder / "tape-000001.bin"
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0x01
    segment.write_bytes(data)

    assert call("replay", str(folder)) == ExitCode.DIFFERENT
    assert "tape-000001.bin, record" in capsys.readouterr().out


def test_what_is_no_run_is_refused(call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder of that name: exit 2; a folder without a run: exit 4."""
    assert call("replay", str(tmp_path / "none")) == ExitCode.CONFIG
    assert "there is no folder" in capsys.readouterr().err
    assert call("replay", str(tmp_path)) == ExitCode.JOURNAL
    assert "manifest.json" in capsys.readouterr().err


def test_a_tape_is_not_written_over(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One folder, one run."""
    assert call("simulate", "--hours", "0.02", "--tape-out", str(folder)) == ExitCode.JOURNAL
    assert "holds a run already" in capsys.readouterr().err
