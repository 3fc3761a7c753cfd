"""What happens to a simulated account, its machine and its sockets at planned moments, whatever the bot does.

Humans, the venue's liquidation, lost sockets, a stepping clock, a kill, somebody who is faster. Decides nothing.
"""

import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Final

from bot.domain.commands import PlaceOrder
from bot.domain.events import QuoteDistrusted, StreamLost, StreamName, StreamRestored
from bot.domain.ids import DERIBIT, InstrumentId, venue_of
from bot.domain.market_events import Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.drive.hands import Hands
from bot.drive.line import Cut
from bot.drive.sim_process import SimProcess
from bot.drive.sim_venue import Schedule
from bot.drive.sim_venues import SimVenues
from bot.sim.exchange import Exchange
from bot.sim.faults import AT_ONCE, Fault, FaultKind, Faults

_GAP_NS: Final = 10 * NS_PER_S
"""A book comes anew after this long at most."""
_LOOK_NS: Final = 500 * NS_PER_MS
"""Between two looks for an order to take back."""
_SILENCE_NS: Final = 4 * NS_PER_S
"""A line that is cut is found out within this."""
_CLOCK_MS_MAX: Final = 900
"""Within what is tolerated of stamps from the future."""

_K = FaultKind
_Ends = tuple[SimVenues, SimProcess]


def cuts_of(faults: Faults, hedge: InstrumentId) -> tuple[Cut, ...]:
    """When the line to a venue is cut, and when that is noticed."""
    venues = {_K.OPTIONS_VENUE_LOST: DERIBIT, _K.HEDGE_VENUE_LOST: venue_of(hedge)}
    return tuple(
        Cut(
            venue=venues[fault.kind],
            start_ns=fault.start_ns,
            noticed_ns=Ns(min(fault.start_ns + faults.dice_of(fault).randrange(_SILENCE_NS), fault.until_ns)),
            end_ns=fault.until_ns,
        )
        for fault in faults.planned
        if fault.kind in venues
    )


class Mishaps:
    """Plans the faults that happen at their start, and plays the rival of an order."""

    def __init__(self, faults: Faults, exchange: Exchange, schedule: Schedule, hedge: InstrumentId) -> None:
        """Nothing is planned yet."""
        self._faults = faults
        self._exchange = exchange
        self._schedule = schedule
        self._hedge = exchange.instrument(hedge)
        self._hands = Hands(exchange, hedge)
        self._options: list[InstrumentId] = []

    def plan(self, venue: SimVenues, process: SimProcess, options: list[InstrumentId]) -> None:
        """Put all of them on the schedule; `options` are those a human may trade."""
        self._options = options
        happen: Mapping[FaultKind, Callable[[Fault, random.Random, Ns], bool]] = {
            _K.BOOK_GAP: partial(self._book_gap, process),
            _K.MARKET_LOST: partial(self._socket_lost, StreamName.MARKET, (venue, process)),
            _K.ACCOUNT_LOST: partial(self._socket_lost, StreamName.ACCOUNT, (venue, process)),
            _K.HUMAN_TRADED: partial(self._human, venue),
            _K.HUMAN_TRADED_OPTION: partial(self._human_option, venue),
            _K.LIQUIDATED: partial(self._liquidated, venue),
            _K.CLOCK_STEPPED: partial(self._clock, venue),
            _K.KILLED: partial(self._killed, process),
            _K.ORDER_CANCELLED: partial(self._order_cancelled, venue),
            _K.OPTIONS_VENUE_LOST: partial(self._venue_lost, process),
            _K.HEDGE_VENUE_LOST: partial(self._venue_lost, process),
        }
        assert happen.keys() == AT_ONCE, "a fault that happens at once has nothing that does it"
        for fault in self._faults.planned:
            if fault.kind in AT_ONCE:
                self._schedule.at(fault.start_ns, partial(self._happen, happen[fault.kind], fault))

    def _happen(self, act: Callable[[Fault, random.Random, Ns], bool], fault: Fault, now_ns: Ns) -> None:
        self._exchange.advance(now_ns)
        if act(fault, self._faults.dice_of(fault), now_ns):
            self._faults.felt(fault.kind)

    # --- the wire --------------------------------------------------------------------------------------

    def _book_gap(self, process: SimProcess, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        del fault
        name = self._hedge.id
        gap = QuoteDistrusted(instrument=name, received_ns=now_ns, cause=DistrustCause.BOOK_GAP)
        process.deliver([gap], now_ns)
        self._schedule.at(Ns(now_ns + dice.randrange(_GAP_NS)), partial(self._book_anew, process))
        return process.is_up

    def _book_anew(self, process: SimProcess, now_ns: Ns) -> None:
        self._exchange.advance(now_ns)
        ticker = self._exchange.ticker(self._hedge.id)
        touch = ticker.touch

        def known(value: Decimal | None) -> float | None:
            return None if value is None else float_from_decimal(value)

        quoted = Quoted(
            instrument=self._hedge.id,
            received_ns=now_ns,
            venue_ns=ticker.time_ns,
            bid_native=known(touch.bid_native),
            ask_native=known(touch.ask_native),
            bid_amount_native=known(touch.bid_amount_native),
            ask_amount_native=known(touch.ask_amount_native),
        )
        process.deliver([quoted], now_ns)

    def _socket_lost(self, stream: StreamName, ends: _Ends, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        del dice
        venue, process = ends
        process.deliver([StreamLost(stream=stream, received_ns=now_ns, cause="fault")], now_ns)

        def restored(at_ns: Ns) -> None:
            if not (venue.home.is_down(stream, at_ns) or venue.is_cut(DERIBIT, at_ns)):
                process.deliver([StreamRestored(stream=stream, received_ns=at_ns)], at_ns)

        self._schedule.at(fault.until_ns, restored)
        return process.is_up

    # --- the account -----------------------------------------------------------------------------------

    def _human(self, venue: SimVenues, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        del fault
        return _told(venue, self._hands.trade_hedge(dice), now_ns)

    def _human_option(self, venue: SimVenues, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        del fault
        return _told(venue, self._hands.trade_option(dice, self._options), now_ns)

    def _liquidated(self, venue: SimVenues, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        del fault, dice
        return _told(venue, self._hands.close_hedge(), now_ns)

    def overtake(self, command: PlaceOrder, at_ns: Ns) -> None:
        """Somebody is faster than an order about to arrive: half of it, at most, is left within its limit."""
        if not command.rests and self._faults.strike(_K.PARTLY_FILLED, at_ns) is not None:
            self._hands.overtake(command.instrument, command.amount_native, command.price_native)

    # --- the machine -----------------------------------------------------------------------------------

    def _clock(self, venue: SimVenues, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        del now_ns
        step_ns = dice.choice((-1, 1)) * dice.randrange(100, _CLOCK_MS_MAX) * NS_PER_MS
        venue.step_clock(step_ns)

        def back(at_ns: Ns) -> None:
            del at_ns
            if venue.home.clock_ahead_ns == step_ns:
                venue.step_clock(0)

        self._schedule.at(fault.until_ns, back)
        return True

    def _order_cancelled(self, venue: SimVenues, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        """Look for an order that rests, and take it back by hand."""
        del dice
        for account in venue.accounts:
            resting = [order.order_id for order in self._exchange.orders_open(account)]
            if self._exchange.cancel_for(account, resting, "user_request"):
                venue.private(now_ns)
                return True
        if now_ns + _LOOK_NS < fault.until_ns:
            again = partial(self._order_cancelled, venue)
            self._schedule.at(Ns(now_ns + _LOOK_NS), partial(self._happen, again, fault))
        return False

    @staticmethod
    def _venue_lost(process: SimProcess, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        """The line is cut by itself (`cuts_of`)."""
        del fault, dice, now_ns
        return process.is_up

    @staticmethod
    def _killed(process: SimProcess, fault: Fault, dice: random.Random, now_ns: Ns) -> bool:
        del fault, dice
        was_up = process.is_up
        process.kill(now_ns)
        return was_up


def _told(venue: SimVenues, has_traded: bool, now_ns: Ns) -> bool:
    if has_traded:
        venue.private(now_ns)
    return has_traded
