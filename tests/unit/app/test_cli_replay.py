"""`simulate --tape-out` and `replay`: one line, or JSON; exit 0 when equal, 1 when not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.exit_codes import ExitCode
from bot.journal.tape import HEADER

Call = Callable[..., int]


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


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _manifest_of_bytes(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(bytes(range(256)) * 40)


def _manifest_is_a_folder(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()


def _no_tape(folder: Path) -> None:
    (folder / "tape-000001.bin").unlink()


def _tape_of_bytes(folder: Path) -> None:
    (folder / "tape-000001.bin").write_bytes(bytes(range(256)) * 40)


def _empty_tape(folder: Path) -> None:
    (folder / "tape-000001.bin").write_bytes(b"")


def _tape_is_a_folder(folder: Path) -> None:
    (folder / "tape-000001.bin").unlink()
    (folder / "tape-000001.bin").mkdir()


def _only_its_beginning(folder: Path) -> None:
    """The first record is no event: an empty replay."""
    segment = folder / "tape-000001.bin"
    data = segment.read_bytes()
    segment.write_bytes(data[: HEADER.size + HEADER.unpack_from(data)[0]])


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (_no_manifest, ExitCode.JOURNAL, "cannot read"),
        (_manifest_of_bytes, ExitCode.JOURNAL, "is not a manifest"),
        (_manifest_is_a_folder, ExitCode.JOURNAL, "cannot read"),
        (_no_tape, ExitCode.DIFFERENT, "no segment 1"),
        (_tape_of_bytes, ExitCode.DIFFERENT, "tape-000001.bin, record 1 at byte 0"),
        (_empty_tape, ExitCode.DIFFERENT, "holds no record"),
        (_tape_is_a_folder, ExitCode.DIFFERENT, "cannot be read"),
        (_only_its_beginning, ExitCode.DIFFERENT, "the replay is empty: no event"),
    ],
)
def test_junk_is_one_line_and_never_equal(
    *,
    call: Call,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    code: ExitCode,
    said: str,
) -> None:
    """Whatever is in the folder: exit 1 or 4 and one line that says what is wrong."""
    spoil(folder)

    assert call("replay", str(folder)) == code
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert (told.out + told.err).count("\n") == 1
    assert ": equal" not in told.out


def test_a_file_is_no_run(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A segment instead of its folder: exit 2 and what was expected."""
    assert call("replay", str(folder / "tape-000001.bin")) == ExitCode.CONFIG
    assert "there is no folder" in capsys.readouterr().err


def test_a_tape_is_not_written_over(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One folder, one run."""
    assert call("simulate", "--hours", "0.02", "--tape-out", str(folder)) == ExitCode.JOURNAL
    assert "holds a run already" in capsys.readouterr().err
