"""What is listed, and with which grids."""

from collections import Counter
from decimal import Decimal

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import Ns, expiry_code, ns_from_iso
from bot.domain.units import tick_at
from bot.sim.listing import build_listing, described, expiries_ns, newly_listed, perpetual_elsewhere

_D = Decimal


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        # A Monday: three days, two Fridays, the last Fridays of November (already there) and December.
        ("2026-11-23T09:00:00Z", ["24NOV26", "25NOV26", "26NOV26", "27NOV26", "4DEC26", "25DEC26"]),
        # One second before settlement, that settlement is the first expiry; at it, it is over.
        ("2026-11-24T07:59:59Z", ["24NOV26", "25NOV26", "26NOV26", "27NOV26", "4DEC26", "25DEC26"]),
        ("2026-11-24T08:00:00Z", ["25NOV26", "26NOV26", "27NOV26", "4DEC26", "25DEC26"]),
        ("2026-12-01T00:00:00Z", ["1DEC26", "2DEC26", "3DEC26", "4DEC26", "11DEC26", "25DEC26", "29JAN27"]),
    ],
)
def test_expiries(start: str, expected: list[str]) -> None:
    """Days, Fridays and month ends, each once, in order."""
    assert [expiry_code(expiry) for expiry in expiries_ns(ns_from_iso(start))] == expected


def test_counts(start_ns: Ns) -> None:
    """Perpetuals, a future per expiry, thirteen strikes times two, some linear ones."""
    listed = build_listing(start_ns)
    counts = Counter((item.base, item.kind, item.settlement) for item in listed)

    for base in ("BTC", "ETH"):
        assert counts[base, Kind.PERPETUAL, Settlement.COIN] == counts[base, Kind.PERPETUAL, Settlement.USD] == 1
        assert counts[base, Kind.FUTURE, Settlement.COIN] == 6
        assert counts[base, Kind.FUTURE, Settlement.USD] == 2
        assert counts[base, Kind.OPTION, Settlement.COIN] == 6 * 13 * 2
        assert counts[base, Kind.OPTION, Settlement.USD] == 2 * 5 * 2
    assert len({item.id for item in listed}) == len(listed)


@pytest.mark.parametrize(
    ("name", "lot", "prices", "currency", "index"),
    [
        ("BTC-PERPETUAL", "10", {"65000": "0.5"}, "BTC", "btc_usd"),
        ("ETH-PERPETUAL", "1", {"3400": "0.05"}, "ETH", "eth_usd"),
        ("BTC_USDC-PERPETUAL", "0.0001", {"65000": "0.1"}, "USDC", "btc_usdc"),
        ("BTC-24NOV26", "10", {"65000": "2.5"}, "BTC", "btc_usd"),
        ("BTC-24NOV26-65000-C", "0.1", {"0.005": "0.0001", "0.0051": "0.0005"}, "BTC", "btc_usd"),
        ("ETH-24NOV26-3400-P", "1", {"0.005": "0.0001", "0.1": "0.0005"}, "ETH", "eth_usd"),
        ("BTC_USDC-24NOV26-65000-P", "0.01", {"1000": "5", "1001": "20"}, "USDC", "btc_usdc"),
    ],
)
def test_grids(start_ns: Ns, *, name: str, lot: str, prices: dict[str, str], currency: str, index: str) -> None:
    """Lots and tick ladders of the venue."""
    item = next(item for item in build_listing(start_ns) if item.id == name)

    assert (item.lot_native, item.settlement_currency, item.index_name) == (_D(lot), currency, index)
    assert {price: str(tick_at(item, _D(price))) for price in prices} == prices


def _rates(item: Instrument) -> tuple[Decimal, Decimal]:
    return item.fee_rate_maker, item.fee_rate_taker


def test_fee_rates(start_ns: Ns) -> None:
    """1.5 / 3.5 bp for futures, 3 bp of the underlying for options (exchange facts 0.4, 2.7)."""
    rates = {item.kind: _rates(item) for item in build_listing(start_ns)}

    assert rates == {
        Kind.PERPETUAL: (_D("0.00015"), _D("0.00035")),
        Kind.FUTURE: (_D("0.00015"), _D("0.00035")),
        Kind.OPTION: (_D("0.0003"), _D("0.0003")),
    }


def test_every_expiry_of_options_has_its_future(start_ns: Ns) -> None:
    """Inverse and linear (exchange facts 0.3)."""
    listed = {item.id for item in build_listing(start_ns)}

    assert {name.rsplit("-", 2)[0] for name in listed if name.count("-") == 3} <= listed


def test_a_settlement_adds_whole_expiries_around_the_index(start_ns: Ns) -> None:
    """What was listed stays as it is; the second day from now gets linear options, the third everything."""
    known = build_listing(start_ns)
    at_ns = ns_from_iso("2026-11-24T08:00:00Z")
    added = newly_listed(at_ns, known, {"btc_usd": 50_200.0, "eth_usd": 90.0}.__getitem__)

    assert {(item.base, item.settlement, expiry_code(item.expiry_ns or Ns(0))) for item in added} == {
        (base, Settlement.USD, "26NOV26") for base in ("BTC", "ETH")
    }
    later = newly_listed(ns_from_iso("2026-11-28T08:00:00Z"), known, {"btc_usd": 50_200.0, "eth_usd": 90.0}.__getitem__)
    strikes = [item.strike_usd for item in later if item.id.startswith("BTC-29NOV26-")]
    assert (min(strikes), max(strikes)) == (44_000.0, 56_000.0)
    assert all(item.strike_usd > 0 for item in later if item.strike_usd is not None)


def test_a_perpetual_elsewhere_has_its_own_index(start_ns: Ns) -> None:
    """Under its venue's name, linear."""
    item = perpetual_elsewhere(InstrumentId("OKX:BTC-USDT-SWAP"), "BTC")

    assert (item.venue, item.kind, item.settlement) == ("okx", Kind.PERPETUAL, Settlement.USD)
    assert item.index_name not in {listed.index_name for listed in build_listing(start_ns)}


def test_a_name_describes_its_instrument(start_ns: Ns) -> None:
    """Whatever is listed can be told from its name alone."""
    assert [described(item.id) for item in build_listing(start_ns)] == list(build_listing(start_ns))


@pytest.mark.parametrize(
    "name", ["", "BTC", "SOL-PERPETUAL", "BTC_USDT-PERPETUAL", "BTC-14APR23-30000-X", "BTC-1-2-3-4"]
)
def test_a_name_of_nothing_is_refused(name: str) -> None:
    """It says which coins there are, or that it is no name."""
    with pytest.raises(ValueError, match=r"BTC and ETH can|name of no option|has no month"):
        described(name)
