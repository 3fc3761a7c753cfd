"""The simulated venue as the engine sees it: commands in, events out, each after its latency.

Answers twice, as a real venue does: once to the request, once on the private stream. Knows virtual time
and the exchange; nothing of decisions.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, assert_never

from msgspec import Struct, structs

from bot.domain.commands import CancelOrder, Command, LookUpOrder, MeasureLadder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.events import (
    Event,
    LookUpFailed,
    OrderAbsent,
    OrderAcked,
    SnapshotTaken,
    StreamName,
)
from bot.domain.ids import DERIBIT, InstrumentId, Label, OrderId, VenueId, venue_of
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.drive.wire import GoodWire, Question, Wire
from bot.risk import gap
from bot.sim import facts, invariants
from bot.sim.delivery import settlement_after_ns
from bot.sim.exchange import Exchange
from bot.venues import sim_codec
from bot.venues.outcome import may_be_late

ACCOUNT: Final = "bot"
_ACCOUNT_EVERY_NS: Final = 2 * NS_PER_S
"""Account figures go out with the next tickers after this long."""


_DEPTH_EVERY_NS: Final = 2 * NS_PER_S
_DEPTH_LEVELS: Final = 5
_SETTLEMENTS: Final = frozenset({"delivery", "settlement"})
"""Lines of the transaction log."""


Deliver = Callable[[Sequence[Event], Ns], None]
"""Hands events to the bot at a moment."""


def account_at(venue: VenueId) -> str:
    """The bot's account at a venue: one exchange stands for all of them, and each sees its own account."""
    return ACCOUNT if venue == DERIBIT else f"{ACCOUNT} at {venue}"


class News:
    """What happened on the accounts of one exchange, sorted by account: each venue takes its own."""

    def __init__(self, exchange: Exchange) -> None:
        """Nothing has happened."""
        self._exchange = exchange
        self._waiting: dict[str | None, list[facts.OrderChange | facts.TradeOwned]] = {}

    def of(self, account: str) -> list[facts.OrderChange | facts.TradeOwned]:
        """Of this account since it was last asked for."""
        for change in self._exchange.changes():
            if isinstance(change, facts.OrderChange):
                self._waiting.setdefault(change.order.account, []).append(change)
            elif isinstance(change, facts.TradeOwned):
                self._waiting.setdefault(change.trade.account, []).append(change)
        return self._waiting.pop(account, [])


class Latency(Struct, frozen=True, kw_only=True):
    """One way each."""

    feed_ns: Ns = Ns(5 * NS_PER_MS)
    request_ns: Ns = Ns(10 * NS_PER_MS)
    reply_ns: Ns = Ns(10 * NS_PER_MS)


class Schedule:
    """What happens when: a heap in virtual time, first come first served within a moment."""

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[Ns, int, Callable[[Ns], None]]] = []
        self._count = 0

    def at(self, time_ns: Ns, action: Callable[[Ns], None]) -> None:
        """Run `action(time)` then."""
        self._count += 1
        heapq.heappush(self._heap, (time_ns, self._count, action))

    def pop(self, until_ns: Ns) -> tuple[Ns, Callable[[Ns], None]] | None:
        """The next action up to a time; None when there is none."""
        if not self._heap or self._heap[0][0] > until_ns:
            return None
        time_ns, _, action = heapq.heappop(self._heap)
        return time_ns, action


class SimVenue:
    """Carries commands to the exchange and its facts back as events."""

    def __init__(
        self,
        exchange: Exchange,
        schedule: Schedule,
        latency: Latency,
        deliver: Deliver,
        *,
        venue: VenueId = DERIBIT,
        news: News | None = None,
        wire: Wire | None = None,
    ) -> None:
        """`deliver(events, now)` is called at the moment events reach the bot. `news`: shared with other venues.

        `wire` None: nothing goes wrong on the way.
        """
        self._exchange = exchange
        self._venue = venue
        self._account = account_at(venue)
        self._news = News(exchange) if news is None else news
        self._schedule = schedule
        self._latency = latency
        self._deliver = deliver
        self._wire: Wire = wire or GoodWire()
        self._connection = 0
        """Number of the bot's connection: what was meant for an earlier one reaches nobody."""
        self.clock_ahead_ns = 0
        """The bot's clock, less the venue's."""
        self._measured_ahead_ns = 0
        """What the bot takes that for; measured with each look at the account."""
        self.in_transit: dict[Label, PlaceOrder] = {}
        """Orders that left and have not arrived; those that never will are not among them."""
        self._specs: dict[InstrumentId, Instrument] = {
            spec.id: spec for spec in exchange.instruments() if venue_of(spec.id) == venue
        }
        self._futures = frozenset(name for name, spec in self._specs.items() if not spec.is_option)
        self._watched: dict[InstrumentId, Instrument] = {}
        self._account_due_ns = Ns(0)
        self._depth_ns: dict[InstrumentId, Ns] = {}
        """When what stands behind its touch was told last."""
        self._settlement_ns = settlement_after_ns(exchange.now_ns)
        self._line_told = 0
        """The newest line of the transaction log that was looked at."""

    @property
    def connection(self) -> int:
        """Number of the bot's connection: it ends with the bot."""
        return self._connection

    @property
    def accounts(self) -> tuple[str, ...]:
        """The bot's."""
        return (self._account,)

    def watch(self, names: Sequence[InstrumentId]) -> None:
        """Send tickers of these instruments from now on."""
        for name in names:
            spec = self._specs.get(name)
            if spec is not None and name not in self._watched:
                self._watched[name] = spec
                self._exchange.keep_alive(name)

    def is_down(self, stream: StreamName, now_ns: Ns) -> bool:
        """Whether a socket of the bot is down."""
        return self._wire.is_down(stream, now_ns)

    def hang_up(self, watched: Sequence[InstrumentId]) -> None:
        """The bot is gone: what is on its way to it is lost, what rests is taken back; the next begins with these."""
        self._connection += 1
        self._measured_ahead_ns = self.clock_ahead_ns
        orders = [order.order_id for order in self._exchange.orders_open(self._account)]
        self._exchange.cancel_for(self._account, orders, "cancel_on_disconnect")
        self._watched = {name: self._specs[name] for name in watched if name in self._specs}
        self._account_due_ns = Ns(0)

    def tickers(self, now_ns: Ns, *, only: frozenset[InstrumentId] | None = None) -> None:
        """Send the tickers of watched instruments, all futures and the options named by `only`; account figures."""
        received = Ns(now_ns + self._latency.feed_ns)
        events: list[Event] = []
        shown = self._watched.keys() if only is None else only | self._futures
        for name in self._watched:
            if name not in shown:
                continue
            quote, is_future = self._exchange.quote(name), name in self._futures
            events.append(sim_codec.marked(quote, received, is_option=not is_future))
            if is_future and now_ns - self._depth_ns.get(name, -_DEPTH_EVERY_NS) >= _DEPTH_EVERY_NS:
                self._depth_ns[name] = now_ns
                bids, asks, _ = self._exchange.book(name, _DEPTH_LEVELS)
                events.append(sim_codec.depth((bids, asks), quote, received))
        if now_ns >= self._account_due_ns:
            self._account_due_ns = Ns(now_ns + _ACCOUNT_EVERY_NS)
            events += self._account_figures(received, self._watched.values())
        self._tell(received, events)

    def _account_figures(self, received: Ns, specs: Iterable[Instrument]) -> list[Event]:
        """Money and greeks of the account, one event per currency these are settled in."""
        currencies = sorted({spec.settlement_currency for spec in specs})
        summaries = (self._exchange.summary(self._account, currency) for currency in currencies)
        return [sim_codec.account_seen(summary, received, self._venue) for summary in summaries]

    def private(self, now_ns: Ns) -> None:
        """Send what happened on the account since the last call: the private stream."""
        received = Ns(now_ns + self._latency.feed_ns)
        self._tell(received, self._happened(now_ns, received))

    def _happened(self, now_ns: Ns, received: Ns) -> list[Event]:
        events: list[Event] = self._settlements(received) if now_ns >= self._settlement_ns else []
        for change in self._news.of(self._account):
            if isinstance(change, facts.OrderChange):
                events.append(sim_codec.updated(change.order, received))
            else:
                events.append(sim_codec.filled(change.trade, received))
        return events

    def _settlements(self, received: Ns) -> list[Event]:
        """What was booked at settlements since the last look."""
        self._settlement_ns = settlement_after_ns(self._exchange.now_ns)
        lines = [
            entry
            for currency in self._exchange.currencies(self._account)
            for entry in self._exchange.log_of(self._account, currency)
            if entry.type in _SETTLEMENTS and entry.log_id > self._line_told
        ]
        lines.sort(key=lambda entry: entry.log_id)
        self._line_told = lines[-1].log_id if lines else self._line_told
        return [sim_codec.settled(entry, self._exchange.delivery_usd(entry.instrument), received) for entry in lines]

    def carry_out(self, command: Command, now_ns: Ns) -> None:
        """Take a command of the engine."""
        arrival = Ns(now_ns + self._latency.request_ns)
        match command:
            case MeasureLadder():
                self._later(self._reply_ns(arrival), [gap.measure(command, self._reply_ns(arrival))])
            case Watch():
                self.watch(command.instruments)
            case PlaceOrder() | CancelOrder() | LookUpOrder() | TakeSnapshot():
                extra_ns = self._wire.departs(command, now_ns)
                if extra_ns is None:
                    self._answer(command, arrival, [])
                else:
                    self._send(command, Ns(arrival + extra_ns), now_ns)
            case _:
                assert_never(command)

    def _send(self, command: Question, arrival: Ns, now_ns: Ns) -> None:
        match command:
            case PlaceOrder():
                self.in_transit[command.label] = command
                self._schedule.at(arrival, lambda at: self._place(command, at))
            case CancelOrder():
                self._schedule.at(arrival, lambda at: self._cancel(command, at))
            case LookUpOrder():
                due = Ns(max(arrival, command.not_before_ns - self.clock_ahead_ns))
                self._schedule.at(due, lambda at: self._look_up(command, at))
            case TakeSnapshot():
                self._schedule.at(arrival, lambda at: self._snapshot(command, Ns(now_ns + self.clock_ahead_ns), at))
            case _:
                assert_never(command)

    def _answer(self, command: Question, received: Ns, events: Sequence[Event]) -> None:
        for at, part in self._wire.answers(command, events, received):
            self._later(at, part)

    def _tell(self, received: Ns, events: Sequence[Event]) -> None:
        for at, part in self._wire.tells(events, received) if events else ():
            self._later(at, part)

    def _later(self, received: Ns, events: Sequence[Event]) -> None:
        if events:
            connection = self._connection
            self._schedule.at(received, lambda at: self._arrive(connection, events, at))

    def _arrive(self, connection: int, events: Sequence[Event], at: Ns) -> None:
        if connection == self._connection:
            self._deliver(events, at)

    def _reply_ns(self, at: Ns) -> Ns:
        return Ns(at + self._latency.reply_ns)

    def _place(self, command: PlaceOrder, at: Ns) -> None:
        self._exchange.advance(at)
        self.in_transit.pop(command.label, None)
        received = self._reply_ns(at)
        try:
            objection = self._wire.objection(command, at)
            if objection is not None:
                raise objection
            asked = sim_codec.request(command, self._account)
            asked = structs.replace(asked, valid_until_ns=Ns(command.valid_until_ns - self._measured_ahead_ns))
            order, trades = self._exchange.submit(asked)
        except facts.VenueSays as no:
            told = sim_codec.refused(command, no, received)
            if may_be_late(told):
                self._measured_ahead_ns = self.clock_ahead_ns
            self._answer(command, received, [told])
        else:
            events: list[Event] = [
                OrderAcked(label=command.label, order_id=OrderId(order.order_id), received_ns=received),
                sim_codec.updated(order, received),
                *(sim_codec.filled(trade, received) for trade in trades),
            ]
            self._answer(command, received, events)
        self.private(at)

    def _cancel(self, command: CancelOrder, at: Ns) -> None:
        self._exchange.advance(at)
        received = self._reply_ns(at)
        try:
            order = self._exchange.cancel(self._account, command.order_id)
        except facts.VenueSays as no:
            failed = LookUpFailed(label=command.label, received_ns=received, cause=str(no))
            self._answer(command, received, [failed])
        else:
            self._answer(command, received, [sim_codec.updated(order, received)])
        self.private(at)

    def _look_up(self, command: LookUpOrder, at: Ns) -> None:
        self._exchange.advance(at)
        received = self._reply_ns(at)
        spec = self._specs[command.instrument]
        orders = self._exchange.orders_by_label(self._account, spec.settlement_currency, command.label)
        events: list[Event] = [sim_codec.updated(order, received) for order in orders]
        trades = self._exchange.trades_of(self._account, instrument=command.instrument)
        events += [sim_codec.filled(trade, received) for trade in trades if trade.label == command.label]
        if not events:
            events = [OrderAbsent(label=command.label, received_ns=received)]
        self._answer(command, received, events)

    def _snapshot(self, command: TakeSnapshot, requested: Ns, at: Ns) -> None:
        self._exchange.advance(at)
        self.private(at)
        self._measured_ahead_ns = self.clock_ahead_ns
        received = self._reply_ns(at)
        self._answer(command, received, self._picture(requested, received))

    def _picture(self, requested: Ns, received: Ns) -> list[Event]:
        """Money and positions now."""
        positions = self.positions()
        taken = SnapshotTaken(
            positions=tuple(sim_codec.position_seen(item) for item in positions),
            open_orders=tuple(sim_codec.order_seen(order) for order in self._exchange.orders_open(self._account)),
            fills=tuple(sim_codec.filled(trade, received) for trade in self._exchange.trades_of(self._account)),
            requested_ns=requested,
            received_ns=received,
            venue=self._venue,
        )
        held = [self._specs[InstrumentId(item.instrument)] for item in positions]
        return [*self._account_figures(received, (*self._watched.values(), *held)), taken]

    def last_look(self) -> list[Event]:
        """What happened last; marks, money, positions of this very moment: for the comparison at the end of a run."""
        now_ns = self._exchange.now_ns
        marks = (
            sim_codec.marked(self._exchange.quote(spec.id), now_ns, is_option=spec.is_option)
            for spec in self._watched.values()
        )
        after_ns = Ns(now_ns + 1)  # asked after it: a picture from before a fill would prove nothing
        return [*self._happened(now_ns, now_ns), *marks, *self._picture(after_ns, after_ns)]

    def positions(self) -> list[facts.Position]:
        """The account's positions at the venue now."""
        return self._exchange.positions(self._account)

    def amounts(self) -> dict[InstrumentId, Decimal]:
        """Non-zero native amounts by instrument."""
        return {
            InstrumentId(item.instrument): item.size_native for item in self.positions() if item.size_native != ZERO
        }

    def violations(self) -> list[str]:
        """What the venue's own books say went wrong on the account."""
        trades = self._exchange.trades_of(self._account)
        orders = self._exchange.orders_all(self._account)
        return [
            *invariants.positions_match_fills(self.positions(), trades, self._exchange.seeded_native(self._account)),
            *invariants.orders_match_trades(orders, trades),
            *invariants.labels_unique(orders),
            *invariants.trade_ids_unique(trades),
        ]
