"""Bybit linear perpetuals for the gateway over ccxt: which requests, and what makes an account fit to hedge on.

Knows Bybit's rules (exchange facts 4.3): a new order is acknowledged before anybody has looked at it, so what became of
it is asked for; positions and orders are told per settlement coin; one-way mode only. Bybit knows no deadline of an
order: the window in which a request may arrive (`recvWindow`, signed) serves as one. Sends nothing itself. The raw
endpoints are used, not ccxt's `create_order`, which wants eleven lists of markets first.
"""

from collections.abc import Callable
from typing import Any, Final

from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import InstrumentId, Label, OrderId, name_at_venue
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen
from bot.domain.time import NS_PER_MS, Ns, ms_from_ns
from bot.domain.units import float_from_decimal
from bot.venues import bybit_rest
from bot.venues.bybit_errors import BAD_KEY, ERRORS
from bot.venues.bybit_rest import result, rows
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import (
    Fees,
    Fills,
    Money,
    OrderRead,
    Placed,
    Request,
    RestLink,
    VenueFacts,
    Wiring,
    convert,
    exact,
    plain,
)

_LINEAR: Final = {"category": "linear"}
_COINS: Final = ("USDT", "USDC")
"""Settlement coins of linear perpetuals; each is asked for by name, or its positions stay unseen."""
_PAGE: Final = 100
_ORDERS_PAGE: Final = 50
_PAGES_MAX: Final = 5
_RECV_WINDOW_MS: Final = 5_000
_WINDOW: Final = "hedgebot.recv_window_ms"
"""Where a request's own window travels to its signature: taken out again before anything is signed."""


class BybitRest:
    """`VenueRest` of Bybit."""

    def __init__(self, link: RestLink) -> None:
        self._link: Final = link

    async def venue_ms(self) -> int:
        """The venue's clock."""
        return bybit_rest.venue_ms(await self._link.send(Request(function="publicGetV5MarketTime")))

    async def check_key(self) -> str:
        """Reads and trades, cannot withdraw; the account is a unified one."""
        info = await self._key_info()
        if info.read_only or "Order" not in info.permissions.get("ContractTrade", []):
            raise ConfigError("hedge_venue.client_id: the key may not trade contracts; make one that may")
        if "Withdraw" in info.permissions.get("Wallet", []):
            raise ConfigError("hedge_venue.client_id: the key may withdraw; make one that may only read and trade")
        if not info.uta:
            raise ConfigError("Bybit account: it is a classic one; upgrade it to a unified trading account")
        return "contract orders, no withdrawal; unified account"

    async def check_account(self) -> str:
        """Its user id."""
        return str((await self._key_info()).user_id)

    async def _key_info(self) -> bybit_rest.KeyInfo:
        try:
            return result(await self._link.ask(Request(function="privateGetV5UserQueryApi")), bybit_rest.KeyInfo)
        except VenueRefused as error:
            if error.code in BAD_KEY:
                raise ConfigError(
                    f"hedge_venue.client_id: the key is refused with {error.code}; check key, secret, and that"
                    f" they are of {self._link.settings.rest_url}"
                ) from None
            raise

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """Linear perpetuals on a coin, with the account's fees; ConfigError where one is in hedge mode."""
        request = Request(function="publicGetV5MarketInstrumentsInfo", params={**_LINEAR, "baseCoin": base})
        listed = [row for row in rows(await self._link.ask(request), bybit_rest.Listed) if row.is_perpetual]
        return tuple([bybit_rest.instrument_from(row, await self._fees(row.symbol)) for row in listed])

    async def _fees(self, symbol: str) -> Fees:
        if self._link.settings.credentials is None:
            return bybit_rest.FEES_LISTED
        params: dict[str, object] = {**_LINEAR, "symbol": symbol}
        # With a symbol even a flat position is told, and with it the mode.
        request = Request(function="privateGetV5PositionList", params=params)
        for row in rows(await self._link.ask(request), bybit_rest.Position):
            try:
                bybit_rest.demand_one_way(row)
            except MalformedMessage as error:
                raise ConfigError(f"Bybit account: {error}") from None
        told = rows(
            await self._link.ask(Request(function="privateGetV5AccountFeeRate", params=params)), bybit_rest.FeeRate
        )
        fee = next((row for row in told if row.symbol == symbol), None)
        return bybit_rest.FEES_LISTED if fee is None else (exact(fee.maker_fee_rate), exact(fee.taker_fee_rate))

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""
        request = Request(function="publicGetV5MarketTickers", params={**_LINEAR, "symbol": index_name})
        found = rows(await self._link.ask(request), bybit_rest.Indexed)
        if len(found) != 1:
            message = f"{len(found)} tickers of {index_name}"
            raise MalformedMessage(message)
        return float_from_decimal(exact(found[0].index_price))

    # --- orders -------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder, valid_until_ms: int) -> Placed:
        """The reply holds an id and nothing else: nobody has looked at the order yet."""
        del valid_until_ms  # a window counts from the signature, whatever the clocks say
        left_ms = (command.valid_until_ns - self._link.now_ns()) // NS_PER_MS
        request = Request(
            function="privatePostV5OrderCreate",
            params={
                **_LINEAR,
                "symbol": name_at_venue(command.instrument),
                "side": "Buy" if command.amount_native > 0 else "Sell",
                "orderType": "Limit",
                "timeInForce": "IOC",
                "qty": plain(abs(command.amount_native)),
                "price": plain(command.price_native),
                "orderLinkId": command.label,
                "positionIdx": 0,
                _WINDOW: min(max(left_ms, 1), _RECV_WINDOW_MS),
            },
        )
        acked = result(await self._link.send(request), bybit_rest.Acked)
        if acked.order_link_id != command.label or not acked.order_id:
            message = f"the reply is about {acked.order_link_id[:40]!r}"
            raise MalformedMessage(message)
        return Placed(OrderId(acked.order_id))

    async def cancel(self, command: CancelOrder) -> None:
        """By id."""
        params: dict[str, object] = {
            **_LINEAR,
            "symbol": name_at_venue(command.instrument),
            "orderId": command.order_id,
        }
        result(await self._link.send(Request(function="privatePostV5OrderCancel", params=params)), bybit_rest.Acked)

    async def order(self, instrument: InstrumentId, label: Label, order_id: OrderId | None) -> OrderRead | None:
        """Among what is open, what has just ended, and the history: each may not have it yet, or no more."""
        by = {"orderLinkId": label} if order_id is None else {"orderId": order_id}
        params: dict[str, object] = {**_LINEAR, "symbol": name_at_venue(instrument), **by}
        for function, more in (
            ("privateGetV5OrderRealtime", {}),
            ("privateGetV5OrderRealtime", {"openOnly": 1}),
            ("privateGetV5OrderHistory", {}),
        ):
            reply = await self._link.ask(Request(function=function, params={**params, **more}))
            for row in rows(reply, bybit_rest.Order):
                if order_id in {None, row.order_id} and (order_id is not None or row.order_link_id == label):
                    return bybit_rest.order_read(row)
        return None

    async def order_fills(self, order: OrderRead) -> Fills:
        """Of one order."""
        return await self._fills({"symbol": name_at_venue(order.instrument), "orderId": order.order_id}, _PAGES_MAX)

    async def traces(self, instrument: InstrumentId, label: Label, since_ns: Ns) -> Fills:
        """Fills of a symbol since then."""
        params = {"symbol": name_at_venue(instrument), "startTime": ms_from_ns(since_ns)}
        found = await self._fills(params, _PAGES_MAX)
        return Fills(tuple(fill for fill in found.fills if fill.label == label), found.is_complete)

    async def recent_fills(self) -> tuple[Filled, ...]:
        """The newest page, of both settlement coins."""
        return (await self._fills({}, 1)).fills

    async def _fills(self, params: dict[str, object], pages_max: int) -> Fills:
        found = list[Filled]()
        cursor: dict[str, object] = {}
        for _ in range(pages_max):
            request = Request(
                function="privateGetV5ExecutionList", params={**_LINEAR, "limit": _PAGE, **params, **cursor}
            )
            page = result(await self._link.ask(request), bybit_rest.Rows)
            told = [
                bybit_rest.filled(row, self._link.now_ns())
                for row in [convert(row, bybit_rest.Fill) for row in page.list]
            ]
            found += [fill for fill in told if fill is not None]
            if len(page.list) < _PAGE or not page.next_page_cursor:
                return Fills(tuple(found), is_complete=True)
            cursor = {"cursor": page.next_page_cursor}
        return Fills(tuple(found), is_complete=False)

    # --- the account --------------------------------------------------------------------------------

    async def positions(self) -> tuple[PositionSeen, ...]:
        """Of both settlement coins; MalformedMessage in hedge mode."""
        found = list[PositionSeen]()
        for coin in _COINS:
            request = Request(
                function="privateGetV5PositionList", params={**_LINEAR, "settleCoin": coin, "limit": 2 * _PAGE}
            )
            seen = [bybit_rest.position_seen(row) for row in rows(await self._link.ask(request), bybit_rest.Position)]
            found += [item for item in seen if item is not None]
        return tuple(found)

    async def money(self) -> tuple[Money, ...]:
        """Currencies of the unified account."""
        request = Request(function="privateGetV5AccountWalletBalance", params={"accountType": "UNIFIED"})
        return bybit_rest.money_of(await self._link.ask(request))

    async def open_orders(self) -> tuple[OrderRead, ...]:
        """Of both settlement coins; more than a page of them is more than a hedger ever has."""
        found = list[OrderRead]()
        for coin in _COINS:
            request = Request(
                function="privateGetV5OrderRealtime", params={**_LINEAR, "settleCoin": coin, "limit": _ORDERS_PAGE}
            )
            found += [bybit_rest.order_read(row) for row in rows(await self._link.ask(request), bybit_rest.Order)]
        return tuple(order for order in found if order.state.value == "open")


def _prepare(exchange: Any) -> None:
    """A request's own window, where it has one, goes into its signature; no broker's name goes with orders."""
    sign: Callable[..., dict[str, Any]] = exchange.sign

    def signed(path: str, api: object, method: str, params: dict[str, Any]) -> dict[str, Any]:
        params = dict(params)
        exchange.options["recvWindow"] = params.pop(_WINDOW, _RECV_WINDOW_MS)
        told = sign(path, api, method, params)
        (told["headers"] or {}).pop("Referer", None)
        return told

    exchange.sign = signed


def _wiring(settings: VenueSettings) -> Wiring:
    url = settings.rest_url.rstrip("/")
    return Wiring(
        exchange="bybit",
        urls={"public": url, "private": url},
        refusal=bybit_rest.refusal,
        credentials=settings.credentials,
        prepare=_prepare,
    )


FACTS: Final = VenueFacts(wiring=_wiring, rest=BybitRest, errors=ERRORS)
