"""The files in `config/` as they come, and under the environment the how-to pages tell to set."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app.config import ENV_PREFIX, Mode, load, load_portfolio
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S
from bot.research import sweep


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has exported does not matter here."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "mode", "books"),
    [
        ("demo", Mode.DEMO, {"BTC"}),
        ("simulate", Mode.SIMULATE, {"BTC", "ETH"}),
        ("tape", Mode.SIMULATE, {"BTC", "ETH"}),
        ("paper", Mode.PAPER, {"BTC"}),
        ("testnet", Mode.TESTNET, {"BTC"}),
        ("live", Mode.LIVE, {"BTC"}),
    ],
)
def test_the_files_in_config_load(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch, name: str, mode: Mode, books: set[str]
) -> None:
    """As they are, from the top of a checkout."""
    monkeypatch.chdir(repo_root)
    config = load(repo_root / f"config/{name}.toml", {}, run_tag="abc")

    assert config.mode is mode
    assert {book.book for book in config.books} == books
    assert all(book.hedge_instrument == InstrumentId(f"{book.book}-PERPETUAL") for book in config.books)
    assert (config.portfolio is None) == (mode in {Mode.TESTNET, Mode.LIVE})


@pytest.mark.parametrize("name", [path.stem for path in (Path(__file__).parents[3] / "config").glob("*.toml")])
def test_the_documented_environment_fits_every_file(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Key, addresses and places as the how-to pages set them."""
    monkeypatch.chdir(repo_root)
    (tmp_path / "secret").write_text("s")
    environment = {
        "VENUE__CLIENT_ID": "me",
        "VENUE__CLIENT_SECRET_FILE": str(tmp_path / "secret"),
        "VENUE__WS_URL": "ws://127.0.0.1:8999/ws/api/v2",
        "VENUE__REST_URL": "http://127.0.0.1:8999",
        "LIVE__ARMED": "true",
        "LIVE__ACCOUNT_ID": "123456",
        "LEDGER__URL": "sqlite:///var/second.db",
        "RUN__ADOPT_POSITIONS": "true",
        "BOOKS__BTC__LIMITS__ORDER_USD_MAX": "5000",
    }
    for key, value in environment.items():
        monkeypatch.setenv(f"{ENV_PREFIX}{key}", value)
    config = load(repo_root / f"config/{name}.toml", {}, run_tag="abc")

    assert (config.venue.ws_url, config.venue.rest_url) == (
        environment["VENUE__WS_URL"],
        environment["VENUE__REST_URL"],
    )
    assert config.venue.credentials is not None
    assert config.armed
    assert config.venue.account_id == ("123456" if config.mode is Mode.LIVE else None)
    assert (config.books[0].limits.order_usd_max, config.books[0].adopts_positions) == (5_000.0, True)


def test_live_is_not_armed_as_it_comes(repo_root: Path) -> None:
    """Production hosts that must say so, no account, no yes."""
    config = load(repo_root / "config/live.toml", {}, run_tag="abc")

    assert (config.armed, config.venue.account_id, config.venue.is_testnet) == (False, None, False)
    assert config.venue.rest_url == "https://www.deribit.com"


def test_a_recorded_day_may_be_five_minutes_old(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come every five minutes: one may be missing."""
    monkeypatch.chdir(repo_root)
    config = load(repo_root / "config/tape.toml", {}, run_tag="abc")

    ages = {(book.trust.option_age_ns_max, book.trust.hedge_age_ns_max) for book in config.books}
    assert ages == {(11 * 60 * NS_PER_S, 11 * 60 * NS_PER_S)}


@pytest.mark.parametrize(("currency", "book"), [("BTC", "BTC"), ("eth", "ETH")])
def test_a_book_is_found_by_its_coin(repo_root: Path, currency: str, book: str) -> None:
    """In either case of letters."""
    assert load(repo_root / "config/simulate.toml", {}, run_tag="t").book(currency).book == book


def test_the_book_of_a_hosted_tool_is_a_book_here(repo_root: Path, tmp_path: Path) -> None:
    """The example of the how-to loads, and says what it promises."""
    page = (repo_root / "docs/how-to/come-from-a-hosted-tool.md").read_text()
    file = tmp_path / "hosted.toml"
    file.write_text('mode = "simulate"\n' + page.partition("```toml\n")[2].partition("```")[0])
    (book,) = load(file, {}, run_tag="abc").books

    assert (book.band.low_coin, book.band.high_coin, book.modifiers.hedge_ratio) == (-0.1, 0.2, 0.8)
    assert [step.coin for step in book.modifiers.target] == [0.05]
    assert (book.hedge_instrument, book.hedges_long) == ("BTC-PERPETUAL", ("BTC_USDC-PERPETUAL",))
    assert (book.modifiers.interval_ns_min, book.modifiers.price_move_fraction_min) == (5_000_000_000, 0.001)
    assert book.convention.value == "options_only"


def _loads(block: Any, base: Path, folder: Path) -> str:
    """What is wrong with a piece of configuration, laid over a whole one; portfolios and sweeps are whole."""
    read = tomllib.loads(block.text)
    file = folder / "block.toml"
    file.write_text(block.text)
    if "alerts" in read:  # what is the reader's own
        (folder / "alerts").write_text("json://127.0.0.1:9/")
        read["alerts"]["urls_file"] = str(folder / "alerts")
    if "hedge_venue" in read:
        secret = {"client_id": "me", "client_secret": "s"} | ({"passphrase": "p"} if "okx" in block.text else {})
        read["hedge_venue"] = secret | read["hedge_venue"]
    try:
        if "policies" in read:
            sweep.read(file)
        elif "legs" in read:
            load_portfolio(file)
        elif "mode" in read:
            load(file, {}, run_tag="abc")
        else:
            load(base, read, run_tag="abc")
    except ConfigError as error:
        return f"{block.page}:{block.line}: {error}"
    return ""


def test_every_piece_of_configuration_in_the_documentation_loads(
    repo_root: Path, tmp_path: Path, code_blocks: list[Any]
) -> None:
    """Over the file for the test hosts: each key is one, and each value one it takes."""
    base = repo_root / "config/testnet.toml"
    blocks = [block for block in code_blocks if block.language == "toml"]

    assert [wrong for block in blocks if (wrong := _loads(block, base, tmp_path))] == []
    assert len(blocks) > 10


def test_a_piece_of_configuration_with_a_wrong_key_is_found(
    repo_root: Path, tmp_path: Path, make_blocks: Callable[[str, str], list[Any]]
) -> None:
    """It is told where it stands."""
    (block,) = make_blocks("docs/x.md", "```toml\n[tape]\nkeep_weeks = 1\n```\n")

    assert _loads(block, repo_root / "config/testnet.toml", tmp_path).startswith("docs/x.md:2: tape.keep_weeks")
