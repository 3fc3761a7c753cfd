"""Settings as flat text: every key, no secret; which differ, and which of them may change while a bot runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app.config import Config, load
from bot.app.plain_settings import differences, words
from bot.app.reference import config_keys

Load = Callable[..., Config]
_CANARY = "c4n4ry-secret"


@pytest.fixture
def loaded(repo_root: Path) -> Load:
    """config/testnet.toml with changes."""
    return lambda **change: load(repo_root / "config/testnet.toml", change, run_tag="t")


def test_every_key_that_is_set_is_there_as_json(loaded: Load) -> None:
    """Defaults too; what is not set is not there."""
    plain = loaded().plain

    assert (plain["mode"], plain["books.btc.band.trade_to"]) == ('"testnet"', '"edge"')
    assert (plain["books.btc.limits.order_usd_max"], plain["books.btc.band.quiet_hours"]) == ("250000.0", "[]")
    assert "books.btc.band.move_fraction" not in plain


def test_no_secret_is_shown_but_that_it_changed_is_seen(loaded: Load) -> None:
    """Of keys, of alert addresses, of databases: whatever they are, the words say only that there is one."""
    one, other = (
        loaded(
            venue={"client_id": "me", "client_secret": f"{_CANARY}{number}"},
            alerts={"urls": [f"json://h/{_CANARY}{number}"]},
            watchdog={"client_id": "w", "client_secret": _CANARY},
        )
        for number in (1, 2)
    )
    found = differences({**one.plain, **one.sealed}, {**other.plain, **other.sealed})
    added = differences(loaded().sealed, one.sealed)

    assert _CANARY not in str(one.plain) + str(one.sealed) + str(found)
    assert [words(each) for each in found] == [
        "alerts.urls: (secret) -> (secret)",
        "venue.client_secret: (secret) -> (secret)",
    ]
    assert [each.may_change for each in found] == [True, False]
    assert [words(each) for each in added] == [
        "alerts.urls: not set -> (secret)",
        "venue.client_secret: not set -> (secret)",
        "watchdog.client_secret: not set -> (secret)",
    ]


def test_a_difference_names_key_and_both_values(loaded: Load) -> None:
    """A key that is new or gone is not set on one side; a book that is new is all its keys."""
    book = {"band": {"trade_to": "target", "target_coin_by_time": {"08:00": 0.5}}, "trust": {"spread_bps_max": 7}}
    found = differences(loaded().plain, loaded(books={"btc": book}).plain)

    assert [words(each) for each in found] == [
        "books.btc.band.target_coin_by_time.08:00: not set -> 0.5",
        'books.btc.band.trade_to: "edge" -> "target"',
        "books.btc.trust.spread_bps_max: 20.0 -> 7.0",
    ]
    assert differences(loaded().plain, loaded().plain) == ()


_FIXED = {
    *("mode", "portfolio"),
    *(f"books.COIN.{key}" for key in ("convention", "treasury_coin", "counts_usdc", "hedge_open_hours_min")),
    *(f"books.COIN.hedge_instrument{side}" for side in ("", "_long", "_short")),
}
_FIXED_SECTIONS = (
    *("venue.", "hedge_venue.", "live.", "paper.", "ledger.", "standby.", "watchdog.", "tape.", "health.", "control."),
    *("books.COIN.forward.", "books.COIN.volatility.", "books.COIN.delta.", "run.label_prefix", "run.adopt_positions"),
)


def test_each_key_either_may_change_while_it_runs_or_not() -> None:
    """What is hedged, where, with which money and key, where it is written down: not. A new key has to be placed."""
    keys = [key for key, *_ in config_keys()]
    may = {key for key in keys if differences({}, {key.replace("COIN", "btc"): "1"})[0].may_change}

    assert {key for key in keys if key in _FIXED or key.startswith(_FIXED_SECTIONS)} == set(keys) - may
    assert {key.split(".")[2] for key in may if key.startswith("books.")} == {
        *("band", "tactic", "stability", "regime", "trust", "expiry", "ladder", "appetite", "stops", "limits")
    }
    assert {key.split(".")[0] for key in may} == {"books", "alerts", "log", "run"}
