"""Facts of the simulated venue as events: units, signs, absences."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns, ns_from_iso
from bot.sim import facts
from bot.sim.world import build_exchange
from bot.venues import sim_codec

_NOW = Ns(1_000)
ACCOUNT = "bot"


@pytest.fixture
def exchange() -> Any:
    """A drawn world; the account is open and flat."""
    world = build_exchange(3, ns_from_iso("2026-11-23T09:00:00Z"))
    world.open_account(ACCOUNT, {"BTC": Decimal(10), "ETH": Decimal(100), "USDC": Decimal(1_000_000)})
    return world


@pytest.fixture
def option(exchange: Any) -> str:
    """Some option that is quoted."""
    return next(spec.id for spec in exchange.instruments() if spec.is_option and spec.base == "BTC")


def test_an_option_ticker_has_volatility_as_a_fraction(exchange: Any, option: str) -> None:
    """Percent at the venue, fraction here; forward and index in USD."""
    ticker = exchange.ticker(option)
    marked = sim_codec.marked(ticker, _NOW, is_option=True)

    assert isinstance(marked, OptionMarked)
    assert marked.iv_mark == ticker.iv_mark_percent / 100.0
    assert (marked.forward_usd, marked.index_usd, marked.is_open) == (ticker.forward_usd, ticker.index_usd, True)
    assert (marked.received_ns, marked.venue_ns) == (_NOW, ticker.time_ns)


def test_what_a_ticker_lacks_is_none(exchange: Any, option: str) -> None:
    """An empty side, no volatility, a closed book: never zero."""
    nothing = facts.Touch(bid_native=None, bid_amount_native=None, ask_native=None, ask_amount_native=None)
    ticker = structs.replace(exchange.ticker(option), touch=nothing, iv_mark_percent=None, state="closed")
    marked = sim_codec.marked(ticker, _NOW, is_option=True)

    assert isinstance(marked, OptionMarked)
    assert (marked.bid_native, marked.ask_native, marked.iv_mark, marked.is_open) == (None, None, None, False)
    assert (marked.bid_amount_native, marked.ask_amount_native) == (None, None)


def test_a_perpetual_ticker_has_its_price_band_and_funding(exchange: Any) -> None:
    """Touch inside the band, in USD."""
    ticker = exchange.ticker("BTC-PERPETUAL")
    marked = sim_codec.marked(ticker, _NOW, is_option=False)

    assert isinstance(marked, FutureMarked)
    assert marked.price_min_usd < marked.bid_usd < marked.ask_usd < marked.price_max_usd
    assert (marked.mark_usd, marked.funding_rate_8h) == (ticker.mark_native, ticker.funding_rate_current_8h)
    assert marked.volume_usd_per_day == ticker.volume_usd > 1e8
    alone = sim_codec.marked(structs.replace(ticker, volume_usd=0.0), _NOW, is_option=False)
    assert isinstance(alone, FutureMarked)
    assert alone.volume_usd_per_day is None


@pytest.mark.parametrize(("side", "sign"), [(facts.Side.BUY, 1), (facts.Side.SELL, -1)])
def test_orders_and_fills_are_signed_by_the_accounts_own_side(exchange: Any, side: facts.Side, sign: int) -> None:
    """+ bought, - sold; fees positive; the label comes along, or None where there is none."""
    touch = exchange.touch("BTC-PERPETUAL")
    price = touch.ask_native + 50 if sign > 0 else touch.bid_native - 50
    request = facts.OrderRequest(
        account=ACCOUNT,
        instrument="BTC-PERPETUAL",
        side=side,
        amount_native=Decimal(10),
        price_native=price,
        time_in_force=facts.TimeInForce.IOC,
        label="hb1",
    )
    order, trades = exchange.submit(request)
    fill = sim_codec.filled(trades[0], _NOW)

    assert (fill.amount_native, fill.label, fill.is_maker, fill.fee_currency) == (
        sign * Decimal(10),
        "hb1",
        False,
        "BTC",
    )
    assert fill.fee_native > 0
    assert sim_codec.filled(structs.replace(trades[0], label=""), _NOW).label is None
    updated = sim_codec.updated(order, _NOW)
    assert (updated.state, updated.filled_native, updated.label) == (VenueOrderState.FILLED, Decimal(10), "hb1")
    seen = sim_codec.order_seen(order)
    assert (seen.amount_native, seen.filled_native, seen.price_native) == (sign * Decimal(10), Decimal(10), price)
    position = next(item for item in exchange.positions(ACCOUNT) if item.instrument == "BTC-PERPETUAL")
    assert sim_codec.position_seen(position).amount_native == sign * Decimal(10)


def test_account_figures_are_of_one_currency(exchange: Any) -> None:
    """All from the same message."""
    seen = sim_codec.account_seen(exchange.summary(ACCOUNT, "BTC"), _NOW)

    assert (seen.currency, seen.balance_native, seen.equity_native) == ("BTC", 10.0, 10.0)
    assert (seen.margin_initial_native, seen.delta_coin_options, seen.received_ns) == (0.0, 0.0, _NOW)


def test_account_and_position_say_the_same_greeks(exchange: Any) -> None:
    """One option held: its position's greeks are the account's; the total has the premium taken off, the map not."""
    name = next(spec.id for spec in exchange.instruments() if spec.is_option and spec.base == "BTC")
    exchange.seed_position(ACCOUNT, name, Decimal(2))
    seen = sim_codec.account_seen(exchange.summary(ACCOUNT, "BTC"), _NOW)
    held = sim_codec.position_seen(next(item for item in exchange.positions(ACCOUNT) if item.instrument == name))

    assert seen.delta_coin_options == held.delta_coin == seen.delta_coin_by_index["btc_usd"] != 0.0
    assert seen.delta_coin_total == pytest.approx(seen.delta_coin_options - seen.options_value_native, abs=1e-12)
    assert (seen.gamma_coin_per_usd_options, seen.vega_usd_per_point_options, seen.theta_usd_per_day_options) == (
        held.gamma_coin_per_usd,
        held.vega_usd_per_point,
        held.theta_usd_per_day,
    )


def test_a_public_trade_is_no_fill() -> None:
    """Without an order id it is not of this account: a bug."""
    with pytest.raises(AssertionError, match="no order"):
        sim_codec.filled(_public_trade(), _NOW)


def _public_trade() -> facts.Trade:
    return facts.Trade(
        trade_id="1",
        trade_seq=1,
        instrument="BTC-PERPETUAL",
        side=facts.Side.BUY,
        amount_native=Decimal(10),
        price_native=Decimal(65_000),
        time_ns=_NOW,
        mark_native=65_000.0,
        index_usd=65_000.0,
        iv_percent=None,
        tick_direction=0,
    )


def test_an_order_is_asked_for_as_the_venue_takes_it(make: Any) -> None:
    """Unsigned amount with a side, immediate or cancel, with its label and its end."""
    command = make.place("hb1", "-30")
    request = sim_codec.request(command, "me")

    assert (request.account, request.side, request.amount_native) == ("me", facts.Side.SELL, Decimal(30))
    assert request.time_in_force is facts.TimeInForce.IOC
    assert (request.label, request.valid_until_ns) == ("hb1", command.valid_until_ns)
    assert sim_codec.request(make.place("hb1", "30"), "me").side is facts.Side.BUY


def test_a_no_is_read_by_its_code(make: Any) -> None:
    """A definite one refuses; one that leaves it open is unknown."""
    refused = sim_codec.refused(make.place(), facts.VenueSays(10009, "not_enough_funds"), _NOW)
    assert isinstance(refused, ev.OrderRefused)
    assert (refused.code, refused.name, refused.label) == (10009, "not_enough_funds", "hb1")
    unknown = sim_codec.refused(make.place(), facts.VenueSays(11094, "internal_server_error"), _NOW)
    assert isinstance(unknown, ev.OrderUnknown)
    assert unknown.cause == "11094 internal_server_error"


@pytest.mark.parametrize("rest_until_ns", [None, Ns(5_000)])
def test_an_order_rests_post_only_or_not_at_all(make: Any, rest_until_ns: Ns | None) -> None:
    """Resting: good-till-cancelled, rejected where it would cross; else immediate-or-cancel."""
    request = sim_codec.request(make.place(rest_until_ns=rest_until_ns), ACCOUNT)
    told = (request.time_in_force, request.post_only, request.reject_post_only)

    if rest_until_ns is None:
        assert told == (facts.TimeInForce.IOC, False, False)
    else:
        assert told == (facts.TimeInForce.GTC, True, True)
