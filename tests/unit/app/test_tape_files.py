"""The commands `hedgebot tape info|import|export`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app.exit_codes import ExitCode
from bot.domain import events as ev

Call = Callable[..., int]
Write = Callable[..., Path]
_C, _P = "BTC-14APR23-30000-C", "BTC-14APR23-30000-P"


@pytest.fixture
def day(write_history: Write, tmp_path: Path) -> Path:
    """A chain of two with a hole of half an hour and a row that is there twice."""
    folder = tmp_path / "day"
    folder.mkdir()
    return write_history(folder, (_C, 0, 3e4), (_P, 5, 3e4), (_P, 5, 3e4), (_C, 300, 3.01e4), (_P, 2_100, 3e4))


def test_a_recording_is_looked_at(call: Call, day: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Files, span, holes, defects; every defect in a file."""
    out = tmp_path / "d.csv"
    assert call("tape", "info", str(day), "--json", "--defects", str(out)) == 0
    told = json.loads(capsys.readouterr().out)

    assert (told["rows_count"], told["instruments_count"], told["expiries"]) == (4, 3, ["2023-04-14"])
    assert [one["kind"] for one in told["defects"]] == ["duplicate", "hole"]
    assert told["holes"] == [["2023-04-12T11:51:40.000000Z", 1_800.0]]
    assert told["recorded_share"] == pytest.approx(300 / 2_100)
    assert out.read_text().splitlines()[1].startswith("btc_get_order_book_5min.jsonl.gz,3,duplicate,True,BTC-14APR23")
    assert call("tape", "info", str(day), "--hole-seconds", "2000") == 0
    assert "4 rows of 3 instruments" in capsys.readouterr().out


def test_what_was_imported_is_a_tape(call: Call, day: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One Parquet file, its defects beside it; it opens as what it was made from."""
    to = tmp_path / "day.parquet"
    assert call("tape", "import", str(day), "--to", str(to), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["written"], told["defects_written"]) == (str(to), str(tmp_path / "day.defects.csv"))
    assert (tmp_path / "day.defects.csv").read_text().count("\n") == 3
    assert call("tape", "info", str(to), "--json") == 0
    again = json.loads(capsys.readouterr().out)

    assert (again["rows_count"], again["start"], again["holes"]) == (told["rows_count"], told["start"], told["holes"])
    assert again["files"][0]["format"] == "hedgebot Parquet"


def test_a_runs_tape_is_exported(call: Call, make: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What the venue was seen to show, with the run's own instruments."""
    specs = (make.perpetual(), make.option())
    listed: list[ev.Event] = [ev.InstrumentListed(instrument=spec, received_ns=make.now_ns) for spec in specs]
    run = make.tape(tmp_path / "run", [*listed, make.option_marked(), make.future_marked()])
    to = tmp_path / "run.parquet"
    assert call("tape", "export", str(run), "--to", str(to)) == 0
    assert f"written: {to}" in capsys.readouterr().out
    assert call("tape", "info", str(to), "--currency", "btc", "--json") == 0

    assert json.loads(capsys.readouterr().out)["rows_count"] == 2


@pytest.fixture
def places(day: Path, make: Any) -> dict[str, str]:
    """Where a recorded day and a run are."""
    return {"DAY": str(day), "RUN": str(make.tape(day.parent / "run", []))}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("info", "no/such"), "hedgebot: tape: no/such does not exist"),
        (("import", "DAY", "--to", "x.csv"), "hedgebot: --to: x.csv should end in .parquet"),
        (("import", "DAY", "--to", "no/such/x.parquet"), "hedgebot: --to: cannot write no/such/x.parquet"),
        (("import", "RUN", "--to", "x.parquet"), "hedgebot: tape import: RUN is a run's tape"),
        (("export", "DAY", "--to", "x.parquet"), "hedgebot: tape export: DAY is no run with a tape"),
        (("info", "DAY", "--defects", "no/such/x.csv"), "hedgebot: --defects: cannot write no/such/x.csv"),
    ],
)
def test_mistakes_are_named(
    call: Call, places: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], why: str
) -> None:
    """In one line."""
    assert call("tape", *(places.get(word, word) for word in arguments)) == ExitCode.CONFIG
    said = capsys.readouterr().err

    for word, path in places.items():
        said = said.replace(path, word)
    assert (said.startswith(why), said.count("\n")) == (True, 1), said
