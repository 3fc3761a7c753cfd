"""`hedgebot calibrate` from the command line: a portfolio and a tape to numbers that load."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.config import load
from bot.app.exit_codes import ExitCode

Call = Callable[..., int]
_STRADDLE = "config/portfolios/straddle.toml"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """(portfolio, tape): what a simulation of a straddle saw; its tape holds the one expiry it hedged."""
    folder = tmp_path_factory.mktemp("calibrate")
    portfolio = folder / "straddle.toml"
    portfolio.write_text(Path(_STRADDLE).read_text(encoding="utf-8").replace("2nd", "1st"), encoding="utf-8")
    return str(portfolio), str(folder / "run")


@pytest.fixture
def asked(market: tuple[str, str], call: Call, capsys: pytest.CaptureFixture[str]) -> tuple[str, ...]:
    """The command with both, the tape made at the first use."""
    portfolio, tape = market
    if not Path(tape).exists():
        assert call("simulate", "--hours", "0.02", "--seed", "3", "--portfolio", _STRADDLE, "--tape-out", tape) == 0
        capsys.readouterr()
    return ("calibrate", "--portfolio", portfolio, "--tape", tape)


def test_what_is_proposed_loads_as_a_configuration(
    call: Call, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The snippet below a mode and a convention; table and JSON tell the same."""
    assert call(*asked, "--equity-usd", "500000", "--floor-usd", "400000", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert call(*asked, "--equity-usd", "500000", "--floor-usd", "400000") == 0
    text = capsys.readouterr().out
    file = tmp_path / "bot.toml"
    file.write_text(f'mode = "simulate"\n[books.btc]\nconvention = "options_only"\n\n{told["toml"]}', encoding="utf-8")

    (book,) = load(file, {}, run_tag="t").books

    numbers = {item["key"]: item["value"] for item in told["numbers"]}
    assert book.limits.delta_coin_worst_max == numbers["limits.delta_coin_worst_max"] > 0.0
    assert book.appetite is not None
    assert (book.appetite.floor_usd, book.appetite.full_cushion_usd) == (400_000.0, 100_000.0)
    assert book.band.risk_aversion_per_usd == pytest.approx(2.0 / numbers["band.risk_budget_usd_per_day"])
    assert text.endswith(told["toml"])
    assert all(item["name"] in text for item in told["numbers"])


def test_a_budget_is_taken_as_given(call: Call, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """In dollars a day."""
    assert call(*asked, "--budget-usd-day", "1500") == 0

    assert "risk_budget_usd_per_day = 1500\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--budget-usd-day", "0"), "--budget-usd-day: 0.0 is not a positive number"),
        (("--equity-usd", "1000"), "--floor-usd: is missing"),
        (("--floor-usd", "1000"), "--equity-usd: is missing"),
        (("--equity-usd", "1000", "--floor-usd", "1000"), "leaves no cushion"),
        (("--equity-usd", "nan", "--floor-usd", "1"), "not a positive number"),
        (("--at", "yesterday"), "--at: "),
        (("--currency", "ETH"), "--currency: nothing of ETH"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    call: Call, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    """One line that names the option."""
    assert call(*asked, *options) == ExitCode.CONFIG

    assert words in capsys.readouterr().err


def test_a_portfolio_without_options_has_nothing_to_calibrate(
    call: Call, asked: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A future has no gamma."""
    file = tmp_path / "future.toml"
    file.write_text('[[legs]]\nkind = "perpetual"\nqty_coin = "1"\n', encoding="utf-8")

    assert call(*asked[:1], "--portfolio", str(file), *asked[3:]) == ExitCode.CONFIG

    assert "portfolio: it has no gamma" in capsys.readouterr().err
