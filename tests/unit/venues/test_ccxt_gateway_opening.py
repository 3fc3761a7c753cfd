"""Opening the gateway: the world, the clock, the key and the account must be the ones that are meant."""

import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from bot.domain.errors import ConfigError
from bot.domain.time import Ns
from bot.venues.ccxt_gateway import DeribitGateway
from bot.venues.settings import VenueSettings

SCOPE = "connection trade:read_write account:read wallet:none"


def now_ns() -> Ns:
    """The host's clock: ccxt signs with it."""
    return Ns(time.time_ns())


@pytest_asyncio.fixture
async def gateway(rest: Any, settings: VenueSettings) -> AsyncIterator[DeribitGateway]:
    """An open gateway."""
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", {"access_token": "t", "refresh_token": "r", "expires_in": 900, "scope": SCOPE})
    made = DeribitGateway(msgspec.structs.replace(settings, rest_url=rest.url), now_ns, "nonce")
    await made.open()
    yield made
    await made.close()


@pytest.mark.asyncio
async def test_opening_reads_the_scope(rest: Any, gateway: DeribitGateway) -> None:
    """The key is asked for what it may do, by signature, without a scope; its secret never leaves."""
    (auth,) = rest.asked("public/auth")
    assert auth["grant_type"] == "client_signature"
    assert "scope" not in auth
    assert await gateway.check_key() == SCOPE
    assert "secret-of-the-key" not in str(rest.seen)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("trade:read_write account:read wallet:read_write", "may withdraw"),
        ("trade:read account:read wallet:none", "may not trade"),
        ("trade:read_write wallet:none", "may not read its account"),
        ("", "may not trade"),
    ],
)
async def test_wrong_key_does_not_open(rest: Any, gateway: DeribitGateway, scope: str, words: str) -> None:
    """A key that can withdraw, or cannot trade, is a wrong configuration."""
    rest.put("public/auth", {"scope": scope})
    with pytest.raises(ConfigError, match=words):
        await gateway.open()
    rest.put("public/auth", {"error": {"code": 13004, "message": "invalid_credentials"}})
    with pytest.raises(ConfigError, match="refused with 13004"):
        await gateway.open()


@pytest.mark.asyncio
@pytest.mark.parametrize("scope", ["wallet:none", "wallet:read"])
async def test_a_key_that_reads_its_wallet_cannot_withdraw(rest: Any, gateway: DeribitGateway, scope: str) -> None:
    """Accepted, whatever else is read."""
    rest.put("public/auth", {"scope": f"account:read_write {scope} trade:read_write"})
    assert scope in await gateway.check_key()


@pytest.mark.asyncio
@pytest.mark.parametrize(("expected", "opens"), [(None, True), ("10", True), ("1", False), ("100", False)])
async def test_the_account_must_be_the_one_expected(
    rest: Any, settings: VenueSettings, expected: str | None, opens: bool
) -> None:
    """As the venue itself says whose key it is; where none is expected any will do."""
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", {"scope": SCOPE})
    changed = msgspec.structs.replace(settings, rest_url=rest.url, account_id=expected)
    gateway = DeribitGateway(changed, now_ns, "nonce")
    try:
        if opens:
            await gateway.open()
            assert gateway.account_id == "10"
        else:
            with pytest.raises(ConfigError, match=rf"live.account_id: {expected} is expected, .* account 10;"):
                await gateway.open()
    finally:
        await gateway.close()
    assert rest.asked("private/get_account_summaries") == [{"extended": "true"}]


@pytest.mark.asyncio
async def test_wrong_world_or_clock_does_not_open(rest: Any, gateway: DeribitGateway) -> None:
    """The other testnet flag, and a clock half a minute off, stop the start."""
    rest.now_ms = lambda: now_ns() // 1_000_000 + 31_000
    with pytest.raises(ConfigError, match="clock: this host is 3"):
        await gateway.open()
    rest.is_testnet = False
    with pytest.raises(ConfigError, match="testnet=False"):
        await gateway.open()
