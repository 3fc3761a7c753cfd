"""The text of a first configuration: whatever was answered it loads, nothing is unexplained, nothing secret in it."""

import itertools
import os
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from bot.app import arming
from bot.app.config import ENV_PREFIX, Config, load
from bot.app.init.answers import FLAGS, Answers, Asking, Stage, answers_of
from bot.app.init.reckoned import Market, numbers_of
from bot.app.init.template import Names, config_text, portfolio_text, toml_of
from bot.app.paper import refuse_empty_handed
from bot.domain.errors import ConfigError
from bot.domain.portfolio import PortfolioSpec
from bot.risk.conventions import Convention

_MARKET = Market(price_usd=65_000.0, iv=0.45)
_NUMBERS = itertools.cycle(itertools.product(("BTC", "ETH"), ("0.1", "10", "2500"), ("20", "1000", "250000.5")))


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has exported does not matter here."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def _every() -> list[Answers]:
    """Every combination that is not refused, each with other numbers."""
    found = []
    for venue, margin, convention, stage in itertools.product(
        ("deribit", "okx", "bybit", "binance", "hyperliquid"), ("inverse", "linear"), Convention, Stage
    ):
        currency, coins, risk = next(_NUMBERS)
        given = (venue, currency, margin, convention.value, coins, "3", risk, stage.value)
        try:
            found.append(answers_of(Asking(dict(zip(FLAGS, given, strict=True)), None, takes_defaults=False)))
        except ConfigError:
            continue  # which ones are refused, and how, is in test_answers.py; how many are left is counted below
    return found


def _written(folder: Path, answers: Answers) -> Path:
    file = folder / "first.toml"
    held = folder / "held.toml"
    held.write_text(portfolio_text(answers))
    names = Names(
        config=str(file),
        portfolio=str(held) if answers.stage is Stage.PAPER else None,
        ledger=f"sqlite:///{folder}/first.db",
    )
    file.write_text(config_text(answers, numbers_of(answers, _MARKET), _MARKET, names))
    return file


def _objections(config: Config, stage: Stage) -> list[str]:
    """What `hedgebot check` asks of a configuration before it asks a venue, key and arming aside."""
    asked = [arming.refuse_endless, arming.refuse_rest_over_rest, arming.refuse_keyless]
    asked += {
        Stage.PAPER: [refuse_empty_handed, arming.refuse_flat],
        Stage.TESTNET: [],
        Stage.LIVE: [arming.refuse_unarmed, arming.refuse_nameless],
    }[stage]
    found = []
    for refuse in asked:
        try:
            refuse(config)
        except ConfigError as error:
            found.append(str(error))
    return found


def test_every_combination_of_answers_loads_and_passes_what_can_be_checked_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the key is in the environment, and live is armed for an account: what no file of ours may hold or do."""
    every = _every()
    for name in ("VENUE", "HEDGE_VENUE"):
        monkeypatch.setenv(f"{ENV_PREFIX}{name}__CLIENT_ID", "me")
        monkeypatch.setenv(f"{ENV_PREFIX}{name}__CLIENT_SECRET", "s")
    monkeypatch.setenv(f"{ENV_PREFIX}LIVE__ARMED", "true")
    monkeypatch.setenv(f"{ENV_PREFIX}LIVE__ACCOUNT_ID", "7")
    assert len(every) == 24 + 2 * 7 + 3 * 2 * 4
    for answers in every:
        elsewhere = {"hedge_venue": {"account_id": "8", "passphrase": "p"}} if answers.is_elsewhere else {}
        with monkeypatch.context() as at:
            if not elsewhere:
                at.delenv(f"{ENV_PREFIX}HEDGE_VENUE__CLIENT_ID")
                at.delenv(f"{ENV_PREFIX}HEDGE_VENUE__CLIENT_SECRET")
            config = load(_written(tmp_path, answers), elsewhere, run_tag="t")
        (book,) = config.books

        assert (config.mode.value, book.hedge_instrument) == (answers.stage.value, answers.hedge_instrument)
        assert (book.book, book.convention) == (answers.currency, answers.convention)
        assert _objections(config, answers.stage) == [], answers


@pytest.mark.parametrize("stage", list(Stage))
def test_every_key_is_explained_by_the_line_above_it_and_none_is_secret(tmp_path: Path, stage: Stage) -> None:
    """One comment each; live comes unarmed, and nothing in it is a key or a password."""
    answers = next(each for each in _every() if each.stage is stage and each.convention is Convention.USD)
    lines = _written(tmp_path, answers).read_text().splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"[a-z_]+ = ", line)]
    told = tomllib.loads("\n".join(lines))

    assert len(keys) > 20
    assert all(lines[number - 1].startswith("# ") and len(lines[number - 1]) > 10 for number in keys)
    assert not any(re.match(r"(client_|pass|secret)", lines[number]) for number in keys)
    assert told.get("live") == ({"armed": False} if stage is Stage.LIVE else None)
    assert told.get("paper") == ({answers.currency.lower(): 3.0} if stage is Stage.PAPER else None)
    assert {told["books"][answers.currency.lower()]["stops"][f"{name}_stop"] for name in _STOPS} == {"reduce_only"}


_STOPS = ("daily_loss", "drawdown", "loss_velocity")


def test_the_example_portfolio_is_one() -> None:
    """Calls and puts of the coins that were named, settled as the hedge is margined, or in coins that are hedged."""
    for answers in _every()[:12]:
        held = msgspec.convert(tomllib.loads(portfolio_text(answers)), PortfolioSpec, strict=False)

        assert {leg.kind for leg in held.legs} == {"call", "put"}
        assert {float(leg.qty_coin) for leg in held.legs} == {answers.option_coins}
        is_linear = answers.margin.value == "linear" and answers.convention is not Convention.USD
        assert {leg.settlement.value for leg in held.legs} == {"usd" if is_linear else "coin"}


@pytest.mark.parametrize("value", ['a "b" \\ c', True, False, 8_643, 1_000.0, 0.021, 1e-5, 250_000.5])
def test_a_value_is_read_back_as_it_was(value: str | float) -> None:
    """Whatever its type."""
    assert tomllib.loads(f"x = {toml_of(value)}")["x"] == value
