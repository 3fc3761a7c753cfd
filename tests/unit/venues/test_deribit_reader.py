"""Questions to the venue over REST: what is asked, how the answers are read, which keys are let in."""

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from bot.domain.errors import ConfigError, MalformedMessage, VenueRefused
from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.venues.contract import AccountRead, PositionRead
from bot.venues.deribit_reader import DeribitReader
from bot.venues.settings import VenueSettings

PERP = InstrumentId("BTC-PERPETUAL")
_NO_SUCH = {"error": {"code": -32602, "message": "Invalid params"}}


def now_ns() -> Ns:
    """The host's clock: ccxt signs with it."""
    return Ns(time.time_ns())


@pytest_asyncio.fixture
async def reader(rest: Any, settings: VenueSettings) -> AsyncIterator[DeribitReader]:
    """One that is not open yet, with a key."""
    rest.now_ms = lambda: now_ns() // 1_000_000
    rest.put("public/auth", {"scope": "connection account:read trade:read wallet:none"})
    made = DeribitReader(msgspec.structs.replace(settings, rest_url=rest.url), now_ns, "nonce")
    yield made
    await made.close()


@pytest.mark.asyncio
async def test_a_key_that_reads_is_enough(rest: Any, reader: DeribitReader) -> None:
    """It need not trade; its secret never leaves; the clock asked for signs it."""
    await reader.open()
    (auth,) = rest.asked("public/auth")
    assert auth["grant_type"] == "client_signature"
    assert "secret-of-the-key" not in str(rest.seen)


@pytest.mark.asyncio
async def test_no_key_is_enough_for_the_market(rest: Any, settings: VenueSettings) -> None:
    """Only the time is asked."""
    keyless = msgspec.structs.replace(settings, rest_url=rest.url, credentials=None)
    reader = DeribitReader(keyless, now_ns, "nonce")
    await reader.open()
    assert [method for method, _ in rest.seen] == ["public/get_time"]
    await reader.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"scope": "account:read wallet:read_write"}, "it may withdraw"),
        ({"scope": "trade:read_write wallet:none"}, "it may not read the account"),
        ({"scope": "account:read wallet:none"}, "it needs account:read and trade:read"),
        ({"error": {"code": 13004, "message": "invalid_credentials"}}, "refused with 13004"),
    ],
)
async def test_a_wrong_key_does_not_open(rest: Any, reader: DeribitReader, reply: object, words: str) -> None:
    """One that could empty the account, or is of no use."""
    rest.put("public/auth", reply)
    with pytest.raises(ConfigError, match=words):
        await reader.open()


@pytest.mark.asyncio
async def test_tickers_are_read_like_those_of_the_stream(rest: Any, reader: DeribitReader) -> None:
    """A perpetual and an option; a combo is none; an unknown name is refused."""
    await reader.open()
    perp = {"timestamp": 5, "state": "open", "instrument_name": PERP, "mark_price": 9e4, "current_funding": 0.0001}
    option = {"timestamp": 5, "state": "open", "instrument_name": "BTC-27MAR26-100000-C", "mark_iv": 50.0}
    combo = {"timestamp": 5, "state": "open", "instrument_name": "BTC-FS-X", "combo_state": "active"}
    rest.put("public/ticker", perp, option, combo, _NO_SUCH)
    future = await reader.ticker(PERP)
    assert isinstance(future, FutureMarked)
    assert (future.mark_usd, future.funding_rate_8h) == (90_000.0, 0.0001)
    marked = await reader.ticker(InstrumentId("BTC-27MAR26-100000-C"))
    assert isinstance(marked, OptionMarked)
    assert marked.iv_mark == 0.5
    with pytest.raises(MalformedMessage, match="combo"):
        await reader.ticker(InstrumentId("BTC-FS-X"))
    with pytest.raises(VenueRefused):
        await reader.ticker(InstrumentId("BTC-GONE"))


@pytest.mark.asyncio
async def test_a_delivery_price_is_found_by_its_date(rest: Any, reader: DeribitReader) -> None:
    """Of that day's 08:00 UTC; None before it is published."""
    await reader.open()
    rows = [{"date": "2026-11-26", "delivery_price": 91_000.5}, {"date": "2026-11-25", "delivery_price": 90_000.0}]
    rest.put("public/get_delivery_prices", {"data": rows, "records_total": 2})
    assert await reader.delivery_usd("btc_usd", ns_from_iso("2026-11-26T08:00:00Z")) == 91_000.5
    assert await reader.delivery_usd("btc_usd", ns_from_iso("2026-11-27T08:00:00Z")) is None
    assert rest.asked("public/get_delivery_prices")[0]["index_name"] == "btc_usd"


@pytest.mark.asyncio
async def test_funding_and_index(rest: Any, reader: DeribitReader) -> None:
    """Milliseconds on the wire, and never an empty span, which the venue refuses."""
    await reader.open()
    rest.put("public/get_funding_rate_value", 0.00012)
    rest.put("public/get_index_price", {"index_price": 9e4})
    assert await reader.funding_rate(PERP, Ns(NS_PER_S), Ns(NS_PER_S)) == 0.00012
    (asked,) = rest.asked("public/get_funding_rate_value")
    assert (asked["start_timestamp"], asked["end_timestamp"]) == ("1000", "1001")
    assert await reader.index_usd("btc_usd") == 90_000.0


@pytest.mark.asyncio
async def test_an_account_is_read_with_its_prices(rest: Any, reader: DeribitReader) -> None:
    """Signed sizes, average prices, balances; flat rows are none."""
    await reader.open()
    row = {"instrument_name": PERP, "kind": "future", "direction": "sell", "size": -500.0, "average_price": 90_000.5}
    flat = row | {"direction": "zero", "size": 0.0}
    money = dict.fromkeys(
        ("equity", "balance", "initial_margin", "maintenance_margin", "available_funds", "delta_total"), 1.5
    )
    rest.put("private/get_positions", [row, flat])
    rest.put("private/get_account_summaries", {"summaries": [money | {"currency": "BTC", "options_delta": 0.0}]})
    assert await reader.account() == AccountRead(
        positions=(PositionRead(instrument=PERP, amount_native=Decimal(-500), average_native=Decimal("90000.5")),),
        balances={"BTC": Decimal("1.5")},
    )


@pytest.mark.asyncio
async def test_listing(rest: Any, reader: DeribitReader) -> None:
    """The coin's own instruments and those in USDC."""
    await reader.open()
    rest.put("public/get_instruments", [])
    assert await reader.instruments("BTC") == ()
    assert [params["currency"] for params in rest.asked("public/get_instruments")] == ["BTC", "USDC"]


@pytest.mark.asyncio
async def test_a_row_of_another_coin_that_makes_no_sense_hides_nothing(rest: Any, reader: DeribitReader) -> None:
    """The list of USDC holds every coin: one bad row of it must not keep all books from starting."""
    await reader.open()
    fields = {"kind": "future", "settlement_period": "perpetual", "contract_size": 1e-4, "min_trade_amount": 1e-4}
    ours = fields | {"instrument_name": "BTC_USDC-PERPETUAL", "base_currency": "BTC", "tick_size": 0.5}
    theirs = fields | {"instrument_name": "SOL_USDC-PERPETUAL", "base_currency": "SOL", "tick_size": 0.0}
    rest.put("public/get_instruments", [], [theirs, ours])
    assert [item.id for item in await reader.instruments("BTC")] == ["BTC_USDC-PERPETUAL"]
    rest.put("public/get_instruments", [], [theirs])
    with pytest.raises(MalformedMessage, match="SOL_USDC-PERPETUAL: tick_size"):
        await reader.instruments("SOL")
