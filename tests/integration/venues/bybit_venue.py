"""A local Bybit: REST of linear perpetuals, with one unified account and a flat book around a mid.

Written from the venue's documents, shares nothing with the bot. Requests are signed and have a window to arrive in; a
new order is acknowledged at once and matched a moment later, as there.

    async with BybitVenue(mid_usd=lambda: 64_000.0) as venue:
        venue.rest_url                        # where it lives; key and secret are KEY, SECRET
        venue.book_coin = 5.0                 # what rests at the touch: more is not filled
        venue.hidden_reads = 2                # looks at an order that do not show it yet
        venue.faults = ["lose reply"]         # of the next orders, see `_create`
        venue.position_coin["BTCUSDT"], venue.mode_idx
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from aiohttp import web
from local_venue import LocalVenue, Row, abort, after_order

KEY, SECRET = "bybit-key", "bybit-secret"


def listed(name: str, **changes: str) -> Row:
    """A row of market/instruments-info."""
    money = "USDC" if name.endswith("PERP") else "USDT"
    row = {
        "symbol": name,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": money,
        "settleCoin": money,
        "fundingInterval": 480,
        "lotSizeFilter": {"minOrderQty": "0.001", "qtyStep": "0.001", "minNotionalValue": "5"},
        "priceFilter": {"tickSize": "0.10", "minPrice": "0.10", "maxPrice": "1999999.80"},
    }
    return row | changes


class BybitVenue(LocalVenue):
    """One venue, one account. `async with` serves it on a free port of loopback."""

    order_path = "order/create"

    def __init__(self, mid_usd: Callable[[], float]) -> None:
        super().__init__(mid_usd)
        self.book_coin = 1_000.0
        self.listed = [listed("BTCUSDT"), listed("BTCPERP"), listed("BTC-27MAR26", contractType="LinearFutures")]
        self.listed.append(listed("BTCXUSDT", status="PreLaunch"))
        self.key: Row = {
            "userID": 24617703,
            "readOnly": 0,
            "uta": 1,
            "permissions": {"ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer"], "Options": []},
        }
        self.mode_idx = 0
        self.position_coin = self.position
        self.behind_ms = 0
        """Requests arrive so much later than they were signed."""
        self.headers: list[dict[str, str]] = []

    def routes(self) -> Iterable[web.RouteDef]:
        """REST only."""
        return [web.route("*", "/v5/{path:.*}", self._rest)]

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        text, params = await self.asked_for(request)
        path, body = request.match_info["path"], text if text.startswith("{") else ""
        self.headers.append(dict(request.headers))
        if not path.startswith("market/"):
            refused = self._refused_key(request, body)
            if refused is not None:
                return _told(code=refused)
        if path == "order/create":
            return await self._create(request, params)
        answers: dict[str, Callable[[Row], Any]] = {
            "market/time": lambda _: {"timeSecond": "1", "timeNano": "1"},
            "market/instruments-info": lambda p: _page(
                [row for row in self.listed if row["baseCoin"] == p["baseCoin"]]
            ),
            "market/tickers": lambda p: _page([{"symbol": p["symbol"], "indexPrice": str(self.mid_usd())}]),
            "user/query-api": lambda _: self.key,
            "account/fee-rate": lambda p: _page(
                [{"symbol": p["symbol"], "makerFeeRate": "0.0001", "takerFeeRate": self.taker_fee}]
            ),
            "account/wallet-balance": lambda _: _page([{"accountType": "UNIFIED", "coin": self._coins()}]),
            "position/list": lambda p: _page(self._positions(p)),
            "order/realtime": lambda p: _page(self._orders(p, is_open=p.get("openOnly", "0") != "1")),
            "order/history": lambda p: _page(self._orders(p, is_open=False)),
            "execution/list": self._executions,
            "order/cancel": self._cancel,
        }
        found = answers[path](params)
        return found if isinstance(found, web.StreamResponse) else _told(found)

    def _refused_key(self, request: web.Request, body: str) -> int | None:
        head = request.headers
        if head["X-BAPI-API-KEY"] != KEY:
            return 10003
        window, stamp = head["X-BAPI-RECV-WINDOW"], head["X-BAPI-TIMESTAMP"]
        text = stamp + KEY + window + (body or request.query_string)
        if hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest() != head["X-BAPI-SIGN"]:
            return 10004
        now_ms = _ms() + self.behind_ms
        return None if now_ms - int(window) <= int(stamp) < now_ms + 1000 else 10002

    def _coins(self) -> list[Row]:
        coin = {"coin": "USDT", "equity": str(self.balance_usdt), "walletBalance": "999000", "availableToWithdraw": ""}
        return [coin | {"totalPositionIM": "320.5", "totalOrderIM": "0", "totalPositionMM": "160"}]

    def _positions(self, params: Row) -> list[Row]:
        """By symbol even flat ones; by settlement coin only what is held in that coin, USDT unless it is named."""
        if "symbol" in params:
            names = [params["symbol"]]
        else:
            coin = params.get("settleCoin", "USDT")
            names = [name for name, size in self.position_coin.items() if size and _money(name) == coin]
        rows = []
        for name in names:
            size = self.position_coin[name]
            side = "Buy" if size > 0 else "Sell" if size < 0 else ""
            row = {"symbol": name, "side": side, "size": str(abs(size)), "positionIdx": self.mode_idx}
            rows.append(row | {"avgPrice": "64000", "markPrice": str(self.mid_usd())})
        return rows

    def _orders(self, params: Row, *, is_open: bool) -> list[Row]:
        if "orderId" not in params and "orderLinkId" not in params:
            coin = params.get("settleCoin", "USDT")
            return [row for row in self.orders if _money(row["symbol"]) == coin and row["orderStatus"] == "New"]
        by = "orderId" if "orderId" in params else "orderLinkId"
        found = [row for row in self.orders if row[by] == params[by] and row["symbol"] == params["symbol"]]
        if found and self.hidden_reads:
            self.hidden_reads -= 1
            return []
        return [row for row in found if (row["orderStatus"] == "New") is is_open]

    def _executions(self, params: Row) -> Row:
        found = [row for row in self.fills if params.get("symbol", row["symbol"]) == row["symbol"]]
        found = [row for row in found if params.get("orderId", row["orderId"]) == row["orderId"]]
        found = [row for row in found if int(params.get("startTime", 0)) <= int(row["execTime"])][::-1]
        start, size = int(params.get("cursor", 0)), int(params["limit"])
        more = str(start + size) if len(found) > start + size else ""
        return {"list": found[start : start + size], "nextPageCursor": more, "category": "linear"}

    def _cancel(self, params: Row) -> Any:
        for row in self.orders:
            if row["orderId"] == params["orderId"] and row["orderStatus"] == "New":
                row["orderStatus"] = "Cancelled"
                return {"orderId": row["orderId"], "orderLinkId": row["orderLinkId"]}
        return _told(code=110001)

    # --- orders ---------------------------------------------------------------------------------------

    async def _create(self, request: web.Request, params: Row) -> web.StreamResponse:
        """Faults: a code refuses; `lose request` breaks before, `lose reply` after; `hang` never answers; `503`."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "lose request":
            abort(request)
        code = int(fault) if fault.isdigit() and fault != "503" else self._objection(params)
        if code:
            return _told(code=code)
        number = len(self.orders) + 1
        order = {key: params[key] for key in ("symbol", "side", "qty", "price", "orderLinkId")}
        order |= {"orderId": f"8364{number:04d}-bybit", "updatedTime": str(_ms()), "timeInForce": params["timeInForce"]}
        self.orders.append(order)
        self._match(order)
        told = _told({"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]})
        return await after_order(request, fault) or told

    def _objection(self, params: Row) -> int:
        if params["category"] != "linear" or params["positionIdx"] != self.mode_idx or self.mode_idx:
            return 10001
        if Decimal(params["qty"]) % Decimal("0.001"):
            return 10001
        if any(row["orderLinkId"] == params["orderLinkId"] for row in self.orders):
            return 110072
        return 0

    def _match(self, order: Row) -> None:
        is_buy, size = order["side"] == "Buy", Decimal(order["qty"])
        touch = self.touch()[1 if is_buy else 0]
        crosses = Decimal(order["price"]) >= touch if is_buy else Decimal(order["price"]) <= touch
        # What posts only and would cross is taken back, a moment after it was acknowledged.
        filled = min(size, Decimal(repr(self.book_coin))) if crosses and order["timeInForce"] == "IOC" else Decimal()
        order["cumExecQty"] = str(filled)
        order["orderStatus"] = "Filled" if filled == size else "Cancelled"
        if not filled:
            return
        fill = {key: order[key] for key in ("symbol", "side", "orderId", "orderLinkId")}
        fee = filled * touch * Decimal("0.0004")
        fill |= {"execId": f"e{len(self.fills) + 1}", "execQty": str(filled), "execPrice": str(touch), "isMaker": False}
        fill |= {"execFee": str(fee), "feeCurrency": "", "execType": "Trade", "execTime": str(_ms())}
        self.fills.append(fill)
        self.position_coin[order["symbol"]] += filled if is_buy else -filled


def _money(name: str) -> str:
    return "USDC" if name.endswith("PERP") else "USDT"


def _page(rows: list[Row]) -> Row:
    return {"category": "linear", "list": rows, "nextPageCursor": ""}


def _told(result: object = None, code: int = 0) -> web.Response:
    words = "OK" if code == 0 else "refused"
    return web.json_response(
        {"retCode": code, "retMsg": words, "result": result or {}, "retExtInfo": {}, "time": _ms()}
    )


def _ms() -> int:
    return time.time_ns() // 1_000_000
