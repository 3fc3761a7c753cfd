"""One instrument of a book while its profit is taken apart: what it was worth when last looked at, what it made.

Knows tickers and the maths of `risk/attribution`; not when anybody looks, nor what the account says.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, structs

from bot.domain.instruments import Instrument
from bot.domain.market_events import OptionMarked
from bot.domain.time import NS_PER_YEAR, Ns
from bot.domain.units import ZERO, float_from_decimal
from bot.drive.profit_look import Look
from bot.observe.profits import LegProfit, Parts, Waterfall
from bot.pricing import settlement_window
from bot.pricing.settlement_window import Window
from bot.risk import attribution
from bot.risk.attribution import OptionHeld, OptionMarket, OptionStep
from bot.risk.delivery import payoff_native


class Seen(Struct, frozen=True):
    """What one native unit of an instrument was worth when it was looked at."""

    at_ns: Ns
    """Of its ticker, by the venue."""
    mark_native: float
    index_usd: float
    market: OptionMarket | None = None
    """None of what is no option, and where a ticker has a mark and nothing to value it from."""


class Leg:
    """One instrument of the book."""

    def __init__(self, spec: Instrument, seen: Seen) -> None:
        """Nothing made yet."""
        self.spec = spec
        self.amount_native = ZERO
        self.seen = seen
        self.native = [0.0] * len(structs.fields(Parts))
        self.usd = [0.0] * len(structs.fields(Parts))
        self.waterfall_usd = [0.0, 0.0, 0.0, 0.0]
        self.steps_count = self.unexplained_count = 0
        self.delivered: tuple[float, Decimal] | None = None
        """(amount, price) of a delivery that was booked."""

    @property
    def amount(self) -> float:
        """Signed, native."""
        return float_from_decimal(self.amount_native)

    def add(self, index_usd: float, parts: Parts) -> None:
        """Parts in native money; a coin made counts what it is worth at the end of the step (theory 5.2, 6)."""
        scale = self.usd_per_native(index_usd)
        for place, part in enumerate(structs.astuple(parts)):
            self.native[place] += part
            self.usd[place] += part * scale

    def usd_per_native(self, index_usd: float) -> float:
        """What a unit of its money is worth."""
        return index_usd if self.spec.is_inverse else 1.0

    def take_note(self, step: OptionStep, index_usd: float) -> bool:
        """The waterfall beside the Taylor terms; whether the greeks explain the step."""
        scale = self.usd_per_native(index_usd)
        for place, part in enumerate((step.theta, step.spot, step.vol, step.gamma_carry)):
            self.waterfall_usd[place] += part * scale
        self.steps_count += 1
        is_explained = attribution.is_explained(step.aged)
        self.unexplained_count += not is_explained
        return is_explained

    def told(self) -> LegProfit:
        """Everything so far."""
        water = self.waterfall_usd
        return LegProfit(
            instrument=self.spec.id,
            currency=self.spec.settlement_currency,
            native=_parts(self.native),
            usd=_parts(self.usd),
            waterfall_usd=Waterfall(theta=water[0], spot=water[1], vol=water[2], gamma_carry=water[3])
            if self.spec.is_option
            else None,
            steps_count=self.steps_count,
            unexplained_count=self.unexplained_count,
        )


def _parts(numbers: Iterable[float]) -> Parts:
    return Parts(**dict(zip((field.name for field in structs.fields(Parts)), numbers, strict=True)))


def seen_of(look: Look, spec: Instrument, window: Window) -> Seen | None:
    """The instrument's newest ticker; None without a mark."""
    option, future = look.options.get(spec.id), look.futures.get(spec.id)
    if future is not None and future.mark_usd is not None:
        return Seen(future.venue_ns, future.mark_usd, future.index_usd or future.mark_usd)
    if option is None or option.mark_native is None or option.index_usd is None:
        return None
    return Seen(option.venue_ns, option.mark_native, option.index_usd, _market(option, spec, window))


def _market(option: OptionMarked, spec: Instrument, window: Window) -> OptionMarket | None:
    """What the ticker's mark is made of; inside the settlement window on the index and the average so far."""
    forward, iv, index = option.forward_usd, option.iv_mark, option.index_usd
    if forward is None or iv is None or index is None or spec.expiry_ns is None:
        return None
    left_ns = max(0, spec.expiry_ns - option.venue_ns)
    if left_ns >= window.length_ns or option.delivery_usd is None:
        return OptionMarket(forward, iv, left_ns / NS_PER_YEAR)
    left = settlement_window.left_of(window, left_ns)
    return OptionMarket(index, iv, left_ns / NS_PER_YEAR, left, option.delivery_usd)


def held(spec: Instrument, amount_coin: float) -> OptionHeld:
    """A position in an option, for the maths of a step."""
    assert spec.strike_usd is not None, f"option {spec.id} has no strike"
    return OptionHeld(amount_coin, spec.strike_usd, spec.is_call is True, spec.is_inverse)


def future(spec: Instrument, amount_native: float, before_usd: float, after_usd: float) -> float:
    """What a future or perpetual made between two prices, native money."""
    return attribution.future_profit(amount_native, before_usd, after_usd, is_inverse=spec.is_inverse)


def payoff(spec: Instrument, delivery_usd: Decimal) -> float:
    """Of one native unit, native money."""
    return float_from_decimal(payoff_native(spec, delivery_usd))
