"""What a ticker shows."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec import structs

from bot.domain.time import NS_PER_S, Ns
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, TimeInForce
from bot.sim.listing import build_listing
from bot.sim.market import Market
from bot.sim.valuation import iv_of_price

_D = Decimal
Request = Callable[..., OrderRequest]


def test_a_perpetual_ticker(exchange: Exchange, market: object, start_ns: Ns) -> None:
    """Touch, band of 1.5 %, funding; nothing of options."""
    market.premium = 0.00125  # type: ignore[attr-defined]
    exchange.advance(Ns(start_ns + NS_PER_S))
    ticker = exchange.ticker("BTC-PERPETUAL")

    assert (ticker.mark_native, ticker.index_usd, ticker.time_ns) == (50_062.5, 50_000.0, start_ns + NS_PER_S)
    assert (ticker.price_min_native, ticker.price_max_native) == (_D("49312.0"), _D("50813.0"))
    assert ticker.touch == exchange.touch("BTC-PERPETUAL")
    assert ticker.funding_rate_current_8h == pytest.approx(0.001)
    assert (ticker.greeks, ticker.forward_usd, ticker.iv_mark_percent, ticker.iv_bid_percent) == (None,) * 4
    assert (ticker.last_native, ticker.high_native, ticker.price_change_percent, ticker.volume_coin) == (
        None,
        None,
        None,
        0.0,
    )
    assert ticker.settlement_native == 50_000.0


def test_an_option_ticker(exchange: Exchange) -> None:
    """Volatilities of the touch straddle the mark's, greeks have five decimals, no funding."""
    name = "BTC-24NOV26-59000-P"
    near = exchange.ticker("BTC-27NOV26-52000-P")
    ticker = exchange.ticker(name)

    assert (ticker.forward_usd, ticker.forward_name, ticker.estimated_delivery_usd) == (
        50_000.0,
        "BTC-24NOV26",
        50_000.0,
    )
    assert ticker.greeks is not None
    assert ticker.greeks.delta == round(ticker.greeks.delta, 5)
    assert ticker.funding_rate_current_8h is None
    # Deep in the money the bid is at or below intrinsic value and has no volatility.
    assert ticker.iv_bid_percent is None
    assert near.iv_bid_percent is not None
    assert near.iv_ask_percent is not None
    assert near.iv_bid_percent < 50.0 < near.iv_ask_percent


@pytest.mark.parametrize("name", ["BTC-PERPETUAL", "BTC-24NOV26-59000-P"])
def test_a_quote_is_what_its_ticker_says(exchange: Exchange, name: str) -> None:
    """Figure by figure."""
    quote, ticker = exchange.quote(name), exchange.ticker(name)

    assert structs.asdict(quote) == {field: getattr(ticker, field) for field in quote.__struct_fields__}


def test_quote_volatility_reprices_the_quote(exchange: Exchange) -> None:
    """The volatility of the bid is the one its price has on the ticker's own forward."""
    ticker = exchange.ticker("BTC-27NOV26-52000-C")
    bid = ticker.touch.bid_native
    assert bid is not None, "an option worth this much has a bid"
    tau = (exchange.instrument("BTC-27NOV26-52000-C").expiry_ns - exchange.now_ns) / NS_PER_S / 86_400 / 365  # type: ignore[operator]

    iv = iv_of_price(50_000.0 * int(bid * 10_000) / 10_000, 50_000.0, 52_000.0, tau, is_call=True, iv_start=0.5)

    assert ticker.iv_bid_percent == pytest.approx(100.0 * (iv or 0.0), abs=0.02)


def test_bands_of_options_stay_above_zero(exchange: Exchange) -> None:
    """A cheap option may be sold for one tick and bought four hundredths of a coin above its mark."""
    ticker = exchange.ticker("BTC-24NOV26-66000-C")

    assert (ticker.price_min_native, ticker.price_max_native) == (_D("0.0001"), _D("0.0400"))


def test_trades_show_in_the_ticker(exchange: Exchange, request_for: Request) -> None:
    """Last, high, low and change; where nobody but clients trades, theirs is no market's volume."""
    for amount in ("1000", "2000"):
        exchange.submit(request_for("buy", amount, "50100", time_in_force=TimeInForce.IOC))
    exchange.submit(request_for("sell", "1000", "49900", time_in_force=TimeInForce.IOC))
    ticker = exchange.ticker("BTC-PERPETUAL")

    assert (ticker.last_native, ticker.high_native, ticker.low_native) == (_D(50_000), _D("50000.5"), _D(50_000))
    assert ticker.price_change_percent == -0.001
    assert (ticker.volume_coin, ticker.volume_usd) == (0.0, 0.0)


def test_volume_begins_with_what_strangers_took_the_day_before(
    market: Market, start_ns: Ns, request_for: Request
) -> None:
    """389 million USD at the fitted intensity; a client's trade is added. An option begins with nothing."""
    exchange = Exchange(seed=7, start_ns=start_ns, market=market, listed=build_listing(start_ns), takers_scale=0.5)
    exchange.open_account("a", {"BTC": _D(10)})
    before = exchange.ticker("BTC-PERPETUAL")
    exchange.submit(request_for("buy", "1000", "50100", time_in_force=TimeInForce.IOC))
    after = exchange.ticker("BTC-PERPETUAL")

    assert before.volume_usd == pytest.approx(0.5 * 388.6e6, rel=1e-3)
    assert before.volume_coin == pytest.approx(before.volume_usd / 50_000.0)
    assert after.volume_usd - before.volume_usd == pytest.approx(1_000.0, rel=1e-3)
    assert exchange.ticker("BTC-27NOV26-52000-C").volume_usd == 0.0


def test_the_estimate_leaves_the_index_only_in_the_window(exchange: Exchange, market: object) -> None:
    """Half way through, half the average and half the index; other expiries show the index."""
    expiry_ns = exchange.instrument("BTC-24NOV26").expiry_ns
    assert expiry_ns is not None, "a dated future expires"
    exchange.advance(Ns(expiry_ns - 900 * NS_PER_S))
    market.set_btc(51_000.0)  # type: ignore[attr-defined]
    exchange.advance(Ns(expiry_ns - 900 * NS_PER_S + 1))

    assert exchange.ticker("BTC-24NOV26-60000-P").estimated_delivery_usd == pytest.approx(50_500.0, abs=0.01)
    assert exchange.ticker("BTC-25NOV26-60000-P").estimated_delivery_usd == 51_000.0
    assert exchange.ticker("BTC-PERPETUAL").estimated_delivery_usd == 51_000.0
