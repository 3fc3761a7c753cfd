"""A made-up chain at one moment: two expiries around 100,000 USD, coin- and dollar-settled, and a perpetual."""

import math
from decimal import Decimal

import pytest

from bot.app.greeks.snapshot import Quote, Snapshot
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import Ns, expiry_ns_from_code, ns_from_iso
from bot.pricing import black76

NOW = ns_from_iso("2026-03-20T08:00:00Z")
_INDEX = 100_000.0
_FORWARDS = {"27MAR26": 100_500.0, "24APR26": 102_000.0}


def instrument(name: str) -> Instrument:
    """An instrument of the chain by its name."""
    parts = name.split("-")
    is_option, is_linear = len(parts) == 4, "_" in parts[0]
    return Instrument(
        id=InstrumentId(name),
        venue=VenueId("deribit"),
        kind=Kind.OPTION if is_option else Kind.PERPETUAL,
        base="BTC",
        settlement=Settlement.USD if is_linear else Settlement.COIN,
        settlement_currency="USDC" if is_linear else "BTC",
        index_name="btc_usdc" if is_linear else "btc_usd",
        contract_size_native=Decimal(1),
        lot_native=Decimal("0.1"),
        tick_native=Decimal("0.0001"),
        fee_rate_maker=Decimal(0),
        fee_rate_taker=Decimal(0),
        expiry_ns=expiry_ns_from_code(parts[1]) if is_option else None,
        strike_usd=float(parts[2]) if is_option else None,
        is_call=parts[3] == "C" if is_option else None,
    )


def _smile(k: float, years: float) -> float:
    z = k / math.sqrt(years)
    return 0.6 - 0.05 * z + 0.06 * z * z


def _quote(spec: Instrument, now_ns: Ns) -> Quote:
    if spec.strike_usd is None or spec.expiry_ns is None:
        return Quote(now_ns, _INDEX + 50.0, _INDEX, None, _INDEX + 49.5, _INDEX + 50.5)
    forward, years = _FORWARDS[spec.id.split("-")[1]], (spec.expiry_ns - now_ns) / 31_536_000_000_000_000
    iv = _smile(math.log(spec.strike_usd / forward), years)
    unit = forward if spec.is_inverse else 1.0
    bid, ask = (
        black76.price(forward, spec.strike_usd, years, iv + side, spec.is_call is True) / unit for side in (-0.01, 0.01)
    )
    return Quote(now_ns, forward, _INDEX, iv, bid, ask)


@pytest.fixture
def market() -> Snapshot:
    """Every strike from 80,000 to 120,000, both kinds, both expiries and settlements."""
    names = [
        f"{base}-{code}-{strike}-{kind}"
        for base in ("BTC", "BTC_USDC")
        for code in _FORWARDS
        for strike in range(80_000, 120_001, 5_000)
        for kind in "CP"
    ]
    listed = [instrument(name) for name in (*names, "BTC-PERPETUAL", "BTC_USDC-PERPETUAL")]
    return Snapshot(
        source="made up",
        now_ns=NOW,
        listed={item.id: item for item in listed},
        quotes={item.id: _quote(item, NOW) for item in listed},
    )
