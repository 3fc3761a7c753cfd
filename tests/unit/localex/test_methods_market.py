from typing import Any

import pytest

from bot.localex.calls import Session

_PERP = "BTC-PERPETUAL"


def test_the_venue_is_never_locked(world: Any) -> None:
    """Text, as the venue writes it."""
    assert world.ask(Session(), "public/status") == {"locked": "false"}


def test_indices_are_named(world: Any) -> None:
    """Each has a price."""
    names = world.ask(Session(), "public/get_index_price_names")

    assert {"btc_usd", "eth_usd", "btc_usdc"} <= set(names)
    assert all(world.code(Session(), "public/get_index_price", index_name=name) is None for name in names)


def test_a_summary_agrees_with_the_ticker(world: Any) -> None:
    """The same touch, mark and funding; the middle is between the best prices."""
    [row] = world.ask(Session(), "public/get_book_summary_by_instrument", instrument_name=_PERP)
    ticker = world.ask(Session(), "public/ticker", instrument_name=_PERP)

    assert (row["bid_price"], row["ask_price"]) == (ticker["best_bid_price"], ticker["best_ask_price"])
    assert row["mid_price"] == (row["bid_price"] + row["ask_price"]) / 2
    assert (row["mark_price"], row["current_funding"]) == (ticker["mark_price"], ticker["current_funding"])


def test_summaries_of_a_currency_cover_what_is_listed(world: Any) -> None:
    """One row per open instrument of the currency and kind."""
    rows = world.ask(Session(), "public/get_book_summary_by_currency", currency="BTC", kind="option")
    listed = world.ask(Session(), "public/get_instruments", currency="BTC", kind="option")

    assert {row["instrument_name"] for row in rows} == {row["instrument_name"] for row in listed}
    assert all(row["mark_iv"] > 0 for row in rows)


def test_public_trades_carry_nothing_private(world: Any) -> None:
    """A client's fill is on the public tape, by instrument and by currency, with the taker's side."""
    session, _ = world.connect("demo")
    world.ask(session, "private/sell", instrument_name=_PERP, amount=10, type="market", label="secret")
    of_instrument = world.ask(Session(), "public/get_last_trades_by_instrument", instrument_name=_PERP)
    of_currency = world.ask(Session(), "public/get_last_trades_by_currency", currency="BTC")
    elsewhere = world.ask(Session(), "public/get_last_trades_by_currency", currency="ETH")

    assert of_instrument == of_currency
    assert elsewhere == {"trades": [], "has_more": False}
    [trade] = of_instrument["trades"]
    assert (trade["direction"], trade["amount"], trade["contracts"]) == ("sell", 10.0, 1.0)
    assert not {"label", "fee", "order_id", "user_id"} & trade.keys()


def test_delivery_prices_are_listed_by_day(world: Any) -> None:
    """Nothing before the first 08:00; then one row a day, newest first, in pages."""
    before = world.ask(Session(), "public/get_delivery_prices", index_name="btc_usd")
    world.pass_ms(48 * 3_600_000, step_ms=600_000)
    after = world.ask(Session(), "public/get_delivery_prices", index_name="btc_usd")
    second = world.ask(Session(), "public/get_delivery_prices", index_name="btc_usd", offset=1, count=1)

    assert before == {"data": [], "records_total": 0}
    assert [row["date"] for row in after["data"]] == ["2026-03-04", "2026-03-03"]
    assert after["records_total"] == 2
    assert second["data"] == after["data"][1:]


def test_contract_sizes_are_native(world: Any) -> None:
    """Ten dollars."""
    assert world.ask(Session(), "public/get_contract_size", instrument_name=_PERP) == {"contract_size": 10.0}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("public/get_book_summary_by_currency", {"currency": "DOGE"}),
        ("public/get_book_summary_by_currency", {}),
        ("public/get_book_summary_by_instrument", {"instrument_name": "BTC-NOTAREAL"}),
        ("public/get_last_trades_by_instrument", {"instrument_name": _PERP, "count": 1001}),
        ("public/get_last_trades_by_currency", {"currency": "DOGE"}),
        ("public/get_delivery_prices", {"index_name": "doge_usd"}),
        ("public/get_delivery_prices", {"index_name": "btc_usd", "count": 0}),
        ("public/hello", {"client_name": "x"}),
    ],
)
def test_wrong_parameters_are_refused(world: Any, method: str, params: dict[str, object]) -> None:
    """-32602."""
    assert world.code(Session(), method, **params) == -32602


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"start_timestamp": 1, "end_timestamp": 2}, None),
        ({"start_timestamp": 2, "end_timestamp": 1}, -32602),
        ({"start_timestamp": 2}, -32602),
        ({"end_timestamp": 2}, -32602),
        ({"start_timestamp": 1, "end_timestamp": 2, "instrument_name": "BTC-27MAR26"}, -32602),
    ],
)
def test_funding_is_asked_for_a_perpetual_and_a_period(world: Any, params: dict[str, object], code: int | None) -> None:
    """A number, or -32602."""
    ask = {"instrument_name": _PERP} | params

    assert world.code(Session(), "public/get_funding_rate_value", **ask) == code
