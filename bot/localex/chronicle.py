"""What is remembered about the market for those who ask about the past: indices and their volatility, once a minute.

Reads the simulated exchange; knows no request. Of the time before the exchange opened nothing is known, and
nothing is made up.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_DAY, NS_PER_S, ms_from_ns
from bot.domain.units import Rounding, float_from_decimal, price_to_tick
from bot.localex.candles import Print
from bot.localex.wire import shown
from bot.sim.exchange import Exchange

_PERIOD_NS: Final = 60 * NS_PER_S
_SAMPLES_MAX: Final = 8 * 1_440
"""Eight days of minutes."""
_VOLATILITY_TERM_NS: Final = 30 * NS_PER_DAY
"""The venue's volatility index looks thirty days ahead."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An index at a moment."""

    time_ms: int
    index_usd: float
    volatility_percent: float


class Chronicle:
    """The past of one exchange, from its opening on."""

    def __init__(self, exchange: Exchange) -> None:
        """Begin with the present."""
        self._exchange = exchange
        self._opening: dict[str, tuple[int, float]] = {}
        """When an instrument was first seen, and its mark then."""
        self._period = -1
        self._samples: dict[str, deque[Sample]] = {}
        self.look()

    def look(self) -> None:
        """Remember the present when a minute has begun; a second look in the same minute is free."""
        now_ns = self._exchange.now_ns
        if now_ns // _PERIOD_NS == self._period:
            return
        self._period = now_ns // _PERIOD_NS
        for item in self._exchange.instruments():
            self._open(item)
        for name in self._exchange.index_names():
            kept = self._samples.setdefault(name, deque(maxlen=_SAMPLES_MAX))
            index_usd, volatility = self._exchange.index_usd(name), volatility_percent(self._exchange, name)
            kept.append(Sample(ms_from_ns(now_ns), index_usd, volatility))

    def _open(self, item: Instrument) -> tuple[int, float]:
        if item.id not in self._opening:
            self._opening[item.id] = ms_from_ns(self._exchange.now_ns), self._exchange.mark(item.id)[0]
        return self._opening[item.id]

    def samples(self, index_name: str) -> list[Sample]:
        """One for each minute, oldest first; none for a name that is no index."""
        return list(self._samples.get(index_name, ()))

    def prints(self, instrument: Instrument) -> list[Print]:
        """Public trades of an instrument that are still known, oldest first; before them the mark this began with."""
        trades = list(reversed(self._exchange.trades_public(instrument.id)))
        found: list[Print] = []
        opened_ms, mark_native = self._open(instrument)
        if not trades or (trades[0].trade_seq == 1 and ms_from_ns(trades[0].time_ns) >= opened_ms):
            mark = price_to_tick(instrument, mark_native, Rounding.NEAREST)
            found.append(Print(opened_ms, float_from_decimal(mark)))
        for trade in trades:
            price, amount = float_from_decimal(trade.price_native), float_from_decimal(trade.amount_native)
            volume, cost = (amount / price, amount) if instrument.amount_is_in_usd else (amount, amount * price)
            found.append(Print(ms_from_ns(trade.time_ns), price, volume, cost))
        return found


def open_options(exchange: Exchange, index_name: str) -> Iterator[Instrument]:
    """Options of an index that can be traded."""
    for item in exchange.instruments():
        if item.is_option and item.index_name == index_name and exchange.instrument_state(item.id) == "open":
            yield item


def volatility_percent(exchange: Exchange, index_name: str) -> float:
    """Mark volatility of the option nearest to thirty days and to the money; 0.0 without options."""
    index_usd, now_ns = exchange.index_usd(index_name), exchange.now_ns

    def distance(item: Instrument) -> tuple[int, float]:
        expiry_ns, strike_usd = item.expiry_ns or now_ns, item.strike_usd or 0.0
        return abs(expiry_ns - now_ns - _VOLATILITY_TERM_NS), abs(strike_usd - index_usd)

    nearest = min(open_options(exchange, index_name), key=distance, default=None)
    iv = None if nearest is None else exchange.mark(nearest.id)[1]
    return shown((iv or 0.0) * 100.0, 2)
