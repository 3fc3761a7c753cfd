"""A second venue for the hedge: the table, the name of the instrument and the mode have to agree."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from bot.app.config import ENV_PREFIX, Config, load
from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.venues.registry import VENUES

OKX = VenueId("okx")
_FILE = """
mode = "testnet"
[venue]
client_id = "me"
client_secret = "one"
[hedge_venue]
name = "okx"
client_id = "you"
client_secret = "two"
passphrase = "c4n4ry-three"
account_id = 77
[live]
account_id = 7
[books.btc]
convention = "options_only"
hedge_instrument = "OKX:BTC-USDT-SWAP"
[books.btc.limits]
order_usd_max = 1000
hedge_position_usd_max = 10_000
delta_coin_worst_max = 5
orders_per_minute_max = 10
"""
Load = Callable[[str], Config]


@pytest.fixture
def load_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a text where a venue for hedges is known, under an empty environment."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setitem(VENUES, OKX, structs.replace(VENUES[DERIBIT], options=None))

    def load_it(text: str) -> Config:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return load(path, {}, run_tag="abc")

    return load_it


def _without_table(text: str) -> str:
    head, _, rest = text.partition("[hedge_venue]")
    return head + "[live]" + rest.partition("[live]")[2]


def test_both_venues_are_known_with_their_keys(load_text: Load) -> None:
    """Each with its addresses, its key and the hedges that are there."""
    config = load_text(_FILE)
    second = config.hedge_venue

    assert [venue.venue for venue in config.venues] == [DERIBIT, OKX]
    assert (config.hedges_at(DERIBIT), config.hedges_at(OKX)) == ((), ("OKX:BTC-USDT-SWAP",))
    assert second is not None
    assert second.credentials is not None
    assert (second.credentials.key_id, second.credentials.reveal()) == ("you", "two")
    assert second.credentials.reveal_passphrase() == "c4n4ry-three"
    assert second.is_testnet is True
    assert second.account_id is None
    assert "c4n4ry" not in repr(config)


def test_the_digest_does_not_know_the_passphrase(load_text: Load) -> None:
    """It does know the venue."""
    one, other = load_text(_FILE), load_text(_FILE.replace("three", "four"))

    assert one.digest == other.digest != load_text(_FILE.replace("= 77", "= 78")).digest


def test_live_expects_both_accounts(load_text: Load) -> None:
    """Each key must belong to the account it is meant for."""
    config = load_text(_FILE.replace('"testnet"', '"live"'))

    assert [(venue.account_id, venue.is_testnet) for venue in config.venues] == [("7", False), ("77", False)]


def test_without_the_table_there_is_one_venue(load_text: Load) -> None:
    """As ever."""
    config = load_text(_without_table(_FILE).replace('hedge_instrument = "OKX:BTC-USDT-SWAP"', ""))

    assert (config.venues, config.hedge_venue) == ((config.venue,), None)
    assert config.hedges_at(DERIBIT) == (InstrumentId("BTC-PERPETUAL"),)


def test_a_simulation_brings_its_own_second_venue(load_text: Load) -> None:
    """Whatever its name: no table is needed, and none is looked at."""
    for text in (_FILE, _without_table(_FILE)):
        config = load_text(text.replace('"testnet"', '"simulate"').replace("OKX:", "ELSEWHERE:"))

        assert config.hedge_venue is None
        assert config.books[0].hedge_instrument == "ELSEWHERE:BTC-USDT-SWAP"


_NO_TABLE = 'books.btc.hedge_instrument: OKX:BTC-USDT-SWAP is at okx; add a table [hedge_venue] with name = "okx"'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (_without_table(_FILE), _NO_TABLE),
        (_FILE.replace('name = "okx"', 'name = "deribit"'), _NO_TABLE),
        (
            _FILE.replace("OKX:", "FTX:"),
            "books.btc.hedge_instrument: 'ftx' is not one of ",
        ),
        (
            _FILE.replace("OKX:BTC", "OKX:ETH"),
            "books.btc.hedge_instrument: OKX:ETH-USDT-SWAP is not of BTC; name one that is",
        ),
        (
            _FILE.replace("OKX:BTC-USDT-SWAP", "BTC-PERPETUAL"),
            "hedge_venue.name: no book has its hedge at okx; set books.COIN.hedge_instrument, or remove it",
        ),
        (
            _FILE.replace('"testnet"', '"paper"'),
            "hedge_venue.name: mode paper has one venue; use testnet, live or simulate",
        ),
        (_FILE.replace('name = "okx"\n', ""), "hedge_venue.name: is missing; add it"),
        (
            _FILE.replace("passphrase", "passfrase"),
            "hedge_venue.passfrase: is unknown; remove it or check its spelling",
        ),
        (
            _FILE.replace('client_id = "you"\n', ""),
            "hedge_venue.client_id: is missing; a key needs an id and a secret",
        ),
        (
            _FILE.replace('"options_only"', '"coin"\ncounts_usdc = true'),
            "books.btc.counts_usdc: counts the dollars where the options are, and the hedge's are at okx; remove it",
        ),
        (
            _FILE.replace('"testnet"', '"live"').replace("[hedge_venue]", "[hedge_venue]\ntestnet = true"),
            "hedge_venue.testnet: true is not for mode live; remove the key, or change the mode",
        ),
    ],
)
def test_what_does_not_agree_is_refused_in_one_line(load_text: Load, text: str, line: str) -> None:
    """By the key that is wrong, with the next step."""
    with pytest.raises(ConfigError) as caught:
        load_text(text)

    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_place_a_venue_does_not_have_is_refused(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every venue has a test one."""
    hosts = {"production": VENUES[DERIBIT].hosts["production"]}
    monkeypatch.setitem(VENUES, OKX, structs.replace(VENUES[OKX], hosts=hosts))

    with pytest.raises(ConfigError, match=r"^hedge_venue\.hosts: okx has no testnet addresses; it has production"):
        load_text(_FILE)


def test_one_side_of_a_book_may_be_elsewhere(load_text: Load) -> None:
    """Its table is wanted as well; each venue is told of its own hedges."""
    text = _FILE.replace("hedge_instrument =", "hedge_instrument_short =")
    config = load_text(text)

    assert (config.hedges_at(DERIBIT), config.hedges_at(OKX)) == (("BTC-PERPETUAL",), ("OKX:BTC-USDT-SWAP",))
    with pytest.raises(ConfigError, match=r"OKX:BTC-USDT-SWAP is at okx; add a table"):
        load_text(_without_table(text))
