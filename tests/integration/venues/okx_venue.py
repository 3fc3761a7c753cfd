"""A local OKX: REST and public websocket of perpetual swaps, with one account and a flat book around a mid.

Written from the venue's documents, shares nothing with the bot. Numbers are strings, sizes contracts, as there.

    async with OkxVenue(mid_usd=lambda: 64_000.0) as venue:
        venue.rest_url, venue.ws_url          # where it lives; key, secret and passphrase are KEY, SECRET, PASSPHRASE
        venue.mid_usd = lambda: 63_000.0      # the price moves
        venue.book_contracts = 5.0            # what rests at the touch, contracts: more is not filled
        venue.faults = ["lose reply"]         # of the next orders, see `_place`
        venue.drop(); venue.restore()         # gone for everybody, and back
        venue.position_contracts["BTC-USDT-SWAP"]
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from aiohttp import web
from local_venue import LocalVenue, Row, abort, after_order, now_ms

KEY, SECRET, PASSPHRASE = "okx-key", "okx-secret", "okx-passphrase"
FEES = {
    "maker": "-0.0002",
    "taker": "-0.0005",
    "makerU": "-0.0001",
    "takerU": "-0.0004",
    "makerUSDC": "",
    "takerUSDC": "",
    "feeGroup": [],
}


def listed(name: str, size: str, **changes: str) -> Row:
    """A row of public/instruments."""
    family = name.removesuffix("-SWAP")
    base, quote = family.split("-")
    is_inverse = quote == "USD"
    row = {
        "instType": "SWAP",
        "instId": name,
        "instFamily": family,
        "uly": family,
        "ctType": "inverse" if is_inverse else "linear",
        "ctVal": size,
        "ctMult": "1",
        "ctValCcy": "USD" if is_inverse else base,
        "settleCcy": base if is_inverse else quote,
        "lotSz": "0.1" if is_inverse else "0.01",
        "minSz": "0.1" if is_inverse else "0.01",
        "tickSz": "0.1",
        "state": "live",
        "ruleType": "normal",
        "groupId": "4",
        "expTime": "",
    }
    return row | changes


class OkxVenue(LocalVenue):
    """One venue, one account. `async with` serves it on a free port of loopback."""

    def __init__(self, mid_usd: Callable[[], float]) -> None:
        super().__init__(mid_usd)
        self.book_contracts = 1_000.0
        self.listed = [listed("BTC-USDT-SWAP", "0.01"), listed("BTC-USD-SWAP", "100"), listed("ETH-USDT-SWAP", "0.1")]
        self.listed.append(listed("BTC-USDC-SWAP", "0.0001", state="suspend"))
        self.config = {"uid": "44705892343", "posMode": "net_mode", "acctLv": "2", "perm": "read_only,trade"}
        self.is_demo = False
        self.headers: list[dict[str, str]] = []
        self.position_contracts = self.position

    @property
    def ws_url(self) -> str:
        """The public websocket."""
        return f"ws://{self.host}/ws/v5/public"

    def routes(self) -> Iterable[web.RouteDef]:
        """REST and the public websocket."""
        return [web.route("*", "/api/v5/{path:.*}", self._rest), web.get("/ws/v5/public", self.serve_socket)]

    # --- the market -----------------------------------------------------------------------------------

    def datum(self, channel: Row) -> object | None:
        """One push of a channel."""
        if channel["channel"] == "instruments":
            return None
        name, ts, mid, size = channel["instId"], _ms(), str(self.mid_usd()), str(self.book_contracts)
        bid, ask = self.touch()
        head = {"instType": "SWAP", "instId": name, "ts": ts}
        touch = {"bids": [[str(bid), size, "0", "2"]], "asks": [[str(ask), size, "0", "3"]], "seqId": int(ts), "ts": ts}
        row = {
            "bbo-tbt": touch,
            "books5": touch | {"asks": [*touch["asks"], [str(ask + 1), size, "0", "1"]]},
            "mark-price": head | {"markPx": mid},
            "index-tickers": {"instId": name, "idxPx": mid, "ts": ts},
            "funding-rate": head
            | {"fundingRate": "0.0001", "fundingTime": "1795708800000", "nextFundingTime": "1795737600000"},
            "tickers": head | {"last": mid, "volCcy24h": "50000", "vol24h": "5000000"},
            "price-limit": head | {"buyLmt": str(ask * 2), "sellLmt": str(bid / 2), "enabled": True},
        }[channel["channel"]]
        return {"arg": channel, "data": [row]}

    async def hear(self, socket: web.WebSocketResponse, channels: list[Row], text: str) -> None:
        """A ping, or subscriptions."""
        if text == "ping":
            await socket.send_str("pong")
            return
        asked = json.loads(text)
        for arg in asked["args"]:
            await self._subscribe(socket, channels, asked["op"], arg)

    async def _subscribe(self, socket: web.WebSocketResponse, channels: list[Row], op: str, arg: Row) -> None:
        names = {row["instId"] for row in self.listed} | {row["instFamily"] for row in self.listed}
        if arg["channel"] != "instruments" and arg["instId"] not in names:
            words = f"Wrong URL or channel:{arg['channel']},instId:{arg['instId']} doesn't exist."
            await self.tell(socket, {"event": "error", "code": "60018", "msg": words, "connId": "a4d3ae55"})
            return
        if op == "subscribe":
            channels.append(arg)
        else:
            channels.remove(arg)
        await self.tell(socket, {"event": op, "arg": arg, "connId": "a4d3ae55"})
        if arg["channel"] == "instruments":
            await self.tell(socket, {"arg": arg, "data": self.listed})

    # --- requests -------------------------------------------------------------------------------------

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        text, params = await self.asked_for(request)
        path = request.match_info["path"]
        self.headers.append(dict(request.headers))
        if not path.startswith(("public/", "market/")):
            refused = self._refused_key(request, text)
            if refused is not None:
                return web.json_response({"code": refused, "msg": "no", "data": []}, status=401)
        if path == "trade/order" and request.method == "POST":
            return await self._place(request, params)
        found = self._answer(path, params)
        return web.json_response({"code": "0", "msg": "", "data": found} if isinstance(found, list) else found)

    def _refused_key(self, request: web.Request, body: str) -> str | None:
        head = request.headers
        if head["OK-ACCESS-KEY"] != KEY:
            return "50111"
        if (head.get("x-simulated-trading") == "1") is not self.is_demo:
            return "50101"
        if head["OK-ACCESS-PASSPHRASE"] != PASSPHRASE:
            return "50105"
        text = head["OK-ACCESS-TIMESTAMP"] + request.method + request.raw_path + body
        signed = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
        return None if signed == head["OK-ACCESS-SIGN"] else "50113"

    def _answer(self, path: str, params: Row) -> Any:
        answers: dict[str, Callable[[Row], Any]] = {
            "public/time": lambda _: [{"ts": _ms()}],
            "public/instruments": lambda _: self.listed,
            "market/index-tickers": lambda p: [{"instId": p["instId"], "idxPx": str(self.mid_usd()), "ts": _ms()}],
            "account/config": lambda _: [self.config],
            "account/trade-fee": lambda _: [FEES | {"takerU": f"-{self.taker_fee}"}],
            "account/balance": lambda _: self._balance(),
            "account/positions": lambda _: self._positions(),
            "trade/orders-pending": lambda _: [order for order in self.orders if order["state"] == "live"],
            "trade/fills": self._fills,
            "trade/order": self._order,
            "trade/cancel-order": self._cancel,
            "trade/cancel-all-after": self._cancel_all_after,
        }
        answer = answers.get(path)
        return {"code": "50014", "msg": f"no {path} here", "data": []} if answer is None else answer(params)

    def _balance(self) -> list[Row]:
        detail = {"ccy": "USDT", "eq": str(self.balance_usdt), "cashBal": str(self.balance_usdt)}
        return [{"details": [detail | {"imr": "0", "mmr": "", "availEq": str(self.balance_usdt)}]}]

    def _positions(self) -> list[Row]:
        side = "net" if self.config["posMode"] == "net_mode" else "long"
        head = {"mgnMode": "cross", "posSide": side, "avgPx": "64000", "markPx": str(self.mid_usd())}
        return [head | {"instId": name, "pos": str(size)} for name, size in self.position_contracts.items() if size]

    def _fills(self, params: Row) -> list[Row]:
        wanted = [fill for fill in self.fills if params.get("instId", fill["instId"]) == fill["instId"]]
        wanted = [fill for fill in wanted if params.get("ordId", fill["ordId"]) == fill["ordId"]]
        wanted = [fill for fill in wanted if int(params.get("begin", 0)) <= int(fill["ts"])]
        wanted = [fill for fill in wanted if int(fill["billId"]) < int(params.get("after", 10**18))]
        return wanted[::-1][: int(params.get("limit", 100))]

    def _order(self, params: Row) -> Any:
        by = "ordId" if "ordId" in params else "clOrdId"
        for order in reversed(self.orders):
            if order[by] == params[by] and order["instId"] == params["instId"]:
                if self.hidden_reads:
                    self.hidden_reads -= 1
                    return [order | {"state": "live", "accFillSz": "0"}]
                return [order]
        return {"code": "51603", "msg": "Order does not exist", "data": []}

    def _cancel(self, params: Row) -> Any:
        for order in self.orders:
            if order["ordId"] == params["ordId"] and order["state"] == "live":
                order["state"] = "canceled"
                return [{"ordId": order["ordId"], "clOrdId": order["clOrdId"], "sCode": "0", "sMsg": ""}]
        row = {"ordId": params["ordId"], "clOrdId": "", "sCode": "51400", "sMsg": "Cancellation failed"}
        return {"code": "1", "msg": "All operations failed", "data": [row]}

    def _cancel_all_after(self, params: Row) -> Any:
        if self.switch_no:
            return {"code": self.switch_no, "msg": "no", "data": []}
        seconds = int(params["timeOut"])
        assert seconds == 0 or 10 <= seconds <= 120, params
        self.told_countdown("account", seconds)
        return [{"triggerTime": str(now_ms() + seconds * 1000) if seconds else "0", "tag": "", "ts": _ms()}]

    def take_back(self, scope: str) -> None:
        """All of the account."""
        assert scope == "account"
        for order in self.orders:
            if order["state"] == "live":
                order["state"] = "canceled"

    async def _place(self, request: web.Request, params: Row) -> web.StreamResponse:
        """Faults: a code refuses; `lose request` breaks before, `lose reply` after; `hang` never answers; `503`."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "lose request":
            abort(request)
        refused = fault if fault.isdigit() and fault != "503" else self._objection(request, params)
        if refused:
            row = {"ordId": "", "clOrdId": params["clOrdId"], "sCode": refused, "sMsg": "refused", "tag": ""}
            return web.json_response({"code": "1", "msg": "All operations failed", "data": [row]})
        order = self._match(params)
        row = {"ordId": order["ordId"], "clOrdId": order["clOrdId"], "sCode": "0", "sMsg": "Order placed", "tag": ""}
        return await after_order(request, fault) or web.json_response({"code": "0", "msg": "", "data": [row]})

    def _objection(self, request: web.Request, params: Row) -> str:
        row = next((row for row in self.listed if row["instId"] == params["instId"]), None)
        if row is None:
            return "51001"
        if any(order["clOrdId"] == params["clOrdId"] for order in self.orders):
            return "51016"
        if "expTime" in request.headers and int(request.headers["expTime"]) < now_ms():
            return "50036"
        if Decimal(params["sz"]) % Decimal(row["lotSz"]) or not Decimal(params["sz"]):
            return "51121"
        if self.config["posMode"] != "net_mode" or not params["clOrdId"].isalnum() or len(params["clOrdId"]) > 32:
            return "51000"
        return ""

    def _match(self, params: Row) -> Row:
        is_buy, size, price = params["side"] == "buy", Decimal(params["sz"]), Decimal(params["px"])
        bid, ask = self.touch()
        crosses = price >= ask if is_buy else price <= bid
        rests = params["ordType"] == "post_only"
        filled = min(size, Decimal(repr(self.book_contracts))) if crosses and not rests else Decimal()
        number = len(self.orders) + 1
        order = {
            "instType": "SWAP",
            "instId": params["instId"],
            "ordId": f"31214{number:06d}",
            "clOrdId": params["clOrdId"],
            "side": params["side"],
            "ordType": params["ordType"],
            "sz": params["sz"],
            "px": params["px"],
            "accFillSz": str(filled),
            "avgPx": str(ask if is_buy else bid) if filled else "",
            "state": "live" if rests and not crosses else "filled" if filled == size else "canceled",
            "cTime": _ms(),
            "uTime": _ms(),
        }
        self.orders.append(order)
        if filled:
            self._fill(order, filled, ask if is_buy else bid)
        return order

    def _fill(self, order: Row, filled: Decimal, price: Decimal) -> None:
        row = next(row for row in self.listed if row["instId"] == order["instId"])
        fee = -(filled * Decimal(row["ctVal"]) * price * Decimal("0.0004"))
        number = len(self.fills) + 1
        fill = {key: order[key] for key in ("instType", "instId", "ordId", "clOrdId", "side")}
        fill |= {"tradeId": str(number), "billId": f"62{number:06d}", "fillSz": str(filled), "fillPx": str(price)}
        fill |= {"fee": str(fee), "feeCcy": row["settleCcy"], "execType": "T", "posSide": "net", "ts": _ms()}
        self.fills.append(fill)
        self.balance_usdt += fee
        self.position_contracts[order["instId"]] += filled if order["side"] == "buy" else -filled


def _ms() -> str:
    return str(now_ms())
