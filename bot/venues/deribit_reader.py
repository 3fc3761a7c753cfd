"""Questions to Deribit over REST: listing, tickers, delivery prices, funding, and what an account holds.

Knows the methods and their fields (exchange facts 2.1, 2.5, 2.6). Knows no method that changes anything, so
that whoever holds only this cannot send an order.
"""

from typing import Final

from msgspec import Struct

from bot.domain.errors import ConfigError, MalformedMessage, VenueRefused
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_MS, Ns, iso_utc, ms_from_ns
from bot.domain.units import decimal_from_wire
from bot.venues import deribit, deribit_rest
from bot.venues.budget import BackgroundLimit
from bot.venues.ccxt_client import CcxtClient
from bot.venues.contract import AccountRead, NowNs, PositionRead
from bot.venues.deribit_orders import Ask
from bot.venues.deribit_rest import Deliveries, IndexPrice, Position, Scope
from bot.venues.deribit_wire import Number, Portfolio, Ticker, exact, marked
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import convert

_DELIVERIES_COUNT: Final = 100
"""Days looked back for a delivery price: longer than anybody leaves a paper book switched off."""
_DATE_LENGTH: Final = 10


class _Row(Struct):
    base_currency: str = ""


async def instruments_of(ask: Ask, settings: VenueSettings, base: str) -> tuple[Instrument, ...]:
    """All open options, futures and perpetuals on a coin; two narrow calls instead of the whole venue."""
    found: list[Instrument | None] = []
    for currency in (base, "USDC"):
        rows = await ask("public/get_instruments", {"currency": currency, "expired": False})
        # A row of another coin that makes no sense is none of ours: the USDC list is of a dozen coins.
        ours = (row for row in convert(rows, list[object]) if convert(row, _Row).base_currency == base)
        found += [deribit_rest.instrument_from(row, settings) for row in ours]
    return tuple(instrument for instrument in found if instrument is not None)


class DeribitReader:
    """`Reader` over ccxt."""

    def __init__(self, settings: VenueSettings, now_ns: NowNs, nonce: str) -> None:
        """`nonce` is used for the one log-in that reads the key's scope."""
        self._settings: Final = settings
        self._now_ns: Final = now_ns
        self._nonce: Final = nonce
        self._client: Final = CcxtClient(settings)
        self._background: Final = BackgroundLimit()

    async def open(self) -> None:
        """Connect and check the key, if there is one: it must read the account and must not withdraw."""
        self._client.open()
        venue_ms = convert(await self._ask("public/get_time", {}), int)
        credentials = self._settings.credentials
        if credentials is None:
            return
        params = deribit.login_params(credentials, venue_ms, self._nonce)
        try:
            scopes = set(convert(await self._ask("public/auth", params), Scope).scope.split())
        except VenueRefused as error:
            raise ConfigError(f"venue key: refused with {error.code}; check key and secret") from None
        if "wallet:read_write" in scopes:
            raise ConfigError("venue key: it may withdraw (wallet:read_write); create one with wallet:none")
        if not (scopes & {"account:read", "account:read_write"} and scopes & {"trade:read", "trade:read_write"}):
            raise ConfigError("venue key: it may not read the account; it needs account:read and trade:read, no more")

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin."""
        return await instruments_of(self._ask, self._settings, base)

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""
        result = await self._ask("public/get_index_price", {"index_name": index_name})
        return convert(result, IndexPrice).index_price

    async def ticker(self, instrument: InstrumentId) -> OptionMarked | FutureMarked:
        """Ticker now."""
        result = await self._ask("public/ticker", {"instrument_name": instrument})
        event = marked(convert(result, Ticker), self._now_ns())
        if event is None:
            raise MalformedMessage(f"the ticker of {instrument} is a combo's")
        return event

    async def delivery_usd(self, index_name: str, expiry_ns: Ns) -> float | None:
        """Published within minutes of 08:00 UTC under the date of the expiry."""
        params: dict[str, object] = {"index_name": index_name, "count": _DELIVERIES_COUNT}
        rows = convert(await self._ask("public/get_delivery_prices", params), Deliveries).data
        date = iso_utc(expiry_ns)[:_DATE_LENGTH]
        return next((row.delivery_price for row in rows if row.date == date), None)

    async def funding_rate(self, instrument: InstrumentId, start_ns: Ns, end_ns: Ns) -> float:
        """Sum of the rates in between, weighted by time."""
        params: dict[str, object] = {
            "instrument_name": instrument,
            "start_timestamp": ms_from_ns(start_ns),
            "end_timestamp": ms_from_ns(Ns(max(end_ns, start_ns + NS_PER_MS))),
        }
        return convert(await self._ask("public/get_funding_rate_value", params), Number)

    async def account(self) -> AccountRead:
        """Positions with their average prices, balances by currency."""
        rows = convert(await self._ask("private/get_positions", {}), list[Position])
        summaries = convert(await self._ask("private/get_account_summaries", {}), dict[str, object])
        positions = []
        for row in rows:
            seen = deribit_rest.position_seen(row, None)
            if seen is not None:
                average = exact(row.average_price or 0.0)
                positions.append(
                    PositionRead(instrument=seen.instrument, amount_native=seen.amount_native, average_native=average)
                )
        balances = {
            row.currency: decimal_from_wire(row.balance) for row in convert(summaries.get("summaries"), list[Portfolio])
        }
        return AccountRead(positions=tuple(positions), balances=balances)

    async def close(self) -> None:
        """Close connections; never raises."""
        await self._client.close()

    async def _ask(self, method: str, params: dict[str, object]) -> object:
        await self._background.wait_turn()
        return await self._client.call(method, params)
