from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

_PERP = "BTC-PERPETUAL"


def _watch(world: Any, *channels: str, key: str | None = "demo") -> tuple[Any, Any]:
    session, socket = world.connect(key)
    accepted = world.ask(session, "private/subscribe" if key else "public/subscribe", channels=list(channels))
    assert set(accepted) == set(channels)
    return session, socket


def _buy(world: Any, session: Any, amount: int = 10) -> dict[str, Any]:
    result: dict[str, Any] = world.ask(session, "private/buy", instrument_name=_PERP, amount=amount, type="market")
    return result


@pytest.mark.parametrize(
    ("channel", "field", "expected"),
    [
        (f"ticker.{_PERP}.100ms", "instrument_name", _PERP),
        (f"quote.{_PERP}", "instrument_name", _PERP),
        (f"book.{_PERP}.100ms", "type", "snapshot"),
        (f"book.{_PERP}.none.10.100ms", "instrument_name", _PERP),
        ("deribit_price_index.btc_usd", "index_name", "btc_usd"),
        ("user.portfolio.btc", "currency", "BTC"),
    ],
)
def test_a_new_subscriber_gets_the_present_state_once(world: Any, channel: str, field: str, expected: str) -> None:
    """Subscribing again brings nothing new; leaving and coming back does."""
    session, socket = _watch(world, channel)
    [first] = socket.take(channel)
    world.ask(session, "private/subscribe", channels=[channel])
    again = socket.take(channel)
    world.ask(session, "private/unsubscribe", channels=[channel])
    world.ask(session, "private/subscribe", channels=[channel])

    assert first[field] == expected
    assert (again, len(socket.take(channel))) == ([], 1)


@pytest.mark.parametrize(("interval", "at_most"), [("100ms", 50), ("raw", 50), ("agg2", 5)])
def test_tickers_keep_their_interval(world: Any, interval: str, at_most: int) -> None:
    """Five seconds: as often as the interval allows, and only when something changed."""
    channel = f"ticker.{_PERP}.{interval}"
    _, socket = _watch(world, channel)
    socket.take()
    world.pass_ms(5_000)
    tickers = socket.take(channel)

    assert at_most // 2 <= len(tickers) <= at_most
    stripped = [{k: v for k, v in ticker.items() if k != "timestamp"} for ticker in tickers]
    assert all(one != other for one, other in pairwise(stripped))


@pytest.mark.parametrize("interval", ["raw", "100ms", "agg2"])
def test_books_chain_and_rebuild_to_the_venues_book(world: Any, interval: str) -> None:
    """Snapshot plus changes with unbroken ids is the whole book, for early and late subscribers alike."""
    channel = f"book.{_PERP}.{interval}"
    session, early = _watch(world, channel)
    world.pass_ms(3_300)
    _, late = _watch(world, channel)
    _buy(world, session, 50_000)
    world.pass_ms(5_700)

    bids, asks, _ = world.exchange.book(_PERP, 10_000)
    expected = [{float(price): float(amount) for price, amount in side} for side in (bids, asks)]
    for socket in (early, late):
        messages = socket.take(channel)
        book: list[dict[float, float]] = [{}, {}]
        told = None
        for message in messages:
            chained = ("snapshot", None) if told is None else ("change", told)
            assert (message["type"], message.get("prev_change_id")) == chained
            told = message["change_id"]
            for levels, entries in zip(book, (message["bids"], message["asks"]), strict=True):
                _apply(levels, entries)
        assert (len(messages) > 2, book) == (True, expected)


def _apply(levels: dict[float, float], entries: list[tuple[str, float, float]]) -> None:
    for action, price, amount in entries:
        assert (action == "new") == (price not in levels)
        levels[price] = amount
        if action == "delete":
            del levels[price]


def test_a_planted_gap_breaks_the_chain_once(world: Any) -> None:
    """The client must notice: the next change does not follow the last id it has."""
    channel = f"book.{_PERP}.100ms"
    _, socket = _watch(world, channel)
    last = socket.take(channel)[0]["change_id"]
    world.faults.gap_book(_PERP)
    world.pass_ms(2_000)
    changes = socket.take(channel)

    assert changes[0]["prev_change_id"] != last
    assert all(b["prev_change_id"] == a["change_id"] for a, b in pairwise(changes))


def test_a_frozen_ticker_is_silent_until_thawed(world: Any) -> None:
    """Quotes and tickers of that instrument; its book goes on."""
    channels = [f"ticker.{_PERP}.100ms", f"quote.{_PERP}", f"book.{_PERP}.100ms"]
    _, socket = _watch(world, *channels)
    socket.take()
    world.faults.freeze_ticker(_PERP)
    world.pass_ms(2_000)
    frozen = [frame for frame in socket.frames if '"book.' not in frame]
    books = len(socket.frames)
    world.faults.thaw_ticker(_PERP)
    world.pass_ms(1_000)

    assert (frozen, books > 0) == ([], True)
    assert socket.take("ticker")


def test_a_fill_is_told_at_once_on_every_private_channel(world: Any) -> None:
    """user.changes has all three together, user.orders one order, user.trades a list, the account its money."""
    channels = ["user.changes.any.any.raw", "user.orders.future.BTC.raw", f"user.trades.{_PERP}.raw"]
    session, socket = _watch(world, *channels, "user.portfolio.btc")
    socket.take()
    placed = _buy(world, session)
    [changes], [order], [trades] = (socket.take(channel) for channel in channels)

    assert (changes["instrument_name"], changes["orders"], changes["trades"]) == (
        _PERP,
        [placed["order"]],
        placed["trades"],
    )
    assert [(p["size"], "interest_value" in p) for p in changes["positions"]] == [(10.0, True)]
    assert (order, trades) == (placed["order"], placed["trades"])
    socket.take()
    world.pass_ms(1_100)
    assert socket.take("user.portfolio.btc")


def test_an_order_without_a_position_comes_with_a_flat_one(world: Any) -> None:
    """As recorded: the position beside an order that only rests has direction zero."""
    session, socket = _watch(world, "user.changes.any.any.raw")
    order = {"instrument_name": _PERP, "amount": 10, "price": 60_000, "post_only": True}
    world.ask(session, "private/buy", **order)
    [changes] = socket.take()

    assert [(p["direction"], p["size"], p["instrument_name"]) for p in changes["positions"]] == [("zero", 0.0, _PERP)]


def test_slower_private_channels_gather(world: Any) -> None:
    """Two fills within the interval come as one message: orders as a list, the latest state of each."""
    session, socket = _watch(world, "user.orders.any.any.agg2", "user.changes.any.any.agg2")
    for _ in range(2):
        _buy(world, session)
    early = socket.take()
    world.pass_ms(1_000)
    [orders], [changes] = socket.take("user.orders"), socket.take("user.changes")

    assert (early, len(orders), len(changes["orders"]), len(changes["trades"])) == ([], 2, 2, 2)


def test_private_events_stay_with_their_account(world: Any) -> None:
    """Another account's sockets hear nothing; a channel of another currency neither."""
    _, stranger = _watch(world, "user.changes.any.any.raw", "user.orders.any.any.raw", key="other")
    session, mine = _watch(world, "user.changes.any.USDC.raw")
    _buy(world, session)

    assert (stranger.take(), mine.take()) == ([], [])


def test_the_portfolio_of_all_currencies_tells_those_that_changed(world: Any) -> None:
    """One message per currency at first, then those whose money moved."""
    session, socket = _watch(world, "user.portfolio.any")
    first = [data["currency"] for data in socket.take()]
    _buy(world, session)
    world.pass_ms(1_000)

    assert first == ["BTC", "ETH", "USDC"]
    assert [data["currency"] for data in socket.take()] == ["BTC"]


def test_the_index_speaks_once_a_second(world: Any) -> None:
    """Whatever happens in between."""
    _, socket = _watch(world, "deribit_price_index.btc_usd", key=None)
    socket.take()
    world.pass_ms(5_000)

    assert 1 <= len(socket.take("deribit_price_index")) <= 5


def test_grouped_books_are_whole_windows(world: Any) -> None:
    """Pairs, no type, at most `depth` levels, only when the book changed."""
    channel = f"book.{_PERP}.100.10.100ms"
    _, socket = _watch(world, channel)
    world.pass_ms(2_000)
    windows = socket.take(channel)

    assert len(windows) > 1
    assert all(window.keys() == {"timestamp", "instrument_name", "change_id", "bids", "asks"} for window in windows)
    assert all(len(window["bids"]) <= 10 and window["bids"][0][0] % 100 == 0 for window in windows)


def test_who_left_is_forgotten_and_books_are_no_longer_followed(world: Any) -> None:
    """A closed socket hears nothing, and the exchange stops telling changes nobody wants."""
    _, socket = _watch(world, f"book.{_PERP}.raw", f"book.{_PERP}.100ms", f"quote.{_PERP}")
    socket.take()
    assert world.venue.publisher.count(socket) == 3
    world.venue.publisher.forget(socket)
    world.pass_ms(1_000)
    world.exchange.advance(world.now_ns + 1_000_000_000)

    assert (socket.frames, world.venue.publisher.count(socket), world.exchange.changes()) == ([], 0, [])


def test_a_delivered_instrument_does_not_stop_the_rest(world: Any) -> None:
    """After 08:00 its ticker says so and the others go on."""
    name = next(i.id for i in world.exchange.instruments() if "-3MAR26-" in i.id)
    world.exchange.seed_position("demo", name, Decimal(1))
    _, socket = _watch(world, f"ticker.{name}.100ms", f"book.{name}.100ms", f"ticker.{_PERP}.100ms")
    world.pass_ms(22 * 3_600_000, step_ms=600_000)
    socket.take()
    world.pass_ms(1_000)

    assert socket.take(f"ticker.{_PERP}")


@pytest.mark.parametrize("channel", [f"trades.{_PERP}.raw", "trades.future.BTC.raw", "trades.any.any.100ms"])
def test_public_trades_are_told_without_their_owners(world: Any, channel: str) -> None:
    """The taker's side, one list, nothing private; raw leaves with the request."""
    session, socket = _watch(world, channel)
    placed = _buy(world, session)
    if not channel.endswith("raw"):
        assert socket.take(channel) == []
        world.pass_ms(100)
    [told] = socket.take(channel)

    ids = [trade["trade_id"] for trade in placed["trades"]]
    mine = [trade for trade in told if trade["trade_id"] in ids]
    assert [trade["trade_id"] for trade in mine] == ids
    assert all(trade["direction"] == "buy" and "order_id" not in trade for trade in mine)


def test_strangers_trade_where_trades_are_watched(world: Any) -> None:
    """A minute of a perpetual has some; leaving the channel stops the book from being moved."""
    session, socket = _watch(world, "trades.future.BTC.agg2")
    world.pass_ms(60_000)
    told = socket.take("trades")
    world.ask(session, "public/unsubscribe_all")
    world.pass_ms(1_000)

    assert {trade["instrument_name"] for trades in told for trade in trades} == {_PERP}
    assert world.exchange._pits[_PERP].watchers_count == 0


def test_an_incremental_ticker_merges_to_the_ticker(world: Any) -> None:
    """A snapshot, then changes at most once a second that lead to the same object."""
    _, socket = _watch(world, f"incremental_ticker.{_PERP}", f"ticker.{_PERP}.agg2")
    world.pass_ms(5_000)
    first, *changes = socket.take("incremental_ticker")
    last = socket.take("ticker")[-1]
    merged = dict(first)
    for change in changes:
        merged.update(change)

    assert (first["type"], {change["type"] for change in changes}) == ("snapshot", {"change"})
    assert 0 < len(changes) <= 5
    assert any(len(change) < len(first) for change in changes)
    assert {name: value for name, value in merged.items() if name != "type"} == last


def test_a_delivered_instrument_is_told_once(world: Any) -> None:
    """Nothing at first; after 08:00 each of the kind and currency, and what is listed anew then."""
    _, socket = _watch(world, "instrument.state.future.BTC", "instrument.state.option.BTC", "platform_state")
    assert socket.take("instrument.state") == []
    world.pass_ms(48 * 3_600_000, step_ms=600_000)
    told = socket.take("instrument.state")

    expired = [row["instrument_name"] for row in world.ask(_watch(world)[0], "public/get_instruments", expired=True)]
    over = [state["instrument_name"] for state in told if state["state"] == "delivered"]
    added = {state["instrument_name"] for state in told if state["state"] == "open"}
    assert sorted(over) == sorted(n for n in expired if n.startswith("BTC-"))
    assert len(over) + len(added) == len(told)
    listed = world.ask(_watch(world)[0], "public/get_instruments", currency="BTC")
    assert added < {row["instrument_name"] for row in listed}
    assert "BTC-7MAR26" in added
    assert len(socket.take("platform_state")) == len(world.exchange.index_names())
