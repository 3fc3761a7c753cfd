"""A market of one option, from numbers on the command line; nothing is asked of anybody.

Knows how people write a volatility, a time and a kind; ConfigError names the option that is wrong and the next step.
"""

import math
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.app.greeks.snapshot import Quote, Snapshot
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId, VenueId, base_of
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.portfolio import Holding
from bot.domain.time import NS_PER_YEAR, Ns, expiry_ns_from_code, iso_utc, ns_from_iso
from bot.pricing import implied_vol

_ONE = Decimal(1)
_IV_SHARE_MAX = 5.0
"""Above 500 % somebody meant percent."""


class Given(Struct, frozen=True, kw_only=True):
    """What was written; None is absent. Times and volatility as text."""

    instrument: str | None
    """May give kind, strike, expiry and settlement: `BTC-27MAR26-100000-C`."""
    forward_usd: float
    strike_usd: float | None
    expiry: str | None
    """Code (`27MAR26`) or instant (`2026-03-27T08:00:00Z`)."""
    days_left: float | None
    is_put: bool
    iv: str | None
    """`0.6` or `60%`."""
    price_usd: float | None
    price_coin: float | None
    is_linear: bool
    index_usd: float | None = None


_DAYS_MAX: Final = 36_500.0
"""A century: later moments have no place in nanoseconds."""


def market_of(given: Given, now_ns: Ns) -> tuple[Snapshot, Holding, str]:
    """The option, held once, and how its volatility is known: `given` or `price`."""
    spec = _instrument(given, now_ns)
    assert spec.expiry_ns is not None, "an option has an expiry"
    assert spec.strike_usd is not None, "an option has a strike"
    _refuse(given.forward_usd, "--forward")
    if given.index_usd is not None:
        _refuse(given.index_usd, "--index")
    years = (spec.expiry_ns - now_ns) / NS_PER_YEAR
    if years <= 0.0:
        raise ConfigError(f"--expiry: {iso_utc(spec.expiry_ns)} is over; at expiry only the payoff is left")
    iv, source = _iv(given, spec, years)
    quote = Quote(
        time_ns=now_ns,
        forward_usd=given.forward_usd,
        index_usd=given.index_usd,
        iv=iv,
        bid_native=None,
        ask_native=None,
    )
    snapshot = Snapshot(source="given numbers", now_ns=now_ns, listed={spec.id: spec}, quotes={spec.id: quote})
    return snapshot, Holding(instrument=spec, qty_coin=_ONE), source


def _refuse(number: float, option: str) -> None:
    if not 0.0 < number < math.inf:
        raise ConfigError(f"{option}: {number} is not a positive number")


def _instrument(given: Given, now_ns: Ns) -> Instrument:
    parts = (given.instrument or "").split("-")
    named = parts if len(parts) == 4 else None
    if given.instrument is not None and named is None:
        raise ConfigError(f"instrument: {given.instrument!r} is no option's name like BTC-27MAR26-100000-C")
    strike_usd = given.strike_usd
    if strike_usd is None and named is not None:
        try:
            strike_usd = float(named[2].replace("d", "."))
        except ValueError:
            raise ConfigError(f"instrument: {named[2]!r} is no strike; give --strike") from None
    if strike_usd is None:
        raise ConfigError("--strike: is missing; give it in USD, or name an instrument")
    _refuse(strike_usd, "--strike")
    expiry_ns = _expiry_ns(given, None if named is None else named[1], now_ns)
    is_call = named[3] == "C" if named is not None else not given.is_put
    is_linear = given.is_linear or "_" in parts[0]
    base = "coin" if named is None else base_of(InstrumentId(given.instrument or "")) or "coin"
    return Instrument(
        id=InstrumentId(given.instrument or f"{strike_usd:g}-{'C' if is_call else 'P'}"),
        venue=VenueId("none"),
        kind=Kind.OPTION,
        base=base,
        settlement=Settlement.USD if is_linear else Settlement.COIN,
        settlement_currency="USDC" if is_linear else base,
        index_name="",
        contract_size_native=_ONE,
        lot_native=_ONE,
        tick_native=_ONE,
        fee_rate_maker=_ONE,
        fee_rate_taker=_ONE,
        expiry_ns=expiry_ns,
        strike_usd=strike_usd,
        is_call=is_call,
    )


def _expiry_ns(given: Given, named: str | None, now_ns: Ns) -> Ns:
    if given.days_left is not None:
        _refuse(given.days_left, "--days")
        if given.days_left > _DAYS_MAX:
            raise ConfigError(f"--days: {given.days_left:g} is over {_DAYS_MAX:g}; nothing lives so long")
        return Ns(now_ns + round(given.days_left / 365.0 * NS_PER_YEAR))
    text = given.expiry or named
    if text is None:
        raise ConfigError("--days: is missing; give --days or --expiry, or name an instrument")
    try:
        return ns_from_iso(text) if "T" in text else expiry_ns_from_code(text)
    except ValueError:
        raise ConfigError(f"--expiry: {text!r} is neither a code like 27MAR26 nor an instant ending in Z") from None


def _iv(given: Given, spec: Instrument, years: float) -> tuple[float, str]:
    if sum(one is not None for one in (given.iv, given.price_usd, given.price_coin)) > 1:
        raise ConfigError("--iv: give one of --iv, --price-usd and --price-coin")
    if given.iv is not None:
        return _written(given.iv), "given"
    if given.price_usd is None and given.price_coin is None:
        raise ConfigError("--iv: is missing; give --iv, --price-usd or --price-coin")
    price_usd = given.price_usd if given.price_usd is not None else (given.price_coin or 0.0) * given.forward_usd
    iv, status = implied_vol.solve(price_usd, given.forward_usd, spec.strike_usd or 0.0, years, spec.is_call is True)
    if status != implied_vol.IvStatus.OK:
        raise ConfigError(f"--price: no volatility makes {price_usd:g} USD ({str(status).replace('_', ' ')})")
    return float(iv), "price"


def _written(text: str) -> float:
    try:
        iv = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        iv = math.nan
    if not 0.0 < iv < _IV_SHARE_MAX:
        raise ConfigError(f"--iv: {text!r} is no volatility; write 0.6 or 60%")
    return iv
