"""Takes the profit of one book apart while it is made: legs revalued step by step, fills and funding as booked.

Fed by whoever drives an engine, on the virtual clock or from a tape, off the tick path. Closes against the equity by
our own books, which are held against the venue's to the last digit; the maths of a step is in `risk/attribution.py`.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.book import BookParams
from bot.domain.commands import PlaceOrder
from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event, Settled, Ticked
from bot.domain.ids import InstrumentId, Label
from bot.domain.instruments import Instrument
from bot.domain.market_events import OptionMarked
from bot.domain.status import EquitySeen
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.engine import Engine
from bot.market.view import MarketView
from bot.observe.profits import (
    CurrencyClosed,
    LegProfit,
    Parts,
    ProfitReport,
    StepUnexplained,
    Waterfall,
    added,
)
from bot.pricing import settlement_window
from bot.pricing.settlement_window import Window
from bot.risk import attribution
from bot.risk.attribution import OptionHeld, OptionMarket, OptionStep
from bot.risk.delivery import payoff_native

STEP_NS: Final = Ns(60 * NS_PER_S)
"""Between two looks; a fill makes one more. The residual's bound is meant for steps up to this (theory 5.2)."""

_UNEXPLAINED_MAX: Final = 1_000
"""Told one by one; the others are counted."""
_FLOATS: Final = 1e-9
"""Of the largest part: what sums of floats may be off."""


class _Seen(Struct, frozen=True):
    """What one native unit of an instrument was worth when it was looked at."""

    at_ns: Ns
    """Of its ticker, by the venue."""
    mark_native: float
    index_usd: float
    market: OptionMarket | None = None
    """None of what is no option, and where a ticker has a mark and nothing to value it from."""


class _Leg:
    """One instrument of the book."""

    def __init__(self, spec: Instrument, seen: _Seen) -> None:
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

    def add(self, index_usd: float, **parts: float) -> None:
        """Parts in native money; a coin made counts what it is worth at the end of the step (theory 5.2, 6)."""
        scale = self.usd_per_native(index_usd)
        for place, part in enumerate(structs.astuple(Parts(**parts))):
            self.native[place] += part
            self.usd[place] += part * scale

    def usd_per_native(self, index_usd: float) -> float:
        """What a unit of its money is worth."""
        return index_usd if self.spec.is_inverse else 1.0

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


class ProfitAudit:
    """Of one book; fed with every event after the engine took it."""

    def __init__(self, params: BookParams, step_ns: Ns = STEP_NS) -> None:
        """Nothing seen; opens at the first decision after the engine has agreed with the venue."""
        self._params = params
        self._step_ns = step_ns
        self._legs: dict[InstrumentId, _Leg] = {}
        self._mids_usd: dict[Label, float] = {}
        self._opening: dict[str, Decimal] = {}
        """Equity by our own books when this opened, by currency."""
        self._funded: dict[InstrumentId, Decimal] = {}
        self._bookings = 0
        self._wealth_usd = self._collateral_usd = 0.0
        """Of the opening; of what the coins held moved since."""
        self._coins = (0.0, 0.0)
        """(equity of the coin account, index) at the last step."""
        self._start_ns = self._looked_ns = Ns(0)
        self._steps = 0
        self._unexplained: list[StepUnexplained] = []

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                self._mids_usd[command.label] = command.arrival_mid_native
        if not self._opening:
            if isinstance(event, Ticked):
                self._open(engine, event.now_ns)
            return
        fills = [note for note in outcome.notes if isinstance(note, FillBooked)]
        is_due = isinstance(event, Ticked) and event.now_ns - self._looked_ns >= self._step_ns
        if fills or is_due or isinstance(event, Settled):
            self._step(engine)
            self._end(engine, event)
            for fill in fills:
                self._book(engine, fill)
            if isinstance(event, Ticked):
                self._looked_ns = event.now_ns
            self._coins = self._coin_account(engine)

    # --- opening ---------------------------------------------------------------------------------------

    def _open(self, engine: Engine, now_ns: Ns) -> None:
        """Once our books are open and every held leg has a mark."""
        view, equity, held = engine.view, engine.account.equity(), engine.account.held()
        seen = {name: self._look(view, view.instruments[name]) for name in held if name in view.instruments}
        if not engine.account.is_reconciled or not equity or len(seen) < len(held):
            return
        for name, found in seen.items():
            if found is None or (view.instruments[name].is_option and found.market is None):
                self._legs = {}
                return
            self._legs[name] = _Leg(view.instruments[name], found)
            self._legs[name].amount_native = held[name]
        self._opening = {one.currency: one.bot_native for one in equity}
        self._funded = dict(engine.account.funded())
        self._coins = self._coin_account(engine)
        self._wealth_usd = self._wealth(engine)
        self._start_ns = self._looked_ns = now_ns

    def _coin_account(self, engine: Engine) -> tuple[float, float]:
        coin = [one.bot_native for one in engine.account.equity() if one.currency == self._params.book]
        return (float_from_decimal(coin[0]) if coin else self._coins[0], self._index_usd(engine))

    def _index_usd(self, engine: Engine) -> float:
        """Of the book's coin; what it was, while it is not known."""
        marked = engine.view.futures.get(self._params.hedge_instrument)
        found = None if marked is None else marked.index_usd or marked.mark_usd
        return self._coins[1] if found is None else found

    def _wealth(self, engine: Engine) -> float:
        """USD value of the account by our books: coins at the index, USDC at par."""
        index_usd = self._index_usd(engine)
        return math.fsum(
            float_from_decimal(one.bot_native) * (index_usd if one.currency == self._params.book else 1.0)
            for one in engine.account.equity()
        )

    # --- steps -----------------------------------------------------------------------------------------

    def _look(self, view: MarketView, spec: Instrument) -> _Seen | None:
        """The instrument's newest ticker; None without a mark."""
        option, future = view.options.get(spec.id), view.futures.get(spec.id)
        if future is not None and future.mark_usd is not None:
            return _Seen(future.venue_ns, future.mark_usd, future.index_usd or future.mark_usd)
        if option is None or option.mark_native is None or option.index_usd is None:
            return None
        market = _market(option, spec, self._params.window)
        return _Seen(option.venue_ns, option.mark_native, option.index_usd, market)

    def _step(self, engine: Engine) -> None:
        """Everything from its last mark to its newest one; then what the coins held have moved by."""
        index_usd = self._index_usd(engine)
        for leg in self._legs.values():
            seen = self._look(engine.view, leg.spec) if leg.amount_native else None
            if seen is not None and seen != leg.seen:
                self._move(leg, seen, index_usd)
        self._fund(engine, index_usd)
        equity_coin, before_usd = self._coins
        self._collateral_usd += attribution.in_usd(0.0, equity_coin, before_usd, index_usd)[1]
        self._steps += 1

    def _move(self, leg: _Leg, seen: _Seen, index_usd: float) -> None:
        before, leg.seen = leg.seen, seen
        amount = leg.amount
        if not leg.spec.is_option:
            move = _future(leg.spec, amount, before.mark_native, seen.mark_native)
            with_index = _future(
                leg.spec, amount, before.mark_native, before.mark_native * seen.index_usd / before.index_usd
            )
            leg.add(index_usd, hedge=with_index, basis=move - with_index)
            return
        made = amount * (seen.mark_native - before.mark_native)
        if before.market is None or seen.market is None:
            leg.seen = structs.replace(seen, market=seen.market or before.market)
            leg.add(index_usd, mark_rounding=made)
            return
        step = attribution.option_step(_held(leg.spec, amount), before.market, seen.market)
        leg.add(index_usd, **step.taylor._asdict(), mark_rounding=made - step.profit)
        self._note(leg, step, (before.at_ns, seen.at_ns), index_usd)

    def _note(self, leg: _Leg, step: OptionStep, span: tuple[Ns, Ns], index_usd: float) -> None:
        """The waterfall beside the Taylor terms, and whether those explain the step."""
        scale, taylor = leg.usd_per_native(index_usd), step.taylor
        for place, part in enumerate((step.theta, step.spot, step.vol, step.gamma_carry)):
            leg.waterfall_usd[place] += part * scale
        leg.steps_count += 1
        if attribution.is_explained(taylor):
            return
        leg.unexplained_count += 1
        if len(self._unexplained) < _UNEXPLAINED_MAX:
            told = (taylor.delta * scale, taylor.gamma * scale, taylor.residual * scale)
            self._unexplained.append(StepUnexplained(leg.spec.id, *span, *told))

    def _fund(self, engine: Engine, index_usd: float) -> None:
        """Funding the venue has told since."""
        for name, total in engine.account.funded().items():
            more = total - self._funded.get(name, ZERO)
            if more:
                self._funded[name] = total
                self._bookings += 1
                self._leg(engine, name).add(index_usd, funding=float_from_decimal(more))

    # --- deliveries and fills --------------------------------------------------------------------------

    def _end(self, engine: Engine, event: Event) -> None:
        """Deliveries: what has expired and is no longer held, and the true price of one that was expected."""
        told = event if isinstance(event, Settled) and event.delivery_usd is not None else None
        held = engine.account.held()
        for name, leg in self._legs.items():
            is_told = told is not None and told.instrument == name
            price = told.delivery_usd if told is not None and is_told else None
            if leg.amount_native and name not in held and leg.spec.expiry_ns is not None:
                self._deliver(engine, leg, price)
            elif is_told and price is not None and leg.delivered is not None:
                amount, expected = leg.delivered
                leg.delivered = None
                missed = _payoff(leg.spec, price) - _payoff(leg.spec, expected)
                leg.add(self._index_usd(engine), settlement=amount * missed)

    def _deliver(self, engine: Engine, leg: _Leg, price_usd: Decimal | None) -> None:
        """An expired position becomes money: the last step ends at the payoff."""
        if price_usd is None:
            expected = engine.view.delivery_usd(leg.spec)
            if expected is None:
                return  # not booked either
            price_usd = decimal_from_wire(expected)
            leg.delivered = (leg.amount, price_usd)
        delivery_usd = float_from_decimal(price_usd)
        expiry_ns = leg.spec.expiry_ns or Ns(0)
        before = leg.seen
        market = before.market
        if market is not None and market.left is not None:  # all fixings are made; the index no longer matters
            over = settlement_window.left_of(self._params.window, 0)
            market = market._replace(tau_years=0.0, left=over, delivery_usd=delivery_usd)
        elif market is not None:
            market = OptionMarket(delivery_usd, market.iv, 0.0)
        self._move(leg, _Seen(expiry_ns, _payoff(leg.spec, price_usd), delivery_usd, market), self._index_usd(engine))
        leg.amount_native = ZERO
        self._bookings += 1

    def _leg(self, engine: Engine, name: InstrumentId, price_native: float = math.nan) -> _Leg:
        """The leg of an instrument; a new one stands at its mark, or at the price it was traded at."""
        if name not in self._legs:
            spec = engine.view.instruments[name]
            seen = self._look(engine.view, spec) or _Seen(Ns(0), price_native, self._index_usd(engine))
            self._legs[name] = _Leg(spec, seen)
        return self._legs[name]

    def _book(self, engine: Engine, fill: FillBooked) -> None:
        """A fill at the end of a step: what it cost against the mid, and from there to the mark as if held."""
        price = float_from_decimal(fill.price_native)
        leg, amount = self._leg(engine, fill.instrument, price), float_from_decimal(fill.amount_native)
        if not leg.amount_native:
            leg.seen = self._look(engine.view, leg.spec) or _Seen(Ns(0), price, self._index_usd(engine))
        index_usd, mark = self._index_usd(engine), leg.seen.mark_native
        fee = float_from_decimal(fill.fee_native)
        if leg.spec.is_option:
            leg.add(index_usd, slippage=amount * (mark - price), fee=-fee)
        else:
            mid = price if fill.label is None else self._mids_usd.get(fill.label, price)
            slipped = attribution.slippage(amount, price, mid, is_inverse=leg.spec.is_inverse)
            leg.add(index_usd, slippage=slipped, hedge=_future(leg.spec, amount, mid, mark), fee=-fee)
        leg.amount_native += fill.amount_native
        self._bookings += 1

    # --- what it came to -------------------------------------------------------------------------------

    def report(self, engine: Engine, of_run: tuple[str, str]) -> ProfitReport:
        """Everything up to now, closed against our books."""
        if self._opening:
            self._step(engine)
            self._coins = self._coin_account(engine)
        legs = tuple(leg.told() for _, leg in sorted(self._legs.items()))
        usd = added([*(leg.usd for leg in legs), Parts(collateral=self._collateral_usd)])
        closed = tuple(self._closed(legs, one) for one in engine.account.equity() if one.currency in self._opening)
        wealth_usd = self._wealth(engine) - self._wealth_usd if self._opening else 0.0
        return ProfitReport(
            run_id=of_run[0],
            mode=of_run[1],
            book=self._params.book,
            start_ns=self._start_ns,
            end_ns=self._looked_ns,
            legs=legs,
            usd=usd,
            groups_usd=usd.grouped(),
            wealth_usd=wealth_usd,
            currencies=closed,
            steps_count=self._steps,
            unexplained=tuple(self._unexplained),
            problem=self._problem(closed, usd, wealth_usd),
        )

    def _closed(self, legs: tuple[LegProfit, ...], equity: EquitySeen) -> CurrencyClosed:
        ours = [leg.native for leg in legs if leg.currency == equity.currency]
        total, opening = added(ours).total, self._opening[equity.currency]
        largest = max((abs(part) for parts in ours for part in structs.astuple(parts)), default=0.0)
        books = equity.bot_native - opening
        return CurrencyClosed(
            currency=equity.currency,
            parts_native=total,
            books_native=books,
            venue_native=equity.venue_native - opening,
            apart_native=total - float_from_decimal(books),
            tolerance_native=attribution.MONEY_STEP * (1 + self._bookings) + _FLOATS * largest,
        )

    def _problem(self, closed: tuple[CurrencyClosed, ...], usd: Parts, wealth_usd: float) -> str:
        if not self._opening:
            return "the books were never opened: the venue has not agreed, or a held option had no mark"
        for one in closed:
            if not abs(one.apart_native) <= one.tolerance_native:
                return f"{one.apart_native:+.9f} {one.currency} of the account's result belong to no part"
        index_usd = self._coins[1]
        tolerance_usd = sum(one.tolerance_native * max(index_usd, 1.0) for one in closed)
        if not abs(usd.total - wealth_usd) <= tolerance_usd:
            return f"{usd.total - wealth_usd:+.6f} USD of the account's result belong to no part"
        return ""


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


def _held(spec: Instrument, amount_coin: float) -> OptionHeld:
    assert spec.strike_usd is not None, f"option {spec.id} has no strike"
    return OptionHeld(amount_coin, spec.strike_usd, spec.is_call is True, spec.is_inverse)


def _future(spec: Instrument, amount: float, before_usd: float, after_usd: float) -> float:
    return attribution.future_profit(amount, before_usd, after_usd, is_inverse=spec.is_inverse)


def _payoff(spec: Instrument, delivery_usd: Decimal) -> float:
    return float_from_decimal(payoff_native(spec, delivery_usd))
