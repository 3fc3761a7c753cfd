from typing import Any

import pytest

_PERP = "BTC-PERPETUAL"


def _price(world: Any, session: Any, side: str, factor: float = 1.0) -> float:
    ticker = world.ask(session, "public/ticker", instrument_name=_PERP)
    return float(round(ticker[f"best_{side}_price"] * factor * 2) / 2)


def _resting(world: Any, session: Any, label: str = "") -> dict[str, Any]:
    price = _price(world, session, "bid", 0.99)
    order = {"instrument_name": _PERP, "amount": 100, "price": price, "label": label}
    result: dict[str, Any] = world.ask(session, "private/buy", **order)["order"]
    return result


def test_an_order_that_crosses_is_filled_in_its_reply(world: Any) -> None:
    """The reply has the order as it stands and its trades; position, trades and money follow."""
    session, _ = world.connect("demo")
    price = _price(world, session, "ask", 1.001)
    reply = world.ask(
        session,
        "private/buy",
        instrument_name=_PERP,
        amount="100",
        type="limit",
        price=str(price),
        time_in_force="immediate_or_cancel",
        label="hb1",
        valid_until=world.now_ns // 1_000_000 + 1_000,
    )
    trades = world.ask(session, "private/get_user_trades_by_instrument", instrument_name=_PERP)
    [position] = world.ask(session, "private/get_positions", currency="BTC", kind="future")

    order = reply["order"]
    assert (order["order_state"], order["filled_amount"], order["label"]) == ("filled", 100.0, "hb1")
    assert sum(trade["amount"] for trade in reply["trades"]) == 100.0
    assert trades["has_more"] is False
    assert sorted(t["trade_id"] for t in trades["trades"]) == sorted(t["trade_id"] for t in reply["trades"])
    assert (position["size"], position["direction"]) == (100.0, "buy")
    assert world.ask(session, "private/get_user_trades_by_order", order_id=order["order_id"]) == reply["trades"]
    assert world.ask(session, "private/get_positions", currency="USDC") == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"amount": 100}, {"reason": "value required", "param": "price"}),
        ({"price": 60_000}, {"reason": "value required", "param": "amount"}),
        ({"amount": 100, "price": 60_000, "type": "stop_limit"}, {"reason": "wrong format", "param": "type"}),
        ({"amount": 100, "price": 60_000, "time_in_force": "x"}, {"reason": "wrong format", "param": "time_in_force"}),
        ({"amount": 100, "price": "sixty"}, {"reason": "wrong format", "param": "price"}),
        ({"amount": 100, "price": 60_000.3}, {"reason": "must conform to tick size", "param": "price"}),
        (
            {"amount": 100, "contracts": 11, "price": 1},
            {"reason": "amount and contracts do not match", "param": "amount"},
        ),
        (
            {"amount": 100, "price": 60_000, "trigger_price": 1},
            {"reason": "not supported by this exchange", "param": "trigger_price"},
        ),
        (
            {"amount": 100, "price": 60_000, "label": "x" * 65},
            {"reason": "must be at most 64 characters", "param": "label"},
        ),
    ],
)
def test_orders_that_make_no_sense_name_their_parameter(
    world: Any, params: dict[str, object], error: dict[str, str]
) -> None:
    """-32602 with the parameter and the reason; nothing is placed."""
    session, _ = world.connect("demo")
    reply = world.reply(session, "private/buy", instrument_name=_PERP, **params)

    assert (reply["error"]["code"], reply["error"]["data"]) == (-32602, error)
    assert world.exchange.orders_all("demo") == []


def test_the_venues_own_refusals_come_through(world: Any) -> None:
    """Too late, off the lot, no money: the venue's codes."""
    session, _ = world.connect("demo")
    order = {"instrument_name": _PERP, "price": _price(world, session, "bid", 0.99)}

    codes = [
        world.code(session, "private/buy", **order, amount=100, valid_until=world.now_ns // 1_000_000 - 1),
        world.code(session, "private/buy", **order, amount=5),
        world.code(session, "private/buy", **order, amount=15),
        world.code(session, "private/buy", **order, amount=10**9),
    ]
    assert codes == [13888, 10002, 10021, 10009]


def test_contracts_stand_for_amount(world: Any) -> None:
    """Ten contracts of 10 USD are 100 USD."""
    session, _ = world.connect("demo")
    order = {"instrument_name": _PERP, "contracts": 10, "price": _price(world, session, "bid", 0.99)}

    assert world.ask(session, "private/buy", **order)["order"]["amount"] == 100.0


def test_a_resting_order_is_found_every_way_and_cancelled_once(world: Any) -> None:
    """By list, currency, instrument, id and label; a second cancel is 11044, another account's is 10004."""
    session, _ = world.connect("demo")
    other, _ = world.connect("other")
    order = _resting(world, session, "hb7")
    order_id = order["order_id"]

    found = [
        world.ask(session, "private/get_open_orders"),
        world.ask(session, "private/get_open_orders", kind="future", type="limit"),
        world.ask(session, "private/get_open_orders_by_currency", currency="BTC"),
        world.ask(session, "private/get_open_orders_by_instrument", instrument_name=_PERP),
        [world.ask(session, "private/get_order_state", order_id=order_id)],
        world.ask(session, "private/get_order_state_by_label", currency="BTC", label="hb7"),
    ]
    assert found == [[order]] * 6
    assert world.ask(session, "private/get_open_orders", kind="option") == []
    assert world.ask(session, "private/get_open_orders_by_currency", currency="ETH") == []
    assert world.code(other, "private/cancel", order_id=order_id) == 10004

    cancelled = world.ask(session, "private/cancel", order_id=order_id)
    assert (cancelled["order_state"], cancelled["cancel_reason"]) == ("cancelled", "user_request")
    assert world.code(session, "private/cancel", order_id=order_id) == 11044
    assert world.ask(session, "private/get_open_orders") == []


@pytest.mark.parametrize(
    ("method", "params", "count"),
    [
        ("private/cancel_all", {}, 2),
        ("private/cancel_all_by_currency", {"currency": "BTC"}, 2),
        ("private/cancel_all_by_currency", {"currency": "ETH"}, 0),
        ("private/cancel_all_by_instrument", {"instrument_name": _PERP}, 2),
        ("private/cancel_by_label", {"label": "a"}, 1),
        ("private/cancel_by_label", {"label": "a", "currency": "ETH"}, 0),
    ],
)
def test_mass_cancels_answer_with_a_count(world: Any, method: str, params: dict[str, str], count: int) -> None:
    """What does not fit stays open."""
    session, _ = world.connect("demo")
    _resting(world, session, "a")
    _resting(world, session, "b")

    assert world.ask(session, method, **params) == count
    assert len(world.ask(session, "private/get_open_orders")) == 2 - count


def test_trades_are_paged_newest_first(world: Any) -> None:
    """Ten by default; asc turns the order round; sequence and time bounds are inclusive; history is empty."""
    session, _ = world.connect("demo")
    for _ in range(12):
        world.ask(session, "private/buy", instrument_name=_PERP, amount=10, type="market")
        world.pass_ms(100)

    def seqs(**params: object) -> list[int]:
        page = world.ask(session, "private/get_user_trades_by_instrument", instrument_name=_PERP, **params)
        return [trade["trade_seq"] for trade in page["trades"]]

    everything = seqs(count=1000)
    assert everything == sorted(everything, reverse=True)
    assert seqs() == everything[:10]
    assert seqs(sorting="asc", count=3) == everything[::-1][:3]
    assert seqs(start_seq=everything[3], end_seq=everything[1]) == everything[1:4]
    assert seqs(historical=True) == []
    assert seqs(start_timestamp=world.now_ns // 1_000_000 - 150) == everything[:1]
    page = world.ask(session, "private/get_user_trades_by_currency", currency="BTC", count=5)
    assert (len(page["trades"]), page["has_more"]) == (5, True)
    assert world.ask(session, "private/get_user_trades_by_currency", currency="ETH")["trades"] == []
    assert world.code(session, "private/get_user_trades_by_instrument", instrument_name=_PERP, count=1001) == -32602


def test_money_is_told_by_currency(world: Any) -> None:
    """All summaries are those of the single calls; identity comes with `extended` only."""
    session, _ = world.connect("demo")
    single = world.ask(session, "private/get_account_summary", currency="BTC")
    extended = world.ask(session, "private/get_account_summary", currency="BTC", extended=True)
    every = world.ask(session, "private/get_account_summaries")

    assert (single["equity"], single["currency"]) == (10.0, "BTC")
    assert (extended["username"], "username" in single) == ("demo", False)
    assert [summary["currency"] for summary in every["summaries"]] == ["BTC", "ETH", "USDC"]
    assert every["summaries"][0] == single
    assert "id" in world.ask(session, "private/get_account_summaries", extended="true")


@pytest.mark.parametrize("params", [{}, {"currency": "DOGE"}])
def test_a_currency_must_be_one_of_the_venues(world: Any, params: dict[str, str]) -> None:
    """Missing or unknown: -32602."""
    assert world.code(world.connect("demo")[0], "private/get_account_summary", **params) == -32602


@pytest.mark.parametrize(
    ("method", "params", "left"),
    [
        ("cancel_all_by_currency", {"currency": "BTC"}, 1),
        ("cancel_all_by_currency", {"currency": "BTC", "kind": "option"}, 3),
        ("cancel_all_by_currency", {"currency": "BTC", "type": "stop_all"}, 3),
        ("cancel_all_by_instrument", {"instrument_name": "BTC-PERPETUAL", "type": "limit"}, 1),
        ("cancel_all_by_instrument", {"instrument_name": "BTC-PERPETUAL", "type": "trigger_all"}, 3),
        ("cancel_all_by_kind_or_type", {"currency": "any", "kind": "future"}, 0),
        ("cancel_all_by_kind_or_type", {"currency": ["USDC", "ETH"], "type": "all"}, 2),
        ("cancel_all_by_kind_or_type", {"currency": "DOGE"}, None),
    ],
)
def test_orders_are_cancelled_by_kind_and_type(
    world: Any, method: str, params: dict[str, object], left: int | None
) -> None:
    """Only what is named goes, and the number told is how many went."""
    session, _ = world.connect("demo")
    for name, price, amount in (
        ("BTC-PERPETUAL", 60_000, 10),
        ("BTC-PERPETUAL", 60_001, 10),
        ("BTC_USDC-PERPETUAL", 60_000, 0.001),
    ):
        world.ask(session, "private/buy", instrument_name=name, amount=amount, price=price, post_only=True)

    if left is None:
        assert world.code(session, f"private/{method}", **params) == -32602
        return
    assert world.ask(session, f"private/{method}", **params) == 3 - left
    assert len(world.ask(session, "private/get_open_orders")) == left
    assert world.ask(session, "private/get_open_orders", type="stop_all") == []
