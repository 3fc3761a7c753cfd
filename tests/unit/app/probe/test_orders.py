"""A probe's orders: the least, where they should be, always labelled, always undone or named."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.app.probe import orders as orders_module
from bot.app.probe.orders import PREFIX, Orders, sweep
from bot.domain.errors import VenueOutcomeUnknown, VenueRefused
from bot.domain.instruments import Instrument

Shape = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders_module, "_PAUSE_S", 0.0)


@pytest.mark.asyncio
async def test_a_resting_order_is_the_least_far_away_and_cannot_trade(
    road: Any, inverse: Instrument, placed: Shape
) -> None:
    """Post-only in both words, at the bottom of the band, with an end for its start; over HTTP flags are text."""
    road.answers["private/buy"] = [placed()]
    orders = Orders("t")
    await orders.resting(road, inverse)
    await orders.resting(road, inverse, over_http=True, extra={"clientOrderId": "x"})
    first, second = road.sent("private/buy")

    assert (first["amount"], first["price"], first["type"]) == (10.0, 59_100.0, "limit")
    assert (first["post_only"], first["reject_post_only"], first["time_in_force"]) == (True, True, "good_til_cancelled")
    assert (second["post_only"], second["reject_post_only"], second["clientOrderId"]) == ("true", "true", "x")
    assert [first["label"], second["label"]] == [f"{PREFIX}t001", f"{PREFIX}t002"]
    assert first["valid_until"] == road.venue_ms() + 5_000
    assert orders.count == 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("amount", "change", "method", "price"),
    [
        ("10", {}, "private/buy", 60_300.5),
        ("-10", {}, "private/sell", 59_701.5),
        ("10", {"max_price": 60_100.0}, "private/buy", 60_100.0),
        ("-10", {"min_price": 59_900.0}, "private/sell", 59_900.0),
        ("10", {"best_ask_price": None}, "private/buy", 60_300.0),
    ],
)
async def test_an_order_that_has_to_trade_reaches_half_a_percent_and_stays_in_the_band(
    *, road: Any, inverse: Instrument, placed: Shape, amount: str, change: dict[str, Any], method: str, price: float
) -> None:
    """Beyond the touch, or the mark where a side is empty; immediate or cancel."""
    road.answers["public/ticker"] = [road.answers["public/ticker"][0] | change]
    road.answers[method] = [placed()]
    await Orders("t").crossing(road, inverse, Decimal(amount))
    (sent,) = road.sent(method)

    assert (sent["price"], sent["amount"], sent["time_in_force"]) == (price, 10.0, "immediate_or_cancel")


@pytest.mark.asyncio
async def test_what_was_filled_is_traded_back(road: Any, inverse: Instrument, order: Shape, placed: Shape) -> None:
    """Whatever the reply said: what the venue shows under the label counts."""
    filled = order(order_state="filled", filled_amount=10.0)
    back = order(order_state="filled", filled_amount=10.0, direction="sell", label=f"{PREFIX}t002")
    road.answers |= {
        "private/buy": [placed()],
        "private/sell": [placed()],
        "private/cancel_by_label": [0],
        "private/get_order_state_by_label": [[filled], [back]],
    }
    orders = Orders("t")
    await orders.crossing(road, inverse, Decimal(10))

    assert await orders.tidy(road) == []
    assert [params["amount"] for params in road.sent("private/sell")] == [10.0]
    assert road.sent("private/cancel_by_label")[0] == {"label": f"{PREFIX}t001"}
    assert await orders.tidy(road) == [], "nothing is done twice"
    assert len(road.sent("private/sell")) == 1


@pytest.mark.asyncio
async def test_an_order_nobody_knows_is_over_and_one_that_stays_open_is_named(
    road: Any, inverse: Instrument, order: Shape, placed: Shape
) -> None:
    """A bounded number of tries; the label says where to look."""
    road.answers |= {
        "private/buy": [placed()],
        "private/cancel_by_label": [1],
        "private/get_order_state_by_label": [[]],
    }
    orders = Orders("t")
    await orders.resting(road, inverse)
    assert await orders.tidy(road) == []

    road.answers["private/get_order_state_by_label"] = [[order(label=f"{PREFIX}t002")]]
    await orders.resting(road, inverse)
    assert await orders.tidy(road) == [f"order {PREFIX}t002 on BTC-PERPETUAL may be open"]
    road.answers["private/cancel_by_label"] = [VenueRefused(10041, "settlement_in_progress")]
    assert await orders.tidy(road) == [f"order {PREFIX}t002 on BTC-PERPETUAL may be open"]


@pytest.mark.asyncio
async def test_what_cannot_be_traded_back_is_named(road: Any, inverse: Instrument, order: Shape, placed: Shape) -> None:
    """Refused or unanswered each time: the amount and its sign are told."""
    road.answers |= {
        "private/buy": [placed()],
        "private/sell": [VenueOutcomeUnknown("timed out"), VenueRefused(10009, "not_enough_funds")],
        "private/cancel_by_label": [0],
        "private/get_order_state_by_label": [[order(order_state="filled", filled_amount=10.0)], []],
    }
    orders = Orders("t")
    await orders.crossing(road, inverse, Decimal(10))

    assert await orders.tidy(road) == ["+10 of BTC-PERPETUAL could not be traded back"]
    assert len(road.sent("private/sell")) == orders_module._TRIES_MAX


@pytest.mark.asyncio
async def test_orders_of_an_earlier_probe_are_cancelled_and_others_are_not(road: Any, order: Shape) -> None:
    """By the start of their label; one that is gone meanwhile does not matter."""
    road.answers |= {
        "private/get_open_orders": [[order(label=f"{PREFIX}x001"), order(label="hbbtc1", order_id="2")]],
        "private/cancel": [VenueRefused(10004, "order_not_found")],
    }

    assert await sweep(road) == 1
    assert road.sent("private/cancel") == [{"order_id": "1"}]
