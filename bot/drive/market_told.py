"""What the market feed has told a process of its hedge instruments, and what an order may be made of it.

Its own memory, beside the engine's: an order on a touch that is not there, not open, older than it may be, or at a
price the newest touch does not explain is told; so is a book that crosses where no fault makes it. Knows messages; asks
no engine.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from bot.book import BookParams, hedges_of
from bot.domain.commands import PlaceOrder
from bot.domain.events import Event, QuoteDistrusted, StreamLost, StreamName
from bot.domain.ids import InstrumentId, venue_of
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, Quoted
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO, float_from_decimal, tick_at
from bot.sim.faults import FaultKind, Faults

_TRANSPORT_NS: Final = Ns(4 * NS_PER_S)
"""The oldest a message may be when it comes and still be fresh to a bot that cannot know: the longest delay there is,
and the step of a clock."""
_BPS: Final = 1e-4


class _Told(NamedTuple):
    venue_ns: Ns
    bid_native: float | None
    ask_native: float | None


class MarketTold:
    """Of one process after the other."""

    def __init__(self, params: BookParams, faults: Faults) -> None:
        """Nothing was told."""
        self._params = params
        self._hedges = frozenset(hedges_of(params))
        self._may_cross = any(fault.kind is FaultKind.BOOK_CROSSED for fault in faults.planned)
        self.started()

    def started(self) -> None:
        """A process began; it was told nothing."""
        self._touches: dict[InstrumentId, _Told] = {}
        self._open: dict[InstrumentId, tuple[Ns, bool]] = {}
        self._gapped: set[InstrumentId] = set()
        """Their book has a gap: only a book begun anew tells a touch."""

    def hear(self, event: Event) -> list[str]:
        """Take a message of the market, or the loss of its stream; what is wrong with it.

        No venue's book ever crosses; one that was put together from what no longer holds does.
        """
        wrong: list[str] = []
        if isinstance(event, StreamLost) and event.stream is StreamName.MARKET:
            self._touches = {name: told for name, told in self._touches.items() if venue_of(name) != event.venue}
        elif isinstance(event, QuoteDistrusted):
            self._touches.pop(event.instrument, None)
            self._gapped.add(event.instrument)
        elif isinstance(event, Quoted) and event.instrument in self._hedges:
            self._gapped.discard(event.instrument)
            bid, ask = event.bid_native, event.ask_native
            if bid is not None and ask is not None and bid >= ask and not self._may_cross:
                wrong.append(f"the book of {event.instrument} is kept as {bid} to {ask}")
            self._see(event.instrument, _Told(event.venue_ns, event.bid_native, event.ask_native))
        elif isinstance(event, FutureMarked) and event.instrument in self._hedges:
            newest_ns, _ = self._open.get(event.instrument, (event.venue_ns, True))
            if event.venue_ns >= newest_ns:
                self._open[event.instrument] = event.venue_ns, event.is_open
            if event.instrument not in self._gapped:
                self._see(event.instrument, _Told(event.venue_ns, event.bid_usd, event.ask_usd))
        return wrong

    def _see(self, name: InstrumentId, told: _Told) -> None:
        seen = self._touches.get(name)
        if seen is None or told.venue_ns >= seen.venue_ns:
            self._touches[name] = told

    def objections(self, order: PlaceOrder, instrument: Instrument, now_ns: Ns) -> Iterator[str]:
        """Why this order should not have been made now."""
        if order.instrument in self._gapped:
            yield "an order on a book with a gap"
        _, is_open = self._open.get(order.instrument, (now_ns, True))
        if not is_open:
            yield f"an order for {order.instrument}, which is told closed"
        told = self._touches.get(order.instrument)
        if told is None or now_ns - told.venue_ns > self._params.trust.hedge_age_ns_max + _TRANSPORT_NS:
            yield f"an order on a quote of {None if told is None else told.venue_ns}"
        elif told.bid_native is None or told.ask_native is None or told.bid_native >= told.ask_native:
            yield f"an order on a touch of {told.bid_native} and {told.ask_native}"
        else:
            yield from self._mispriced(order, instrument, (told.bid_native, told.ask_native))

    def _mispriced(self, order: PlaceOrder, instrument: Instrument, touch: tuple[float, float]) -> Iterator[str]:
        """An immediate order within its slippage of the newest touch; one that rests never through it."""
        bid, ask = touch
        price, is_buy = float_from_decimal(order.price_native), order.amount_native > ZERO
        if order.rests:
            if price >= ask if is_buy else price <= bid:
                yield f"{order.label} rests at {price} through the touch of {bid} and {ask}"
            return
        slip = self._params.tactic.slippage_bps_max * _BPS
        tick = float_from_decimal(tick_at(instrument, order.price_native))
        beyond = price - ask * (1.0 + slip) if is_buy else bid * (1.0 - slip) - price
        if beyond > tick:
            yield f"{order.label} at {price} is {beyond:.2f} beyond its slippage from the touch of {bid} and {ask}"
