"""One call makes a venue."""

from bot.domain.time import NS_PER_S, Ns
from bot.sim.world import build_exchange, build_listing


def test_a_venue_from_a_seed(start_ns: Ns) -> None:
    """It has the whole listing, quotes both sides of its perpetual, and moves."""
    venue = build_exchange(1, start_ns)
    before = venue.index_usd("btc_usd")
    venue.advance(Ns(start_ns + NS_PER_S))
    touch = venue.touch("BTC-PERPETUAL")

    assert venue.instruments() == build_listing(start_ns)
    assert touch.bid_native is not None
    assert touch.ask_native is not None
    assert touch.bid_native < touch.ask_native
    assert venue.index_usd("btc_usd") != before


def test_a_wild_world(start_ns: Ns) -> None:
    """vol_scale reaches the marks."""
    calm, wild = build_exchange(1, start_ns), build_exchange(1, start_ns, vol_scale=3.0)
    name = "BTC-24NOV26-65000-C"

    assert wild.ticker(name).mark_native > 2.5 * calm.ticker(name).mark_native
