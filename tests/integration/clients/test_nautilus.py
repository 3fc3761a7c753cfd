"""nautilus_trader as it is: its live node with its Deribit adapter, in an environment of its own."""

from collections.abc import Callable
from typing import Any

import pytest

_NAME = "BTC-PERPETUAL.DERIBIT"
_EVENTS = [
    *("OrderAccepted", "OrderUpdated", "OrderCanceled"),
    *("OrderAccepted", "OrderFilled", "OrderAccepted", "OrderFilled"),
]


@pytest.mark.client("nautilus")
def test_nautilus_trades_reads_and_watches(venue: Any, play: Callable[[str], dict[str, Any]]) -> None:
    """Instruments, quotes, book, trades, marks, funding; an order placed, moved, cancelled; fills, position, money."""
    found = play("nautilus_client.py")

    listed = {f"{row['instrument_name']}.DERIBIT" for row in venue.says("public/get_instruments")}
    assert set(found["instruments"]) == listed
    assert all(0 < bid < ask for bid, ask in [*found["quotes"], *found["books"], found["book"]])
    assert set(map(tuple, found["quotes"])) & set(map(tuple, found["books"]))
    assert all(price > 0 for price in found["marks"])

    events = found["events"]
    assert [event["kind"] for event in events] == _EVENTS
    assert len({event["order"] for event in events[:3]}) == 1
    assert found["edited"] == found["edit_asked"] != found["asked"]
    assert (found["open_after"], found["reported_open"]) == (0, 0)
    assert venue.says("private/get_open_orders") == []

    fills = sorted([event["trade"], event["qty"], event["price"]] for event in events if event["kind"] == "OrderFilled")
    assert found["reported_fills"] == fills
    assert [qty for _, qty, _ in fills] == [300.0, 100.0]
    assert found["net"] == found["reported_positions"][_NAME] == venue.positions()["BTC-PERPETUAL"] == 200.0
    assert found["public_trades"] >= 2
    coins = {"BTC": pytest.approx(10.0, abs=2e-4), "ETH": 100.0, "USDC": 1_000_000.0}
    assert found["balance"] == coins
    assert found["reported_balance"] == coins
    assert found["reported_balance"]["BTC"] != 10.0
