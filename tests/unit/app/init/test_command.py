"""`hedgebot init` as its user: questions, files, what they would have done; nothing is written over unasked."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.exit_codes import ExitCode

Call = Callable[..., int]
_FLAGS = ("--yes", "--convention", "options_only", "--risk-usd-per-day", "2000", "--hours", "0.2")


def test_a_script_gets_a_configuration_that_check_accepts_and_a_trial(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it wrote, what it would have done in two lines, and what to type next."""
    out = tmp_path / "mine.toml"
    code = call("init", *_FLAGS, "--out", str(out))
    wrote, done, worst, following = capsys.readouterr().out.splitlines()

    assert code == 0
    assert wrote == f"wrote {out} and {tmp_path}/mine-portfolio.toml"
    assert done.startswith("tried on 0.2 simulated hours (seed 1, a look a minute): ")
    assert " hedges in 0.2 h, " in done
    assert worst.startswith("net delta at worst 0.")
    assert following == f"next: hedgebot check --config {out}"
    assert f'portfolio = "{tmp_path}/mine-portfolio.toml"' in out.read_text()


def test_nothing_is_written_over_without_being_told(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither file; told before the first question."""
    out, held = tmp_path / "mine.toml", tmp_path / "mine-portfolio.toml"
    held.write_text("mine")
    code = call("init", *_FLAGS, "--out", str(out))
    told = capsys.readouterr().err

    assert (code, out.exists(), held.read_text()) == (ExitCode.CONFIG, False, "mine")
    assert told == f"hedgebot: --out: {held} is there already; name another, or write over it with --force\n"
    assert call("init", *_FLAGS, "--force", "--out", str(out)) == 0
    assert held.read_text().startswith("# At-the-money straddles")


def test_the_venue_of_the_hedge_may_be_another_and_what_is_held_may_be_named(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No portfolio is written where an account is hedged; the trial brings the second venue."""
    out = tmp_path / "okx.toml"
    flags = ("--venue", "okx", "--margin", "linear", "--portfolio", "config/portfolios/call.toml")
    code = call("init", *_FLAGS, *flags, "--out", str(out))

    assert (code, [path.name for path in tmp_path.iterdir()]) == (0, ["okx.toml"])
    assert capsys.readouterr().out.startswith(f"wrote {out}\n")
    assert 'hedge_instrument = "OKX:BTC-USDT-SWAP"' in out.read_text()


def test_it_is_tried_on_a_tape_where_one_is_given(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], write_history: Callable[..., Path]
) -> None:
    """The numbers are reckoned at its price; rows minutes apart are not taken for old."""
    name = "BTC-14APR23-30000-C"
    (tmp_path / "day").mkdir()
    rows = [(name, 60 * minute, 30_000.0 + 300.0 * (minute % 3)) for minute in range(0, 61, 5)]
    day = write_history(tmp_path / "day", *rows)
    held, out = tmp_path / "p.toml", tmp_path / "mine.toml"
    held.write_text(f'[[legs]]\ninstrument = "{name}"\nqty_coin = "10"\n')
    code = call(
        "init", *_FLAGS[:-2], "--out", str(out), "--tape", str(day), "--portfolio", str(held), "--option-coins", "10"
    )
    told = capsys.readouterr().out

    assert code == 0
    assert "at 30,000 USD a coin" in out.read_text()
    assert "tried on btc_get_order_book_5min.jsonl.gz (2023-" in told
    assert " 0 hedges" not in told


def test_without_a_terminal_the_first_missing_answer_is_named(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and nothing is written."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code = call("init", "--out", str(tmp_path / "x.toml"))

    assert (code, list(tmp_path.iterdir())) == (ExitCode.CONFIG, [])
    assert capsys.readouterr().err.startswith(
        "hedgebot: --venue: is missing, and nobody can be asked here; give one of"
    )


def test_on_a_terminal_it_asks(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Return takes the default; flags are not asked for."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("\nETH\nlinear\nlinear_usd\n5\n\n"))
    code = call("init", *_FLAGS[3:], "--out", str(tmp_path / "x.toml"))
    text = (tmp_path / "x.toml").read_text()

    assert code == 0, capsys.readouterr().err
    assert ('mode = "paper"' in text, 'hedge_instrument = "ETH_USDC-PERPETUAL"' in text) == (True, True)
    assert 'settlement = "usd"' in (tmp_path / "x-portfolio.toml").read_text()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--tape", "no/such"), "hedgebot: tape: no/such does not exist"),
        (("--portfolio", "no/such.toml"), "hedgebot: portfolio: cannot read no/such.toml"),
        (("--out", "no/such/folder/x.toml"), "hedgebot: --out: cannot write no/such/folder/"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, flags: tuple[str, ...], line: str
) -> None:
    """Exit 2; nothing is left behind."""
    assert call("init", *_FLAGS, "--out", str(tmp_path / "x.toml"), *flags) == ExitCode.CONFIG
    assert capsys.readouterr().err.startswith(line)
    assert list(tmp_path.iterdir()) == []
