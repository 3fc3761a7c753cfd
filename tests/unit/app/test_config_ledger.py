"""Where the ledger is, and who may trade on it: the password hidden, a standby only where orders have a deadline."""

from pathlib import Path

import pytest

from bot.app import arming
from bot.app.config import Config, load
from bot.app.keys import secret_of
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_S
from bot.journal import opening

_URL = "postgresql://bot@db.internal/desk?schema=btc"


@pytest.fixture
def loaded(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> "type[Loader]":
    """Loads the testnet's configuration with further keys from the environment."""
    Loader.path, Loader.patch = repo_root / "config/testnet.toml", monkeypatch
    return Loader


class Loader:
    """Not more than a name for two things."""

    path: Path
    patch: pytest.MonkeyPatch

    @classmethod
    def load(cls, **keys: str) -> Config:
        """The configuration with these."""
        for name, value in keys.items():
            cls.patch.setenv(f"HEDGEBOT_{name}", value)
        return load(cls.path, {}, run_tag="abc")


def test_a_single_process_refuses_a_second_one_by_default(loaded: type[Loader]) -> None:
    """The lease is always on; waiting is not."""
    config = loaded.load()

    assert not config.stands_by
    assert (config.lease.length_ns, config.lease.clock_error_ns) == (6 * NS_PER_S, 2 * NS_PER_S)
    assert config.lease.length_ns + config.lease.clock_error_ns < 20 * NS_PER_S


@pytest.mark.parametrize("is_file", [False, True])
def test_the_password_is_known_and_not_shown(loaded: type[Loader], tmp_path: Path, *, is_file: bool) -> None:
    """Neither in what is logged, nor does it change the configuration's hash."""
    (tmp_path / "password").write_text("canary\n")
    given = {"LEDGER__PASSWORD_FILE": str(tmp_path / "password")} if is_file else {"LEDGER__PASSWORD": "canary"}
    before = loaded.load(LEDGER__URL=_URL)
    config = loaded.load(**given)

    assert opening.parsed(config.ledger_url).password == "canary"  # noqa: S105 - planted
    assert "canary" not in opening.without_password(config.ledger_url)
    assert config.digest == before.digest


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"LEDGER__URL": "postgresql://bot:canary@db/desk"}, r"^ledger\.url: holds a password; give it as"),
        ({"LEDGER__URL": "postgresql://bot@db/desk?password=canary"}, r"^ledger\.url: holds a password; give it as"),
        ({"LEDGER__URL": "postgresql://bot@db/desk?sslpassword=canary"}, r"^ledger\.url: holds a password; give it as"),
        ({"LEDGER__PASSWORD": "canary"}, r"^ledger\.password: is for a database; remove it"),
        ({"LEDGER__URL": _URL, "LEDGER__PASSWORD_FILE": "absent"}, r"^ledger\.password_file: cannot read absent"),
        ({"STANDBY__LEASE_S": "60"}, r"^standby\.lease_s: "),
    ],
)
def test_what_cannot_be_meant_is_refused(loaded: type[Loader], keys: dict[str, str], line: str) -> None:
    """In one line, without the secret."""
    with pytest.raises(ConfigError, match=line) as caught:
        loaded.load(**keys)
    assert "canary" not in str(caught.value)


def test_a_secret_is_in_one_place() -> None:
    """Or in none."""
    assert secret_of(None, None, "ledger.password") is None


@pytest.mark.parametrize(
    ("instrument", "venue", "is_refused"),
    [
        ("OKX:BTC-USDT-SWAP", "okx", False),
        ("HYPERLIQUID:BTC", "hyperliquid", False),
        ("BINANCE:BTCUSDT", "binance", True),
        ("BYBIT:BTCUSDT", "bybit", True),
    ],
)
def test_a_standby_needs_orders_with_a_deadline(
    loaded: type[Loader], instrument: str, venue: str, *, is_refused: bool
) -> None:
    """A window that counts from the signature is none; a single process may trade there all the same."""
    there = {"BOOKS__BTC__HEDGE_INSTRUMENT": instrument, "HEDGE_VENUE__NAME": venue}
    arming.refuse_endless(loaded.load(**there))
    config = loaded.load(STANDBY__ENABLED="true")
    if not is_refused:
        arming.refuse_endless(config)
        return
    with pytest.raises(ConfigError, match=f"^standby.enabled: orders at {venue} have no deadline"):
        arming.refuse_endless(config)
