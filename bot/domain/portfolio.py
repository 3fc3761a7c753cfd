"""Portfolio files: signed legs in coins, named by instrument or relative to the listed chain.

Knows how to pick from a list of instruments; never reads a file or a price feed.
"""

import math
from decimal import Decimal

from msgspec import Struct

from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import Ns
from bot.domain.units import amount_from_coin_toward_zero, float_from_decimal


class LegSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One leg. Either `instrument`, or `kind` (+ `expiry` for a future, `expiry` and `strike` for an option).

    `expiry`: `1st`, `2nd`, `3rd`, `4th` ... counts listed option expiries still ahead by at least
    `expiry_hours_min`; or a code (`27MAR26`). `strike`: `atm`, `atm+5%`, `atm-2.5%` of the index, or USD.
    """

    qty_coin: Decimal
    instrument: str | None = None
    kind: str | None = None
    """`call`, `put`, `perpetual`, `future`."""
    expiry: str | None = None
    strike: str | float | None = None
    settlement: Settlement = Settlement.COIN


class PortfolioSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A portfolio file."""

    legs: tuple[LegSpec, ...]
    expiry_hours_min: float = 0.0
    """Expiries nearer than this are not counted by `1st`, `2nd`, ..."""


class Holding(Struct, frozen=True, kw_only=True):
    """A resolved leg."""

    instrument: Instrument
    qty_coin: Decimal
    """Signed coins."""

    def amount_native(self, price_usd: float) -> Decimal:
        """In the instrument's native unit; an inverse future on its lot at this price."""
        if not self.instrument.amount_is_in_usd:
            return self.qty_coin
        return amount_from_coin_toward_zero(self.instrument, float_from_decimal(self.qty_coin), price_usd)


def resolve(
    spec: PortfolioSpec, *, base: str, listed: list[Instrument], index_usd: float, now_ns: Ns
) -> tuple[Holding, ...]:
    """Every leg found among the listed instruments of `base`; ValueError names the leg that is not."""
    ours = [item for item in listed if item.base == base]
    after_ns = _expiry_after(spec, now_ns)
    found = []
    for leg in spec.legs:
        try:
            found.append(Holding(instrument=_find(leg, ours, index_usd, after_ns), qty_coin=leg.qty_coin))
        except ValueError as error:
            message = f"portfolio leg {leg}: {error}"
            raise ValueError(message) from error
    return tuple(found)


def _expiry_after(spec: PortfolioSpec, now_ns: Ns) -> Ns:
    return Ns(now_ns + round(spec.expiry_hours_min * 3_600_000_000_000))


def _find(leg: LegSpec, listed: list[Instrument], index_usd: float, after_ns: Ns) -> Instrument:
    if leg.instrument is not None:
        found = [item for item in listed if item.id == leg.instrument]
    elif leg.kind == "perpetual":
        found = [item for item in listed if item.kind is Kind.PERPETUAL and item.settlement is leg.settlement]
    elif leg.kind == "future":
        found = _future(leg, listed, after_ns)
    elif leg.kind in {"call", "put"}:
        found = _option(leg, listed, index_usd, after_ns)
    else:
        message = "give `instrument`, or `kind` as call, put, future or perpetual"
        raise ValueError(message)
    if not found:
        message = "no such instrument is listed"
        raise ValueError(message)
    return found[0]


def _future(leg: LegSpec, listed: list[Instrument], after_ns: Ns) -> list[Instrument]:
    if leg.expiry is None:
        message = "a future needs `expiry`"
        raise ValueError(message)
    dated = [item for item in listed if item.kind is Kind.FUTURE and item.settlement is leg.settlement]
    expiry_ns = _pick_expiry(leg.expiry, dated, after_ns)
    return [item for item in dated if item.expiry_ns == expiry_ns]


def _option(leg: LegSpec, listed: list[Instrument], index_usd: float, after_ns: Ns) -> list[Instrument]:
    if leg.expiry is None or leg.strike is None:
        message = "an option needs `expiry` and `strike`"
        raise ValueError(message)
    wanted_call = leg.kind == "call"
    chain = [
        item for item in listed if item.is_option and item.is_call is wanted_call and item.settlement is leg.settlement
    ]
    expiry_ns = _pick_expiry(leg.expiry, chain, after_ns)
    strikes = [item for item in chain if item.expiry_ns == expiry_ns]
    wanted_usd = _pick_strike(leg.strike, index_usd)
    # Nearest strike; the lower one on a tie, so that the answer never depends on list order.
    strikes.sort(key=lambda item: (abs((item.strike_usd or 0.0) - wanted_usd), item.strike_usd or 0.0))
    return strikes


def _pick_expiry(text: str, chain: list[Instrument], after_ns: Ns) -> Ns:
    digits = text.rstrip("stndrh")
    if digits.isdigit() and digits != text:
        expiries = sorted({item.expiry_ns for item in chain if item.expiry_ns and item.expiry_ns > after_ns})
        place = int(digits)
        if not 1 <= place <= len(expiries):
            message = f"expiry {text!r}: {len(expiries)} expiries are listed"
            raise ValueError(message)
        return expiries[place - 1]
    # A code means that expiry, however near it is.
    wanted = [item.expiry_ns for item in chain if item.expiry_ns and text in item.id.split("-")]
    if not wanted:
        message = f"expiry {text!r} is not listed"
        raise ValueError(message)
    return wanted[0]


def _pick_strike(strike: str | float, index_usd: float) -> float:
    text = str(strike).replace(" ", "").lower()
    is_relative = text.startswith("atm") and text.endswith("%")
    try:
        number = 0.0 if text == "atm" else float(text[3:-1] if is_relative else text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        message = f"strike {strike!r} is neither `atm`, `atm+5%` nor a number of USD"
        raise ValueError(message)
    return index_usd * (1.0 + number / 100.0) if is_relative or text == "atm" else number
