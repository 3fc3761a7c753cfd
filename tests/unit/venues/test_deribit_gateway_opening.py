"""Opening the gateway: the world, the clock, the key and the account must be the ones that are meant."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.errors import ConfigError, VenueUnreachable
from bot.domain.time import Ns
from bot.venues.deribit_gateway import DeribitGateway

SCOPE = "connection trade:read_write account:read wallet:none"
LOGIN = {"access_token": "t", "refresh_token": "r", "expires_in": 900, "scope": SCOPE}
MakeGateway = Callable[..., DeribitGateway]


def now_ns() -> Ns:
    """The host's clock: ccxt signs with it."""
    return Ns(time.time_ns())


@pytest_asyncio.fixture
async def gateway(rest: Any, gateway_of: MakeGateway) -> AsyncIterator[DeribitGateway]:
    """An open gateway."""
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", LOGIN)
    made = gateway_of(now_ns)
    await made.open()
    yield made
    await made.close()


@pytest.mark.asyncio
async def test_opening_reads_the_scope(rest: Any, gateway: DeribitGateway) -> None:
    """The key is asked for what it may do, by signature, without a scope; its secret never leaves."""
    auths = rest.asked("public/auth")
    assert len(auths) == (2 if gateway.cancels_on_disconnect else 1), "once for each way there is"
    assert {auth["grant_type"] for auth in auths} == {"client_signature"}
    assert all("scope" not in auth for auth in auths)
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
async def test_a_log_in_refused_for_what_passes_says_nothing_against_the_key(
    rest: Any, gateway: DeribitGateway
) -> None:
    """Too many requests, or maintenance: whoever opens tries again, instead of ending for good over a sound key."""
    for code, message in ((10028, "too_many_requests"), (11051, "system_maintenance")):
        rest.put("public/auth", {"error": {"code": code, "message": message}})
        with pytest.raises(VenueUnreachable, match=f"the log-in is refused: {code}"):
            await gateway.check_key()


@pytest.mark.asyncio
@pytest.mark.parametrize("scope", ["wallet:none", "wallet:read"])
async def test_a_key_that_reads_its_wallet_cannot_withdraw(rest: Any, gateway: DeribitGateway, scope: str) -> None:
    """Accepted, whatever else is read."""
    rest.put("public/auth", {"scope": f"account:read_write {scope} trade:read_write"})
    assert scope in await gateway.check_key()


@pytest.mark.asyncio
@pytest.mark.parametrize(("expected", "opens"), [(None, True), ("10", True), ("1", False), ("100", False)])
async def test_the_account_must_be_the_one_expected(
    rest: Any, gateway_of: MakeGateway, expected: str | None, opens: bool
) -> None:
    """As the venue itself says whose key it is; where none is expected any will do."""
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", LOGIN)
    gateway = gateway_of(now_ns, account_id=expected)
    try:
        if opens:
            await gateway.open()
            assert gateway.account_id == "10"
        else:
            with pytest.raises(ConfigError, match=rf"live.account_id: {expected} is expected, .* account 10;"):
                await gateway.open()
    finally:
        await gateway.close()
    asked = rest.asked("private/get_account_summaries")
    assert asked == [{"extended": "true"}] * len(asked) != []


@pytest.mark.asyncio
async def test_instruments_cost_what_the_account_pays(rest: Any, gateway: DeribitGateway) -> None:
    """As told with this listing: tiers change while a bot runs. What is told of nothing costs as listed."""
    told = {
        "kind": "perpetual",
        "index_name": "btc_usd",
        "value": {"default": {"type": "fixed", "maker": 0, "taker": 0.0002}},
    }
    dear, cheap = ({"id": 10, "summaries": [{"currency": "BTC", "fees": fees}]} for fees in ([], [told]))
    rest.put("private/get_account_summaries", dear, cheap)
    await gateway.check_account()
    rows = [_listed("BTC-PERPETUAL", "perpetual"), _listed("BTC-27MAR26", "month")]
    rest.put("public/get_instruments", rows, [])

    found = {
        item.id: (float(item.fee_rate_maker), float(item.fee_rate_taker)) for item in await gateway.instruments("BTC")
    }

    assert found == {"BTC-PERPETUAL": (0.0, 0.0002), "BTC-27MAR26": (0.00015, 0.00035)}


def _listed(name: str, period: str) -> dict[str, object]:
    return {
        "instrument_name": name,
        "kind": "future",
        "base_currency": "BTC",
        "settlement_currency": "BTC",
        "instrument_type": "reversed",
        "price_index": "btc_usd",
        "settlement_period": period,
        "contract_size": 10.0,
        "min_trade_amount": 10.0,
        "tick_size": 0.5,
        "maker_commission": 0.00015,
        "taker_commission": 0.00035,
        "expiration_timestamp": 1_774_598_400_000,
    }


@pytest.mark.asyncio
async def test_wrong_world_or_clock_does_not_open(rest: Any, gateway: DeribitGateway) -> None:
    """The other testnet flag, and a clock half a minute off, stop the start."""
    rest.now_ms = lambda: now_ns() // 1_000_000 + 31_000
    with pytest.raises(ConfigError, match="clock: this host is 3"):
        await gateway.open()
    rest.is_testnet = False
    with pytest.raises(ConfigError, match="testnet=False"):
        await gateway.open()
