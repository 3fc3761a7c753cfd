"""Unmodified nautilus_trader (its LiveNode with the Deribit adapter) against the local exchange: what it saw, as JSON.

`python nautilus_client.py ADDRESS RESULT_FILE`, in an environment of Python 3.12 that holds nautilus_trader.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from nautilus_trader.core import nautilus_pyo3 as nt

_PERP = nt.InstrumentId.from_str("BTC-PERPETUAL.DERIBIT")
_TRADER = nt.TraderId.from_str("STRANGER-001")
_ACCOUNT = nt.AccountId("DERIBIT-001")
_ENOUGH = 5
"""Messages of each feed to wait for before the node stops."""


class Stranger(nt.Strategy):
    """Places, edits and cancels one order, buys, sells a part, reads everything back; one step for each event."""

    def __init__(self, config: object = None) -> None:
        """Nothing seen yet."""
        del config
        self.found: dict[str, Any] = {"events": [], "quotes": [], "books": [], "marks": [], "trades": 0, "funding": 0}
        self.resting: Any = None
        self.is_traded = False

    def on_start(self) -> None:
        """Watch everything there is about the perpetual, and the greeks of one option."""
        self.subscribe_quotes(_PERP)
        self.subscribe_book_deltas(_PERP, nt.BookType.L2_MBP, managed=True)
        self.subscribe_trades(_PERP)
        self.subscribe_mark_prices(_PERP)
        self.subscribe_index_prices(_PERP)
        self.subscribe_funding_rates(_PERP)
        self.found["instruments"] = sorted(str(item.id) for item in self.cache.instruments())

    def on_quote(self, quote: Any) -> None:
        """Keep it; the first one starts the trading."""
        self.found["quotes"].append([_float(quote.bid_price), _float(quote.ask_price)])
        if self.resting is None:
            self.resting = self.order_factory.limit(
                _PERP, nt.OrderSide.BUY, self._qty(100), self._price(_float(quote.bid_price) * 0.99), post_only=True
            )
            self.found["asked"] = [_float(self.resting.price), 100.0]
            self.submit_order(self.resting)
        self._stop_when_done()

    def on_book_deltas(self, _deltas: Any) -> None:
        """Keep the best prices of the book the client built."""
        book = self.cache.order_book(_PERP)
        if book is not None and book.best_bid_price() is not None:
            self.found["books"].append([_float(book.best_bid_price()), _float(book.best_ask_price())])

    def on_trade(self, _trade: Any) -> None:
        """Count."""
        self.found["trades"] += 1

    def on_mark_price(self, mark: Any) -> None:
        """Keep it."""
        self.found["marks"].append(_float(mark.value))

    def on_funding_rate(self, _rate: Any) -> None:
        """Count."""
        self.found["funding"] += 1

    def on_order_accepted(self, event: Any) -> None:
        """Move the resting order."""
        self._keep(event)
        if event.client_order_id == self.resting.client_order_id:
            self.found["edit_asked"] = [_float(self.resting.price) - 50.0, 200.0]
            price = self._price(self.found["edit_asked"][0])
            self.modify_order(event.client_order_id, quantity=self._qty(200), price=price)

    def on_order_updated(self, event: Any) -> None:
        """Cancel the moved order."""
        self._keep(event)
        order = self.cache.order(event.client_order_id)
        self.found["edited"] = [_float(order.price), _float(order.quantity)]
        self.cancel_order(event.client_order_id)

    def on_order_canceled(self, event: Any) -> None:
        """Cross the spread."""
        self._keep(event)
        self.found["open_after"] = len(self.cache.orders_open())
        self.submit_order(self.order_factory.market(_PERP, nt.OrderSide.BUY, self._qty(300)))

    def on_order_filled(self, event: Any) -> None:
        """Sell a part of what was bought, once."""
        self._keep(event)
        if event.order_side == nt.OrderSide.BUY and self._net() == 300.0:
            self.submit_order(self.order_factory.market(_PERP, nt.OrderSide.SELL, self._qty(100)))
        self.is_traded = self._net() == 200.0

    def on_order_rejected(self, event: Any) -> None:
        """The test will see it."""
        self._keep(event)
        self.shutdown_system("an order was rejected")

    on_order_denied = on_order_modify_rejected = on_order_cancel_rejected = on_order_rejected

    def on_stop(self) -> None:
        """What the client believes at the end."""
        account = self.cache.account(_ACCOUNT)
        self.found["net"] = self._net()
        self.found["balance"] = {str(code): money.as_double() for code, money in account.balances_total().items()}

    def _net(self) -> float:
        return float(sum(position.signed_qty for position in self.cache.positions_open()))

    def _stop_when_done(self) -> None:
        seen = [len(self.found[name]) for name in ("quotes", "books", "marks")] + [self.found["funding"]]
        if self.is_traded and min(seen) >= _ENOUGH and self.found["trades"]:
            self.is_traded = False
            self.shutdown_system("all is seen")

    def _keep(self, event: Any) -> None:
        row = {"kind": type(event).__name__, "order": str(event.client_order_id)}
        if isinstance(event, nt.OrderFilled):
            row |= {"trade": str(event.trade_id), "qty": _float(event.last_qty), "price": _float(event.last_px)}
            row |= {"fee": event.commission.as_double(), "side": event.order_side.name}
        self.found["events"].append(row | {"reason": getattr(event, "reason", None)})

    def _qty(self, amount: float) -> Any:
        return self.cache.instrument(_PERP).make_qty(amount)

    def _price(self, price: float) -> Any:
        return self.cache.instrument(_PERP).make_price(price // 0.5 * 0.5)


def _float(value: Any) -> float:
    """A price or quantity of theirs as its decimal text says it; their own float adds digits."""
    return float(str(value))


def _hosts(address: str) -> dict[str, Any]:
    return {
        "environment": nt.DeribitEnvironment.TESTNET,
        "api_key": "demo",
        "api_secret": "demo",
        "base_url_http": f"http://{address}/api/v2",
        "base_url_ws": f"ws://{address}/ws/api/v2",
        "product_types": [nt.DeribitProductType.FUTURE, nt.DeribitProductType.OPTION],
    }


def _run_node(address: str) -> dict[str, Any]:
    hosts = _hosts(address)
    builder = nt.LiveNode.builder("Stranger", _TRADER, nt.Environment.LIVE)
    builder = builder.add_data_client("DERIBIT", nt.DeribitDataClientFactory(), nt.DeribitDataClientConfig(**hosts))
    builder = builder.add_exec_client(
        "DERIBIT", nt.DeribitExecutionClientFactory(), nt.DeribitExecClientConfig(_TRADER, _ACCOUNT, **hosts)
    )
    node = builder.with_delay_post_stop_secs(0).build()
    strategy = Stranger(nt.StrategyConfig(strategy_id=nt.StrategyId.from_str("STRANGER-001")))
    node.add_strategy(strategy)
    node.run()
    return strategy.found


async def _ask(address: str) -> dict[str, Any]:
    """The reports of the HTTP client: what is true after the node is gone."""
    http = nt.DeribitHttpClient("demo", "demo", f"http://{address}/api/v2", nt.DeribitEnvironment.TESTNET)
    http.cache_instruments(await http.request_instruments(nt.DeribitCurrency.ANY, None))
    positions = await http.request_position_status_reports(_ACCOUNT)
    fills = await http.request_fill_reports(_ACCOUNT)
    book = await http.request_book_snapshot(_PERP, 10)
    account = await http.request_account_state(_ACCOUNT)
    return {
        "reported_positions": {str(row.instrument_id): _float(row.quantity) for row in positions},
        "reported_fills": sorted([str(row.trade_id), _float(row.last_qty), _float(row.last_px)] for row in fills),
        "reported_open": len(await http.request_order_status_reports(_ACCOUNT, open_only=True)),
        "reported_orders": len(await http.request_order_status_reports(_ACCOUNT)),
        "reported_balance": {row["currency"]: float(row["total"]) for row in account.to_dict()["balances"]},
        "book": [_float(book.best_bid_price()), _float(book.best_ask_price())],
        "public_trades": len(await http.request_trades(_PERP)),
    }


if __name__ == "__main__":
    document = _run_node(sys.argv[1])
    document |= asyncio.run(_ask(sys.argv[1]))
    Path(sys.argv[2]).write_text(json.dumps(document))
    # Threads of the client that wake up while the interpreter ends abort the process now and then: leave before.
    os._exit(0)
