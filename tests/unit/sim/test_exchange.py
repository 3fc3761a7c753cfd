"""The door of the simulated venue: time, market data, cancelling, determinism."""

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim.exchange import Exchange
from bot.sim.facts import BookChange, OrderEdit, OrderRequest, OrderState, TimeInForce, VenueSays
from bot.sim.world import build_exchange

_D = Decimal
_PERP = "BTC-PERPETUAL"
Request = Callable[..., OrderRequest]


def test_time_does_not_go_back(exchange: Exchange, start_ns: Ns) -> None:
    """Going back is a bug of the driver."""
    exchange.advance(Ns(start_ns + 1))
    with pytest.raises(AssertionError, match="time went back"):
        exchange.advance(start_ns)


def test_a_cancel_ends_an_order_once(exchange: Exchange, request_for: Request) -> None:
    """The second cancel is 11044, an unknown id 10004, somebody else's order unknown too."""
    order, _ = exchange.submit(request_for("buy", "10", "49000"))

    ended = exchange.cancel("a", order.order_id)

    assert (ended.state, ended.cancel_reason) == (OrderState.CANCELLED, "user_request")
    for account, order_id, code in (("a", order.order_id, 11044), ("b", order.order_id, 10004), ("a", "1", 10004)):
        with pytest.raises(VenueSays) as said:
            exchange.cancel(account, order_id)
        assert said.value.code == code


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, ["p1", "p2", "e1", "u1"]),
        ({"currency": "BTC"}, ["p1", "p2"]),
        ({"instrument": "ETH-PERPETUAL"}, ["e1"]),
        ({"label": "u1"}, ["u1"]),
        ({"currency": "ETH", "label": "p1"}, []),
    ],
)
def test_cancel_all_takes_what_fits(
    exchange: Exchange, request_for: Request, which: dict[str, str], expected: list[str]
) -> None:
    """By currency, instrument or label, or everything."""
    for label, name, amount, price in (
        ("p1", _PERP, "10", "49000"),
        ("p2", _PERP, "10", "48000"),
        ("e1", "ETH-PERPETUAL", "1", "1900"),
        ("u1", "BTC_USDC-PERPETUAL", "0.01", "49000"),
    ):
        exchange.submit(request_for("buy", amount, price, instrument=name, label=label))

    assert exchange.cancel_all("a", **which) == len(expected)
    cancelled = [order.label for order in exchange.orders_all("a") if order.state is OrderState.CANCELLED]
    assert cancelled == expected


def test_orders_are_found_by_label_newest_first(exchange: Exchange, request_for: Request) -> None:
    """Labels are not unique at the venue, and closed orders are found too."""
    first, _ = exchange.submit(request_for("buy", "10", "49000", label="same"))
    second, _ = exchange.submit(request_for("buy", "20", "48000", label="same"))
    exchange.cancel("a", first.order_id)

    found = exchange.orders_by_label("a", "BTC", "same")

    assert [(order.order_id, order.state) for order in found] == [
        (second.order_id, OrderState.OPEN),
        (first.order_id, OrderState.CANCELLED),
    ]
    assert exchange.orders_by_label("a", "ETH", "same") == []
    assert exchange.orders_by_label("b", "BTC", "same") == []


def test_trades_are_newest_first_and_filtered(exchange: Exchange, request_for: Request) -> None:
    """By instrument and by currency."""
    for name, amount, price in ((_PERP, "10", "50100"), ("ETH-PERPETUAL", "1", "2005"), (_PERP, "20", "50100")):
        exchange.submit(request_for("buy", amount, price, instrument=name, time_in_force=TimeInForce.IOC))

    assert [trade.amount_native for trade in exchange.trades_of("a")] == [20, 1, 10]
    assert [trade.amount_native for trade in exchange.trades_of("a", instrument=_PERP)] == [20, 10]
    assert [trade.amount_native for trade in exchange.trades_of("a", currency="ETH")] == [1]
    assert [trade.amount_native for trade in exchange.trades_public(_PERP)] == [20, 10]


def test_orders_told_are_copies(exchange: Exchange, request_for: Request) -> None:
    """What a client does with an answer does not change the venue."""
    order, _ = exchange.submit(request_for("buy", "10", "49000"))
    order.filled_native = _D(10)

    assert exchange.orders_open("a")[0].filled_native == 0


def _book_of(exchange: Exchange, name: str) -> dict[str, dict[Decimal, Decimal]]:
    bids, asks, _ = exchange.book(name, 1000)
    return {"bids": dict(bids), "asks": dict(asks)}


def test_book_changes_rebuild_the_book(start_ns: Ns, request_for: Request) -> None:
    """A snapshot plus all changes is the venue's book, by change id, through moves, trades and cancels."""
    venue = build_exchange(3, start_ns)
    venue.open_account("a", {"BTC": _D(10)})
    name = _PERP
    venue.watch(name)
    venue.changes()
    mine = _book_of(venue, name)
    last_id = venue.book(name, 1)[2]
    changed = 0
    for second in range(1, 200):
        venue.advance(Ns(start_ns + second * NS_PER_S))
        touch = venue.touch(name)
        if second % 10 == 0:
            venue.submit(request_for("buy", "5000", str(touch.bid_native)))
        if second % 15 == 0:
            venue.submit(request_for("sell", "5000", str(touch.bid_native), time_in_force=TimeInForce.IOC))
        if second % 40 == 0:
            venue.cancel_all("a")
        for change in venue.changes():
            if not isinstance(change, BookChange):
                continue
            assert change.change_id_before == last_id
            last_id = change.change_id
            for side, levels in (("bids", change.bids), ("asks", change.asks)):
                for action, price, amount in levels:
                    assert (price in mine[side]) == (action != "new")
                    changed += 1
                    if action == "delete":
                        del mine[side][price]
                    else:
                        mine[side][price] = amount
        assert mine == _book_of(venue, name)
    assert changed > 500
    assert last_id == venue.book(name, 1)[2]


def test_watching_is_counted(exchange: Exchange, market: object, start_ns: Ns) -> None:
    """Two watchers, one leaves, changes go on; both gone, they stop."""
    exchange.watch(_PERP)
    exchange.watch(_PERP)
    told = []
    for second, leave in ((1, False), (2, True), (3, True), (4, True)):
        market.set_btc(50_000.0 + 20.0 * second)  # type: ignore[attr-defined]
        if leave:
            exchange.unwatch(_PERP)
        exchange.advance(Ns(start_ns + second * NS_PER_S))
        told.append(len([change for change in exchange.changes() if isinstance(change, BookChange)]))

    assert told == [1, 1, 0, 0]


def test_a_book_kept_alive_lives_as_one_that_is_watched(start_ns: Ns) -> None:
    """The same quotes, trades and change ids; only what changes in the book is told to nobody."""
    watched, kept = build_exchange(3, start_ns), build_exchange(3, start_ns)
    watched.watch(_PERP)
    kept.keep_alive(_PERP)
    for second in range(1, 60):
        for venue in (watched, kept):
            venue.advance(Ns(start_ns + second * NS_PER_S))
        assert kept.book(_PERP, 10) == watched.book(_PERP, 10)
    told, silent = watched.changes(), kept.changes()

    assert silent == [change for change in told if not isinstance(change, BookChange)]
    assert 0 < len(silent) < len(told)


def test_looking_does_not_change_the_world(start_ns: Ns) -> None:
    """Two venues from one seed stay equal although one of them is asked for every book."""
    quiet, asked = build_exchange(5, start_ns), build_exchange(5, start_ns)
    for second in range(1, 20):
        for venue in (quiet, asked):
            venue.advance(Ns(start_ns + second * NS_PER_S))
        for item in asked.instruments()[::20]:
            asked.ticker(item.id)
            asked.book(item.id, 5)

    assert quiet.book(_PERP, 20)[:2] == asked.book(_PERP, 20)[:2]
    assert quiet.ticker(_PERP) == asked.ticker(_PERP)


_RUN = """
from decimal import Decimal
from bot.domain.time import Ns, ns_from_iso
from bot.sim.facts import OrderRequest, Side
from bot.sim.world import build_exchange
start = ns_from_iso("2026-11-23T07:20:00Z")
venue = build_exchange({seed}, start)
venue.open_account("a", {{"BTC": Decimal(10)}})
names = [item.id for item in venue.instruments()]
for name in ["BTC-PERPETUAL", *names[20:24]]:
    venue.watch(name)
told = []
for second in range(1, 400):
    venue.advance(Ns(start + second * 7_000_000_000))
    if second % 20 == 0:
        touch = venue.touch("BTC-PERPETUAL")
        side, price = (Side.BUY, touch.bid_native) if second % 40 else (Side.SELL, touch.ask_native)
        venue.submit(OrderRequest(account="a", instrument="BTC-PERPETUAL", side=side,
                                  amount_native=Decimal(3000), price_native=price))
    told += venue.changes()
import hashlib
print(len(told), hashlib.sha256(repr((told, venue.summary("a", "BTC"), venue.positions("a"))).encode()).hexdigest())
"""


def test_a_run_depends_on_the_seed_alone(repo_root: Path) -> None:
    """Equal under any PYTHONHASHSEED, different under another seed, through a settlement."""

    def run(seed: int, hash_seed: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", _RUN.format(seed=seed)],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(repo_root)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    first, again, other = run(1, "0"), run(1, "4242"), run(2, "0")

    assert int(first.split()[0]) > 500
    assert first == again
    assert first != other


def test_unknown_names_are_refused(exchange: Exchange) -> None:
    """Instrument and index names that do not exist are invalid parameters."""
    for ask, param in ((exchange.ticker, "instrument_name"), (exchange.index_usd, "index_name")):
        with pytest.raises(VenueSays) as said:
            ask("BTC-NOTAREAL")
        assert (said.value.code, said.value.data) == (-32602, {"reason": "wrong format", "param": param})


def test_seeded_positions_cost_nothing(exchange: Exchange) -> None:
    """They stand at the mark, the balance is untouched, and they are told apart from fills."""
    exchange.seed_position("a", "BTC-24NOV26-65000-P", _D(2))
    position = exchange.positions("a")[0]

    assert (position.size_native, position.floating_profit_native) == (2, 0.0)
    assert exchange.balance_native("a", "BTC") == 10
    assert exchange.seeded_native("a") == {"BTC-24NOV26-65000-P": _D(2)}
    assert exchange.currencies("a") == ("BTC", "ETH", "USDC")
    assert exchange.accounts() == ("a", "b")


def test_the_venue_takes_back_orders_on_its_own_account(exchange: Exchange, request_for: Request) -> None:
    """Those still open, with the reason; the others are left alone. An edit of what is gone is 11044 or 10004."""
    orders = [exchange.submit(request_for("buy", "10", "49000"))[0].order_id for _ in range(3)]
    exchange.cancel("a", orders[0])

    count = exchange.cancel_for("a", orders[:2], "cancel_on_disconnect")

    assert (count, [order.order_id for order in exchange.orders_open("a")]) == (1, orders[2:])
    assert exchange.order("a", orders[1]).cancel_reason == "cancel_on_disconnect"
    for account, order_id, code in (("a", orders[1], 11044), ("b", orders[2], 10004)):
        with pytest.raises(VenueSays) as said:
            exchange.edit(account, order_id, OrderEdit())
        assert said.value.code == code


def test_marks_and_the_next_delivery_are_told_without_a_book(exchange: Exchange, start_ns: Ns) -> None:
    """The ticker's mark; at 09:00 delivery is 23 hours away and expected at the index."""
    ticker = exchange.ticker(_PERP)

    assert exchange.mark(_PERP) == (ticker.mark_native, None)
    assert exchange.estimated_delivery("btc_usd") == (50_000.0, 23 * 3600 * 1_000_000_000, False)
    exchange.advance(Ns(start_ns + int(22.75 * 3600) * 1_000_000_000))
    assert exchange.estimated_delivery("btc_usd") == (50_000.0, 900 * 1_000_000_000, True)
