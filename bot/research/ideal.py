"""Hedges that fill at once, whole and at the touch: a policy without latency, depth and queue.

The daemon's own engine decides, on the looks of a run: what it saw at each of its decisions. Whatever watches our own
part in the market is off, and so are limits: nothing is left but data, band and costs. `kernel` does the same without
the engine, a thousand times as fast, and has to come to the same.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import structs

from bot.book import BookParams, hedges_of
from bot.domain.commands import PlaceOrder, TakeSnapshot
from bot.domain.decided import Outcome
from bot.domain.errors import ConfigError
from bot.domain.events import (
    Event,
    Filled,
    InstrumentListed,
    OrderAcked,
    OrderUpdated,
    SnapshotTaken,
    StreamName,
    StreamRestored,
    Ticked,
)
from bot.domain.ids import DERIBIT, FillId, InstrumentId, OrderId, venue_of
from bot.domain.market_events import FutureMarked, MarketEvent, OptionMarked, Quoted
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import NS_PER_DAY, Ns
from bot.domain.units import decimal_from_wire
from bot.drive import collector
from bot.engine import Engine
from bot.execution.tactics import cross
from bot.hedging.bands import fixed
from bot.hedging.expiry import ExpiryParams
from bot.hedging.modifiers import Modifiers
from bot.hedging.stability import StabilityParams
from bot.research.counterfactual import OpenRisk
from bot.research.sweep import Figures
from bot.risk.conventions import Convention
from bot.risk.limits import Limits
from bot.risk.triggers import StopParams

_ENDLESS: Final = 1e12
"""Of whatever has a limit: amounts at the touch, orders, positions."""
_NO_LIMITS: Final = Limits(
    order_usd_max=_ENDLESS,
    hedge_position_usd_max=_ENDLESS,
    delta_coin_worst_max=_ENDLESS,
    orders_per_minute_max=1_000_000,
    refusals_in_a_row_max=5,
    unresolved_ns_max=NS_PER_DAY,
)
NO_GUARDS: Final = StabilityParams(gain_ratio_max=_ENDLESS, oscillation_width_ratio=1.0)


class Look(NamedTuple):
    """One decision's moment, and the newest of what came since the one before."""

    now_ns: Ns
    market: tuple[MarketEvent, ...]


class Hedge(NamedTuple):
    """One trade."""

    look_seq: int
    lots_count: int
    """Signed."""


class Money(NamedTuple):
    """What a policy came to; profits positive, fees positive when paid."""

    options_usd: float
    hedge_usd: float
    slippage_usd: float
    """Half the spread, <= 0."""
    fees_usd: float
    funding_usd: float
    traded_usd: float
    squared_usd: float
    """Of net delta times index move, as `OpenRisk` sums it."""
    unhedged_squared_usd: float
    net_coin: float | None
    """At the last look, before its hedge."""
    hedges: list[Hedge]

    def figures(self, seconds: float) -> Figures:
        """As those of any other run."""
        count, ratio = len(self.hedges), None
        if self.unhedged_squared_usd:
            ratio = self.squared_usd / self.unhedged_squared_usd
        made_usd = (self.options_usd, self.hedge_usd, self.slippage_usd, -self.fees_usd, self.funding_usd)
        return Figures(
            hedges=count,
            orders=count,
            fills=count,
            refused=0,
            seconds=seconds,
            cost_usd=self.fees_usd - self.slippage_usd,
            fees_usd=self.fees_usd,
            traded_usd=self.traded_usd,
            residual_usd=math.sqrt(self.squared_usd),
            residual_ratio=ratio,
            pnl_usd=sum(made_usd),
            pnl_options_usd=self.options_usd,
            pnl_hedge_usd=self.hedge_usd,
            pnl_funding_usd=self.funding_usd,
            outside_band_s=0.0,
            net_delta_coin_final=self.net_coin,
            tradable_share=None,
            violations="",
            trace_hash=None,
        )


class Looks:
    """Collects them from a run, as an audit of it; up to the first settlement window of what is held."""

    def __init__(self, book: BookParams) -> None:
        """Nothing seen."""
        self.looks: list[Look] = []
        self.listed: list[InstrumentListed] = []
        self.positions: tuple[PositionSeen, ...] = ()
        self._book = book
        self._fresh: dict[tuple[type[MarketEvent], InstrumentId], MarketEvent] = {}
        self._end_ns: Ns | None = None

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event."""
        del outcome
        if isinstance(event, OptionMarked | FutureMarked | Quoted):
            self._fresh[type(event), event.instrument] = self._endless(event)
        elif isinstance(event, InstrumentListed):
            self.listed.append(event)
        elif isinstance(event, SnapshotTaken) and self._end_ns is None and event.venue == DERIBIT:
            self.positions = event.positions
            specs = [engine.view.instruments[item.instrument] for item in event.positions]
            ends = [spec.expiry_ns for spec in specs if spec.expiry_ns is not None]
            self._end_ns = end_ns = Ns(min(ends, default=2**62) - self._book.window.length_ns)
            self.looks = [look for look in self.looks if look.now_ns < end_ns]
        elif isinstance(event, Ticked) and (self._end_ns is None or event.now_ns < self._end_ns):
            self.looks.append(Look(event.now_ns, tuple(self._fresh.values())))
            self._fresh = {}

    def _endless(self, event: OptionMarked | FutureMarked | Quoted) -> MarketEvent:
        """A touch of the hedge instrument that takes whatever comes, in a market whose volume nobody counts."""
        if event.instrument not in hedges_of(self._book):
            return event
        room = {"bid_amount_native": _ENDLESS, "ask_amount_native": _ENDLESS}
        return structs.replace(event, **room, **({"volume_usd_per_day": None} if type(event) is FutureMarked else {}))


def idealised(book: BookParams) -> BookParams:
    """The book without guards and limits; ConfigError for what would need an account or a fitted surface."""
    key = f"books.{book.book.lower()}"
    if book.convention is not Convention.OPTIONS_ONLY:
        raise ConfigError(f"{key}.convention: {book.convention.value} needs an account; ideal fills know options_only")
    if len(hedges_of(book)) > 1 or venue_of(book.hedge_instrument) != DERIBIT:
        raise ConfigError(f"{key}: ideal fills know one hedge instrument, where the options are")
    if book.regime is not None or book.appetite is not None or book.expiry != ExpiryParams() or book.sources.need_more:
        raise ConfigError(
            f"{key}: ideal fills know no regime, appetite, expiry rules or fitted surface; leave them out"
        )
    if book.modifiers != Modifiers(trade_to=book.modifiers.trade_to):
        raise ConfigError(f"{key}.band: of what is laid over a policy, ideal fills know trade_to and trade_coin_min")
    return structs.replace(
        book,
        tactic=cross.Params(),
        stability=NO_GUARDS,
        limits=_NO_LIMITS,
        gap=None,
        stops=StopParams(),
        adopts_positions=True,
    )


def still(book: BookParams) -> BookParams:
    """The same book with a band it never leaves: what it sees does not depend on what it does."""
    wide = fixed.Params(low_coin=-_ENDLESS, high_coin=_ENDLESS)
    return structs.replace(book, band=wide, modifiers=Modifiers(), trade_coin_min=0.0)


class Ideal:
    """One engine on the looks of a run."""

    def __init__(self, seen: Looks, book: BookParams) -> None:
        """`book` is idealised. Nothing is played yet."""
        self.engine = Engine(book)
        self.hedges: list[Hedge] = []
        self.traded_usd = 0.0
        self._seen, self._book = seen, book
        self._held = {item.instrument: item.amount_native for item in seen.positions}

    def play(self) -> Iterator[tuple[Look, Outcome]]:
        """Look by look, with what was decided at it; answers have been given when it is handed out."""
        start_ns = self._seen.looks[0].now_ns if self._seen.looks else Ns(0)
        for stream in StreamName:
            self.engine.apply(StreamRestored(stream=stream, received_ns=start_ns))
        for listed in self._seen.listed:
            self.engine.apply(listed)
        for at, look in enumerate(self._seen.looks):
            for event in look.market:
                self.engine.apply(event)
            outcome = self.engine.apply(Ticked(now_ns=look.now_ns))
            yield look, outcome
            for command in outcome.commands:
                for answer in self._answers(at, look.now_ns, command):
                    self.engine.apply(answer)

    def _answers(self, at: int, now_ns: Ns, command: object) -> Sequence[Event]:
        if isinstance(command, TakeSnapshot):
            held = tuple(PositionSeen(instrument=name, amount_native=amount) for name, amount in self._held.items())
            return [SnapshotTaken(positions=held, open_orders=(), fills=(), requested_ns=now_ns, received_ns=now_ns)]
        return self._filled(at, now_ns, command) if isinstance(command, PlaceOrder) else ()

    def _filled(self, at: int, now_ns: Ns, order: PlaceOrder) -> Sequence[Event]:
        name, amount = order.instrument, order.amount_native
        touch, spec = self.engine.view.touch(name), self.engine.view.instruments[name]
        assert touch is not None, "no order without a touch"
        price = touch.ask_native if amount > 0 else touch.bid_native
        assert price is not None, "no order against an empty side"
        self.hedges.append(Hedge(at, int(amount / spec.lot_native)))
        self._held[name] = self._held.get(name, Decimal(0)) + amount
        self.traded_usd += abs(float(amount)) * (1.0 if spec.amount_is_in_usd else price)
        size = abs(float(amount)) * float(spec.fee_rate_taker)
        number = OrderId(str(len(self.hedges)))
        fill = Filled(
            fill_id=FillId(f"ideal-{number}"),
            order_id=number,
            label=order.label,
            instrument=name,
            amount_native=amount,
            price_native=decimal_from_wire(price),
            fee_native=decimal_from_wire(size / price if spec.amount_is_in_usd else size * price),
            fee_currency=spec.settlement_currency,
            is_maker=False,
            received_ns=now_ns,
            venue_ns=now_ns,
        )
        done = OrderUpdated(
            label=order.label,
            order_id=number,
            instrument=name,
            state=VenueOrderState.FILLED,
            filled_native=abs(amount),
            received_ns=now_ns,
            venue_ns=now_ns,
        )
        return [OrderAcked(label=order.label, order_id=number, received_ns=now_ns), fill, done]


def played(seen: Looks, book: BookParams) -> Money:
    """What the book's policy comes to; `book` is idealised."""
    ideal, risk, net_coin = Ideal(seen, book), OpenRisk(), None
    with collector.seldom():
        for look, outcome in ideal.play():
            risk.see(ideal.engine, Ticked(now_ns=look.now_ns), outcome)
            net_coin = None if outcome.decided is None else outcome.decided.delta_coin_net
    profit = ideal.engine.account.profit.usd()
    return Money(
        options_usd=profit.options,
        hedge_usd=profit.hedge,
        slippage_usd=profit.slippage,
        fees_usd=-profit.fees,
        funding_usd=profit.funding,
        traded_usd=ideal.traded_usd,
        squared_usd=risk.squared_usd,
        unhedged_squared_usd=risk.unhedged_squared_usd,
        net_coin=net_coin,
        hedges=ideal.hedges,
    )
