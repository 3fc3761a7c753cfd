"""Instruments with the grids of Deribit's listings, written by hand."""

from decimal import Decimal

import pytest

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement, TickStep
from bot.domain.time import ns_from_iso

_DERIBIT = VenueId("deribit")
_EXPIRY = ns_from_iso("2026-03-27T08:00:00Z")


@pytest.fixture
def inverse_perpetual() -> Instrument:
    """Amounts in USD, lots of 10."""
    return Instrument(
        id=InstrumentId("BTC-PERPETUAL"),
        venue=_DERIBIT,
        kind=Kind.PERPETUAL,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=Decimal(10),
        lot_native=Decimal(10),
        tick_native=Decimal("0.5"),
        fee_rate_maker=Decimal("0.00015"),
        fee_rate_taker=Decimal("0.00035"),
    )


@pytest.fixture
def linear_perpetual() -> Instrument:
    """Amounts in coins, lots of 0.0001."""
    return Instrument(
        id=InstrumentId("BTC_USDC-PERPETUAL"),
        venue=_DERIBIT,
        kind=Kind.PERPETUAL,
        base="BTC",
        settlement=Settlement.USD,
        settlement_currency="USDC",
        index_name="btc_usdc",
        contract_size_native=Decimal("0.0001"),
        lot_native=Decimal("0.0001"),
        tick_native=Decimal("0.1"),
        fee_rate_maker=Decimal("0.00015"),
        fee_rate_taker=Decimal("0.00035"),
    )


@pytest.fixture
def inverse_call() -> Instrument:
    """Prices in coin, steps of 0.0001 and above 0.005 of 0.0005."""
    return Instrument(
        id=InstrumentId("BTC-27MAR26-100000-C"),
        venue=_DERIBIT,
        kind=Kind.OPTION,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=Decimal(1),
        lot_native=Decimal("0.1"),
        tick_native=Decimal("0.0001"),
        tick_steps=(TickStep(above_native=Decimal("0.005"), tick_native=Decimal("0.0005")),),
        fee_rate_maker=Decimal("0.0003"),
        fee_rate_taker=Decimal("0.0003"),
        expiry_ns=_EXPIRY,
        strike_usd=100_000.0,
        is_call=True,
    )
