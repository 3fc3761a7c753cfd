"""Names of things, kept apart by the type checker."""

from typing import Final, NewType

from bot.domain.time import Ns, expiry_ns_from_code

VenueId = NewType("VenueId", str)
"""`deribit`, later `okx`, `binance`, ..."""

InstrumentId = NewType("InstrumentId", str)
"""The venue's own name of an instrument: `BTC-PERPETUAL`, `BTC-27MAR26-100000-C`."""

Label = NewType("Label", str)
"""Our name of an order, written down before the order leaves: the intent id."""

OrderId = NewType("OrderId", str)
"""The venue's name of an order."""

FillId = NewType("FillId", str)
"""The venue's name of one fill of ours; a fill id counts once."""

LABEL_LENGTH_MAX: Final = 32
"""OKX takes 32 letters and digits, the narrowest of our venues (exchange facts 4.3)."""


def make_label(prefix: str, run_tag: str, number: int) -> Label:
    """Label of the number-th order of a run: letters and digits only, unique by run tag and number."""
    label = f"{prefix}{run_tag}{number:07d}"
    assert label.isalnum(), f"label {label!r} may hold letters and digits only"
    assert len(label) <= LABEL_LENGTH_MAX, f"label {label!r} is over {LABEL_LENGTH_MAX} characters"
    return Label(label)


def is_ours(label: str | None, prefix: str) -> bool:
    """Whether an order seen at the venue was placed by a bot with this label prefix."""
    return bool(label) and str(label).startswith(prefix)


def base_of(instrument: InstrumentId) -> str | None:
    """Coin of a Deribit derivative by its name (`BTC-...`, `BTC_USDC-...`); None for spot, which has no dash.

    For instruments whose specification has not arrived yet; the specification's word holds otherwise.
    """
    head, dash, _ = instrument.partition("-")
    return head.partition("_")[0] if dash else None


def expiry_in_name(instrument: InstrumentId) -> Ns | None:
    """Expiry of a Deribit derivative by its name (`BTC-27MAR26-...`); None where the name tells none."""
    parts = instrument.split("-")
    try:
        return expiry_ns_from_code(parts[1]) if len(parts) > 1 else None
    except ValueError:
        return None
