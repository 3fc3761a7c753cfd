"""Which figures of an event can be numbers at all: the engine's door, whoever made the event.

No codec lets a NaN, an infinity or an absurd size through. Should one come all the same (another venue's codec, a bug,
an edited tape), it is absence in market data, which is doubt; an event of the account that holds one says nothing.
Knows sizes; not how figures hang together, nor what they were before.
"""

import math
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.events import Filled, Settled
from bot.domain.instruments import Instrument
from bot.domain.market_events import DepthSeen, FutureMarked, Level, OptionMarked, Quoted

PRICE_MIN: Final = 1e-9
PRICE_MAX: Final = 1e9
"""Of a coin in USD, or of an option in coins: from a meme coin to ten thousand times bitcoin."""
SIZE_MAX: Final = 1e15
"""No amount, value or greek of an account is larger, in whatever unit."""
IV_MIN: Final = 1e-4
"""A hundredth of a point: below it every delta is 0 or 1."""
IV_MAX: Final = 5.0
"""500 %: what venues write where no volatility fits (data notes 4.4)."""
_FUNDING_RATE_8H_MAX: Final = 1.0
_OPTION_ENDS: Final = ("-C", "-P")
"""Of the name of an option, which may change hands for nothing; anything else has a price."""


def sound_option(marked: OptionMarked) -> OptionMarked:
    """The ticker with None for what can be no number; itself where all can."""
    iv, forward, index, delivery = marked.iv_mark, marked.forward_usd, marked.index_usd, marked.delivery_usd
    bid, ask, mark = marked.bid_native, marked.ask_native, marked.mark_native
    if (
        (iv is None or IV_MIN <= iv < IV_MAX)
        and (forward is None or PRICE_MIN <= forward <= PRICE_MAX)
        and (index is None or PRICE_MIN <= index <= PRICE_MAX)
        and (delivery is None or PRICE_MIN <= delivery <= PRICE_MAX)
        and (bid is None or PRICE_MIN <= bid <= PRICE_MAX)
        and (ask is None or PRICE_MIN <= ask <= PRICE_MAX)
        and (mark is None or 0.0 <= mark <= PRICE_MAX)
        and ((iv := marked.iv_bid) is None or IV_MIN <= iv < IV_MAX)
        and ((iv := marked.iv_ask) is None or IV_MIN <= iv < IV_MAX)
        and ((size := marked.bid_amount_native) is None or 0.0 <= size <= SIZE_MAX)
        and ((size := marked.ask_amount_native) is None or 0.0 <= size <= SIZE_MAX)
    ):
        return marked
    return structs.replace(
        marked,
        bid_native=_price(bid),
        ask_native=_price(ask),
        bid_amount_native=_within(marked.bid_amount_native, 0.0, SIZE_MAX),
        ask_amount_native=_within(marked.ask_amount_native, 0.0, SIZE_MAX),
        mark_native=_within(mark, 0.0, PRICE_MAX),
        iv_mark=_volatility(marked.iv_mark),
        forward_usd=_price(forward),
        index_usd=_price(index),
        delivery_usd=_price(delivery),
        iv_bid=_volatility(marked.iv_bid),
        iv_ask=_volatility(marked.iv_ask),
    )


def sound_future(marked: FutureMarked) -> FutureMarked:
    """The ticker with None for what can be no number; itself where all can."""
    bid, ask, mark, index = marked.bid_usd, marked.ask_usd, marked.mark_usd, marked.index_usd
    if (
        (bid is None or PRICE_MIN <= bid <= PRICE_MAX)
        and (ask is None or PRICE_MIN <= ask <= PRICE_MAX)
        and (mark is None or PRICE_MIN <= mark <= PRICE_MAX)
        and (index is None or PRICE_MIN <= index <= PRICE_MAX)
        and ((size := marked.bid_amount_native) is None or 0.0 <= size <= SIZE_MAX)
        and ((size := marked.ask_amount_native) is None or 0.0 <= size <= SIZE_MAX)
        and ((edge := marked.price_min_usd) is None or 0.0 <= edge <= PRICE_MAX)
        and ((edge := marked.price_max_usd) is None or PRICE_MIN <= edge <= PRICE_MAX)
        and ((rate := marked.funding_rate_8h) is None or -_FUNDING_RATE_8H_MAX <= rate <= _FUNDING_RATE_8H_MAX)
        and ((price := marked.delivery_usd) is None or PRICE_MIN <= price <= PRICE_MAX)
        and ((size := marked.volume_usd_per_day) is None or PRICE_MIN <= size <= SIZE_MAX)
    ):
        return marked
    return structs.replace(
        marked,
        bid_usd=_price(bid),
        ask_usd=_price(ask),
        bid_amount_native=_within(marked.bid_amount_native, 0.0, SIZE_MAX),
        ask_amount_native=_within(marked.ask_amount_native, 0.0, SIZE_MAX),
        mark_usd=_price(mark),
        index_usd=_price(index),
        price_min_usd=_within(marked.price_min_usd, 0.0, PRICE_MAX),
        price_max_usd=_price(marked.price_max_usd),
        funding_rate_8h=_within(marked.funding_rate_8h, -_FUNDING_RATE_8H_MAX, _FUNDING_RATE_8H_MAX),
        delivery_usd=_price(marked.delivery_usd),
        volume_usd_per_day=_within(marked.volume_usd_per_day, PRICE_MIN, SIZE_MAX),
    )


def sound_quote(quoted: Quoted) -> Quoted:
    """The touch with None for what can be no number; itself where all can."""
    bid, ask, bid_size, ask_size = (
        quoted.bid_native,
        quoted.ask_native,
        quoted.bid_amount_native,
        quoted.ask_amount_native,
    )
    if (
        (bid is None or PRICE_MIN <= bid <= PRICE_MAX)
        and (ask is None or PRICE_MIN <= ask <= PRICE_MAX)
        and (bid_size is None or 0.0 <= bid_size <= SIZE_MAX)
        and (ask_size is None or 0.0 <= ask_size <= SIZE_MAX)
    ):
        return quoted
    return structs.replace(
        quoted,
        bid_native=_price(bid),
        ask_native=_price(ask),
        bid_amount_native=_within(bid_size, 0.0, SIZE_MAX),
        ask_amount_native=_within(ask_size, 0.0, SIZE_MAX),
    )


def sound_depth(seen: DepthSeen) -> DepthSeen:
    """Each side up to the first level that can be none, or does not lie behind the one before; itself where all do."""
    bids, asks = _sound_levels(seen.bids, is_bid=True), _sound_levels(seen.asks, is_bid=False)
    if bids is seen.bids and asks is seen.asks:
        return seen
    return structs.replace(seen, bids=bids, asks=asks)


def _sound_levels(levels: tuple[Level, ...], *, is_bid: bool) -> tuple[Level, ...]:
    before = math.inf if is_bid else 0.0
    for count, (price, amount) in enumerate(levels):
        is_behind = price < before if is_bid else price > before
        if not (is_behind and PRICE_MIN <= price <= PRICE_MAX and 0.0 < amount <= SIZE_MAX):
            return levels[:count]
        before = price
    return levels


def defect(thing: Struct) -> str:
    """The first figure of an event of the account that can be no number, as `equity_native is nan`; empty without."""
    for at, value in enumerate(structs.astuple(thing)):
        if _HOLDS_FIGURES[type(value)] and (found := _defect_of(value)):
            return f"{thing.__struct_fields__[at]}{found}"
    if isinstance(thing, Filled) and thing.price_native <= 0:
        is_for_nothing = thing.price_native == 0 and thing.instrument.endswith(_OPTION_ENDS)
        return "" if is_for_nothing else f"price_native is {thing.price_native}"
    if isinstance(thing, Settled) and thing.delivery_usd is not None and thing.delivery_usd < PRICE_MIN:
        return f"delivery_usd is {thing.delivery_usd}"
    return _defect_of_grid(thing) if isinstance(thing, Instrument) else ""


def _defect_of(value: object) -> str:
    """As it follows the name of its field."""
    if isinstance(value, float):
        return "" if abs(value) <= SIZE_MAX else f" is {value:g}"  # NaN is within nothing
    if isinstance(value, Decimal):
        return "" if value.is_finite() and abs(value) <= SIZE_MAX else f" is {value}"
    if isinstance(value, Struct):
        found = defect(value)
        return f".{found}" if found else ""
    if isinstance(value, tuple):
        return next((found for item in value if (found := _defect_of(item))), "")
    if isinstance(value, dict):
        return next((f".{key}{found}" for key, item in value.items() if (found := _defect_of(item))), "")
    return ""


class _HoldsFigures(dict[type, bool]):
    """Whether values of a type are a figure or hold some, found out once for each: most fields of events do not."""

    def __missing__(self, kind: type) -> bool:
        known = self[kind] = issubclass(kind, float | Decimal | Struct | tuple | dict)
        return known


_HOLDS_FIGURES: Final = _HoldsFigures()


def _defect_of_grid(spec: Instrument) -> str:
    """A lot, a tick or a strike of nothing divides by zero later."""
    strike = spec.strike_usd
    if strike is not None and not PRICE_MIN <= strike <= PRICE_MAX:
        return f"strike_usd of {spec.id} is {strike:g}"
    steps = {"lot_native": spec.lot_native, "tick_native": spec.tick_native}
    return next((f"{name} of {spec.id} is {step}" for name, step in steps.items() if step <= 0), "")


def _price(value: float | None) -> float | None:
    return _within(value, PRICE_MIN, PRICE_MAX)


def _volatility(value: float | None) -> float | None:
    return _within(value, IV_MIN, math.nextafter(IV_MAX, 0.0))


def _within(value: float | None, least_native: float, most_native: float) -> float | None:
    return value if value is not None and least_native <= value <= most_native else None
