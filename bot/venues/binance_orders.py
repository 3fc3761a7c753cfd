"""Binance USD-M perpetuals for the gateway over ccxt: which requests, and what makes an account fit to hedge on.

Knows Binance's rules (exchange facts 4.3): sizes are coins, a client id is unique among open orders only, `recvWindow`
bounds when an order may start, fills are asked for by symbol and bear no client id, one-way mode only. Sends nothing
itself. The raw endpoints are used, not ccxt's `create_order`: it puts a broker's id in front and truncates in silence.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import InstrumentId, Label, OrderId, name_at_venue
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen
from bot.domain.time import NS_PER_MS, Ns, ms_from_ns
from bot.domain.units import float_from_decimal
from bot.venues import binance_rest
from bot.venues.binance_errors import BAD_KEY, ERRORS, NO_SUCH_ORDER
from bot.venues.binance_rest import FEES_LISTED, Labels, order_read
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import (
    Fills,
    Money,
    OrderRead,
    Placed,
    Request,
    RestLink,
    Switch,
    T,
    VenueFacts,
    Wiring,
    convert,
    exact,
    plain,
)

_RECENT: Final = 100
"""Newest fills of a symbol: far more than happen between two looks."""
_ROWS_MAX: Final = 1000
"""Most rows of userTrades and allOrders."""
_RECV_MS_MAX: Final = 60_000
_LABELS_MAX: Final = 5_000
_RIGHTS_HOSTS: Final = {"fapi.binance.com": "https://api.binance.com"}
"""What a key may do is told by the spot interface."""


class BinanceRest:
    """`VenueRest` of Binance USD-M."""

    def __init__(self, link: RestLink) -> None:
        self._link: Final = link
        self._begun_ms: Final = ms_from_ns(link.now_ns())
        self._symbols: Final[dict[str, int | None]] = {}
        """Symbols whose fills are asked for, and from when on: all of what was hedged with from the start, else what
        happened since this began, so that old fills never come up as new ones."""
        self._labels: Final[Labels] = {}

    async def venue_ms(self) -> int:
        """The venue's clock."""
        return convert(await self._link.send(Request(function="fapiPublicGetTime")), binance_rest.Time).server_ms

    async def check_key(self) -> str:
        """Trades futures; cannot withdraw, where that can be read; the account is in one-way mode."""
        if self._link.settings.is_testnet:
            rights = "whether it may withdraw is not told by the demo environment"
        else:
            told = await self._about_key("sapiGetAccountApiRestrictions", binance_rest.Rights)
            if not told.enable_futures:
                raise ConfigError("hedge_venue.client_id: the key may not trade futures; enable that for it")
            if told.enable_withdrawals:
                raise ConfigError("hedge_venue.client_id: the key may withdraw; make one that may only read and trade")
            rights = "trades futures, cannot withdraw"
        sides = await self._about_key("fapiPrivateGetPositionSideDual", binance_rest.PositionMode)
        if sides.dual_side_position:
            raise ConfigError("Binance account: position mode is hedge mode; set it to one-way")
        return f"{rights}; one-way mode"

    async def _about_key(self, function: str, shape: type[T]) -> T:
        try:
            return convert(await self._link.ask(Request(function=function)), shape)
        except VenueRefused as error:
            if error.code in BAD_KEY:
                raise ConfigError(
                    f"hedge_venue.client_id: the key is refused with {error.code}; check key, secret, its list of"
                    " addresses and that it is of this environment"
                ) from None
            raise

    async def check_account(self) -> str:
        """Its alias: no number is told over this interface."""
        rows = await self._about_key("fapiPrivateV3GetBalance", list[binance_rest.Balance])
        names = {row.account_alias for row in rows}
        if len(names) != 1:
            raise MalformedMessage(f"{len(names)} aliases of one account")
        return names.pop()

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """Perpetuals on a coin, with the account's fees."""
        info = convert(await self._link.ask(Request(function="fapiPublicGetExchangeInfo")), binance_rest.ExchangeInfo)
        found = []
        for row in info.symbols:
            if row.is_open_perpetual and row.base_asset == base:
                self._symbols[row.symbol] = None
                of = {"symbol": row.symbol}
                fees = FEES_LISTED
                if self._link.settings.credentials is not None:
                    told = await self._link.ask(Request(function="fapiPrivateGetCommissionRate", params=dict(of)))
                    fees = binance_rest.fees_of(convert(told, binance_rest.Commission))
                premium = await self._premium(row.symbol)
                found.append(binance_rest.instrument_from(row, fees, exact(premium.mark_price)))
        return tuple(found)

    async def _premium(self, symbol: str) -> binance_rest.Premium:
        request = Request(function="fapiPublicGetPremiumIndex", params={"symbol": symbol})
        return convert(await self._link.ask(request), binance_rest.Premium)

    async def index_usd(self, index_name: str) -> float:
        """Index price now, by the symbol whose it is."""
        return float_from_decimal(exact((await self._premium(index_name)).index_price))

    # --- orders -------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder, valid_until_ms: int) -> Placed:
        """The reply tells the order as it is after matching; how long it may start is told as a window from now."""
        del valid_until_ms
        left_ms = (command.valid_until_ns - self._link.now_ns()) // NS_PER_MS
        request = Request(
            function="fapiPrivatePostOrder",
            params={
                "symbol": name_at_venue(command.instrument),
                "side": "BUY" if command.amount_native > 0 else "SELL",
                "type": "LIMIT",
                "timeInForce": "GTX" if command.rests else "IOC",
                "quantity": plain(abs(command.amount_native)),
                "price": plain(command.price_native),
                "newClientOrderId": command.label,
                "newOrderRespType": "RESULT",
                "recvWindow": min(max(left_ms, 1), _RECV_MS_MAX),
            },
        )
        order = self._read(await self._link.send(request))
        return Placed(order.order_id, order)

    def _read(self, reply: object) -> OrderRead:
        read = order_read(convert(reply, binance_rest.Order))
        self._remember((read,))
        return read

    def _remember(self, orders: Iterable[OrderRead]) -> None:
        self._labels.update((order.order_id, order.label) for order in orders)
        while len(self._labels) > _LABELS_MAX:
            del self._labels[next(iter(self._labels))]

    async def cancel(self, command: CancelOrder) -> None:
        """By id."""
        params: dict[str, object] = {"symbol": name_at_venue(command.instrument), "orderId": command.order_id}
        self._read(await self._link.send(Request(function="fapiPrivateDeleteOrder", params=params)))

    async def order(self, instrument: InstrumentId, label: Label, order_id: OrderId | None) -> OrderRead | None:
        """Cancelled ones without a fill are shown for three days."""
        by = {"origClientOrderId": label} if order_id is None else {"orderId": order_id}
        params: dict[str, object] = {"symbol": name_at_venue(instrument), **by}
        try:
            return self._read(await self._link.ask(Request(function="fapiPrivateGetOrder", params=params)))
        except VenueRefused as error:
            if error.code in NO_SUCH_ORDER:
                return None
            raise

    async def order_fills(self, order: OrderRead) -> Fills:
        """Of one order; a thousand fills at most."""
        self._remember((order,))
        fills = await self._fills(name_at_venue(order.instrument), {"orderId": order.order_id})
        return Fills(fills, is_complete=len(fills) < _ROWS_MAX)

    async def traces(self, instrument: InstrumentId, label: Label, since_ns: Ns) -> Fills:
        """An order the list of all orders shows, but not its own endpoint: then nothing is sure yet."""
        symbol = name_at_venue(instrument)
        orders = await self._orders_since(symbol, {"startTime": ms_from_ns(since_ns)})
        if any(order.label == label for order in orders):
            raise MalformedMessage(f"{label} is among the orders of {symbol}, and yet not there")
        return Fills((), is_complete=len(orders) < _ROWS_MAX)

    async def _orders_since(self, symbol: str, since: dict[str, object]) -> list[OrderRead]:
        params: dict[str, object] = {"symbol": symbol, "limit": _ROWS_MAX, **since}
        rows = convert(
            await self._link.ask(Request(function="fapiPrivateGetAllOrders", params=params)), list[binance_rest.Order]
        )
        orders = [order_read(row) for row in rows]
        self._remember(orders)
        return orders

    async def recent_fills(self) -> tuple[Filled, ...]:
        """Of the symbols that were listed here, and of those there are positions in."""
        await self.positions()
        found: list[Filled] = []
        for symbol, since_ms in list(self._symbols.items()):
            # The newest, and not from a time on: those would be the oldest, and of a week after it at most.
            fills = await self._fills(symbol, {"limit": _RECENT})
            found += [fill for fill in fills if since_ms is None or fill.venue_ns >= since_ms * NS_PER_MS]
        return tuple(found)

    async def _fills(self, symbol: str, params: dict[str, object]) -> tuple[Filled, ...]:
        request = Request(function="fapiPrivateGetUserTrades", params={"symbol": symbol, "limit": _ROWS_MAX, **params})
        rows = convert(await self._link.ask(request), list[binance_rest.Fill])
        unnamed = {OrderId(str(row.order_id)) for row in rows} - self._labels.keys()
        if unnamed:
            await self._orders_since(symbol, {})
            # Older than the list of orders goes back: nobody's of this run.
            self._labels.update((order_id, None) for order_id in unnamed - self._labels.keys())
        return tuple(binance_rest.filled(row, self._labels, self._link.now_ns()) for row in rows)

    # --- the account --------------------------------------------------------------------------------

    async def positions(self) -> tuple[PositionSeen, ...]:
        """Not flat ones; whose fills are asked for from now on."""
        rows = convert(
            await self._link.ask(Request(function="fapiPrivateV3GetPositionRisk")), list[binance_rest.Position]
        )
        seen = tuple(item for item in map(binance_rest.position_seen, rows) if item is not None)
        for item in seen:
            self._symbols.setdefault(name_at_venue(item.instrument), self._begun_ms)
        return seen

    async def money(self) -> tuple[Money, ...]:
        """Currencies there is anything of."""
        account = await self._link.ask(Request(function="fapiPrivateV3GetAccount"))
        return binance_rest.money_of(convert(account, binance_rest.Account).assets)

    async def open_orders(self) -> tuple[OrderRead, ...]:
        """Of all symbols."""
        rows = await self._link.ask(Request(function="fapiPrivateGetOpenOrders"))
        return tuple(order_read(row) for row in convert(rows, list[binance_rest.Order]))


def _switch(link: RestLink) -> Switch:
    """`countdownCancelAll`: of one symbol."""

    async def arm(scope: str, countdown_s: int) -> None:
        params: dict[str, object] = {"symbol": scope, "countdownTime": countdown_s * 1000}
        reply = await link.ask(Request(function="fapiPrivatePostCountdownCancelAll", params=params))
        told = convert(reply, binance_rest.Countdown)
        if (told.symbol, int(exact(told.countdown_ms))) != (scope, countdown_s * 1000):
            raise MalformedMessage(
                f"countdown of {scope}: {countdown_s} s asked for, {told.countdown_ms[:20]!r} ms told"
            )

    return Switch(name_at_venue, arm)


def _wiring(settings: VenueSettings) -> Wiring:
    """Production and demo are different hosts with different keys."""
    rest = settings.rest_url.rstrip("/")
    rights = _RIGHTS_HOSTS.get(urlsplit(rest).hostname or "", rest)
    return Wiring(
        exchange="binanceusdm",
        urls={
            **dict.fromkeys(("fapiPublic", "fapiPrivate"), f"{rest}/fapi/v1"),
            "fapiPrivateV3": f"{rest}/fapi/v3",
            "sapi": f"{rights}/sapi/v1",
        },
        refusal=binance_rest.refusal,
        credentials=settings.credentials,
    )


FACTS: Final = VenueFacts(wiring=_wiring, rest=BinanceRest, errors=ERRORS, switch=_switch)
