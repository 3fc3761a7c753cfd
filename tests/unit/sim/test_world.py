"""One call makes a venue."""

from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
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


def test_a_run_of_days_never_runs_out_of_instruments(start_ns: Ns) -> None:
    """A week on there are three dailies with options and futures, quoted on both sides around the index of then."""
    venue = build_exchange(1, start_ns)
    venue.advance(Ns(start_ns + 7 * NS_PER_DAY))
    names = [item.id for item in venue.instruments() if venue.instrument_state(item.id) == "open"]
    added = [name for name in names if venue.created_ns(name) is not None]
    dailies = ("BTC-1DEC26", "BTC-2DEC26", "BTC-3DEC26", "BTC_USDC-1DEC26", "BTC_USDC-2DEC26")

    assert set(dailies) <= set(added)
    assert all(sum(name.startswith(f"{daily}-") for name in added) >= 10 for daily in dailies)
    near = min(
        (name for name in added if name.startswith("BTC-2DEC26-") and name.endswith("-C")),
        key=lambda name: abs(float(name.split("-")[2]) - venue.index_usd("btc_usd")),
    )
    touch = venue.touch(near)
    assert None not in (touch.bid_native, touch.ask_native)
    assert venue.ticker(near).settlement_native is not None
    assert venue.created_ns("BTC-PERPETUAL") is None
