"""What settlements booked, told once each."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import VenueRefused
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, ms_from_ns, ns_from_iso
from bot.venues.deribit_log import SettlementLog

EIGHT_NS = ns_from_iso("2026-03-27T08:00:00Z")
CALL, FUTURE = InstrumentId("BTC-27MAR26-60000-C"), InstrumentId("BTC-27MAR26")
LOG, PRICES = "private/get_transaction_log", "public/get_delivery_prices"


class Venue:
    """Rows and prices as they are put; every question is noted."""

    def __init__(self, perp: Instrument) -> None:
        self.now_ns = Ns(EIGHT_NS + 5 * NS_PER_S)
        self.rows: list[dict[str, object]] = []
        self.prices: list[dict[str, object]] = []
        self.page_rows = 250
        self.seen: list[tuple[str, dict[str, object]]] = []
        self.fails = False
        future = replace(perp, id=FUTURE, kind=Kind.FUTURE, expiry_ns=EIGHT_NS)
        call = replace(perp, id=CALL, kind=Kind.OPTION, expiry_ns=EIGHT_NS, strike_usd=60_000.0, is_call=True)
        self.log = SettlementLog(self.ask, {item.id: item for item in (perp, future, call)}, lambda: self.now_ns)

    def book(self, log_id: int, kind: str, name: str, **change: object) -> None:
        """One more row."""
        row = {"id": log_id, "type": kind, "instrument_name": name, "timestamp": ms_from_ns(EIGHT_NS), "price": "-"}
        self.rows.insert(0, row | change)

    async def ask(self, method: str, params: dict[str, object]) -> object:
        """As the venue answers: newest first, by page."""
        self.seen.append((method, params))
        if self.fails:
            raise VenueRefused(10028, "too_many_requests")
        if method == PRICES:
            return {"data": self.prices}
        assert method == LOG
        last: Any = params.get("continuation", 10**9)
        rows: list[Any] = [row for row in self.rows if row["type"] == params["query"] and int(str(row["id"])) <= last]
        left = rows[self.page_rows :]
        return {"logs": rows[: self.page_rows], "continuation": left[0]["id"] if left else None}

    async def news(self, *, after_s: int = 0) -> list[tuple[str, Decimal | None, Decimal]]:
        """A look, so much later."""
        self.now_ns = Ns(self.now_ns + after_s * NS_PER_S)
        return [(item.instrument, item.delivery_usd, item.funding_native) for item in await self.log.news()]


@pytest.fixture
def venue(perp: Instrument) -> Venue:
    """Five seconds after a settlement of the book of a perpetual, a future and a call on it."""
    return Venue(perp)


@pytest.mark.asyncio
async def test_a_settlement_is_told_once(venue: Venue, perp: Instrument) -> None:
    """An option through its future: a delivery of each, at the published price; the perpetual's session had funding."""
    venue.prices = [{"date": "2026-03-28", "delivery_price": 1.0}, {"date": "2026-03-27", "delivery_price": 65_000.25}]
    venue.book(1, "delivery", CALL, price=0.07)
    venue.book(2, "delivery", FUTURE)
    venue.book(3, "settlement", perp.id, interest_pl=-0.00012)
    venue.book(4, "trade", perp.id)
    venue.book(5, "delivery", "SOL-27MAR26")  # of no coin of ours

    price, zero = Decimal("65000.25"), Decimal(0)
    assert await venue.news() == [(CALL, price, zero), (FUTURE, price, zero), (perp.id, None, Decimal("-0.00012"))]
    assert await venue.news(after_s=60) == []
    asked = [params for method, params in venue.seen if method == LOG]
    assert {str(params["currency"]) for params in asked} == {"BTC"}
    assert all(params["start_timestamp"] == ms_from_ns(EIGHT_NS) - 60_000 for params in asked)


@pytest.mark.asyncio
async def test_a_price_that_is_not_published_yet_is_waited_for(venue: Venue) -> None:
    """Its row stays untold, however long: a guess would be believed."""
    venue.book(1, "delivery", CALL)
    assert await venue.news() == []
    assert await venue.news(after_s=3600) == []
    venue.prices = [{"date": "2026-03-27", "delivery_price": 65_000.0}]
    assert await venue.news(after_s=60) == [(CALL, Decimal(65_000), Decimal(0))]


@pytest.mark.asyncio
async def test_rows_that_come_late_are_found(venue: Venue, perp: Instrument) -> None:
    """For half an hour every look counts, at most one in ten seconds; then none until the next settlement."""
    assert await venue.news() == []
    venue.book(1, "settlement", perp.id)
    assert await venue.news(after_s=9) == []
    assert len(await venue.news(after_s=1)) == 1
    assert await venue.news(after_s=1800) == []
    questions = len(venue.seen)
    assert await venue.news(after_s=60) == []
    assert len(venue.seen) == questions
    venue.book(2, "settlement", perp.id, timestamp=ms_from_ns(Ns(EIGHT_NS + NS_PER_DAY)))
    venue.rows.pop()  # the venue is asked from the settlement on
    assert len(await venue.news(after_s=86_400)) == 1


@pytest.mark.asyncio
async def test_pages_are_followed_to_a_bound(venue: Venue, perp: Instrument) -> None:
    """Three rows by pages of one; of seven the newest four."""
    venue.page_rows = 1
    for log_id in range(3):
        venue.book(log_id + 1, "settlement", perp.id, interest_pl=float(log_id))
    assert [funding for _, _, funding in await venue.news()] == [0, 1, 2]
    for log_id in range(3, 7):
        venue.book(log_id + 1, "settlement", perp.id, interest_pl=float(log_id))
    assert [funding for _, _, funding in await venue.news(after_s=10)] == [3, 4, 5, 6]


@pytest.mark.asyncio
async def test_a_log_that_is_refused_is_asked_for_again(venue: Venue, perp: Instrument) -> None:
    """Nothing is lost, nothing is told twice."""
    venue.book(1, "settlement", perp.id)
    venue.fails = True
    assert await venue.news() == []
    venue.fails = False
    assert len(await venue.news(after_s=10)) == 1
