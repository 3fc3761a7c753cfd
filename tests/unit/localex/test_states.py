from typing import Any

import pytest

from bot.localex.calls import Session
from bot.localex.states import States, ticker_change, without_timestamp

_PERP = "BTC-PERPETUAL"


def _now(world: Any, channel: str) -> list[Any]:
    parsed = world.venue.grammar.parse(channel)
    found: list[Any] = States(world.exchange, world.faults, world.venue.currencies, world.venue.chronicle).of(
        parsed, "demo", {}
    )
    return found


def test_the_funding_of_a_perpetual_is_that_of_its_ticker(world: Any) -> None:
    """The rate now and the index."""
    [state] = _now(world, f"perpetual.{_PERP}.100ms")
    ticker = world.ask(Session(), "public/ticker", instrument_name=_PERP)

    assert state == {
        "timestamp": ticker["timestamp"],
        "interest": ticker["current_funding"],
        "index_price": ticker["index_price"],
    }


def test_marks_of_all_options_have_volatility_as_a_fraction(world: Any) -> None:
    """One row for each option of the index, agreeing with its ticker."""
    [rows] = _now(world, "markprice.options.btc_usd")
    listed = world.ask(Session(), "public/get_instruments", currency="BTC", kind="option")
    ticker = world.ask(Session(), "public/ticker", instrument_name=rows[0]["instrument_name"])

    assert [row["instrument_name"] for row in rows] == [row["instrument_name"] for row in listed]
    assert rows[0]["mark_price"] == ticker["mark_price"]
    assert rows[0]["iv"] == pytest.approx(ticker["mark_iv"] / 100, abs=1e-4)


def test_the_volatility_index_is_in_percent(world: Any) -> None:
    """Of a plausible size, for its index."""
    [state] = _now(world, "deribit_volatility_index.btc_usd")

    assert (state.keys(), state["index_name"]) == ({"timestamp", "volatility", "index_name"}, "btc_usd")
    assert 5.0 < state["volatility"] < 300.0


def test_the_expiration_price_is_estimated_in_the_last_half_hour(world: Any) -> None:
    """The world begins at 10:00: 22 hours to go, then the average has begun."""
    [before] = _now(world, "estimated_expiration_price.btc_usd")
    index = world.ask(Session(), "public/get_index_price", index_name="btc_usd")
    world.pass_ms(21 * 3_600_000 + 45 * 60_000, step_ms=300_000)
    [within] = _now(world, "estimated_expiration_price.btc_usd")
    later = world.ask(Session(), "public/get_index_price", index_name="btc_usd")

    assert before == {"price": index["index_price"], "seconds": 22 * 3600, "is_estimated": False}
    assert (within["seconds"], within["is_estimated"]) == (900, True)
    assert within["price"] == later["estimated_delivery_price"] != later["index_price"]


def test_nothing_is_locked(world: Any) -> None:
    """One state for each index."""
    states = _now(world, "platform_state")

    assert {state["price_index"] for state in states} == set(world.exchange.index_names())
    assert not any(state["locked"] for state in states)


def test_a_frozen_ticker_shows_nothing(world: Any) -> None:
    """Neither whole nor in changes."""
    world.faults.freeze_ticker(_PERP)

    assert _now(world, f"incremental_ticker.{_PERP}") == _now(world, f"ticker.{_PERP}.100ms") == []


def test_a_change_of_a_ticker_has_what_differs() -> None:
    """With the name and the time; all of it when nothing was told before."""
    state = {"instrument_name": "x", "timestamp": 2, "a": 1, "b": 3}

    assert ticker_change([{"instrument_name": "x", "a": 1, "b": 2}], state) == {
        "type": "change",
        "instrument_name": "x",
        "timestamp": 2,
        "b": 3,
    }
    assert ticker_change([], state) == {"type": "change"} | state


def test_timestamps_are_no_news() -> None:
    """On objects and in rows."""
    assert without_timestamp([{"timestamp": 1, "a": 2}]) == [{"a": 2}]
