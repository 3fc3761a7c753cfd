"""The engine against a venue that loses, delays, repeats and refuses: it never trades on a wrong position.

The venue here is a few lines of its own: it knows what really happened and tells it badly.
"""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from bot.book import BookParams
from bot.domain import events as ev
from bot.domain.commands import CancelOrder, Command, LookUpOrder, PlaceOrder, TakeSnapshot
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.reasons import Phase, Reason, RefusalKind
from bot.domain.seen import OrderSeen, PositionSeen, VenueOrderState
from bot.domain.time import NS_PER_DAY, NS_PER_MS, NS_PER_S, Ns
from bot.engine import Engine
from bot.execution.tactic_table import TacticParams
from bot.execution.tactics import cross, rest_then_cross
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.hedging.modifiers import Modifiers
from bot.market.quality import TrustLimits
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Convention
from bot.risk.limits import Limits

_START = Ns(1_772_359_200 * NS_PER_S)
_STEP_NS = 100 * NS_PER_MS
_PERPETUAL, _CALL = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC-27MAR26-100000-C")
_PARAMS = BookParams(
    book="BTC",
    convention=Convention.OPTIONS_ONLY,
    hedge_instrument=_PERPETUAL,
    label_prefix="hb",
    run_tag="p",
    band=fixed.Params(),
    modifiers=Modifiers(trade_to=TradeTo.TARGET, hard_width_multiple=20.0),
    trade_coin_min=0.0001,
    tactic=cross.Params(),
    trust=TrustLimits(
        option_age_ns_max=Ns(5 * NS_PER_S),
        hedge_age_ns_max=Ns(5 * NS_PER_S),
        clock_ahead_ns_max=Ns(0),
        spread_bps_max=10.0,
    ),
    window=Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)),
    limits=Limits(
        order_usd_max=20_000.0,
        hedge_position_usd_max=1e6,
        delta_coin_worst_max=10.0,
        orders_per_minute_max=1_000,
        refusals_in_a_row_max=1_000,
        unresolved_ns_max=300 * NS_PER_S,
    ),
    reconcile_interval_ns=Ns(5 * NS_PER_S),
    adopts_positions=False,
)


_RESTS = rest_then_cross.Params(rest_for_ns=Ns(3 * NS_PER_S), behind_ticks_max=100, drift_bps_max=40.0)


def _spec(name: InstrumentId, kind: Kind) -> Instrument:
    is_option = kind is Kind.OPTION
    return Instrument(
        id=name,
        venue=VenueId("deribit"),
        kind=kind,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=Decimal(10),
        lot_native=Decimal(10),
        tick_native=Decimal("0.5"),
        fee_rate_maker=Decimal(0),
        fee_rate_taker=Decimal(0),
        expiry_ns=Ns(_START + 26 * NS_PER_DAY) if is_option else None,
        strike_usd=100_000.0 if is_option else None,
        is_call=True if is_option else None,
    )


class _Venue:
    """What really happened, and a queue of what the engine will hear of it, each with its time."""

    def __init__(self, seed: int, tactic: TacticParams) -> None:
        self.dice = random.Random(seed)
        self.engine = Engine(structs.replace(_PARAMS, tactic=tactic))
        self.book: dict[Label, PlaceOrder] = {}
        """Orders that rest."""
        self.now_ns = int(_START)
        self.position = Decimal(0)
        self.orders: dict[Label, ev.OrderUpdated] = {}
        self.fills: list[ev.Filled] = []
        self.transit: list[tuple[int, PlaceOrder]] = []
        self.queue: list[tuple[int, int, ev.Event]] = []
        self.count = 0
        self.is_kind = False
        self.is_stream_up = True
        self.labels: set[Label] = set()
        self.forward_usd = 100_000.0

    def later(self, event: ev.Event, *, delay_ms: int | None = None) -> None:
        """The engine hears of it after a while."""
        wait_ms = self.dice.randrange(0, 800) if delay_ms is None else delay_ms
        self.count += 1
        self.queue.append((self.now_ns + wait_ms * NS_PER_MS, self.count, event))

    def stream(self, event: ev.Event) -> None:
        """The private stream: now and then it says things twice; down, it says nothing."""
        for _ in range(self.dice.choice((1, 1, 1, 2))):
            if self.is_stream_up:
                self.later(event)

    def roll(self, share: float) -> bool:
        """Whether something goes wrong now."""
        return not self.is_kind and self.dice.random() < share

    def _trade(self, label: Label | None, order_id: OrderId, amount: Decimal) -> None:
        """A fill of ours, or of somebody at the web interface."""
        fill = ev.Filled(
            fill_id=FillId(f"f{len(self.fills)}"),
            order_id=order_id,
            label=label,
            instrument=_PERPETUAL,
            amount_native=amount,
            price_native=Decimal(100_000),
            fee_native=Decimal(0),
            fee_currency="BTC",
            is_maker=False,
            received_ns=Ns(self.now_ns),
            venue_ns=Ns(self.now_ns),
        )
        self.fills.append(fill)
        self.position += amount
        self.stream(fill)

    def execute(self, order: PlaceOrder) -> None:
        """The order reaches the market: some of it trades, the rest is taken back; or it rests."""
        if order.rests:
            self.book[order.label] = order
            self._told(order.label, VenueOrderState.OPEN)
            return
        lots = int(abs(order.amount_native) / 10)
        done = lots if self.is_kind else self.dice.choice((lots, lots, lots // 2, 0))
        sign = 1 if order.amount_native > 0 else -1
        order_id = OrderId(f"V{order.label}")
        for part in (done // 2, done - done // 2):
            if part:
                self._trade(order.label, order_id, Decimal(10 * sign * part))
        self._told(order.label, VenueOrderState.FILLED if done == lots else VenueOrderState.CANCELLED)

    def _told(self, label: Label, state: VenueOrderState) -> None:
        """The order as it stands, remembered and told."""
        self.orders[label] = ev.OrderUpdated(
            label=label,
            order_id=OrderId(f"V{label}"),
            instrument=_PERPETUAL,
            state=state,
            filled_native=sum((abs(fill.amount_native) for fill in self.fills if fill.label == label), Decimal(0)),
            received_ns=Ns(self.now_ns),
            venue_ns=Ns(self.now_ns),
        )
        self.stream(self.orders[label])

    def meet(self) -> None:
        """Somebody takes a part of what rests, now and then."""
        for label, order in list(self.book.items()):
            if self.dice.random() < 0.1:
                left = abs(order.amount_native) - self.orders[label].filled_native
                lots = self.dice.randint(1, int(left / 10))
                self._trade(label, OrderId(f"V{label}"), Decimal(10 * lots * (1 if order.amount_native > 0 else -1)))
                is_done = 10 * lots == left
                if is_done:
                    del self.book[label]
                self._told(label, VenueOrderState.FILLED if is_done else VenueOrderState.OPEN)

    def sweep(self) -> None:
        """Cancel on disconnect: nobody is told."""
        for label in list(self.book):
            del self.book[label]
            self._told(label, VenueOrderState.CANCELLED)

    def take(self, command: Command) -> None:
        """Do what the engine asks, well or badly."""
        if isinstance(command, PlaceOrder):
            self._place(command)
        elif isinstance(command, LookUpOrder | CancelOrder):
            self._answer(command)
        elif isinstance(command, TakeSnapshot):
            self._snapshot()

    def _place(self, order: PlaceOrder) -> None:
        status = self.engine.status()
        assert order.label not in self.labels, "a label was used twice"
        assert not self.transit, "an order left while another could still start"
        assert not self.book, "an order left while another rests"
        assert status.phase is Phase.RUNNING
        assert status.positions_native.get(_PERPETUAL, Decimal(0)) == self.position, "traded on a wrong position"
        self.labels.add(order.label)
        if self.roll(0.15):
            kind = self.dice.choice((RefusalKind.BACK_OFF, RefusalKind.REQUOTE, RefusalKind.NOT_EXECUTED))
            refused = ev.OrderRefused(label=order.label, received_ns=Ns(self.now_ns), code=1, name="no", kind=kind)
            self.later(refused)
            return
        if not self.roll(0.1):  # else it never arrives
            delay_ms = self.dice.randrange(0, 2_500) if self.roll(0.2) else 20
            self.transit.append((self.now_ns + delay_ms * NS_PER_MS, order))
        if self.roll(0.3):
            self.later(ev.OrderUnknown(label=order.label, received_ns=Ns(self.now_ns), cause="time-out"))
        elif not self.roll(0.2) and self.transit:  # else silence
            self.later(
                ev.OrderAcked(label=order.label, order_id=OrderId(f"V{order.label}"), received_ns=Ns(self.now_ns))
            )

    def _answer(self, command: LookUpOrder | CancelOrder) -> None:
        if isinstance(command, CancelOrder) and command.label in self.book and not self.roll(0.2):  # else it is lost
            del self.book[command.label]
            self._told(command.label, VenueOrderState.CANCELLED)
        seen = self.orders.get(command.label)
        if self.roll(0.3) or (seen is None and isinstance(command, CancelOrder)):
            self.later(ev.LookUpFailed(label=command.label, received_ns=Ns(self.now_ns), cause="busy"))
        elif seen is not None:
            for fill in self.fills:
                if fill.label == command.label:
                    self.later(fill)
            self.later(seen)
        elif any(order.label == command.label for _, order in self.transit):
            pass  # a gateway asks after `not_before_ns`, when this has arrived: its absence now is no answer
        elif isinstance(command, LookUpOrder):
            assert command.not_before_ns > command.valid_until_ns
            wait_ms = max(0, command.not_before_ns - self.now_ns) // NS_PER_MS + 1
            self.later(ev.OrderAbsent(label=command.label, received_ns=Ns(self.now_ns)), delay_ms=wait_ms)

    def _snapshot(self) -> None:
        if self.roll(0.2):
            self.later(ev.SnapshotFailed(received_ns=Ns(self.now_ns), cause="busy"))
            return
        held = {_CALL: Decimal(1), _PERPETUAL: self.position}
        positions = tuple(PositionSeen(instrument=name, amount_native=amount) for name, amount in held.items())
        delay_ms = self.dice.randrange(10, 3_000)
        at_ns = Ns(self.now_ns + delay_ms * NS_PER_MS)
        taken = ev.SnapshotTaken(
            positions=positions,
            open_orders=tuple(self._shown(order) for order in self.book.values()),
            fills=tuple(self.fills),
            requested_ns=Ns(self.now_ns),
            received_ns=at_ns,
        )
        self.later(taken, delay_ms=delay_ms)

    def _shown(self, order: PlaceOrder) -> OrderSeen:
        return OrderSeen(
            order_id=OrderId(f"V{order.label}"),
            label=order.label,
            instrument=_PERPETUAL,
            amount_native=order.amount_native,
            filled_native=self.orders[order.label].filled_native,
            price_native=order.price_native,
        )

    def market(self) -> list[ev.Event]:
        """Tickers of both."""
        at, price = Ns(self.now_ns), self.forward_usd
        blank = {"bid_amount_native": None, "ask_amount_native": None, "index_usd": price, "is_open": True}
        option = OptionMarked(
            instrument=_CALL,
            received_ns=at,
            venue_ns=at,
            bid_native=None,
            ask_native=None,
            mark_native=0.06,
            iv_mark=0.6,
            forward_usd=price,
            **blank,
        )
        future = FutureMarked(
            instrument=_PERPETUAL,
            received_ns=at,
            venue_ns=at,
            bid_usd=price - 0.5,
            ask_usd=price + 0.5,
            mark_usd=price,
            price_min_usd=None,
            price_max_usd=None,
            funding_rate_8h=0.0,
            **blank,
        )
        return [option, future]

    def step(self) -> None:
        """A tenth of a second."""
        self.now_ns += _STEP_NS
        arrived = [order for at_ns, order in self.transit if at_ns <= self.now_ns]
        self.transit = [(at_ns, order) for at_ns, order in self.transit if at_ns > self.now_ns]
        for order in arrived:
            if self.now_ns <= order.valid_until_ns:
                self.execute(order)
        self.meet()
        if self.roll(0.02 if self.is_stream_up else 0.2):
            self._set_stream(is_up=not self.is_stream_up)
        if not self.is_stream_up and self.roll(0.2):
            self._trade(None, OrderId("human"), Decimal(self.dice.choice((-10_000, 10_000))))  # nobody tells us
        if self.is_kind and not self.is_stream_up:
            self._set_stream(is_up=True)
        due = sorted(item for item in self.queue if item[0] <= self.now_ns)
        self.queue = [item for item in self.queue if item[0] > self.now_ns]
        # What is looked up is looked up then, not when it was asked: it may have arrived meanwhile.
        events = [
            self.orders.get(event.label, event) if isinstance(event, ev.OrderAbsent) else event for _, _, event in due
        ]
        if not self.roll(0.1):
            if not self.is_kind:
                self.forward_usd *= 1.0 + self.dice.gauss(0.0, 0.002)
            events += self.market()
        for event in [*events, ev.Ticked(now_ns=Ns(self.now_ns))]:
            for command in self.engine.apply(event).commands:
                self.take(command)

    def _set_stream(self, *, is_up: bool) -> None:
        self.is_stream_up = is_up
        if not is_up and self.dice.random() < 0.5:
            self.sweep()
        kind = ev.StreamRestored if is_up else ev.StreamLost
        extra = {} if is_up else {"cause": "closed"}
        event = kind(stream=ev.StreamName.ACCOUNT, received_ns=Ns(self.now_ns), **extra)
        for command in self.engine.apply(event).commands:
            self.take(command)


@pytest.mark.parametrize("tactic", [cross.Params(), _RESTS], ids=["cross", "rest_then_cross"])
@settings(max_examples=60)
@given(seed=st.integers(min_value=0, max_value=10**9))
def test_no_order_is_placed_on_a_wrong_position_and_calm_ends_in_the_band(tactic: TacticParams, seed: int) -> None:
    """Forty seconds of faults, then over a reversal time without: in the band, nothing open, positions right."""
    venue = _Venue(seed, tactic)
    for stream in ev.StreamName:
        venue.engine.apply(ev.StreamRestored(stream=stream, received_ns=_START))
    for spec in (_spec(_PERPETUAL, Kind.PERPETUAL), _spec(_CALL, Kind.OPTION)):
        venue.engine.apply(ev.InstrumentListed(instrument=spec, received_ns=_START))
    for _ in range(400):
        venue.step()
    venue.is_kind = True
    for _ in range(750):
        venue.step()
    status = venue.engine.status()

    assert status.phase is Phase.RUNNING, status.phase_cause
    assert status.positions_native == {_CALL: Decimal(1), _PERPETUAL: venue.position}
    assert status.orders_live == 0
    assert status.decided is not None
    assert status.decided.reason in {Reason.INSIDE_BAND, Reason.BELOW_TRADE_MIN}
    assert len(venue.labels) > 0, "nothing was ever hedged: this tests nothing"
    assert venue.book == {}
