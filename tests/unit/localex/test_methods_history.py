from typing import Any

import pytest

from bot.domain.time import NS_PER_MS, Ns
from bot.localex.calls import Session

_PERP, _OPTION = "BTC-PERPETUAL", "BTC-27MAR26-64000-C"
_HOUR_MS = 3_600_000


def _chart(world: Any, minutes: int, resolution: str = "1", name: str = _PERP) -> Any:
    now_ms = world.now_ns // NS_PER_MS
    bounds = {"start_timestamp": now_ms - minutes * 60_000, "end_timestamp": now_ms}
    return world.ask(
        Session(), "public/get_tradingview_chart_data", instrument_name=name, resolution=resolution, **bounds
    )


def _pass_hours(world: Any, count: int) -> None:
    for _ in range(count * 60):
        world.now_ns = Ns(world.now_ns + 60_000 * NS_PER_MS)
        world.venue.advance()
        world.venue.publisher.step()


def test_charts_show_what_was_traded(world: Any) -> None:
    """Flat before, then the trade's price, amount in dollars and in coins."""
    session, _ = world.connect("demo")
    world.pass_ms(180_000, step_ms=60_000)
    bought = world.ask(session, "private/buy", instrument_name=_PERP, amount=650, type="market")
    price = bought["order"]["average_price"]
    found = _chart(world, 10)

    assert found["status"] == "ok"
    assert [after - before for before, after in zip(found["ticks"], found["ticks"][1:], strict=False)] == [60_000] * 3
    assert (found["close"][-1], found["cost"]) == (price, [0.0, 0.0, 0.0, 650.0])
    assert found["volume"][-1] == pytest.approx(650.0 / price, abs=1e-8)
    assert all(
        low <= close <= high for low, close, high in zip(found["low"], found["close"], found["high"], strict=True)
    )
    assert found["open"][:3] == found["close"][:3]


def test_before_the_opening_there_is_no_data(world: Any) -> None:
    """Columns that are empty, with a word that says so."""
    bounds = {"start_timestamp": 0, "end_timestamp": 60_000}
    found = world.ask(Session(), "public/get_tradingview_chart_data", instrument_name=_PERP, resolution="1D", **bounds)

    assert found["status"] == "no_data"
    assert {name for name, column in found.items() if column == []} == set(found) - {"status"}


def test_a_chart_ends_now(world: Any) -> None:
    """The future has no bars."""
    now_ms = world.now_ns // NS_PER_MS
    bounds = {"start_timestamp": now_ms - 1, "end_timestamp": now_ms + 10 * 60_000}
    found = world.ask(Session(), "public/get_tradingview_chart_data", instrument_name=_PERP, resolution="1", **bounds)

    assert len(found["ticks"]) == 1


def test_funding_is_told_for_full_hours(world: Any) -> None:
    """From the first hour the exchange saw whole; the index of one row is the earlier one of the next."""
    _pass_hours(world, 3)
    bounds = {"start_timestamp": 0, "end_timestamp": world.now_ns // NS_PER_MS}
    rows = world.ask(Session(), "public/get_funding_rate_history", instrument_name=_PERP, **bounds)

    assert [row["timestamp"] % _HOUR_MS for row in rows] == [0, 0, 0]
    assert [row["index_price"] for row in rows[:-1]] == [row["prev_index_price"] for row in rows[1:]]
    whole = world.ask(
        Session(),
        "public/get_funding_rate_value",
        instrument_name=_PERP,
        start_timestamp=rows[0]["timestamp"] - _HOUR_MS,
        end_timestamp=rows[-1]["timestamp"],
    )
    assert sum(row["interest_1h"] for row in rows) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize(("length", "rows"), [("8h", 121), ("24h", 121), ("1m", 3)])
def test_funding_charts_end_now(world: Any, length: str, rows: int) -> None:
    """By the minute for a day, by the hour for a month."""
    _pass_hours(world, 2)
    found = world.ask(Session(), "public/get_funding_chart_data", instrument_name=_PERP, length=length)

    assert len(found["data"]) == rows
    assert found["data"][-1]["timestamp"] == world.now_ns // NS_PER_MS
    assert found["data"][-1].keys() == {"timestamp", "index_price", "interest_8h"}


def test_volatility_is_told_as_bars(world: Any) -> None:
    """Of the coin's volatility index, in percent."""
    _pass_hours(world, 1)
    bounds = {"start_timestamp": 0, "end_timestamp": world.now_ns // NS_PER_MS}
    ask = {"currency": "BTC", "resolution": "3600", **bounds}
    found = world.ask(Session(), "public/get_volatility_index_data", **ask)
    elsewhere = world.ask(Session(), "public/get_volatility_index_data", **(ask | {"currency": "USDC"}))

    assert [row[0] % _HOUR_MS for row in found["data"]] == [0, 0]
    assert all(low <= close <= high and low > 1.0 for _, _, high, low, close in found["data"])
    assert (found["continuation"], elsewhere["data"]) == (None, [])


def test_a_long_page_says_where_the_one_before_ends(world: Any) -> None:
    """Seconds of an hour are more than a page."""
    _pass_hours(world, 1)
    bounds = {"start_timestamp": 0, "end_timestamp": world.now_ns // NS_PER_MS}
    ask = {"currency": "BTC", "resolution": "1", **bounds}
    newest = world.ask(Session(), "public/get_volatility_index_data", **ask)
    before = world.ask(
        Session(), "public/get_volatility_index_data", **(ask | {"end_timestamp": newest["continuation"]})
    )

    assert len(newest["data"]) == 1000
    assert before["data"][-1][0] == newest["data"][0][0] - 1000


def test_realised_volatility_comes_from_full_hours(world: Any) -> None:
    """Percent a year, at each hour's end; near what the market is drawn with."""
    _pass_hours(world, 3)
    rows = world.ask(Session(), "public/get_historical_volatility", currency="BTC")

    assert [time_ms % _HOUR_MS for time_ms, _ in rows] == [0, 0, 0]
    assert all(10.0 < percent < 400.0 for _, percent in rows)
    assert world.ask(Session(), "public/get_historical_volatility", currency="USDC") == []


def test_marks_of_the_past_are_not_kept(world: Any) -> None:
    """An empty list, as for all instruments that the venue's volatility index does not use."""
    bounds = {"start_timestamp": 0, "end_timestamp": 1}
    assert world.ask(Session(), "public/get_mark_price_history", instrument_name=_OPTION, **bounds) == []


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("get_tradingview_chart_data", {"instrument_name": _PERP, "resolution": "1", "start_timestamp": 1}),
        ("get_tradingview_chart_data", {"instrument_name": _PERP, "start_timestamp": 1, "end_timestamp": 2}),
        (
            "get_tradingview_chart_data",
            {"instrument_name": _PERP, "resolution": "7", "start_timestamp": 1, "end_timestamp": 2},
        ),
        ("get_funding_rate_history", {"instrument_name": _PERP, "start_timestamp": 2, "end_timestamp": 1}),
        ("get_funding_rate_history", {"instrument_name": _OPTION, "start_timestamp": 1, "end_timestamp": 2}),
        ("get_funding_chart_data", {"instrument_name": _PERP}),
        ("get_funding_chart_data", {"instrument_name": _PERP, "length": "2h"}),
        ("get_volatility_index_data", {"currency": "BTC", "start_timestamp": 1, "end_timestamp": 2}),
        ("get_historical_volatility", {}),
        ("get_mark_price_history", {"instrument_name": _PERP}),
    ],
)
def test_wrong_parameters_are_refused(world: Any, method: str, params: dict[str, object]) -> None:
    """-32602."""
    assert world.code(Session(), f"public/{method}", **params) == -32602
