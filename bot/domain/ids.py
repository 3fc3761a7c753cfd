"""Names of things, kept apart by the type checker."""

from typing import Final, NewType

from bot.domain.time import Ns, expiry_ns_from_code

VenueId = NewType("VenueId", str)
"""`deribit`, `okx`, `binance`, `bybit`, `hyperliquid`."""

DERIBIT: Final = VenueId("deribit")
"""The venue whose names carry no prefix, and whose events need not say where they are from."""

InstrumentId = NewType("InstrumentId", str)
"""Deribit's own name of an instrument (`BTC-PERPETUAL`, `BTC-27MAR26-100000-C`); elsewhere the venue in front of its
own name, in capitals: `OKX:BTC-USDT-SWAP`, `BINANCE:BTCUSDT`."""

Label = NewType("Label", str)
"""Our name of an order, written down before the order leaves: the intent id."""

OrderId = NewType("OrderId", str)
"""The venue's name of an order."""

FillId = NewType("FillId", str)
"""The venue's name of one fill of ours; a fill id counts once. Elsewhere than at Deribit with the instrument's whole
name in front (`OKX:BTC-USDT-SWAP:1234`): venues number fills by instrument, and two venues may use one number."""

LABEL_LENGTH_MAX: Final = 32
"""OKX takes 32 letters and digits, the narrowest of our venues (exchange facts 4.3)."""

_QUOTES: Final = ("USDT", "USDC", "USD", "PERP")
"""What other venues write right behind the coin (`BTCUSDT`, `BTCPERP`); the longer first (exchange facts 4.3)."""


def make_label(prefix: str, run_tag: str, number: int) -> Label:
    """Label of the number-th order of a run: letters and digits only, unique by run tag and number."""
    label = f"{prefix}{run_tag}{number:07d}"
    assert label.isalnum(), f"label {label!r} may hold letters and digits only"
    assert len(label) <= LABEL_LENGTH_MAX, f"label {label!r} is over {LABEL_LENGTH_MAX} characters"
    return Label(label)


def is_ours(label: str | None, prefix: str) -> bool:
    """Whether an order seen at the venue was placed by a bot with this label prefix."""
    return bool(label) and str(label).startswith(prefix)


def venue_of(instrument: InstrumentId) -> VenueId:
    """Where an instrument is traded, by its name."""
    return VenueId(instrument.partition(":")[0].lower()) if ":" in instrument else DERIBIT


def name_at_venue(instrument: InstrumentId) -> str:
    """What the venue itself calls the instrument: without our prefix."""
    return instrument.rpartition(":")[2]


def instrument_at(venue: VenueId, name: str) -> InstrumentId:
    """Our name of what `venue` calls `name`."""
    return InstrumentId(name if venue == DERIBIT else f"{venue.upper()}:{name}")


def base_of(instrument: InstrumentId) -> str | None:
    """Coin of a derivative by its name; None for Deribit's spot, which has no dash.

    `BTC-...`, `BTC_USDC-...`; elsewhere `OKX:BTC-USDT-SWAP`, `BINANCE:BTCUSDT_260327`, `HYPERLIQUID:BTC`.
    For instruments whose specification has not arrived yet; the specification's word holds otherwise.
    """
    head, dash, _ = name_at_venue(instrument).partition("-")
    pair = head.partition("_")[0]
    if venue_of(instrument) == DERIBIT:
        return pair if dash else None
    quote = next((word for word in _QUOTES if pair.endswith(word) and pair != word), "")
    return pair.removesuffix(quote) or None


def expiry_in_name(instrument: InstrumentId) -> Ns | None:
    """Expiry of a Deribit derivative by its name (`BTC-27MAR26-...`); None where the name tells none."""
    parts = instrument.split("-")
    try:
        return expiry_ns_from_code(parts[1]) if len(parts) > 1 else None
    except ValueError:
        return None
