from typing import Any

import pytest

_PERP = "BTC-PERPETUAL"


def _resting(world: Any, session: Any, label: str = "", factor: float = 0.99) -> dict[str, Any]:
    bid = world.ask(session, "public/ticker", instrument_name=_PERP)["best_bid_price"]
    order = {"instrument_name": _PERP, "amount": 100, "price": round(bid * factor), "label": label}
    placed: dict[str, Any] = world.ask(session, "private/buy", **order)["order"]
    return placed


def test_an_edit_answers_like_an_order(world: Any) -> None:
    """The same id with the new total and price, marked as replaced; untouched fields stay."""
    session, _ = world.connect("demo")
    order = _resting(world, session, "e1")
    changed = world.ask(session, "private/edit", order_id=order["order_id"], amount=200, price=order["price"] - 10)
    smaller = world.ask(session, "private/edit", order_id=order["order_id"], contracts=5)

    expected = order | {"amount": 200.0, "contracts": 20.0, "price": order["price"] - 10, "replaced": True}
    assert changed == {"order": expected, "trades": []}
    assert (smaller["order"]["amount"], smaller["order"]["price"]) == (50.0, order["price"] - 10)


def test_an_edit_by_label_needs_the_label_to_be_unique(world: Any) -> None:
    """13032 for two, 10004 for none."""
    session, _ = world.connect("demo")
    _resting(world, session, "once")
    _resting(world, session, "twice")
    _resting(world, session, "twice")
    ask = {"instrument_name": _PERP, "amount": 50}

    assert world.ask(session, "private/edit_by_label", label="once", **ask)["order"]["amount"] == 50.0
    assert world.code(session, "private/edit_by_label", label="twice", **ask) == 13032
    assert world.code(session, "private/edit_by_label", label="never", **ask) == 10004


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"amount": 5}, 10002),
        ({"amount": 100, "contracts": 11}, -32602),
        ({"advanced": "usd"}, -32602),
        ({"valid_until": 1}, 13888),
        ({"order_id": "1"}, 10004),
    ],
)
def test_refused_edits(world: Any, params: dict[str, object], code: int) -> None:
    """With the venue's codes."""
    session, _ = world.connect("demo")
    order = _resting(world, session)

    assert world.code(session, "private/edit", **({"order_id": order["order_id"]} | params)) == code


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_position_is_closed_whole(world: Any, side: str) -> None:
    """Reduce-only, for all that is held; a second time there is nothing to reduce."""
    session, _ = world.connect("demo")
    world.ask(session, f"private/{side}", instrument_name=_PERP, amount=100, type="market")
    closed = world.ask(session, "private/close_position", instrument_name=_PERP, type="market")
    position = world.ask(session, "private/get_position", instrument_name=_PERP)

    assert (closed["order"]["reduce_only"], closed["order"]["filled_amount"]) == (True, 100.0)
    assert (position["size"], position["direction"]) == (0.0, "zero")
    assert world.code(session, "private/close_position", instrument_name=_PERP, type="market") == 11030
    assert world.code(session, "private/close_position", instrument_name=_PERP) == -32602
    assert world.code(session, "private/close_position", instrument_name=_PERP, type="limit") == -32602


def test_open_orders_are_found_by_label(world: Any) -> None:
    """Of one currency; without a label all of it."""
    session, _ = world.connect("demo")
    a, b = _resting(world, session, "a"), _resting(world, session, "b")

    assert world.ask(session, "private/get_open_orders_by_label", currency="BTC", label="a") == [a]
    assert world.ask(session, "private/get_open_orders_by_label", currency="BTC") == [a, b]
    assert world.ask(session, "private/get_open_orders_by_label", currency="ETH", label="a") == []


def test_past_orders_are_those_that_traded(world: Any) -> None:
    """Newest first, in pages; unfilled ones where asked, open ones never."""
    session, _ = world.connect("demo")
    _resting(world, session, "open")
    gone = world.ask(session, "private/cancel", order_id=_resting(world, session)["order_id"])
    filled = []
    for _ in range(2):
        world.pass_ms(100)
        market = {"instrument_name": _PERP, "amount": 10, "type": "market"}
        filled.append(world.ask(session, "private/buy", **market)["order"])

    def past(method: str = "by_instrument", **params: object) -> Any:
        which = {"instrument_name": _PERP} if method == "by_instrument" else {"currency": "BTC"}
        return world.ask(session, f"private/get_order_history_{method}", **(which | params))

    assert past() == filled[::-1]
    assert past("by_currency") == filled[::-1]
    assert past("by_currency", kind="option") == []
    assert past(include_unfilled=True) == [*filled[::-1], gone]
    assert past(count=1, offset=1) == filled[:1]
    assert past(historical=True) == []
