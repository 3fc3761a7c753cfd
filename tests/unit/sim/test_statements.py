"""What a client is told about positions and money, against hand-computed figures."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec import structs

from bot.domain.time import NS_PER_S, Ns
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, TimeInForce
from bot.sim.pit import Mark
from bot.sim.statements import margins_native, money_needed_native
from bot.sim.valuation import value_and_delta

_D = Decimal
_OPTION = "BTC-24NOV26-60000-C"
Request = Callable[..., OrderRequest]


@pytest.mark.parametrize(
    ("name", "size", "moved_usd", "floating", "delta"),
    [
        # 10,000 (1/50,000 - 1/62,500) = 0.04 coin; delta = 10,000 / 62,500.
        ("BTC-PERPETUAL", "10000", 62_500.0, 0.04, 0.16),
        ("BTC-PERPETUAL", "-10000", 40_000.0, 0.05, -0.25),
        ("BTC_USDC-PERPETUAL", "0.2", 62_500.0, 2_500.0, 0.2),
        ("BTC_USDC-PERPETUAL", "-0.2", 62_500.0, -2_500.0, -0.2),
    ],
)
def test_futures_positions(
    exchange: Exchange,
    market: object,
    start_ns: Ns,
    *,
    name: str,
    size: str,
    moved_usd: float,
    floating: float,
    delta: float,
) -> None:
    """Floating profit and delta of inverse and linear perpetuals, long and short."""
    exchange.seed_position("a", name, _D(size))
    market.set_btc(moved_usd)  # type: ignore[attr-defined]
    exchange.advance(Ns(start_ns + NS_PER_S))
    position = exchange.positions("a")[0]
    currency = exchange.instrument(name).settlement_currency
    summary, balance = exchange.summary("a", currency), exchange.balance_native("a", currency)

    assert position.floating_profit_native == pytest.approx(floating)
    assert position.delta_coin == pytest.approx(delta)
    assert summary.equity_native == pytest.approx(int(balance) + floating)
    assert summary.delta_total_coin == pytest.approx(delta)
    assert summary.available_native == pytest.approx(summary.equity_native - summary.margin_initial_native)


def test_options_enter_delta_total_without_their_premium(exchange: Exchange) -> None:
    """delta_total takes the value off, its map does not (exchange facts 2.3)."""
    exchange.seed_position("a", _OPTION, _D(-2))
    exchange.seed_position("a", "BTC-PERPETUAL", _D(10_000))
    option, perpetual = exchange.positions("a")
    summary = exchange.summary("a", "BTC")

    assert summary.options_value_native == pytest.approx(-2 * option.mark_native)
    assert summary.equity_native == pytest.approx(10 - 2 * option.mark_native)
    assert summary.options_delta_coin == pytest.approx(option.delta_coin)
    assert summary.delta_total_coin == pytest.approx(
        perpetual.delta_coin + option.delta_coin - summary.options_value_native
    )
    assert summary.delta_total_by_index == {"btc_usd": pytest.approx(perpetual.delta_coin + option.delta_coin)}


def test_option_delta_agrees_with_bumping_the_equity(exchange: Exchange, market: object, start_ns: Ns) -> None:
    """delta_total is what coin equity gains per relative move of the index (theory 1.3): S dE/dS."""
    exchange.seed_position("a", "BTC-24NOV26-59000-P", _D(3))
    exchange.seed_position("a", "BTC-PERPETUAL", _D(-20_000))
    told = exchange.summary("a", "BTC").delta_total_coin
    equities = []
    for second, usd in ((1, 50_050.0), (2, 49_950.0)):
        market.set_btc(usd)  # type: ignore[attr-defined]
        exchange.advance(Ns(start_ns + second * 1000))
        equities.append(exchange.summary("a", "BTC").equity_native)

    assert 50_000.0 * (equities[0] - equities[1]) / 100.0 == pytest.approx(told, rel=2e-3)


def test_deltas_decay_in_the_settlement_window(exchange: Exchange) -> None:
    """A quarter of an hour before 08:00 what expires has half its delta, the perpetual all of it."""
    for name, size in (("BTC-24NOV26-60000-P", "1"), ("BTC-24NOV26", "50000"), ("BTC-PERPETUAL", "50000")):
        exchange.seed_position("a", name, _D(size))
    exchange.advance(Ns(exchange.instrument("BTC-24NOV26").expiry_ns - 900 * NS_PER_S))  # type: ignore[operator]

    assert [position.delta_coin for position in exchange.positions("a")] == pytest.approx([-0.5, 0.5, 1.0], abs=1e-4)
    assert exchange.ticker("BTC-24NOV26-60000-P").greeks.delta == pytest.approx(-0.5, abs=1e-4)  # type: ignore[union-attr]


def test_premium_decays_with_the_delta_in_the_settlement_window(exchange: Exchange) -> None:
    """delta_total takes off the decayed value of what expires; the value itself is shown whole (exchange facts 2.5)."""
    exchange.seed_position("a", "BTC-24NOV26-60000-P", _D(1))
    exchange.seed_position("a", "BTC-27NOV26-60000-C", _D(1))
    exchange.advance(Ns(exchange.instrument("BTC-24NOV26").expiry_ns - 900 * NS_PER_S))  # type: ignore[operator]
    expiring, other = exchange.positions("a")
    summary = exchange.summary("a", "BTC")

    assert summary.options_value_native == pytest.approx(0.2 + other.mark_native, abs=1e-4)
    assert summary.delta_total_coin == pytest.approx(-0.5 - 0.1 + other.delta_coin - other.mark_native, abs=1e-3)
    assert summary.delta_total_by_index["btc_usd"] == pytest.approx(expiring.delta_coin + other.delta_coin)


def test_projected_figures_leave_out_what_expires_next(exchange: Exchange) -> None:
    """As in the venue's own example: the futures and later options remain, with their margin."""
    for name, size in (("BTC-24NOV26-60000-C", -2), ("BTC-24NOV26", 10_000), ("BTC-PERPETUAL", 25_000)):
        exchange.seed_position("a", name, _D(size))
    summary = exchange.summary("a", "BTC")

    assert summary.delta_total_projected_coin == pytest.approx(0.5)
    assert summary.margin_initial_projected_native == pytest.approx(0.01)
    assert summary.margin_maintenance_projected_native == pytest.approx(0.005)
    assert summary.margin_initial_native == pytest.approx(0.01 + 0.004 + 0.2, abs=1e-3)


def test_greeks_are_mapped_by_index(exchange: Exchange) -> None:
    """Dollar accounts hold several indices; a coin's own is there without a position, without greeks of options."""
    for name in ("BTC_USDC-24NOV26-63000-C", "ETH_USDC-24NOV26-3300-C"):
        exchange.seed_position("a", name, _D(1))
    dollars, coins = exchange.summary("a", "USDC"), exchange.summary("a", "BTC")

    assert list(dollars.options_gamma_by_index) == list(dollars.delta_total_by_index) == ["btc_usdc", "eth_usdc"]
    assert sum(dollars.options_vega_by_index.values()) == pytest.approx(dollars.options_vega)
    assert (coins.delta_total_by_index, coins.options_theta_by_index) == ({"btc_usd": 0.0}, {})


@pytest.mark.parametrize(
    ("name", "amount", "expected"),
    [
        # 2 % and 1 % of 0.2 coin.
        ("BTC-PERPETUAL", -10_000.0, (0.004, 0.002)),
        ("BTC_USDC-PERPETUAL", 0.2, (200.0, 100.0)),
        ("BTC-24NOV26-60000-C", 2.0, (0.0, 0.0)),
        # A fifth out of the money: the floor of 10 % of a coin, plus the mark of 0.01.
        ("BTC-24NOV26-60000-C", -2.0, (0.22, 0.12)),
        # In the money: 15 %.
        ("BTC-24NOV26-60000-P", -1.0, (0.16, 0.085)),
    ],
)
def test_margins(exchange: Exchange, *, name: str, amount: float, expected: tuple[float, float]) -> None:
    """Initial and maintenance margin of the standard model."""
    instrument = exchange.instrument(name)
    mark = Mark(mark_native=0.01 if instrument.is_option else 50_000.0, index_usd=50_000.0)

    assert margins_native(instrument, amount, mark) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("held", "amount", "expected"),
    [
        (0.0, 10_000.0, 0.004 + 0.00007),
        (-10_000.0, 10_000.0, 0.0),
        (-10_000.0, 20_000.0, 0.004 + 0.00007),
        (5_000.0, 10_000.0, 0.004 + 0.00007),
    ],
)
def test_only_the_opening_part_needs_money(exchange: Exchange, held: float, amount: float, expected: float) -> None:
    """Closing is free; what goes beyond flat is margin and fee."""
    mark = Mark(mark_native=50_000.0, index_usd=50_000.0)

    needed = money_needed_native(exchange.instrument("BTC-PERPETUAL"), held, amount, 50_000.0, mark)

    assert needed == pytest.approx(expected)


def test_bought_and_sold_options_need_premium_or_margin(exchange: Exchange) -> None:
    """A buyer needs premium and fee, a writer margin less the premium received, plus fee."""
    mark = Mark(mark_native=0.01, index_usd=50_000.0)
    instrument = exchange.instrument("BTC-24NOV26-60000-C")

    assert money_needed_native(instrument, 0.0, 2.0, 0.011, mark) == pytest.approx(0.022 + 0.0006)
    assert money_needed_native(instrument, 0.0, -2.0, 0.009, mark) == pytest.approx(0.22 - 0.018 + 0.0006)


def test_greeks_of_a_position_are_signed(exchange: Exchange) -> None:
    """A short call is short gamma and vega and earns theta."""
    exchange.seed_position("a", "BTC-27NOV26-64000-C", _D(-2))
    position = exchange.positions("a")[0]
    mark = exchange.ticker("BTC-27NOV26-64000-C")
    _, delta = value_and_delta(50_000.0, 64_000.0, 0.5, _tau(exchange), is_call=True)

    assert position.delta_coin == pytest.approx(-2 * delta)
    assert position.gamma_coin_per_usd < 0 < position.theta_usd_per_day
    assert position.vega_usd_per_point == pytest.approx(-2 * (mark.greeks.vega if mark.greeks else 0.0), abs=1e-4)


def _tau(exchange: Exchange) -> float:
    expiry_ns = exchange.instrument("BTC-27NOV26-64000-C").expiry_ns
    assert expiry_ns is not None, "an option expires"
    return (expiry_ns - exchange.now_ns) / NS_PER_S / 86_400 / 365


def test_fees_and_realised_profit_are_summed(exchange: Exchange, request_for: Request) -> None:
    """The summary's fees are those of the trades, the equity what is left of the balance."""
    for side in ("buy", "sell"):
        exchange.submit(
            request_for(side, "10000", "50000.5" if side == "buy" else "50000", time_in_force=TimeInForce.IOC)
        )
    summary = exchange.summary("a", "BTC")
    fees = sum((trade.fee_native or _D(0) for trade in exchange.trades_of("a")), _D(0))
    profit = sum((trade.profit_native or _D(0) for trade in exchange.trades_of("a")), _D(0))

    assert _D(str(summary.fees_paid_native)) == fees == _D("0.00014")
    assert _D(str(summary.session_realized_native)) == profit < 0
    assert exchange.balance_native("a", "BTC") == 10 + profit - fees


def test_figures_of_an_empty_currency_are_numbers_like_any(exchange: Exchange) -> None:
    """A whole number of another type would not come back from a tape as it was written."""
    summary = structs.asdict(exchange.summary("a", "USDC"))

    plain = {name: value for name, value in summary.items() if name not in {"currency", "delta_total_by_index"}}
    assert {type(value) for value in plain.values() if not isinstance(value, dict)} == {float}
