"""Takes the profit of one book apart while it is made: legs revalued step by step, fills and funding as booked.

Fed by whoever drives an engine, on the virtual clock or from a tape, off the tick path. Closes against the equity by
our own books, which are held against the venue's to the last digit; the maths of a step is in `risk/attribution.py`.
"""

import math
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import structs

from bot.book import BookParams
from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.status import EquitySeen
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.drive import profit_legs as legs
from bot.drive.profit_legs import Leg, Seen, seen_of
from bot.drive.profit_look import Look, Watch
from bot.engine import Engine
from bot.observe.profits import CurrencyClosed, LegProfit, Parts, ProfitReport, StepUnexplained, added
from bot.pricing import settlement_window
from bot.risk import attribution
from bot.risk.attribution import OptionMarket, OptionStep
from bot.risk.scalping import Gamma

STEP_NS: Final = Ns(60 * NS_PER_S)
"""Between two looks; a fill makes one more. The residual's bound is meant for steps up to this (theory 5.2)."""

_UNEXPLAINED_MAX: Final = 1_000
"""Told one by one; the others are counted."""
_FLOATS: Final = 1e-9
"""Of the largest part: what sums of floats may be off."""


class StepMade(NamedTuple):
    """What a step made of the whole book, USD."""

    start_ns: Ns
    end_ns: Ns
    index_before_usd: float
    index_usd: float
    equity_coin: float
    """Of the coin account, at the start of the step."""
    options_coin: float
    """Of it: the coin-settled options at their marks."""
    parts: Parts
    bought: Gamma
    sold: Gamma


class ProfitAudit:
    """Of one book; fed with every event after the engine took it, or with looks that were kept of them."""

    def __init__(self, params: BookParams, step_ns: Ns = STEP_NS) -> None:
        """Nothing seen; opens at the first decision after the engine has agreed with the venue."""
        self._params = params
        self.watch = Watch(params.hedge_instrument, step_ns, self._opens)
        self._legs: dict[InstrumentId, Leg] = {}
        self._opening: dict[str, Decimal] = {}
        """Equity by our own books when this opened, by currency."""
        self._funded: dict[InstrumentId, Decimal] = {}
        self._bookings = 0
        self._wealth_usd = self._collateral_usd = 0.0
        """Of the opening; of what the coins held moved since."""
        self._coins = (0.0, 0.0)
        """(equity of the coin account, index) at the last step."""
        self._start_ns = self._looked_ns = self._stepped_ns = Ns(0)
        """Of the opening, the last step of a decision, the last step."""
        self._steps = 0
        self._unexplained: list[StepUnexplained] = []
        self._made: list[tuple[float, Parts]] = []
        self._gammas: list[Gamma] = []
        """Of the step under way: (USD per unit of money, parts) and what each option's gamma did."""

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> StepMade | None:
        """One event and what the engine made of it; the step that ends with it."""
        look = self.watch.see(engine, event, outcome)
        return None if look is None else self.take(look)

    def take(self, look: Look) -> StepMade | None:
        """A look, in order; the step that ends with it."""
        if look.is_opening:
            self._open(look)
            return None
        before_ns, before, options_coin = self._stepped_ns, self._coins, self._options_coin()
        self._step(look)
        self._end(look)
        for fill in look.fills:
            self._book(look, fill)
        if look.is_tick:
            self._looked_ns = look.at_ns
        self._stepped_ns, self._coins = look.at_ns, self._coin_account(look)
        return self._step_made(before_ns, before, options_coin)

    def _options_coin(self) -> float:
        return math.fsum(
            leg.amount * leg.seen.mark_native
            for leg in self._legs.values()
            if leg.amount_native and leg.spec.is_option and leg.spec.is_inverse
        )

    def _step_made(self, before_ns: Ns, before: tuple[float, float], options_coin: float) -> StepMade:
        columns = ([scale * part for part in structs.astuple(parts)] for scale, parts in self._made)
        names = (field.name for field in structs.fields(Parts))
        sums = map(math.fsum, zip(structs.astuple(Parts()), *columns, strict=True))
        bought, sold = (
            [one for one in self._gammas if (one.usd_years < 0.0) is is_short] for is_short in (False, True)
        )
        return StepMade(
            start_ns=before_ns,
            end_ns=self._stepped_ns,
            index_before_usd=before[1],
            index_usd=self._coins[1],
            equity_coin=before[0],
            options_coin=options_coin,
            parts=Parts(**dict(zip(names, sums, strict=True))),
            bought=Gamma.of(bought),
            sold=Gamma.of(sold),
        )

    # --- opening ---------------------------------------------------------------------------------------

    def _opens(self, look: Look) -> bool:
        """Our books are open, and every held leg has a mark and what it is made of."""
        specs = [look.instruments.get(name) for name in look.held]
        seen = [None if spec is None else seen_of(look, spec, self._params.window) for spec in specs]
        return bool(look.equity) and all(
            one is not None and spec is not None and (one.market is not None or not spec.is_option)
            for one, spec in zip(seen, specs, strict=True)
        )

    def _open(self, look: Look) -> None:
        for name, amount in look.held.items():
            self._leg(look, name).amount_native = amount
        self._opening = {one.currency: one.bot_native for one in look.equity}
        self._funded = dict(look.funded)
        self._coins = self._coin_account(look)
        self._wealth_usd = self._wealth(look)
        self._start_ns = self._looked_ns = self._stepped_ns = look.at_ns

    def _coin_account(self, look: Look) -> tuple[float, float]:
        coin = [one.bot_native for one in look.equity if one.currency == self._params.book]
        return (float_from_decimal(coin[0]) if coin else self._coins[0], self._index_usd(look))

    def _index_usd(self, look: Look) -> float:
        """Of the book's coin; what it was, while it is not known."""
        marked = look.futures.get(self._params.hedge_instrument)
        found = None if marked is None else marked.index_usd or marked.mark_usd
        return self._coins[1] if found is None else found

    def _wealth(self, look: Look) -> float:
        """USD value of the account by our books: coins at the index, USDC at par."""
        index_usd = self._index_usd(look)
        return math.fsum(
            float_from_decimal(one.bot_native) * (index_usd if one.currency == self._params.book else 1.0)
            for one in look.equity
        )

    def _add(self, leg: Leg, index_usd: float, parts: Parts) -> None:
        leg.add(index_usd, parts)
        self._made.append((leg.usd_per_native(index_usd), parts))

    # --- steps -----------------------------------------------------------------------------------------

    def _step(self, look: Look) -> None:
        """Everything from its last mark to its newest one; then what the coins held have moved by."""
        self._made, self._gammas = [], []
        index_usd = self._index_usd(look)
        for leg in self._legs.values():
            seen = seen_of(look, leg.spec, self._params.window) if leg.amount_native else None
            if seen is not None and seen != leg.seen:
                self._move(leg, seen, index_usd)
        self._fund(look, index_usd)
        equity_coin, before_usd = self._coins
        collateral_usd = attribution.in_usd(0.0, equity_coin, before_usd, index_usd)[1]
        self._collateral_usd += collateral_usd
        self._made.append((1.0, Parts(collateral=collateral_usd)))
        self._steps += 1

    def _move(self, leg: Leg, seen: Seen, index_usd: float) -> None:
        before, leg.seen = leg.seen, seen
        amount = leg.amount
        if not leg.spec.is_option:
            move = legs.future(leg.spec, amount, before.mark_native, seen.mark_native)
            with_index = legs.future(
                leg.spec, amount, before.mark_native, before.mark_native * seen.index_usd / before.index_usd
            )
            self._add(leg, index_usd, Parts(hedge=with_index, basis=move - with_index))
            return
        made = amount * (seen.mark_native - before.mark_native)
        if before.market is None or seen.market is None:
            leg.seen = structs.replace(seen, market=seen.market or before.market)
            self._add(leg, index_usd, Parts(mark_rounding=made))
            return
        step = attribution.option_step(legs.held(leg.spec, amount), before.market, seen.market)
        self._add(leg, index_usd, Parts(**step.taylor._asdict(), mark_rounding=made - step.profit))
        self._note(leg, step, before, index_usd)

    def _note(self, leg: Leg, step: OptionStep, before: Seen, index_usd: float) -> None:
        """What gamma did, the waterfall, and whether the greeks explain the step."""
        scale, judged = leg.usd_per_native(index_usd), step.aged
        gained, paid = step.gamma_gain * scale, (step.gamma_carry - step.gamma_gain) * scale
        iv = 0.0 if before.market is None else before.market.iv
        self._gammas.append(Gamma(-2.0 * paid / iv**2 if iv else 0.0, gained, paid))
        if not leg.take_note(step, index_usd) and len(self._unexplained) < _UNEXPLAINED_MAX:
            span, told = (before.at_ns, leg.seen.at_ns), (judged.delta, judged.gamma, judged.residual)
            self._unexplained.append(StepUnexplained(leg.spec.id, *span, *(part * scale for part in told)))

    def _fund(self, look: Look, index_usd: float) -> None:
        """Funding the venue has told since."""
        for name, total in look.funded.items():
            more = total - self._funded.get(name, ZERO)
            if more:
                self._funded[name] = total
                self._bookings += 1
                self._add(self._leg(look, name), index_usd, Parts(funding=float_from_decimal(more)))

    # --- deliveries and fills --------------------------------------------------------------------------

    def _end(self, look: Look) -> None:
        """Deliveries: what has expired and is no longer held, and the true price of one that was expected."""
        told = look.settled if look.settled is not None and look.settled.delivery_usd is not None else None
        held = look.held
        for name, leg in self._legs.items():
            is_told = told is not None and told.instrument == name
            price = told.delivery_usd if told is not None and is_told else None
            if leg.amount_native and name not in held and leg.spec.expiry_ns is not None:
                self._deliver(look, leg, price)
            elif is_told and price is not None and leg.delivered is not None:
                amount, expected = leg.delivered
                leg.delivered = None
                missed = legs.payoff(leg.spec, price) - legs.payoff(leg.spec, expected)
                self._add(leg, self._index_usd(look), Parts(settlement=amount * missed))

    def _deliver(self, look: Look, leg: Leg, price_usd: Decimal | None) -> None:
        """An expired position becomes money: the last step ends at the payoff."""
        if price_usd is None:
            expected = look.expected_usd.get(leg.spec.id)
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
        self._move(leg, Seen(expiry_ns, legs.payoff(leg.spec, price_usd), delivery_usd, market), self._index_usd(look))
        leg.amount_native = ZERO
        self._bookings += 1

    def _leg(self, look: Look, name: InstrumentId, price_native: float = math.nan) -> Leg:
        """The leg of an instrument; a new one stands at its mark, or at the price it was traded at."""
        if name not in self._legs:
            spec = look.instruments[name]
            seen = seen_of(look, spec, self._params.window) or Seen(Ns(0), price_native, self._index_usd(look))
            self._legs[name] = Leg(spec, seen)
        return self._legs[name]

    def _book(self, look: Look, fill: FillBooked) -> None:
        """A fill at the end of a step: what it cost against the mid, and from there to the mark as if held."""
        price = float_from_decimal(fill.price_native)
        leg, amount = self._leg(look, fill.instrument, price), float_from_decimal(fill.amount_native)
        if not leg.amount_native:
            leg.seen = seen_of(look, leg.spec, self._params.window) or Seen(Ns(0), price, self._index_usd(look))
        index_usd, mark = self._index_usd(look), leg.seen.mark_native
        fee = float_from_decimal(fill.fee_native)
        if leg.spec.is_option:
            self._add(leg, index_usd, Parts(slippage=amount * (mark - price), fee=-fee))
        else:
            mid = price if fill.label is None else look.mids_usd.get(fill.label, price)
            slipped = attribution.slippage(amount, price, mid, is_inverse=leg.spec.is_inverse)
            hedge = legs.future(leg.spec, amount, mid, mark)
            self._add(leg, index_usd, Parts(slippage=slipped, hedge=hedge, fee=-fee))
        leg.amount_native += fill.amount_native
        self._bookings += 1

    # --- what it has come to so far ---------------------------------------------------------------------

    @property
    def since_ns(self) -> Ns:
        """When the account was opened."""
        return self._start_ns

    @property
    def collateral_usd(self) -> float:
        """What the price of the coins held has made."""
        return self._collateral_usd

    def legs(self) -> tuple[LegProfit, ...]:
        """Every leg there has been, by name."""
        return tuple(leg.told() for _, leg in sorted(self._legs.items()))

    def counts(self) -> dict[InstrumentId, tuple[int, int]]:
        """Steps of each leg, and those the greeks do not explain."""
        return {name: (leg.steps_count, leg.unexplained_count) for name, leg in self._legs.items()}

    # --- what it came to -------------------------------------------------------------------------------

    def finish(self, engine: Engine) -> StepMade | None:
        """The step since the last look; None while the account was never open."""
        if not self._opening:
            return None
        look = self.watch.look(engine, self.watch.seen_ns)
        before_ns, before, options_coin = self._stepped_ns, self._coins, self._options_coin()
        self._step(look)
        self._stepped_ns, self._coins = look.at_ns, self._coin_account(look)
        return self._step_made(before_ns, before, options_coin)

    def report(self, engine: Engine, of_run: tuple[str, str]) -> ProfitReport:
        """Everything up to now, closed against our books."""
        self.finish(engine)
        look = self.watch.look(engine, self.watch.seen_ns)
        each = self.legs()
        usd = added([*(leg.usd for leg in each), Parts(collateral=self._collateral_usd)])
        closed = tuple(self._closed(each, one) for one in look.equity if one.currency in self._opening)
        wealth_usd = self._wealth(look) - self._wealth_usd if self._opening else 0.0
        return ProfitReport(
            run_id=of_run[0],
            mode=of_run[1],
            book=self._params.book,
            start_ns=self._start_ns,
            end_ns=self._looked_ns,
            legs=each,
            usd=usd,
            groups_usd=usd.grouped(),
            wealth_usd=wealth_usd,
            currencies=closed,
            steps_count=self._steps,
            unexplained=tuple(self._unexplained),
            problem=self._problem(closed, usd, wealth_usd),
        )

    def _closed(self, each: tuple[LegProfit, ...], equity: EquitySeen) -> CurrencyClosed:
        ours = [leg.native for leg in each if leg.currency == equity.currency]
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
