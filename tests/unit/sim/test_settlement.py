"""08:00 UTC: delivery at the half-hour average, end of the session, orders cancelled."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.sim.account import to_money
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, OrderState, TimeInForce, VenueSays
from bot.sim.listing import build_listing
from bot.sim.settlement import payoff_native

_D = Decimal
_AT = ns_from_iso("2026-11-24T08:00:00Z")
_HALF_HOUR_NS = 1800 * NS_PER_S
Request = Callable[..., OrderRequest]


def _instrument(name: str, start_ns: Ns) -> Instrument:
    return next(item for item in build_listing(start_ns) if item.id == name)


@pytest.mark.parametrize(
    ("name", "delivery", "expected"),
    [
        ("BTC-24NOV26-65000-C", "80000", "0.1875"),
        ("BTC-24NOV26-65000-C", "50000", "0"),
        ("BTC-24NOV26-65000-P", "50000", "0.3"),
        ("BTC_USDC-24NOV26-65000-P", "50000", "15000"),
        ("BTC-24NOV26", "50000", "50000"),
    ],
)
def test_payoffs(start_ns: Ns, name: str, delivery: str, expected: str) -> None:
    """Inverse options pay in coin, linear ones in USDC, futures settle at the price."""
    assert payoff_native(_instrument(name, start_ns), _D(delivery)) == _D(expected)


def _deliver(exchange: Exchange, market: object) -> None:
    """Index 50,000 for the first half of the window, 52,000 for the second, 60,000 right after it."""
    exchange.advance(Ns(_AT - _HALF_HOUR_NS // 2))
    market.set_btc(52_000.0)  # type: ignore[attr-defined]
    exchange.advance(_AT)
    market.set_btc(60_000.0)  # type: ignore[attr-defined]
    exchange.advance(Ns(_AT + NS_PER_S))


def test_expiring_positions_settle_at_the_average(exchange: Exchange, market: object) -> None:
    """The average of the last thirty minutes decides, not the last price; positions vanish, cash stays."""
    for name, size in (
        ("BTC-24NOV26-60000-P", "2"),
        ("BTC-24NOV26-66000-C", "-3"),
        ("BTC-24NOV26", "-10000"),
        ("BTC_USDC-24NOV26-65000-P", "1"),
        ("BTC-25NOV26-60000-P", "1"),
        ("BTC-PERPETUAL", "1000"),
    ):
        exchange.seed_position("a", name, _D(size))
    _deliver(exchange, market)

    price = exchange.delivery_usd("BTC-24NOV26")
    assert price == 51_000.0
    delivered = _D(str(price))
    coins = 2 * (60_000 - delivered) / delivered + (-10_000 * (1 / _D(50_000) - 1 / delivered))
    assert exchange.balance_native("a", "BTC") == pytest.approx(10 + coins, abs=_D("2e-8"))
    assert exchange.balance_native("a", "USDC") == 1_000_000 + 65_000 - delivered
    assert [position.instrument for position in exchange.positions("a")] == ["BTC-25NOV26-60000-P", "BTC-PERPETUAL"]


def test_delivered_instruments_are_closed(exchange: Exchange, market: object, request_for: Request) -> None:
    """State delivered, no quotes, no orders; what expires later is open."""
    name = "BTC-24NOV26-59000-P"
    _deliver(exchange, market)

    touch = exchange.touch(name)
    assert (exchange.instrument_state(name), exchange.instrument_state("BTC-25NOV26-59000-P")) == ("delivered", "open")
    assert (touch.bid_native, touch.ask_native) == (None, None)
    assert exchange.ticker(name).state == "delivered"
    with pytest.raises(VenueSays) as said:
        exchange.submit(request_for("buy", "0.1", "0.01", instrument=name))
    assert (said.value.code, said.value.name) == (13019, "orderbook_closed")


def test_orders_end_at_settlement(exchange: Exchange, market: object, request_for: Request) -> None:
    """Orders on what expires and good-til-day orders are cancelled by settlement; others stay."""
    gone, _ = exchange.submit(request_for("buy", "0.1", "0.0005", instrument="BTC-24NOV26-66000-P"))
    day, _ = exchange.submit(request_for("buy", "10", "30000", time_in_force=TimeInForce.GTD))
    stays, _ = exchange.submit(request_for("buy", "10", "30000"))
    _deliver(exchange, market)

    told = {order.order_id: (order.state, order.cancel_reason) for order in exchange.orders_all("a")}
    assert told == {
        gone.order_id: (OrderState.CANCELLED, "settlement"),
        day.order_id: (OrderState.CANCELLED, "settlement"),
        stays.order_id: (OrderState.OPEN, None),
    }


def test_a_new_session_starts_at_zero(exchange: Exchange, market: object, request_for: Request) -> None:
    """Realised profit of the session is forgotten, money and perpetual stay."""
    exchange.seed_position("a", "BTC-PERPETUAL", _D(1000))
    market.set_btc(50_500.0)  # type: ignore[attr-defined]
    exchange.advance(Ns(exchange.now_ns + NS_PER_S))
    exchange.submit(request_for("sell", "500", "50300", time_in_force=TimeInForce.IOC))
    before = exchange.summary("a", "BTC")
    _deliver(exchange, market)
    after = exchange.summary("a", "BTC")

    assert before.session_realized_native != 0.0
    assert (after.session_realized_native, after.balance_native) == (0.0, before.balance_native)
    assert exchange.positions("a")[0].size_native == 500
    assert exchange.ticker("BTC-PERPETUAL").settlement_native == 52_000.0


def test_equity_runs_through_delivery(exchange: Exchange) -> None:
    """On a still market nothing is gained or lost by being settled."""
    exchange.seed_position("a", "BTC-24NOV26-60000-P", _D(2))
    exchange.seed_position("a", "BTC-24NOV26", _D(-10_000))
    exchange.advance(Ns(_AT - NS_PER_S))
    before = exchange.summary("a", "BTC").equity_native
    exchange.advance(_AT)

    assert exchange.summary("a", "BTC").equity_native == pytest.approx(before, abs=2e-6)


def test_the_log_explains_every_balance(exchange: Exchange, request_for: Request, market: object, start_ns: Ns) -> None:
    """Fills, funding at settlement and deliveries add up to what the balance did; ids count up."""
    market.premium = 0.001  # type: ignore[attr-defined]
    option = next(item for item in exchange.instruments() if item.is_option and item.base == "BTC" and item.is_inverse)
    before = exchange.balance_native("a", "BTC")
    exchange.seed_position("a", option.id, Decimal(1))
    exchange.submit(request_for("buy", "1000", "50200", time_in_force=TimeInForce.IOC))
    exchange.advance(Ns(start_ns + 23 * 3600 * NS_PER_S))
    log = exchange.log_of("a", "BTC")

    assert [entry.type for entry in log] == ["settlement", "delivery", "trade"]
    assert [entry.log_id for entry in log] == [3, 2, 1]
    assert (log[0].funding_native < 0, log[0].position_native, log[1].position_native) == (True, 1000, 0)
    assert before + sum(entry.change_native for entry in log) == exchange.balance_native("a", "BTC")
    assert log[0].balance_native == exchange.balance_native("a", "BTC")
    assert exchange.log_of("a", "ETH") == exchange.log_of("b", "BTC") == []


@pytest.mark.parametrize(
    ("option", "size", "future_amount"),
    [
        # Settled at 51,000: a call of 2 coins at 59,000 is nothing, a put of 2 at 60,000 sells 120,000 USD there.
        ("BTC-24NOV26-60000-P", "2", "-120000"),
        ("BTC-24NOV26-60000-P", "-1", "60000"),
        ("BTC_USDC-24NOV26-63000-P", "3", "-3"),
        ("BTC-24NOV26-60000-C", "2", None),
    ],
)
def test_options_leave_through_the_future(
    exchange: Exchange, market: object, *, option: str, size: str, future_amount: str | None
) -> None:
    """In the money: two rows of the log, worth the payoff together; out of it one row and nothing (facts 0.3)."""
    exchange.seed_position("a", option, _D(size))
    currency = exchange.instrument(option).settlement_currency
    before = exchange.balance_native("a", currency)
    _deliver(exchange, market)
    rows = [row for row in reversed(exchange.log_of("a", currency)) if row.type == "delivery"]
    payoff = payoff_native(exchange.instrument(option), _D(51_000)) * _D(size)

    assert float(exchange.balance_native("a", currency) - before) == pytest.approx(float(payoff), abs=1e-8)
    assert float(sum(row.change_native for row in rows)) == pytest.approx(float(payoff), abs=1e-8)
    assert rows[0].instrument == option
    expected = [] if future_amount is None else [(option.rsplit("-", 2)[0], -_D(future_amount))]
    assert [(row.instrument, row.amount_native) for row in rows[1:]] == expected
    assert exchange.positions("a") == []


def test_a_future_that_was_held_nets_first(exchange: Exchange, market: object) -> None:
    """What is left of it is settled: worth what each was by itself, to the last digit."""
    exchange.seed_position("a", "BTC-24NOV26", _D(100_000))
    exchange.seed_position("a", "BTC-24NOV26-60000-P", _D(2))
    before = exchange.balance_native("a", "BTC")
    _deliver(exchange, market)
    rest, exercised = (row for row in exchange.log_of("a", "BTC") if row.type == "delivery")
    alone = to_money(_D(100_000) / 50_000 - _D(100_000) / 51_000) + to_money(2 * _D(9_000) / 51_000)

    assert exchange.balance_native("a", "BTC") - before == alone == rest.change_native
    assert (exercised.amount_native, exercised.change_native) == (-2, 0)
    assert (rest.instrument, rest.amount_native) == ("BTC-24NOV26", _D(20_000))
