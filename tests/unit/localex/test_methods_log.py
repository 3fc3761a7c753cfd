from typing import Any

import pytest

_PERP = "BTC-PERPETUAL"


def _log(world: Any, session: Any, **params: object) -> Any:
    bounds = {"currency": "BTC", "start_timestamp": 0, "end_timestamp": world.now_ns // 1_000_000}
    return world.ask(session, "private/get_transaction_log", **(bounds | params))


def test_fills_and_settlements_explain_the_balance(world: Any) -> None:
    """Newest first; changes add up; sides say what they did to the position."""
    session, _ = world.connect("demo")
    market = {"instrument_name": _PERP, "type": "market"}
    bought = world.ask(session, "private/buy", amount=10, **market)
    world.ask(session, "private/sell", amount=10, **market)
    world.ask(session, "private/sell", amount=20, **market)
    world.pass_ms(23 * 3_600_000, step_ms=600_000)
    rows = _log(world, session)["logs"]
    balance = world.ask(session, "private/get_account_summary", currency="BTC")["balance"]

    assert [row["side"] for row in rows] == ["short", "open sell", "close sell", "open buy"]
    assert [row["type"] for row in rows] == ["settlement", "trade", "trade", "trade"]
    assert (rows[3]["trade_id"], rows[3]["order_id"]) == (
        bought["trades"][0]["trade_id"],
        bought["order"]["order_id"],
    )
    assert (rows[3]["commission"], rows[3]["user_role"]) == (bought["trades"][0]["fee"], "taker")
    assert (rows[0]["price"], rows[0]["position"]) == ("-", -20.0)
    assert 10.0 + sum(row["change"] for row in rows[1:]) == pytest.approx(rows[1]["balance"], abs=1e-8)
    assert rows[0]["balance"] == pytest.approx(balance, abs=1e-5)


def test_a_delivery_closes(world: Any) -> None:
    """A short option in the money leaves at its payoff for the future of its expiry, which is settled in cash."""
    session, _ = world.connect("demo")
    name = next(i.id for i in world.exchange.instruments() if i.is_option and i.is_inverse and i.base == "BTC")
    world.exchange.seed_position("demo", name, world.exchange.instrument(name).lot_native * -1)
    world.pass_ms(23 * 3_600_000, step_ms=600_000)
    settled, exercised = _log(world, session, query="delivery")["logs"]

    assert (exercised["type"], exercised["instrument_name"], exercised["position"]) == ("delivery", name, 0.0)
    assert (exercised["side"], exercised["change"]) == ("close buy", 0.0)
    assert (settled["type"], settled["instrument_name"], settled["position"]) == (
        "delivery",
        name.rsplit("-", 2)[0],
        0.0,
    )
    assert settled["change"] == pytest.approx(-exercised["price"] * 0.1, abs=1e-6)


def test_the_log_is_paged(world: Any) -> None:
    """`continuation` leads to the rest; bounds and the query are obeyed."""
    session, _ = world.connect("demo")
    for _ in range(3):
        world.ask(session, "private/buy", instrument_name=_PERP, amount=10, type="market")
    first = _log(world, session, count=2)
    rest = _log(world, session, count=2, continuation=first["continuation"])

    assert [row["id"] for row in first["logs"] + rest["logs"]] == [3, 2, 1]
    assert rest["continuation"] is None
    assert _log(world, session, end_timestamp=1) == {"logs": [], "continuation": None}
    assert _log(world, session, query="delivery")["logs"] == []
    assert _log(world, session, currency="ETH")["logs"] == []


@pytest.mark.parametrize("params", [{}, {"currency": "BTC"}, {"currency": "BTC", "start_timestamp": 1}])
def test_currency_and_bounds_are_needed(world: Any, params: dict[str, object]) -> None:
    """-32602."""
    assert world.code(world.connect("demo")[0], "private/get_transaction_log", **params) == -32602
