"""`hedgebot greeks` from the command line: numbers, a tape, a venue; and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.demo import local_exchange
from bot.app.exit_codes import ExitCode
from bot.app.greeks import command
from bot.domain.errors import ConfigError

Call = Callable[..., int]
_NUMBERS = ("--forward", "100000", "--strike", "95000", "--days", "10")


def test_numbers_give_a_table_or_one_line(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names the conventions, the line holds the same numbers."""
    assert call("greeks", *_NUMBERS, "--iv", "60%") == 0
    text = capsys.readouterr().out
    assert call("greeks", *_NUMBERS, "--iv", "60%", "--json") == 0
    (option,) = json.loads(capsys.readouterr().out)["options"]

    assert f"{option['delta']['coin_coin']:+.8f}" in text
    assert option["delta"]["options_only_coin"] == pytest.approx(0.71435037, abs=1e-8)


def test_a_moment_may_be_given_for_an_instrument(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    """A name tells strike, kind and expiry; `--at` tells how much time is left."""
    at = ("--at", "2026-03-20T08:00:00Z")
    assert call("greeks", "BTC-27MAR26-95000-P", "--forward", "1e5", "--iv", "0.6", *at, "--ladder", "--json") == 0
    sheet = json.loads(capsys.readouterr().out)

    assert (sheet["options"][0]["kind"], sheet["options"][0]["hours_left"]) == ("put", pytest.approx(168.0))
    assert len(sheet["ladder"]) == 205


def test_a_tape_of_a_run_and_a_portfolio(call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What a simulation saw last; its tape holds the one expiry it hedged."""
    straddle = "config/portfolios/straddle.toml"
    portfolio = tmp_path / "straddle.toml"
    portfolio.write_text(Path(straddle).read_text(encoding="utf-8").replace("2nd", "1st"), encoding="utf-8")
    tape = str(tmp_path / "run")
    assert call("simulate", "--hours", "0.02", "--seed", "3", "--portfolio", straddle, "--tape-out", tape) == 0
    capsys.readouterr()
    asked = ("--equity-coin", "10", "--evidence", "--json")
    assert call("greeks", "--portfolio", str(portfolio), "--tape", tape, *asked) == 0
    sheet = json.loads(capsys.readouterr().out)
    kinds = {item["kind"]: item for item in sheet["options"]}

    assert (set(kinds), sheet["unvalued"]) == ({"call", "put"}, {})
    assert next(item["rule"] for item in sheet["evidence"]) == "sticky_strike"
    assert kinds["call"]["delta"]["options_only_coin"] - kinds["put"]["delta"]["options_only_coin"] == pytest.approx(
        1.0
    )
    assert sheet["totals"]["delta_usd_with_equity_coin"] == pytest.approx(
        10.0 - sheet["totals"]["premium_coin"] + sheet["totals"]["delta"]["usd_coin"]
    )


def test_a_venue_is_asked_without_a_key(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local exchange over real sockets: the option, its forward and a smile through its chain."""
    monkeypatch.chdir(repo_root)
    with local_exchange(portfolio=None, currency="BTC", seed=3, vol_scale=1.0) as settings:
        spec = command.load_portfolio(Path("config/portfolios/call.toml"))
        wanted = command.Wanted(portfolio=spec, currency="BTC", ssr_ratio=1.0, equity_coin=None, with_ladder=False)
        address = {"ws_url": settings.ws_url, "rest_url": settings.rest_url}
        keyless = command.VenueSettings(venue=settings.venue, **address, is_testnet=True)
        found = command._from_feed(keyless, wanted)
    (option,) = found.options

    assert (option.kind, found.unvalued, option.smile is not None) == ("call", {}, True)
    assert option.delta.options_only_coin == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name an instrument, or give --portfolio or --forward"),
        (("BTC-27MAR26-95000-P", "--portfolio", "config/portfolios/call.toml"), "name an instrument, or give"),
        (("BTC-27MAR26-95000-P",), "--hosts: give one of production, testnet, local"),
        (("BTC-27MAR26-95000-P", "--hosts", "moon"), "--hosts"),
        (("BTC-27MAR26-95000-P", "--tape", "nowhere"), "--tape: there is no folder nowhere"),
        (("--portfolio", "gone.toml", "--hosts", "local"), "portfolio: cannot read gone.toml"),
        (("BTC-27MAR26-95000-P", "--config", "gone.toml"), "config: cannot read gone.toml"),
        ((*_NUMBERS, "--iv", "60"), "--iv: '60' is no volatility"),
        ((*_NUMBERS, "--iv", "0.6", "--evidence"), "--evidence: takes a past to judge by"),
        (("BTC-27MAR26-95000-P", "--hosts", "local", "--evidence"), "--evidence: takes a past to judge by"),
        ((*_NUMBERS, "--iv", "0.6", "--at", "noon"), "--at"),
    ],
)
def test_what_is_wrong_is_one_line(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """Exit code 2 and the next step."""
    assert call("greeks", *arguments) == ExitCode.CONFIG
    error = capsys.readouterr().err

    assert words in error
    assert error.count("\n") == 1


def test_the_venue_of_a_configuration_is_used_without_its_key(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, yes; credentials, no."""
    monkeypatch.chdir(repo_root)
    settings = command._settings("", Path("config/testnet.toml"))

    assert settings.credentials is None
    assert settings.ws_url.startswith("wss://test.")
    assert command._settings("local", None).rest_url.startswith("http://127.0.0.1")


def test_a_portfolio_that_does_not_fit_is_named(call: Call, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A leg that is not listed; a coin that is not there."""
    tape = str(tmp_path / "run")
    assert call("simulate", "--hours", "0.02", "--tape-out", tape) == 0
    capsys.readouterr()

    assert call("greeks", "BTC-1JAN20-1-C", "--tape", tape) == ExitCode.CONFIG
    assert "no such instrument is listed" in capsys.readouterr().err
    assert call("greeks", "DOGE-1JAN20-1-C", "--tape", tape) == ExitCode.CONFIG
    assert "nothing of DOGE is known" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="--at"):
        command._moment("2026-03-20")
