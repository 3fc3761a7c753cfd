"""What the simulated venue lists at the start and at each settlement: perpetuals, futures, options of BTC and ETH.

Inverse and linear.
Contract sizes, lots, tick ladders and rates as on the venue in 2026 (exchange facts 0.4, 0.5, 2.2, 2.7).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from bot.domain.ids import InstrumentId, VenueId, venue_of
from bot.domain.instruments import Instrument, Kind, Settlement, TickStep
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, expiry_code, expiry_ns_from_code
from bot.sim.paths import start_index_usd

Lister = Callable[[Ns, Iterable[Instrument]], Iterable[Instrument]]
"""What a settlement adds, given its moment and all that was ever listed."""
_VENUE: Final = VenueId("deribit")
_FEE_OPTION: Final = Decimal("0.0003")
_FEE_MAKER: Final = Decimal("0.00015")
_FEE_TAKER: Final = Decimal("0.00035")
_SETTLEMENT_OF_DAY_NS: Final = 8 * 3600 * NS_PER_S
_THURSDAY_EPOCH: Final = 3
"""1970-01-01 was a Thursday, Monday being 0."""
_FRIDAY: Final = 4
_DAILIES: Final = 3
_WEEKLIES: Final = 2
_MONTH_ENDS: Final = 2
_STRIKES_EACH_SIDE: Final = 6
_STRIKES_LINEAR_EACH_SIDE: Final = 2
_LINEAR_EXPIRIES: Final = 2
_OPTION_TICKS: Final = (TickStep(above_native=Decimal("0.005"), tick_native=Decimal("0.0005")),)
_DAYS_SEARCHED_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class _Coin:
    """What differs between the coins. Native units."""

    base: str
    strike_step_usd: int
    perp_contract: Decimal
    perp_tick: Decimal
    future_tick: Decimal
    linear_contract: Decimal
    linear_tick: Decimal
    option_lot: Decimal
    linear_option_lot: Decimal
    linear_option_tick: Decimal
    linear_option_step: TickStep


_COINS: Final = (
    _Coin(
        base="BTC",
        strike_step_usd=1000,
        perp_contract=Decimal(10),
        perp_tick=Decimal("0.5"),
        future_tick=Decimal("2.5"),
        linear_contract=Decimal("0.0001"),
        linear_tick=Decimal("0.1"),
        option_lot=Decimal("0.1"),
        linear_option_lot=Decimal("0.01"),
        linear_option_tick=Decimal(5),
        linear_option_step=TickStep(above_native=Decimal(1000), tick_native=Decimal(20)),
    ),
    _Coin(
        base="ETH",
        strike_step_usd=50,
        perp_contract=Decimal(1),
        perp_tick=Decimal("0.05"),
        future_tick=Decimal("0.25"),
        linear_contract=Decimal("0.001"),
        linear_tick=Decimal("0.01"),
        option_lot=Decimal(1),
        linear_option_lot=Decimal("0.1"),
        linear_option_tick=Decimal("0.2"),
        linear_option_step=TickStep(above_native=Decimal(50), tick_native=Decimal(1)),
    ),
)


def build_listing(start_ns: Ns, index_usd: Callable[[str], float] | None = None) -> tuple[Instrument, ...]:
    """All instruments of both coins; the first expiry is the first 08:00 UTC after `start_ns`.

    Every expiry of options has its future (exchange facts 0.3). Strikes lie around `index_usd(index name)`, at the
    start around where the coins start.
    """
    expiries = expiries_ns(start_ns)
    listed: list[Instrument] = []
    for coin in _COINS:
        middle_usd = start_index_usd(coin.base) if index_usd is None else index_usd(f"{coin.base.lower()}_usd")
        linear = expiries[:_LINEAR_EXPIRIES]
        listed += (_inverse_perpetual(coin), _linear_perpetual(coin))
        listed += [_future(coin, expiry_ns) for expiry_ns in expiries]
        listed += [_linear_future(coin, expiry_ns) for expiry_ns in linear]
        for nearest, expiry_ns in enumerate(expiries):
            for strike_usd in _strikes_usd(coin, nearest, _STRIKES_EACH_SIDE, middle_usd):
                listed += [_inverse_option(coin, expiry_ns, strike_usd, is_call=right) for right in (True, False)]
        for nearest, expiry_ns in enumerate(linear):
            for strike_usd in _strikes_usd(coin, nearest, _STRIKES_LINEAR_EACH_SIDE, middle_usd):
                listed += [_linear_option(coin, expiry_ns, strike_usd, is_call=right) for right in (True, False)]
    return tuple(listed)


def perpetual_elsewhere(name: InstrumentId, base: str) -> Instrument:
    """The linear perpetual of another venue, under its name there and on an index of its own.

    Its grid and rates are those of the one here: what differs between venues is tested with their own messages.
    """
    coin = next(item for item in _COINS if item.base == base)
    venue = venue_of(name)
    return replace(_linear_perpetual(coin), id=name, venue=venue, index_name=f"{venue}:{base.lower()}_usdt")


def described(name: str) -> Instrument:
    """The instrument a name of the venue means, as listed in 2026; ValueError for any other name, or another coin."""
    pair, *rest = name.split("-")
    base, _, quote = pair.partition("_")
    coin = next((item for item in _COINS if item.base == base), None)
    if coin is None or quote not in {"", "USDC"}:
        raise ValueError(f"no history of {pair} can be played; {' and '.join(c.base for c in _COINS)} can")
    is_inverse = not quote
    match rest:
        case ["PERPETUAL"]:
            return _inverse_perpetual(coin) if is_inverse else _linear_perpetual(coin)
        case [code]:
            expiry_ns = expiry_ns_from_code(code)
            return _future(coin, expiry_ns) if is_inverse else _linear_future(coin, expiry_ns)
        case [code, strike, ("C" | "P") as right]:
            make = _inverse_option if is_inverse else _linear_option
            return make(coin, expiry_ns_from_code(code), int(strike), is_call=right == "C")
    raise ValueError(f"{name!r} is the name of no option, future or perpetual")


def nothing_new(_now_ns: Ns, _known: Iterable[Instrument]) -> tuple[Instrument, ...]:
    """The lister of a world that was recorded, or that a real venue tells."""
    return ()


def newly_listed(now_ns: Ns, known: Iterable[Instrument], index_usd: Callable[[str], float]) -> tuple[Instrument, ...]:
    """What a settlement adds: whole expiries of a coin and settlement that were not listed, around the index now."""
    groups = {(item.base, item.settlement, item.expiry_ns) for item in known}
    return tuple(
        item for item in build_listing(now_ns, index_usd) if (item.base, item.settlement, item.expiry_ns) not in groups
    )


def expiries_ns(start_ns: Ns) -> tuple[Ns, ...]:
    """Next three days, then the next two Fridays and month-end Fridays not among them, at 08:00 UTC."""
    first = start_ns - start_ns % NS_PER_DAY + _SETTLEMENT_OF_DAY_NS
    if first <= start_ns:
        first += NS_PER_DAY
    days = [first + index * NS_PER_DAY for index in range(_DAYS_SEARCHED_MAX)]
    fridays = [day for day in days if _weekday(day) == _FRIDAY]
    # The month's last Friday: seven days on it is another month.
    month_ends = [day for day in fridays if expiry_code(Ns(day))[-5:] != expiry_code(Ns(day + 7 * NS_PER_DAY))[-5:]]
    wanted = days[:_DAILIES] + fridays[:_WEEKLIES] + month_ends[:_MONTH_ENDS]
    return tuple(Ns(day) for day in sorted(set(wanted)))


def _weekday(ns: int) -> int:
    return (ns // NS_PER_DAY + _THURSDAY_EPOCH) % 7


def _strikes_usd(coin: _Coin, nearest: int, each_side: int, middle_usd: float) -> list[int]:
    """Strikes around a price; later expiries reach further in wider steps."""
    step = coin.strike_step_usd * (1 if nearest < _DAILIES else 2)
    middle = round(middle_usd / step) * step
    return [strike for offset in range(-each_side, each_side + 1) if (strike := middle + offset * step) > 0]


def _inverse_perpetual(coin: _Coin) -> Instrument:
    return Instrument(
        id=InstrumentId(f"{coin.base}-PERPETUAL"),
        venue=_VENUE,
        kind=Kind.PERPETUAL,
        base=coin.base,
        settlement=Settlement.COIN,
        settlement_currency=coin.base,
        index_name=f"{coin.base.lower()}_usd",
        contract_size_native=coin.perp_contract,
        lot_native=coin.perp_contract,
        tick_native=coin.perp_tick,
        fee_rate_maker=_FEE_MAKER,
        fee_rate_taker=_FEE_TAKER,
    )


def _linear_perpetual(coin: _Coin) -> Instrument:
    return Instrument(
        id=InstrumentId(f"{coin.base}_USDC-PERPETUAL"),
        venue=_VENUE,
        kind=Kind.PERPETUAL,
        base=coin.base,
        settlement=Settlement.USD,
        settlement_currency="USDC",
        index_name=f"{coin.base.lower()}_usdc",
        contract_size_native=coin.linear_contract,
        lot_native=coin.linear_contract,
        tick_native=coin.linear_tick,
        fee_rate_maker=_FEE_MAKER,
        fee_rate_taker=_FEE_TAKER,
    )


def _future(coin: _Coin, expiry_ns: Ns) -> Instrument:
    return Instrument(
        id=InstrumentId(f"{coin.base}-{expiry_code(expiry_ns)}"),
        venue=_VENUE,
        kind=Kind.FUTURE,
        base=coin.base,
        settlement=Settlement.COIN,
        settlement_currency=coin.base,
        index_name=f"{coin.base.lower()}_usd",
        contract_size_native=coin.perp_contract,
        lot_native=coin.perp_contract,
        tick_native=coin.future_tick,
        fee_rate_maker=_FEE_MAKER,
        fee_rate_taker=_FEE_TAKER,
        expiry_ns=expiry_ns,
    )


def _linear_future(coin: _Coin, expiry_ns: Ns) -> Instrument:
    """With the contract of the linear perpetual."""
    name = InstrumentId(f"{coin.base}_USDC-{expiry_code(expiry_ns)}")
    return replace(_linear_perpetual(coin), id=name, kind=Kind.FUTURE, expiry_ns=expiry_ns)


def _inverse_option(coin: _Coin, expiry_ns: Ns, strike_usd: int, *, is_call: bool) -> Instrument:
    return Instrument(
        id=InstrumentId(f"{coin.base}-{expiry_code(expiry_ns)}-{strike_usd}-{'C' if is_call else 'P'}"),
        venue=_VENUE,
        kind=Kind.OPTION,
        base=coin.base,
        settlement=Settlement.COIN,
        settlement_currency=coin.base,
        index_name=f"{coin.base.lower()}_usd",
        contract_size_native=Decimal(1),
        lot_native=coin.option_lot,
        tick_native=Decimal("0.0001"),
        tick_steps=_OPTION_TICKS,
        fee_rate_maker=_FEE_OPTION,
        fee_rate_taker=_FEE_OPTION,
        expiry_ns=expiry_ns,
        strike_usd=strike_usd + 0.0,
        is_call=is_call,
    )


def _linear_option(coin: _Coin, expiry_ns: Ns, strike_usd: int, *, is_call: bool) -> Instrument:
    return Instrument(
        id=InstrumentId(f"{coin.base}_USDC-{expiry_code(expiry_ns)}-{strike_usd}-{'C' if is_call else 'P'}"),
        venue=_VENUE,
        kind=Kind.OPTION,
        base=coin.base,
        settlement=Settlement.USD,
        settlement_currency="USDC",
        index_name=f"{coin.base.lower()}_usdc",
        contract_size_native=Decimal(1),
        lot_native=coin.linear_option_lot,
        tick_native=coin.linear_option_tick,
        tick_steps=(coin.linear_option_step,),
        fee_rate_maker=_FEE_OPTION,
        fee_rate_taker=_FEE_OPTION,
        expiry_ns=expiry_ns,
        strike_usd=strike_usd + 0.0,
        is_call=is_call,
    )
