"""Labels that every venue takes, and names of coins."""

import pytest

from bot.domain.ids import (
    LABEL_LENGTH_MAX,
    InstrumentId,
    base_of,
    expiry_in_name,
    instrument_at,
    is_ours,
    make_label,
    name_at_venue,
    venue_of,
)
from bot.domain.time import ns_from_iso


def test_labels_are_unique_by_run_and_number() -> None:
    """Prefix, run and number, letters and digits only."""
    assert make_label("hb", "k3x9", 12) == "hbk3x90000012"


@pytest.mark.parametrize(("prefix", "run_tag"), [("h-b", "x"), ("hb", "a b"), ("hb", "x" * LABEL_LENGTH_MAX)])
def test_a_label_no_venue_would_take_is_a_bug(prefix: str, run_tag: str) -> None:
    """The narrowest venue takes 32 letters and digits."""
    with pytest.raises(AssertionError, match="label"):
        make_label(prefix, run_tag, 1)


@pytest.mark.parametrize(("label", "ours"), [("hb1", True), ("xhb1", False), ("", False), (None, False)])
def test_orders_are_ours_by_prefix(label: str | None, ours: bool) -> None:
    """An order without a label is a stranger's."""
    assert is_ours(label, "hb") is ours


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("BTC-PERPETUAL", "BTC"),
        ("BTC_USDC-PERPETUAL", "BTC"),
        ("ETH-27MAR26-3000-C", "ETH"),
        ("BTC_USDC", None),
        ("", None),
        ("OKX:BTC-USDT-SWAP", "BTC"),
        ("OKX:BTC-USD-260327", "BTC"),
        ("BINANCE:BTCUSDT", "BTC"),
        ("BINANCE:ETHUSDC", "ETH"),
        ("BINANCE:BTCUSDT_260327", "BTC"),
        ("BINANCE:BTCUSD_PERP", "BTC"),
        ("BYBIT:BTCUSD", "BTC"),
        ("BYBIT:BTCPERP", "BTC"),
        ("BYBIT:BTC-27MAR26", "BTC"),
        ("HYPERLIQUID:BTC", "BTC"),
        ("OKX:", None),
    ],
)
def test_the_coin_of_a_derivative_by_its_name(name: str, base: str | None) -> None:
    """Spot pairs are no derivatives."""
    assert base_of(InstrumentId(name)) == base


@pytest.mark.parametrize(
    ("ours", "venue", "theirs"),
    [
        ("BTC-PERPETUAL", "deribit", "BTC-PERPETUAL"),
        ("OKX:BTC-USDT-SWAP", "okx", "BTC-USDT-SWAP"),
        ("HYPERLIQUID:BTC", "hyperliquid", "BTC"),
    ],
)
def test_the_venue_is_in_the_name(ours: str, venue: str, theirs: str) -> None:
    """Deribit's names stay as they are: its tapes and ledgers are older than the prefix."""
    name = InstrumentId(ours)

    assert (venue_of(name), name_at_venue(name)) == (venue, theirs)
    assert instrument_at(venue_of(name), theirs) == name


def test_expiry_is_read_from_a_name() -> None:
    """Dated names tell their expiry at 08:00 UTC; perpetuals, combos and spot tell none."""
    assert expiry_in_name(InstrumentId("BTC-5JUN20-9250-C")) == ns_from_iso("2020-06-05T08:00:00Z")
    assert expiry_in_name(InstrumentId("BTC_USDC-27MAR26")) == ns_from_iso("2026-03-27T08:00:00Z")
    assert expiry_in_name(InstrumentId("BTC-PERPETUAL")) is None
    assert expiry_in_name(InstrumentId("BTC_USDC")) is None
    assert expiry_in_name(InstrumentId("OKX:BTC-USDT-SWAP")) is None
