"""A local Hyperliquid: REST of perpetuals, with one account and a flat book around a mid.

Written from the venue's documents, shares nothing with the bot. Actions are signed by an agent of the account, bear a
nonce that rises and a time after which they are refused; what an action asks for that is no order is kept as well.

    async with HyperliquidVenue(mid_usd=lambda: 64_000.0) as venue:
        venue.rest_url                        # where it lives; account ACCOUNT, agent's key AGENT_KEY
        venue.book_coin = 5.0                 # what rests at the touch: more is not filled
        venue.faults = ["lose reply"]         # of the next actions, see `_exchange`
        venue.actions                         # every action that came, whatever became of it
        venue.position_coin["BTC"]
"""

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from aiohttp import web
from local_venue import LocalVenue, Row, abort, after_order

ACCOUNT = "0x" + "ab" * 20
AGENT_KEY = "0x" + "11" * 32
AGENT = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
"""Address of AGENT_KEY."""
_ASSETS = (("BTC", 5), ("ETH", 4), ("GONE", 0))


class HyperliquidVenue(LocalVenue):
    """One venue, one account. `async with` serves it on a free port of loopback."""

    order_path = "exchange"

    def __init__(self, mid_usd: Callable[[], float]) -> None:
        super().__init__(mid_usd)
        self.half_spread_usd = 1.0
        self.balance_usdt = Decimal("1000.5")
        self.book_coin = 1_000.0
        self.role: Row = {"role": "agent", "data": {"user": ACCOUNT}}
        self.position_coin = self.position
        self.actions: list[Row] = []
        self._nonce_last = 0

    def routes(self) -> Iterable[web.RouteDef]:
        """REST only."""
        return [web.post("/info", self._info), web.post("/exchange", self._exchange)]

    async def _info(self, request: web.Request) -> web.StreamResponse:
        _, asked = await self.asked_for(request)
        assert asked.get("user", ACCOUNT) in {ACCOUNT, AGENT}, asked
        answers = {
            "l2Book": lambda: {"coin": "BTC", "time": _ms(), "levels": [[], []]},
            "metaAndAssetCtxs": self._listed,
            "userRole": lambda: self.role,
            "userFees": lambda: {"userCrossRate": self.taker_fee, "userAddRate": "0.0001", "dailyUserVlm": []},
            "clearinghouseState": self._account,
            "frontendOpenOrders": lambda: [row["order"] for row in self.orders if row["status"] == "open"],
            "orderStatus": lambda: self._status(asked["oid"]),
            "userFillsByTime": lambda: [row for row in self.fills if row["time"] >= asked["startTime"]],
        }
        return web.json_response(answers[asked["type"]]())

    def _listed(self) -> list[Any]:
        universe = [{"name": name, "szDecimals": decimals, "maxLeverage": 40} for name, decimals in _ASSETS]
        universe[-1]["isDelisted"] = True
        return [{"universe": universe, "marginTables": []}, [{"oraclePx": str(self.mid_usd()), "funding": "0"}] * 3]

    def _account(self) -> Row:
        held = [
            {
                "type": "oneWay",
                "position": {"coin": coin, "szi": str(size), "entryPx": "64000.0", "unrealizedPnl": "0.25"},
            }
            for coin, size in self.position_coin.items()
        ]
        margin = {
            "accountValue": str(self.balance_usdt),
            "totalMarginUsed": "20.25",
            "totalNtlPos": "0",
            "totalRawUsd": "1000.5",
        }
        figures = {"marginSummary": margin, "crossMarginSummary": margin, "crossMaintenanceMarginUsed": "10.0"}
        return {**figures, "withdrawable": "980.25", "assetPositions": held, "time": _ms()}

    def _status(self, oid: int | str) -> Row:
        for row in reversed(self.orders):
            if oid in {row["order"]["oid"], row["order"]["cloid"]}:
                return {"status": "order", "order": row}
        return {"status": "unknownOid"}

    # --- actions --------------------------------------------------------------------------------------

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        """Faults: words refuse; `lose request` breaks before, `lose reply` after; `hang` never answers; `503`."""
        _, asked = await self.asked_for(request)
        self.actions.append(asked)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "lose request":
            abort(request)
        objection = self._objection(asked)
        if objection or fault.startswith("whole: "):
            return web.json_response({"status": "err", "response": objection or fault.removeprefix("whole: ")})
        if fault not in {"", "lose reply", "hang", "503"}:
            return _told("order", {"error": fault})
        action = asked["action"]
        if action["type"] == "scheduleCancel":
            return web.json_response(self._schedule(action))
        if action["type"] == "cancel":
            return _told("cancel", self._cancel(action["cancels"][0]["o"]))
        told = self._match(action["orders"][0])
        return await after_order(request, fault) or _told("order", told)

    def _objection(self, asked: Row) -> str:
        if asked["nonce"] <= self._nonce_last:
            return "Invalid nonce: duplicate nonce"
        self._nonce_last = asked["nonce"]
        signature = asked["signature"]
        if {"r", "s", "v"} != set(signature) or signature["v"] not in {27, 28}:
            return f"User or API Wallet {AGENT} does not exist."
        if "expiresAfter" in asked and asked["expiresAfter"] < _ms():
            return "Action expired"
        return "" if asked["action"]["type"] in {"order", "cancel", "scheduleCancel"} else "Unknown action"

    def _schedule(self, action: Row) -> Row:
        if self.switch_no:
            return {"status": "err", "response": self.switch_no}
        left_s = (action.get("time", _ms()) - _ms()) / 1000
        assert left_s < 1.0 or "time" not in action or left_s > 5.0, action
        self.told_countdown("account", round(left_s))
        return {"status": "ok", "response": {"type": "default"}}

    def take_back(self, scope: str) -> None:
        """All of the account."""
        assert scope == "account"
        for row in self.orders:
            if row["status"] == "open":
                row["status"] = "scheduledCancel"

    def _cancel(self, oid: int) -> Any:
        for row in self.orders:
            if row["order"]["oid"] == oid and row["status"] == "open":
                row["status"] = "canceled"
                return "success"
        return {"error": "Order was never placed, already canceled, or filled."}

    def _match(self, asked: Row) -> Row:
        assert set(asked) == {"a", "b", "p", "s", "r", "t", "c"}, f"no builder, no trigger: {asked}"
        price, size = Decimal(asked["p"]), Decimal(asked["s"])
        if price != price.to_integral_value() and len(price.normalize().as_tuple().digits) > 5:
            return {"error": "Price must be divisible by tick size. asset=0"}
        if price * size < 10:
            return {"error": "Order must have minimum value of $10. asset=0"}
        touch = self.touch()[1 if asked["b"] else 0]
        crosses = price >= touch if asked["b"] else price <= touch
        rests = asked["t"] == {"limit": {"tif": "Alo"}}
        if rests and crosses:
            return {"error": "Post only order would have immediately matched, bbo was 63999.0@64001.0. asset=0"}
        filled = min(size, Decimal(repr(self.book_coin))) if crosses else Decimal()
        oid, coin = 77_000_000 + len(self.orders), _ASSETS[asked["a"]][0]
        side = "B" if asked["b"] else "A"
        order = {"coin": coin, "side": side, "limitPx": asked["p"], "sz": str(size - filled), "origSz": str(size)}
        order |= {"oid": oid, "timestamp": _ms(), "cloid": asked["c"], "tif": "Ioc", "reduceOnly": False}
        status = "filled" if filled == size else "canceled" if filled else "iocCancelRejected"
        self.orders.append({"order": order, "status": status, "statusTimestamp": _ms()})
        if rests:
            self.orders[-1]["status"] = "open"
            return {"resting": {"oid": oid}}
        if not filled:
            return {"error": "Order could not immediately match against any resting orders. asset=0"}
        fill = {"coin": coin, "px": str(touch), "sz": str(filled), "side": side, "time": _ms(), "oid": oid}
        fill |= {"crossed": True, "fee": str(filled * touch * Decimal("0.0004")), "feeToken": "USDC"}
        self.fills.append(fill | {"tid": 1_000 + len(self.fills), "cloid": asked["c"], "dir": "Open Long"})
        self.position_coin[coin] += filled if asked["b"] else -filled
        return {"filled": {"totalSz": str(filled), "avgPx": str(touch), "oid": oid}}


def _told(kind: str, status: object) -> web.Response:
    return web.json_response({"status": "ok", "response": {"type": kind, "data": {"statuses": [status]}}})


def _ms() -> int:
    return time.time_ns() // 1_000_000
