"""Chains of a snapshot: apart by coin and settlement, prices in dollars, expired ones left out."""

import math

import pytest
from msgspec.structs import replace

from bot.app.greeks.smiles import chain_of, surfaces_of
from bot.app.greeks.snapshot import Snapshot
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Settlement
from bot.domain.time import Ns, ns_from_iso

_INVERSE, _LINEAR = InstrumentId("BTC-24APR26-100000-C"), InstrumentId("BTC_USDC-24APR26-100000-C")


def test_each_settlement_has_its_surface(market: Snapshot) -> None:
    """Coins and dollars quote the same volatility here: both surfaces find it, at either expiry."""
    found = surfaces_of(market, [market.listed[_INVERSE], market.listed[_LINEAR]])
    years = 35.0 / 365.0

    assert set(found) == {("BTC", Settlement.COIN), ("BTC", Settlement.USD)}
    for surface in found.values():
        assert [item.expiry for item in surface.expiries] == ["27MAR26", "24APR26"]
        assert surface.iv(0.0, years) == pytest.approx(0.6, abs=0.01)
        z = 0.1 / math.sqrt(years)
        assert surface.iv(0.1, years) == pytest.approx(0.6 - 0.05 * z + 0.06 * z * z, abs=0.01)


def test_only_the_wanted_chains_are_fitted(market: Snapshot) -> None:
    """Nobody asked for dollars."""
    assert set(surfaces_of(market, [market.listed[_INVERSE]])) == {chain_of(market.listed[_INVERSE])}
    assert surfaces_of(market, []) == {}


def _at(market: Snapshot, text: str) -> Snapshot:
    """The same quotes, seen at another moment."""
    now_ns = ns_from_iso(text)
    quotes = {name: quote._replace(time_ns=now_ns) for name, quote in market.quotes.items()}
    return replace(market, now_ns=now_ns, quotes=quotes)


def test_an_old_quote_shapes_no_smile(market: Snapshot) -> None:
    """Eleven minutes later nothing of it is believed; within ten all of it is."""
    later = {minutes: replace(market, now_ns=Ns(market.now_ns + minutes * 60 * 10**9)) for minutes in (9, 11)}

    assert len(surfaces_of(later[9], [market.listed[_INVERSE]])) == 1
    assert surfaces_of(later[11], [market.listed[_INVERSE]]) == {}


def test_an_expired_chain_is_left_out(market: Snapshot) -> None:
    """After the first expiry only the second is left; after both, nothing."""
    between, after = (_at(market, text) for text in ("2026-03-27T08:00:00Z", "2026-04-24T08:00:00Z"))
    (surface,) = surfaces_of(between, [market.listed[_INVERSE]]).values()

    assert [item.expiry for item in surface.expiries] == ["24APR26"]
    assert surfaces_of(after, [market.listed[_INVERSE]]) == {}
