"""The command `hedgebot backtest`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.exit_codes import ExitCode

Call = Callable[..., int]
Write = Callable[..., Path]
_C, _P = "BTC-14APR23-30000-C", "BTC-14APR23-30000-P"


@pytest.fixture
def day(write_history: Write, tmp_path: Path) -> Path:
    """Two hours of a chain of two, the index up and down; an hour of it is missing."""
    minutes = [*range(0, 31, 5), *range(90, 121, 5)]
    moments = [
        (name, 60 * minute + second, 30_000.0 + 200.0 * (minute % 3))
        for minute in minutes
        for second, name in ((0, _C), (3, _P), (6, _C))
    ]
    folder = tmp_path / "day"
    folder.mkdir()
    return write_history(folder, *moments)


def test_a_day_is_played_and_taken_apart(
    call: Call, day: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One JSON line: hedges, costs, variance, tradable share, defects; every defect in a file, the run on a tape."""
    out, run = tmp_path / "d.csv", tmp_path / "run"
    portfolio = tmp_path / "p.toml"
    portfolio.write_text(f'[[legs]]\ninstrument = "{_C}"\nqty_coin = "1"\n')
    arguments = ["backtest", "--tape", str(day), "--portfolio", str(portfolio), "--json"]
    arguments += ["--defects", str(out), "--tape-out", str(run), "--policy", "time_based", "--set", "interval_s=60"]
    code = call(*arguments)
    told = json.loads(capsys.readouterr().out)
    costs, pnl = told["costs_usd"], told["run"]["pnl_usd"]

    assert (told["policy"], told["parameters"], told["book"]) == ("time_based", {"interval_s": 60.0}, "BTC")
    assert told["tradable_share"] == pytest.approx(
        1 - sum(told["untradable_s"].values()) / told["run"]["seconds"], abs=0.01
    )
    assert told["tradable_share"] < 1.0 - 40 / 120
    assert [round(seconds) for _, seconds in told["tape"]["holes"]] == [3594]
    assert costs["total"] == pytest.approx(-pnl["fees"] - pnl["slippage"])
    assert [one["kind"] for one in told["defects"]] == ["hole"]
    assert out.read_text().count("hole") == 1
    assert (code == 0) is told["closes"]
    assert call("pnl", str(run)) == 0


def test_it_is_told_in_words(call: Call, day: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As if it were settled in USDC: hedged with the linear perpetual, impact on top."""
    portfolio = tmp_path / "p.toml"
    portfolio.write_text(f'[[legs]]\ninstrument = "{_C}"\nqty_coin = "1"\n')
    call("backtest", "--tape", str(day), "--portfolio", str(portfolio), "--linear", "--impact-usd-per-coin", "9")
    said = capsys.readouterr().out

    assert "book BTC hedged with BTC_USDC-PERPETUAL" in said
    assert "not traded through" in said
    assert "BTC_USDC-14APR23-30000-C" in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--tape", "no/such"), "hedgebot: tape: no/such does not exist"),
        (("--tape", "config"), "hedgebot: tape: config has nothing of BTC that can be played"),
        (("--tape", ".", "--policy", "magic"), "hedgebot: books.btc.band.policy: "),
        (("--tape", ".", "--set", "x"), "hedgebot: --set: 'x' is no KEY=VALUE"),
    ],
)
def test_mistakes_are_named(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], why: str
) -> None:
    """In one line."""
    assert call("backtest", *arguments) == ExitCode.CONFIG
    said = capsys.readouterr().err
    assert (said.startswith(why), said.count("\n")) == (True, 1), said
