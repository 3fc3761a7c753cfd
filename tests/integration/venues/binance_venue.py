"""A local Binance USD-M: REST and public websockets of perpetuals, with one account and a flat book around a mid.

Written from the venue's documents, shares nothing with the bot. Used like `OkxVenue`; sizes are coins:

    async with BinanceVenue(mid_usd=lambda: 64_000.0) as venue:
        venue.rest_url, venue.ws_url          # where it lives; key and secret are KEY, SECRET
        venue.book_coin = 0.5                 # what rests at the touch: more is not filled
        venue.faults = ["lose reply"]         # of the next orders, see `_place`
        venue.drop(); venue.restore()
        venue.position["BTCUSDT"]
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from aiohttp import web
from local_venue import LocalVenue, Row, abort, now_ms

KEY, SECRET = "binance-key", "binance-secret"


def listed(name: str, **changes: str) -> Row:
    """A row of exchangeInfo."""
    quote = name[-4:]
    row = {"symbol": name, "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": name[:-4]}
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "0.1", "maxPrice": "4529764"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "stepSize": "0.001", "maxQty": "1000"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    ]
    return row | {"quoteAsset": quote, "marginAsset": quote, "filters": filters} | changes


class BinanceVenue(LocalVenue):
    """One venue, one account. `async with` serves it on a free port of loopback."""

    def __init__(self, mid_usd: Callable[[], float]) -> None:
        super().__init__(mid_usd)
        self.book_coin = 10.0
        self.listed = [listed("BTCUSDT"), listed("BTCUSDC"), listed("ETHUSDT")]
        self.listed += [listed("BTCUSDT", symbol="BTCUSDT_260327", contractType="CURRENT_QUARTER")]
        self.rights = {"enableReading": True, "enableFutures": True, "enableWithdrawals": False}
        self.is_hedge_mode = False

    @property
    def ws_url(self) -> str:
        """Host of the websockets."""
        return f"ws://{self.host}"

    def routes(self) -> Iterable[web.RouteDef]:
        """REST and both websockets."""
        return [
            web.route("*", "/{api:fapi|sapi}/{version:v[123]}/{path:.*}", self._rest),
            web.get("/public/ws", self._public),
            web.get("/market/ws", self._market),
        ]

    # --- the market -----------------------------------------------------------------------------------

    async def _public(self, request: web.Request) -> web.StreamResponse:
        return await self.serve_socket(request)

    async def _market(self, request: web.Request) -> web.StreamResponse:
        return await self.serve_socket(request)

    def datum(self, channel: tuple[str, str]) -> object | None:
        """One push of a stream, where its socket carries such streams; others are taken and never sent."""
        route, stream = channel
        name, _, kind = stream.partition("@")
        bid, ask = self.touch()
        size, ms = str(self.book_coin), now_ms()
        head = {"E": ms, "T": ms, "s": name.upper()}
        if kind == "bookTicker" and route == "/public/ws":
            return head | {"e": "bookTicker", "u": ms, "b": str(bid), "B": size, "a": str(ask), "A": size}
        if kind == "depth5@500ms" and route == "/public/ws":
            asks = [[str(ask), size], [str(ask + 1), size]]
            return head | {"e": "depthUpdate", "U": ms, "u": ms, "pu": ms, "b": [[str(bid), size]], "a": asks}
        if kind == "ticker" and route == "/market/ws":
            return head | {"e": "24hrTicker", "c": str(self.mid_usd()), "v": "50000", "q": str(50_000 * self.mid_usd())}
        if kind == "markPrice@1s" and route == "/market/ws":
            mark = str(self.mid_usd())
            return head | {"e": "markPriceUpdate", "p": mark, "i": mark, "P": mark, "r": "0.00010000"}
        return None

    async def hear(self, socket: web.WebSocketResponse, channels: list[tuple[str, str]], text: str) -> None:
        """Subscriptions, and the question which there are."""
        asked = json.loads(text)
        assert socket._req is not None
        if asked["method"] == "SUBSCRIBE":
            channels += [(socket._req.path, stream) for stream in asked["params"]]
        names = [stream for _, stream in channels]
        await self.tell(socket, {"result": names if asked["method"].startswith("LIST") else None, "id": asked["id"]})

    # --- requests -------------------------------------------------------------------------------------

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        text, params = await self.asked_for(request)
        path = f"{request.method} {request.match_info['path']}"
        if "signature" in params:
            query = text or request.query_string
            signed = hmac.new(SECRET.encode(), query.rpartition("&")[0].encode(), hashlib.sha256).hexdigest()
            if request.headers["X-MBX-APIKEY"] != KEY or signed != params["signature"]:
                return _no(-2015, "Invalid API-key, IP, or permissions for action.")
            if not -1000 < now_ms() - int(params["timestamp"]) <= int(params["recvWindow"]):
                return _no(-1021, "Timestamp for this request is outside of the recvWindow.")
        if path == "POST order":
            return await self._place(request, params)
        found = self._answer(path, params)
        return found if isinstance(found, web.Response) else web.json_response(found)

    def _answer(self, path: str, params: Row) -> Any:
        answers: dict[str, Callable[[Row], Any]] = {
            "GET time": lambda _: {"serverTime": now_ms()},
            "GET exchangeInfo": lambda _: {"symbols": self.listed},
            "GET premiumIndex": lambda _: {"markPrice": str(self.mid_usd()), "indexPrice": str(self.mid_usd())},
            "GET account/apiRestrictions": lambda _: self.rights,
            "GET positionSide/dual": lambda _: {"dualSidePosition": self.is_hedge_mode},
            "GET commissionRate": lambda _: {"makerCommissionRate": "0.00018", "takerCommissionRate": self.taker_fee},
            "GET balance": lambda _: [{"accountAlias": "SgsR", "asset": "USDT"}, {"accountAlias": "SgsR"}],
            "GET account": lambda _: {"assets": [_asset("USDT", self.balance_usdt), _asset("BNB", Decimal())]},
            "GET positionRisk": lambda _: self._positions(),
            "GET openOrders": lambda _: [order for order in self.orders if order["status"] == "NEW"],
            "GET allOrders": lambda p: self._of(self.orders, p, "updateTime"),
            "GET userTrades": lambda p: self._of(self.fills, p, "time"),
            "GET order": self._order,
            "DELETE order": self._cancel,
            "POST countdownCancelAll": self._countdown,
        }
        answer = answers.get(path)
        return _no(-1100, f"no {path} here") if answer is None else answer(params)

    def _positions(self) -> list[Row]:
        side = "LONG" if self.is_hedge_mode else "BOTH"
        head = {"positionSide": side, "entryPrice": "64000.0", "markPrice": str(self.mid_usd())}
        return [head | {"symbol": name, "positionAmt": str(size)} for name, size in self.position.items()]

    @staticmethod
    def _of(rows: list[Row], params: Row, stamp: str) -> list[Row]:
        wanted = [row for row in rows if row["symbol"] == params["symbol"]]
        wanted = [row for row in wanted if str(row["orderId"]) == params.get("orderId", str(row["orderId"]))]
        return [row for row in wanted if row[stamp] >= int(params.get("startTime", 0))]

    def _find(self, params: Row) -> Row | None:
        for order in reversed(self.orders):
            if str(order["orderId"]) == params.get("orderId"):
                return order
            if order["clientOrderId"] == params.get("origClientOrderId"):
                return order
        return None

    def _order(self, params: Row) -> Any:
        found = self._find(params)
        if found is None or self.hidden_reads:
            self.hidden_reads = max(0, self.hidden_reads - 1)
            return _no(-2013, "Order does not exist.")
        return found

    def _cancel(self, params: Row) -> Any:
        found = self._find(params)
        if found is None or found["status"] != "NEW":
            return _no(-2011, "Unknown order sent.")
        found["status"] = "CANCELED"
        return found

    def _countdown(self, params: Row) -> Any:
        if self.switch_no:
            return _no(int(self.switch_no), "no")
        self.told_countdown(params["symbol"], int(params["countdownTime"]) // 1000)
        return {"symbol": params["symbol"], "countdownTime": params["countdownTime"]}

    def take_back(self, scope: str) -> None:
        """All of a symbol."""
        for order in self.orders:
            if order["status"] == "NEW" and order["symbol"] == scope:
                order["status"] = "CANCELED"

    async def _place(self, request: web.Request, params: Row) -> web.StreamResponse:
        """Faults: a code refuses; `lose request` breaks before, `lose reply` after; `hang`; `503`; `-1007` after."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "lose request":
            abort(request)
        refused = int(fault) if fault.startswith("-") and fault != "-1007" else self._objection(params)
        if refused:
            return _no(refused, "refused")
        order = self._match(params)
        if fault == "lose reply":
            abort(request)
        if fault == "hang":
            await asyncio.sleep(60.0)
        if fault == "503":
            return web.json_response({"code": 0, "msg": "Unknown error, please check your request"}, status=503)
        if fault == "-1007":
            return _no(-1007, "Timeout waiting for response from backend server. Send status unknown.")
        return web.json_response(order)

    def _objection(self, params: Row) -> int:
        label = params["newClientOrderId"]
        if params["symbol"] not in {row["symbol"] for row in self.listed}:
            return -1121
        if params["timeInForce"] == "GTX" and self._crosses(params):
            return -5022
        if any(order["clientOrderId"] == label and order["status"] == "NEW" for order in self.orders):
            return -4116
        if Decimal(params["quantity"]) % Decimal("0.001"):
            return -1111
        if Decimal(params["quantity"]) * Decimal(params["price"]) < 100:
            return -4164
        return -4061 if self.is_hedge_mode else 0

    def _crosses(self, params: Row) -> bool:
        bid, ask = self.touch()
        price = Decimal(params["price"])
        return price >= ask if params["side"] == "BUY" else price <= bid

    def _match(self, params: Row) -> Row:
        is_buy, size = params["side"] == "BUY", Decimal(params["quantity"])
        bid, ask = self.touch()
        filled = min(size, Decimal(repr(self.book_coin))) if self._crosses(params) else Decimal()
        order = {
            "orderId": 23_242_404_286 + len(self.orders),
            "symbol": params["symbol"],
            "clientOrderId": params["newClientOrderId"],
            "side": params["side"],
            "type": params["type"],
            "timeInForce": params["timeInForce"],
            "price": params["price"],
            "origQty": params["quantity"],
            "executedQty": str(filled),
            "status": "NEW" if params["timeInForce"] == "GTX" else "FILLED" if filled == size else "EXPIRED",
            "updateTime": now_ms(),
        }
        self.orders.append(order)
        if filled:
            at = ask if is_buy else bid
            fill = {key: order[key] for key in ("orderId", "symbol", "side")}
            fill |= {"id": 519_043_017 + len(self.fills), "qty": str(filled), "price": str(at), "maker": False}
            fee = filled * at * Decimal(self.taker_fee)
            self.fills.append(fill | {"commission": str(fee), "commissionAsset": "USDT", "time": now_ms()})
            self.balance_usdt -= fee
            self.position[params["symbol"]] += filled if is_buy else -filled
        return order


def _no(code: int, words: str) -> web.Response:
    return web.json_response({"code": code, "msg": words}, status=400)


def _asset(name: str, balance: Decimal) -> Row:
    zero = {"initialMargin": "0.00000000", "maintMargin": "0.00000000"}
    text = str(balance)
    return zero | {"asset": name, "walletBalance": text, "marginBalance": text, "availableBalance": text}
