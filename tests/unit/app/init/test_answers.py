"""Answers to the first questions: where they come from, what goes together, and what is refused by its flag."""

import pytest

from bot.app.init.answers import FLAGS, Answers, Asking, Margin, Prompt, Question, Stage, answers_of
from bot.domain.errors import ConfigError
from bot.risk.conventions import Convention

_NEEDED = {"convention": "options_only", "risk-usd-per-day": "1_000"}


def _answers(flags: dict[str, str], prompt: Prompt | None = None, *, takes_defaults: bool = True) -> Answers:
    return answers_of(Asking(dict.fromkeys(FLAGS) | flags, prompt, takes_defaults=takes_defaults))


def test_defaults_are_taken_where_there_are_any() -> None:
    """All but the convention and the risk have one; case and separators of what is given do not matter."""
    found = _answers({"convention": "Options_Only", "risk-usd-per-day": "1,000"})

    assert (found.venue, found.currency, found.margin, found.stage) == ("deribit", "BTC", Margin.INVERSE, Stage.PAPER)
    assert (found.convention, found.option_coins, found.risk_usd_per_day) == (Convention.OPTIONS_ONLY, 10.0, 1_000.0)
    assert (found.hedge_instrument, found.equity_coin) == ("BTC-PERPETUAL", 0.0)


@pytest.mark.parametrize(
    ("venue", "margin", "instrument"),
    [
        ("deribit", "linear", "ETH_USDC-PERPETUAL"),
        ("okx", "inverse", "OKX:ETH-USD-SWAP"),
        ("okx", "linear", "OKX:ETH-USDT-SWAP"),
        ("bybit", "linear", "BYBIT:ETHUSDT"),
        ("binance", "linear", "BINANCE:ETHUSDT"),
        ("hyperliquid", "linear", "HYPERLIQUID:ETH"),
    ],
)
def test_the_hedge_is_the_perpetual_of_venue_and_margin(venue: str, margin: str, instrument: str) -> None:
    """Elsewhere the first thing to try is the venue's own test hosts: paper has one venue."""
    found = _answers({**_NEEDED, "venue": venue, "margin": margin, "currency": "eth"})

    assert found.hedge_instrument == instrument
    assert (found.is_elsewhere, found.stage is Stage.PAPER) == (venue != "deribit", venue == "deribit")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ({"venue": "kraken"}, "--venue: 'kraken' is not one of deribit, okx, bybit, binance, hyperliquid"),
        ({"currency": "DOGE"}, "--currency: 'DOGE' is not one of BTC, ETH"),
        ({"venue": "bybit", "margin": "inverse"}, "--margin: 'inverse' is not one of linear at bybit"),
        ({"convention": "net"}, "--convention: 'net' is not one of usd, coin, options_only, linear_usd"),
        (
            {"venue": "okx", "margin": "inverse", "convention": "usd"},
            (
                "--convention: 'usd' is not one of coin, options_only, linear_usd with coins at okx, which convention "
                "usd would not see"
            ),
        ),
        (
            {"venue": "okx", "mode": "paper"},
            "--mode: 'paper' is not one of testnet, live; a paper account has one venue, and the hedge is at okx",
        ),
        ({"mode": "simulate"}, "--mode: 'simulate' is not one of paper, testnet, live"),
        ({"option-coins": "many"}, "--option-coins: 'many' is no number"),
        ({"risk-usd-per-day": "0"}, "--risk-usd-per-day: '0' is not a number above zero"),
        ({"risk-usd-per-day": "-5"}, "--risk-usd-per-day: '-5' is not a number above zero"),
        ({"risk-usd-per-day": "nan"}, "--risk-usd-per-day: 'nan' is not a number above zero"),
        ({"risk-usd-per-day": "1e400"}, "--risk-usd-per-day: '1e400' is not a number above zero"),
        ({"convention": "usd", "equity-coin": "x"}, "--equity-coin: 'x' is no number"),
    ],
)
def test_a_wrong_flag_is_one_line_that_names_it(flags: dict[str, str], line: str) -> None:
    """With what there is instead."""
    with pytest.raises(ConfigError) as refused:
        _answers({**_NEEDED, **flags})

    assert str(refused.value) == line


@pytest.mark.parametrize(
    ("flags", "takes_defaults", "missing"),
    [
        ({}, False, "--venue: is missing, and nobody can be asked here; give one of deribit, okx,"),
        ({"risk-usd-per-day": "5"}, True, "--convention: is missing"),
        ({"convention": "coin"}, True, "--risk-usd-per-day: is missing, and nobody can be asked here; give a number"),
        ({**_NEEDED, "convention": "usd"}, True, "--equity-coin: is missing"),
    ],
)
def test_without_a_terminal_a_missing_answer_names_its_flag(
    flags: dict[str, str], missing: str, *, takes_defaults: bool
) -> None:
    """Also where defaults are taken, if it has none."""
    with pytest.raises(ConfigError) as refused:
        _answers(flags, takes_defaults=takes_defaults)

    assert str(refused.value).startswith(missing)


def test_whoever_sits_there_is_asked_what_no_flag_says() -> None:
    """In order, with choices and default; a wrong answer is told and asked again."""
    typed = iter(["eth", "sideways", "inverse", "coin", "2.5", "500", "testnet"])
    shown: list[tuple[str, str | None]] = []

    def prompt(text: str, default: str | None) -> str:
        shown.append((text, default))
        return next(typed)

    found = _answers({"venue": "deribit"}, prompt, takes_defaults=False)

    assert (found.currency, found.convention, found.option_coins, found.risk_usd_per_day, found.stage) == (
        "ETH",
        Convention.COIN,
        2.5,
        500.0,
        Stage.TESTNET,
    )
    assert [default for _, default in shown] == ["BTC", "inverse", "inverse", None, "10", None, "paper"]
    assert shown[2][0].startswith("'sideways' is not one of inverse, linear at deribit. Margin of the hedge")


def test_a_question_is_not_asked_for_ever() -> None:
    """After the third wrong answer it is refused like a flag."""
    with pytest.raises(ConfigError, match=r"^--venue: 'x' is not one of deribit"):
        _answers({}, lambda _, __: "x", takes_defaults=False)


def test_a_number_may_have_separators() -> None:
    """As people write them."""
    assert Question(flag="f", text="t").objection("1,250_000.5") == ""
