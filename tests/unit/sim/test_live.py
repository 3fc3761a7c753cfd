"""A real venue as it is heard: its own marks, bands, funding and delivery prices, nothing made up."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, Side, Told, VenueSays
from bot.sim.live import LiveMarket
from bot.sim.memory import AccountKept, HoldingKept
from bot.sim.pit import CLOSED, DELIVERED

_D = Decimal
_HOUR_NS = 3600 * NS_PER_S
_NOW = ns_from_iso("2026-11-23T07:00:00Z")
_EXPIRY = ns_from_iso("2026-11-24T08:00:00Z")


@pytest.fixture
def put(make: Any) -> Any:
    """A put at 50,000 that expires on the morrow."""
    return make.option(id="BTC-24NOV26-50000-P", strike_usd=50_000.0, is_call=False, expiry_ns=_EXPIRY)


@pytest.fixture
def market(make: Any, put: Any) -> LiveMarket:
    """The perpetual and the put, heard once."""
    return LiveMarket(
        [make.perpetual(), put],
        [
            make.future_marked(mark_usd=50_100.0, index_usd=50_000.0, funding_rate_8h=0.0008),
            make.option_marked(
                instrument=put.id, mark_native=0.02, iv_mark=0.6, forward_usd=50_050.0, index_usd=50_000.0
            ),
        ],
        {"btc_usd": 50_000.0},
        {},
    )


@pytest.fixture
def venue(market: LiveMarket, make: Any, put: Any) -> Exchange:
    """An exchange on it with one account that holds a put and 10,000 USD of the perpetual."""
    world = Exchange(seed=0, start_ns=_NOW, market=market, listed=[make.perpetual(), put], takers_scale=None)
    holdings = (
        HoldingKept(instrument=put, amount_native=_D(2), average_native=_D("0.02")),
        HoldingKept(instrument=make.perpetual(), amount_native=_D(10_000), average_native=_D(50_000)),
    )
    world.recall(AccountKept(name="a", at_ns=_NOW, balances={"BTC": _D(10)}, holdings=holdings, first_id=1))
    return world


def test_marks_are_the_venues_own(venue: Exchange, market: LiveMarket, make: Any, put: Any) -> None:
    """Neither rounded nor computed: what the ticker said, and what it left out stays as it was."""
    assert venue.mark("BTC-PERPETUAL") == (50_100.0, None)
    assert venue.mark(put.id) == (0.02, 0.6)

    market.see(make.option_marked(instrument=put.id, mark_native=0.03, iv_mark=None, forward_usd=None))
    market.see(make.future_marked(mark_usd=None, index_usd=51_000.0))
    market.see(make.option_marked(instrument="BTC-24NOV26-60000-C"))
    venue.advance(Ns(_NOW + 1))

    assert venue.mark(put.id) == (0.03, None)
    assert venue.mark("BTC-PERPETUAL") == (50_100.0, None)
    assert venue.index_usd("btc_usd") == 51_000.0
    assert market.forward_usd("BTC", _EXPIRY) == 50_050.0


def test_equity_is_of_these_marks(venue: Exchange) -> None:
    """Balance, value of the option, floating profit of the perpetual; the option's delta by Black-76."""
    summary = venue.summary("a", "BTC")

    floating = 10_000 / 50_000 - 10_000 / 50_100
    assert summary.equity_native == pytest.approx(10.0 + 2 * 0.02 + floating)
    assert -1.05 < summary.options_delta_coin < -0.9


def test_a_band_of_the_venue_is_kept(venue: Exchange, market: LiveMarket, make: Any) -> None:
    """Orders outside what the venue allows are refused with its code, naming the limit."""
    market.see(make.future_marked(price_min_usd=49_000.0, price_max_usd=51_000.0))
    venue.advance(Ns(_NOW + 1))
    request = OrderRequest(
        account="a", instrument="BTC-PERPETUAL", side=Side.BUY, amount_native=_D(10), price_native=_D("51000.5")
    )

    with pytest.raises(VenueSays) as no:
        venue.submit(request)
    assert (no.value.code, no.value.data) == (10007, {"limit": "51000.0"})


def test_funding_accrues_at_the_rate_the_venue_tells(venue: Exchange) -> None:
    """8 bp per 8 hours on 0.2 coins for one hour, although the premium alone would say otherwise."""
    venue.advance(Ns(_NOW + _HOUR_NS))

    assert venue.balance_native("a", "BTC") == pytest.approx(10 - _D("0.2") * _D("0.0001"), abs=_D("1e-9"))


def test_funding_of_an_absence_is_booked_once(venue: Exchange, put: Any) -> None:
    """A share of the notional, paid by the long; an option pays none."""
    venue.pay_funding("a", "BTC-PERPETUAL", 0.01)
    venue.pay_funding("a", put.id, 0.01)

    assert venue.balance_native("a", "BTC") == 10 - _D("0.002")


def test_delivery_waits_for_the_published_price(venue: Exchange, market: LiveMarket, put: Any) -> None:
    """At 08:00 the option is closed and held; the cash comes with the venue's price, not with an average of ours."""
    venue.advance(Ns(_EXPIRY + NS_PER_S))
    balance = venue.balance_native("a", "BTC")
    assert venue.instrument_state(put.id) == CLOSED
    assert put.id in {item.instrument for item in venue.positions("a")}
    with pytest.raises(VenueSays, match="orderbook_closed"):
        venue.submit(OrderRequest(account="a", instrument=put.id, side=Side.SELL, amount_native=_D(1)))

    venue.deliver()
    assert venue.balance_native("a", "BTC") == balance
    market.publish_delivery("btc_usd", _EXPIRY, 40_000.0)
    venue.deliver()
    venue.deliver()

    assert venue.instrument_state(put.id) == DELIVERED
    assert venue.delivery_usd(put.id) == 40_000.0
    assert venue.balance_native("a", "BTC") == balance + 2 * _D("0.25")
    assert put.id not in {item.instrument for item in venue.positions("a")}


def test_a_price_published_in_time_is_used_at_once(venue: Exchange, market: LiveMarket, put: Any) -> None:
    """Nothing to wait for."""
    market.publish_delivery("btc_usd", _EXPIRY, 60_000.0)
    venue.advance(Ns(_EXPIRY + NS_PER_S))

    assert venue.instrument_state(put.id) == DELIVERED


def test_what_was_never_heard_of_does_not_open(make: Any, put: Any) -> None:
    """Every instrument has a ticker, or the mark it was kept with."""
    told = Told(
        mark_native=0.01,
        forward_usd=50_000.0,
        iv_mark=None,
        price_min_native=None,
        price_max_native=None,
        funding_rate_8h=None,
    )
    with pytest.raises(AssertionError, match="nothing was heard"):
        LiveMarket([make.perpetual(), put], [make.future_marked()], {"btc_usd": 1.0}, {})
    opened: Callable[..., LiveMarket] = LiveMarket
    market = opened([make.perpetual(), put], [make.future_marked()], {"btc_usd": 50_000.0}, {put.id: told})
    assert market.told(put) == told
    assert market.iv(put) is None
    assert (market.index_names(), market.forward_name("BTC", _EXPIRY)) == (("btc_usd",), "index_price")
    assert market.forward_usd("BTC", Ns(1)) == 100_000.0
