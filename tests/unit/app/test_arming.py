"""A live run says what it lacks before it connects."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app import arming
from bot.app.config import Config, load
from bot.domain.errors import ConfigError
from bot.domain.ids import VenueId
from bot.risk.conventions import Convention

_KEY = {"venue": {"client_id": "me", "client_secret": "s"}}


def _config(repo_root: Path, **live: object) -> Config:
    return load(repo_root / "config/live.toml", {"live": live} | (_KEY if live else {}), run_tag="t")


def test_the_file_as_it_is_lacks_all_three(repo_root: Path) -> None:
    """Each by its key, with the next step."""
    config = _config(repo_root)

    with pytest.raises(ConfigError, match=r"^live\.armed: is false; set it to true when"):
        arming.refuse_unarmed(config)
    with pytest.raises(ConfigError, match=r"^live\.account_id: is missing; `hedgebot check` tells"):
        arming.refuse_nameless(config)
    with pytest.raises(ConfigError, match=r"^venue\.client_id: is missing; orders need a key"):
        arming.refuse_keyless(config)


def test_armed_for_an_account_with_a_key(repo_root: Path) -> None:
    """Nothing to object."""
    config = _config(repo_root, armed=True, account_id=7)

    arming.refuse_unarmed(config)
    arming.refuse_nameless(config)
    arming.refuse_keyless(config)
    assert config.venue.account_id == "7"


def test_a_second_venue_lacks_what_the_first_does(repo_root: Path) -> None:
    """A key and, in live, the account it is meant for."""
    config = _config(repo_root, armed=True, account_id=7)
    bare = structs.replace(config.venue, venue=VenueId("okx"), credentials=None, account_id=None)
    two = structs.replace(config, hedge_venue=bare)

    with pytest.raises(ConfigError, match=r"^hedge_venue\.account_id: is missing; `hedgebot check` tells"):
        arming.refuse_nameless(two)
    with pytest.raises(ConfigError, match=r"^hedge_venue\.client_id: is missing; orders need a key"):
        arming.refuse_keyless(two)


def test_nothing_rests_at_a_second_venue_without_a_dead_man_switch(repo_root: Path) -> None:
    """All goes by REST there, whatever the way at the first; OKX takes back what rests if it hears no more of us."""
    settings = {"venue": {"gateway": "deribit_ws"}, "books": {"btc": {"tactic": {"name": "rest_then_cross"}}}}
    config = load(repo_root / "config/testnet.toml", settings, run_tag="t")
    okx = structs.replace(config.venue, venue=VenueId("okx"), gateway="ccxt")
    books = tuple(structs.replace(book, hedge_instrument="OKX:BTC-USDT-SWAP") for book in config.books)

    arming.refuse_rest_over_rest(config)
    arming.refuse_rest_over_rest(structs.replace(config, hedge_venue=okx, books=books))
    second = structs.replace(okx, venue=VenueId("bybit"))
    books = tuple(structs.replace(book, hedge_instrument="BYBIT:BTCUSDT") for book in config.books)
    with pytest.raises(ConfigError, match=r"use tactic cross or slice$"):
        arming.refuse_rest_over_rest(structs.replace(config, hedge_venue=second, books=books))


@pytest.mark.parametrize(
    ("convention", "name", "is_inverse", "objects"),
    [
        (Convention.USD, "OKX:BTC-USD-SWAP", True, True),
        (Convention.USD, "OKX:BTC-USDT-SWAP", False, False),
        (Convention.USD, "BTC-PERPETUAL", True, False),
        (Convention.OPTIONS_ONLY, "OKX:BTC-USD-SWAP", True, False),
    ],
)
def test_coins_of_an_account_that_is_not_seen_are_not_earned(
    make: Any, convention: Convention, name: str, is_inverse: bool, objects: bool
) -> None:
    """Convention usd counts them at the first venue only."""
    made = make.perpetual if is_inverse else make.linear_perpetual
    book, listed = make.book(convention=convention, hedge_instrument=name), [made(id=name), make.option()]

    if objects:
        with pytest.raises(ConfigError, match=r"^books\.btc\.hedge_instrument: OKX:BTC-USD-SWAP is paid in BTC"):
            arming.refuse_uncounted(book, listed)
    else:
        arming.refuse_uncounted(book, listed)


@pytest.mark.parametrize(
    ("gateway", "tactic", "objects"),
    [
        ("ccxt", "rest_then_cross", True),
        ("deribit_ws", "rest_then_cross", False),  # the run asks the venue
        ("ccxt", "cross", False),
    ],
)
def test_nothing_rests_over_rest(repo_root: Path, gateway: str, tactic: str, objects: bool) -> None:
    """Said before anybody connects, with the next step."""
    settings = {"venue": {"gateway": gateway}, "books": {"btc": {"tactic": {"name": tactic}}}}
    config = load(repo_root / "config/testnet.toml", settings, run_tag="t")

    if objects:
        with pytest.raises(ConfigError, match=r"^books\.btc\.tactic\.name: rest_then_cross leaves orders resting"):
            arming.refuse_rest_over_rest(config)
    else:
        arming.refuse_rest_over_rest(config)
