"""`hedgebot why`, `tca`, `pnl`, `scalping`: text or JSON, exit 0; a contradiction exits 1; junk is a line, exit 2."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from bot.app import finished
from bot.app.exit_codes import ExitCode
from bot.journal import manifest
from bot.journal.tape import Began, Recorder, frame
from bot.journal.tape_reader import TapeReader

Call = Callable[..., int]


@pytest.fixture
def folder(call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The run folder of a few simulated minutes."""
    path = tmp_path / "r1"
    assert call("simulate", "--hours", "0.15", "--seed", "3", "--tape-out", str(path)) == 0
    capsys.readouterr()
    return path


def test_the_last_hedge_is_explained(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text by default, one JSON line on request, the decision in force at a time."""
    assert call("why", str(folder)) == 0
    text = capsys.readouterr().out
    assert "Ordered to " in text.splitlines()[-1]
    assert "What was held" in text

    assert call("why", str(folder), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["decided"]["action"], told["contradiction"]) == ("hedge", "")

    assert call("why", str(folder), "09:01:30", "--book", "btc", "--json") == 0
    assert json.loads(capsys.readouterr().out)["at"].startswith("2026-11-22T09:01:29")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "there is no folder nowhere"),
        (("RUN", "junk"), "'junk' is no decision"),
        (("RUN", "1"), "seq 1 of book BTC is no decision"),
        (("RUN", "23:00"), "the run decided from"),
        (("RUN", "--book", "ETH"), "--book: ETH is none of BTC"),
    ],
)
def test_junk_is_one_line(
    call: Call, folder: Path, capsys: pytest.CaptureFixture[str], *, arguments: tuple[str, ...], said: str
) -> None:
    """Exit 2, and what may stand there."""
    words = [str(folder) if word == "RUN" else word for word in arguments]

    assert call("why", *words) == ExitCode.CONFIG
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)


def test_other_parameters_than_the_runs_are_found_out(
    call: Call, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A manifest that is not the tape's own is refused, like damage: exit 4 and one line."""
    path = folder / manifest.NAME
    path.write_text(path.read_text().replace('"trade_coin_min": 0.005', '"trade_coin_min": 0.006'))

    assert call("why", str(folder)) == ExitCode.JOURNAL
    assert "the manifest is not the one" in capsys.readouterr().err


def test_another_decision_than_the_tapes_ends_with_one(
    call: Call, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tape rewritten so that the hedge has another reason: told all the same, exit 1, the contradiction named."""
    _, digest = manifest.read(folder)
    assert call("why", str(folder), "--json") == 0
    last_seq = json.loads(capsys.readouterr().out)["decided"]["seq"]
    data = frame(Recorder().payload(Began(digest)))
    for read in TapeReader(folder, digest).records():
        record, decided = read.record, read.record.decided
        if decided is not None and record.seq == last_seq:
            record = structs.replace(record, decided=structs.replace(decided, detail="forged"))
        data += frame(Recorder().payload(record))
    (folder / "tape-000001.bin").write_bytes(data)

    assert call("why", str(folder)) == ExitCode.DIFFERENT
    text = capsys.readouterr().out
    assert "CONTRADICTION" in text
    assert "decided.detail: ours '', recorded 'forged'" in text


def test_costs_are_told_and_drawn(call: Call, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A table by default, one JSON line on request, a picture beside it."""
    assert call("tca", str(folder), "--picture", str(tmp_path / "costs.svg")) == 0
    assert "hedges add up to the run's figures" in capsys.readouterr().out
    assert (tmp_path / "costs.svg").read_text().startswith("<svg")

    assert call("tca", str(folder), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["totals"]["slippage"]["usd"] == pytest.approx(-told["slippage_of_run_usd"], abs=1e-4)
    assert told["totals"]["fees"]["usd"] == pytest.approx(-told["fees_of_run_usd"], abs=1e-4)


def test_profit_is_taken_apart(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table by default, one JSON line on request; it closes."""
    assert call("pnl", str(folder)) == 0
    assert "closes: the account made" in capsys.readouterr().out

    assert call("pnl", str(folder), "--json") == 0
    assert json.loads(capsys.readouterr().out)["problem"] == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "tca: there is no folder nowhere"),
        (("RUN", "--book", "ETH"), "--book: ETH is none of BTC"),
        (("RUN", "--picture", "no/such/folder/x.svg"), "--picture: "),
    ],
)
def test_junk_about_costs_is_one_line(
    call: Call, folder: Path, capsys: pytest.CaptureFixture[str], *, arguments: tuple[str, ...], said: str
) -> None:
    """Exit 2, and what is wrong."""
    words = [str(folder) if word == "RUN" else word for word in arguments]

    assert call("tca", *words) == ExitCode.CONFIG
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)


def test_a_changed_tape_has_no_costs(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damage is an error of the journal."""
    segment = folder / "tape-000001.bin"
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0x01
    segment.write_bytes(data)

    assert call("tca", str(folder)) == ExitCode.JOURNAL
    assert "tape-000001.bin, record" in capsys.readouterr().err


def test_scalping_is_told(call: Call, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text by default, one JSON line on request; it is a part of the same profit."""
    assert call("scalping", str(folder)) == 0
    assert "process and outcome" in capsys.readouterr().out

    assert call("scalping", str(folder), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["problem"], told["steps_count"] > 5) == ("", True)
    assert call("scalping", "nowhere") == ExitCode.CONFIG
    assert "scalping: there is no folder nowhere" in capsys.readouterr().err


def test_charts_of_a_report_are_pictures(
    call: Call, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SVG in one folder, PNG of the same in another; both are told, and a folder that cannot be is refused."""
    monkeypatch.setattr(finished, "as_png", lambda svg: f"PNG of {svg}".encode())
    page, svg, png = tmp_path / "page.html", tmp_path / "svg", tmp_path / "png"
    assert call("report", str(folder), "--out", str(page), "--svg", str(svg), "--png", str(png)) == 0
    told = capsys.readouterr().out
    drawn = sorted(svg.iterdir())

    assert "btc-price.svg" in [path.name for path in drawn]
    for path in drawn:
        assert (png / f"{path.stem}.png").read_text() == f"PNG of {path.read_text()}"
        assert str(path) in told
    assert call("report", str(folder), "--out", str(page), "--svg", str(page)) == ExitCode.CONFIG
    assert "--svg, --png: cannot write" in capsys.readouterr().err


def test_a_report_is_written(call: Call, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A page and its Markdown in the run's folder, or where one says; the Markdown, or one JSON line, is told."""
    assert call("report", str(folder)) == 0
    told = capsys.readouterr().out
    assert (folder / "report-btc.html").read_text().startswith("<!doctype html>")
    assert told.startswith((folder / "report-btc.md").read_text())

    page = tmp_path / "page.html"
    assert call("report", str(folder), "--out", str(page), "--json") == 0
    assert json.loads(capsys.readouterr().out)["book"] == "BTC"
    assert page.is_file()
    for out, said in (("no/such/x.html", "--out: cannot write no/such/x.html"), ("x.md", "--out: is the page")):
        assert call("report", str(folder), "--out", out) == ExitCode.CONFIG
        assert said in capsys.readouterr().err
