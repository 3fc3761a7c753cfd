"""The command line: what it prints, and with which code it ends."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec import structs

from bot.app import cli, compose, daemon
from bot.app.exit_codes import ExitCode
from bot.app.probe.report import Report
from bot.domain.errors import (
    ConfigError,
    JournalError,
    MalformedMessage,
    VenueOutcomeUnknown,
    VenueRefused,
    VenueUnreachable,
)
from bot.engine import Engine

Call = Callable[..., int]
_MINUTE = ("simulate", "--hours", "0.02", "--seed", "3")


def test_a_simulation_prints_one_json_line_and_draws(
    call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The result object, and a picture where it was asked for."""
    picture = tmp_path / "run.svg"
    assert call(*_MINUTE, "--json", "--picture", str(picture)) == 0

    lines = capsys.readouterr().out.splitlines()
    result = json.loads(lines[-1])
    assert (len(lines), result["mode"], result["positions_match"]) == (1, "simulate", True)
    assert result["speed"] > 0
    assert picture.read_text().startswith("<svg")


def test_without_json_it_says_a_sentence(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    """For people: what was done, where it stands, what it came to."""
    assert call(*_MINUTE) == 0
    said = capsys.readouterr().out

    assert said.startswith("simulate: ")
    assert "positions match; profit " in said
    assert said.count("\n") == 1


def test_a_simulation_at_wire_depth_is_asked_for_by_a_word(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    """Half an hour unless told otherwise."""
    assert call(*_MINUTE, "--wire", "--json") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])

    assert (result["mode"], result["positions_match"], result["starts"]) == ("simulate", True, 1)


@pytest.mark.parametrize(("takers", "rests"), [("1", True), ("0", False)])
def test_a_sentence_tells_what_rested_and_what_came_of_it(
    call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path, takers: str, *, rests: bool
) -> None:
    """Where anything did: without takers nothing that rests is filled."""
    config = tmp_path / "auto.toml"
    text = Path("config/simulate.toml").read_text()
    band = text[text.index("[books.btc.band]") : text.index("[books.btc.limits]")]
    narrow = '[books.btc.band]\nrisk_aversion_relative = 10_000\n[books.btc.tactic]\nname = "auto"\n\n'
    config.write_text(text.replace(band, narrow).replace("config/portfolios", str(Path("config/portfolios").resolve())))
    assert call("simulate", "--hours", "0.1", "--config", str(config), "--takers", takers) == 0

    assert ("; maker " in capsys.readouterr().out) is rests


def test_the_portfolio_on_the_command_line_wins(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    """One call instead of the straddle: another delta at the start, so a hedge is due at once."""
    assert call(*_MINUTE, "--json", "--portfolio", "config/portfolios/call.toml") == 0

    assert json.loads(capsys.readouterr().out)["orders"] >= 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("mode: is missing; add it"), ExitCode.CONFIG, "hedgebot: mode: is missing; add it\n"),
        (VenueUnreachable("no route"), ExitCode.VENUE, "hedgebot: venue: no route\n"),
        (VenueRefused(13004, "invalid"), ExitCode.VENUE, "hedgebot: venue: 13004 invalid\n"),
        (VenueOutcomeUnknown("time-out"), ExitCode.VENUE, "hedgebot: venue: time-out\n"),
        (MalformedMessage("not a\nresult"), ExitCode.VENUE, "hedgebot: venue: not a result\n"),
        (JournalError("locked"), ExitCode.JOURNAL, "hedgebot: ledger: locked\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_expected_to_go_wrong_is_one_line_and_a_code(
    call: Call,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: Exception,
    code: ExitCode,
    line: str,
) -> None:
    """No traceback for errors of the world."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(compose, "run_live", fail)

    assert (call("run", "--config", "config/testnet.toml"), capsys.readouterr().err) == (code, line)


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch, repo_root: Path) -> None:
    """What nobody expected keeps its traceback."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError

    monkeypatch.chdir(repo_root)
    monkeypatch.setattr(compose, "run_live", fail)
    monkeypatch.setattr(sys, "argv", ["hedgebot", "demo"])

    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(("phase", "code"), [("stopped", 0), ("halted", ExitCode.HALTED)])
def test_a_halted_run_prints_its_result_and_ends_with_its_code(
    call: Call,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    phase: str,
    code: int,
    as_json: bool,
) -> None:
    """A human must look; the figures are there all the same. A delta nobody knows is said to be unknown."""
    arguments: dict[str, Any] = {}

    def run_live(config: Any, run_id: str, **options: Any) -> Any:
        arguments.update(options, run_id=run_id)
        return [_result(config, phase)], "<svg/>"

    monkeypatch.setattr(compose, "run_live", run_live)
    json_option = ["--json"] if as_json else []

    assert call("demo", "--seconds", "5", "--seed", "11", *json_option) == code
    said = capsys.readouterr().out
    assert (json.loads(said)["phase"] == phase) if as_json else ("net delta (options_only) unknown" in said)
    assert (arguments["seconds"], arguments["demo_seed"], arguments["run_id"][:5]) == (5.0, 11, "demo-")


def _result(config: Any, phase: str) -> Any:
    book = config.books[0]
    status = Engine(book).status()
    tally = daemon.tallies_of([book])[book.book]
    result = tally.result(mode="demo", status=status, positions_match=True, violations=[], trace_hash=None)
    return structs.replace(result, phase=phase)


def test_assertions_that_are_off_are_refused(
    call: Call, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Assertions are part of the safety: no trading without them."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")

    assert call("version") == ExitCode.CONFIG
    assert "PYTHONOPTIMIZE" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("run",), ("simulate", "--hours", "0"), ("exchange", "--port", "99999"), ("no-such-command",)],
)
def test_a_command_line_nobody_understands_ends_with_code_2(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Usage on standard error."""
    assert call(*arguments) == ExitCode.CONFIG
    assert capsys.readouterr().err != ""


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (("simulate", "--portfolio", "no/such.toml"), "hedgebot: portfolio: cannot read no/such.toml"),
        (("simulate", "--config", "no/such.toml"), "hedgebot: config: cannot read no/such.toml"),
        (("simulate", "--currency", "DOGE"), "hedgebot: books.doge: no such book is configured; there are BTC, ETH"),
        (("simulate", "--tape", "no/such/folder"), "hedgebot: tape: no/such/folder does not exist"),
        (("simulate", "--wire", "--tape", "."), "hedgebot: wire: a recorded day is as it was"),
        (("run", "--config", "config/testnet.toml"), "hedgebot: venue.client_id: is missing; orders need a key"),
        (("run", "--config", "config/simulate.toml"), "hedgebot: mode: "),
        (("exchange", "--key", "nonsense"), "hedgebot: --key: "),
    ],
)
def test_the_operators_mistakes_are_named(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], start: str
) -> None:
    """One line that names the key or the file."""
    assert call(*arguments) == ExitCode.CONFIG
    said = capsys.readouterr().err
    assert (said.startswith(start), said.count("\n")) == (True, 1), said


def test_a_probe_writes_where_it_was_told_and_says_what_is_left(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The report for people and the one for programs; something left behind is a case for a human."""
    found = Report(
        when="2026-01-01T00:00:00Z",
        version="1",
        ws_url="ws://x",
        rest_url="http://x",
        scope="",
        sizes=(),
        findings=(),
        orders_count=1,
        left=("order x may be open",),
        interrupted="",
    )

    async def probed(*_: object) -> Report:
        return found

    monkeypatch.setattr(compose, "probe_run", probed)
    monkeypatch.setenv("HEDGEBOT_VENUE__CLIENT_ID", "id")
    monkeypatch.setenv("HEDGEBOT_VENUE__CLIENT_SECRET", "secret")
    report = tmp_path / "answers.md"
    probe = ("probe", "--config", "config/testnet.toml", "--yes", "--report")

    assert call(*probe, str(report)) == ExitCode.HALTED
    assert "LEFT BEHIND: order x may be open" in capsys.readouterr().out
    assert "order x may be open" in report.read_text()
    assert json.loads(report.with_suffix(".json").read_text())["left"] == ["order x may be open"]
    assert call(*probe, str(tmp_path / "none" / "answers.md")) == ExitCode.CONFIG
    assert "--report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ("config/demo.toml", "runs on a test venue only"),
        ("config/live.toml", "runs on a test venue only"),
        ("config/testnet.toml", "a probe needs a key"),
    ],
)
def test_a_probe_needs_a_test_venue_and_a_key(
    call: Call, capsys: pytest.CaptureFixture[str], config: str, line: str
) -> None:
    """Exit 2 before anything is asked of anybody."""
    assert call("probe", "--config", config, "--yes") == ExitCode.CONFIG
    assert line in capsys.readouterr().err


def test_a_look_prints_lines_or_json_and_ends_as_a_run_would(
    call: Call, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the configuration itself is the trouble."""
    assert call("check", "--config", "config/simulate.toml") == 0
    assert capsys.readouterr().out.endswith("\na run would start\n")
    monkeypatch.setenv("HEDGEBOT_BOOKS__BTC__LIMITS__ORDER_USD_MAX", "-1")
    assert call("check", "--config", "config/simulate.toml", "--json") == ExitCode.CONFIG

    read = json.loads(capsys.readouterr().out)
    assert (read["ok"], read["exit_code"], read["checks"][0]["status"]) == (False, 2, "FAILED")
    assert read["checks"][0]["detail"].startswith("books.btc.limits.order_usd_max: ")
