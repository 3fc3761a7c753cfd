"""What a Deribit account's daily settlements booked: sessions ended, positions delivered, from its transaction log.

Knows rows, pages and when to look (exchange facts 0.3, 2.5). Only asks; must not know what is held.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from bot.domain.events import Settled
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns, iso_utc, last_settlement_ns, ms_from_ns, ns_from_ms
from bot.domain.units import ZERO
from bot.venues.contract import NowNs
from bot.venues.deribit_orders import ANSWER_ERRORS, Ask
from bot.venues.deribit_rest import Deliveries
from bot.venues.deribit_wire import Number, Stamp, exact
from bot.venues.venue_rest import convert

_LOOK_NS: Final = 30 * 60 * NS_PER_S
"""The log is written, and delivery prices are published, within minutes of 08:00 UTC: so long every look counts."""
_PAUSE_NS: Final = 10 * NS_PER_S
"""Between looks: the method allows eight at once and one a second (facts 3.4)."""
_SLACK_MS: Final = 60_000
"""The two clocks may differ by this much."""
_ROWS_MAX: Final = 250
"""Of one page."""
_PAGES_MAX: Final = 4
"""A thousand positions; of a longer log the newest rows."""
_DELIVERIES_COUNT: Final = 10
_DATE_LENGTH: Final = 10


class LogRow(Struct):
    """A row of get_transaction_log, as far as settlements need it."""

    log_id: int = field(name="id")
    type: str
    timestamp: Stamp
    instrument_name: InstrumentId | None = None
    interest_pl: Number | None = None
    """Funding of the session, received; perpetuals only."""


class _Page(Struct):
    logs: list[LogRow]
    continuation: int | None = None


class SettlementLog:
    """Tells each row of the newest settlement once; state of one account."""

    def __init__(self, ask: Ask, listed: Mapping[InstrumentId, Instrument], now_ns: NowNs) -> None:
        """Nothing is told yet. `listed` names the currencies to look through."""
        self._ask: Final = ask
        self._listed: Final = listed
        self._now_ns: Final = now_ns
        self._settlement_ns = Ns(0)
        self._told: set[int] = set()
        self._is_complete = False
        self._due_ns = Ns(0)

    async def news(self) -> tuple[Settled, ...]:
        """Rows since the last look. A log or a price that cannot be had now is asked for at the next look."""
        now_ns = self._now_ns()
        settlement_ns = last_settlement_ns(now_ns)
        if settlement_ns != self._settlement_ns:
            self._settlement_ns, self._is_complete, self._due_ns = settlement_ns, False, now_ns
            self._told.clear()
        if self._is_complete or now_ns < self._due_ns:
            return ()
        self._due_ns = Ns(now_ns + _PAUSE_NS)
        try:
            rows = await self._rows(now_ns)
            found = await self._settled([row for row in rows if row.log_id not in self._told])
        except ANSWER_ERRORS:
            return ()  # the snapshot stands without it: what expired ends at the price expected last
        self._is_complete = now_ns - settlement_ns > _LOOK_NS and len(self._told) >= len(rows)
        return found

    async def _rows(self, now_ns: Ns) -> list[LogRow]:
        """Settlements and deliveries of all currencies since the last 08:00 UTC, oldest first."""
        found: list[LogRow] = []
        for currency in sorted({spec.settlement_currency for spec in self._listed.values()}):
            for kind in ("delivery", "settlement"):
                found += await self._pages(currency, kind, ms_from_ns(now_ns) + _SLACK_MS)
        return sorted(found, key=lambda row: row.log_id)

    async def _pages(self, currency: str, kind: str, end_ms: int) -> list[LogRow]:
        params: dict[str, object] = {
            "currency": currency,
            "query": kind,
            "start_timestamp": ms_from_ns(self._settlement_ns) - _SLACK_MS,
            "end_timestamp": end_ms,
            "count": _ROWS_MAX,
        }
        found: list[LogRow] = []
        for _ in range(_PAGES_MAX):
            page = convert(await self._ask("private/get_transaction_log", params), _Page)
            # The venue's `query` is a search: what else it finds is none of ours.
            found += [row for row in page.logs if row.type == kind and row.instrument_name]
            if not page.continuation:
                break
            params = {**params, "continuation": page.continuation}
        return found

    async def _settled(self, rows: list[LogRow]) -> tuple[Settled, ...]:
        """Rows as events; a delivery whose price is not published yet waits.

        The extra row of an option that leaves through the future of its expiry is a delivery of that future.
        """
        prices: dict[str, dict[str, Number]] = {}
        found: list[Settled] = []
        for row in rows:
            spec = None if row.instrument_name is None else self._listed.get(row.instrument_name)
            delivery_usd = None
            if row.type == "delivery" and spec is not None and spec.expiry_ns is not None:
                if spec.index_name not in prices:
                    prices[spec.index_name] = await self._prices(spec.index_name)
                delivery_usd = prices[spec.index_name].get(iso_utc(spec.expiry_ns)[:_DATE_LENGTH])
                if delivery_usd is None:
                    continue
            self._told.add(row.log_id)
            if spec is not None:  # listed no more before this run began: it held nothing there
                found.append(
                    Settled(
                        instrument=spec.id,
                        delivery_usd=None if delivery_usd is None else exact(delivery_usd),
                        funding_native=ZERO if row.interest_pl is None else exact(row.interest_pl),
                        received_ns=self._now_ns(),
                        venue_ns=ns_from_ms(row.timestamp),
                    )
                )
        return tuple(found)

    async def _prices(self, index_name: str) -> dict[str, Number]:
        params: dict[str, object] = {"index_name": index_name, "count": _DELIVERIES_COUNT}
        rows = convert(await self._ask("public/get_delivery_prices", params), Deliveries).data
        return {row.date: row.delivery_price for row in rows}
