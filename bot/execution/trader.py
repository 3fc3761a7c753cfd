"""Carries a due hedge through its tactic: one order at a time in each instrument, what rests answers to its reason.

Knows tactics, prices and the working order; nothing of why a hedge is due, and places nothing where anything works.
"""

from typing import NamedTuple

from msgspec import structs

from bot.domain.commands import PlaceOrder
from bot.domain.ids import InstrumentId, make_label
from bot.domain.instruments import Instrument
from bot.domain.market_events import DepthSeen, FutureMarked
from bot.domain.time import Ns
from bot.domain.units import ZERO
from bot.execution.tactic import Due, Place, Resting, Sent, Situation, TakeBack, outside_band, within_band
from bot.execution.tactic_table import TacticParams, entry_of
from bot.execution.tenure import bounded
from bot.execution.working import WorkingOrder
from bot.market.quality import Touch


class Moment(NamedTuple):
    """What a tick knows beside the hedge itself."""

    now_ns: Ns
    seq: int
    instrument: Instrument
    touch: Touch
    marked: FutureMarked
    may_replace: bool
    depth: DepthSeen | None = None
    lease_until_ns: Ns | None = None
    """Nothing sent may start later; None: bounded by nothing."""


class Move(NamedTuple):
    """What a tick came to."""

    order: PlaceOrder | None = None
    recalls: bool = False
    """What rests has to be taken back."""
    detail: str = ""
    """Why nothing, or why it is taken back, in words."""
    is_outside_band: bool = False
    """The venue would not take the price."""


class _Campaign(NamedTuple):
    """One hedge from the tick it became due until none is due any more or it turns."""

    since_ns: Ns
    mid_native: float
    due: Due
    last_sent: Sent | None = None


class Trader:
    """Mutable private state of one engine."""

    def __init__(self, params: TacticParams, *, label_prefix: str, run_tag: str) -> None:
        """Start with nothing due."""
        self._tactic = entry_of(params).make(params)
        self._label_prefix = label_prefix
        self._run_tag = run_tag
        self._orders_count = 0
        self._campaigns: dict[InstrumentId, _Campaign] = {}

    def calm(self) -> None:
        """No hedge is due: the next one starts anew."""
        self._campaigns.clear()

    def move(self, due: Due, at_rest: WorkingOrder | None, moment: Moment) -> Move:
        """The next step of a hedge that is due, with what rests of it; a step is taken by being returned."""
        resting = None if at_rest is None else _resting(at_rest)
        if resting is not None and not _is_explained(resting, due):
            return Move(recalls=True, detail="it is larger than the delta explains")
        now = self._situation(due, resting, moment)
        step = self._tactic(now)
        if isinstance(step, TakeBack):
            return Move(recalls=True, detail=step.cause)
        if not isinstance(step, Place):
            return Move(detail=step.detail)
        assert resting is None, "a tactic placed an order while one rests"
        assert _is_within(step, due), f"a tactic made {step.amount_native} of {due.amount_native}"
        edges = moment.marked.price_min_usd, moment.marked.price_max_usd
        if step.rest_ns is None:
            step = structs.replace(step, price_native=within_band(now, step.price_native, *edges))
        objection = outside_band(step.price_native, *edges)
        if objection is not None:
            return Move(detail=objection, is_outside_band=True)
        return Move(order=self._order(step, now, moment))

    def _situation(self, due: Due, resting: Resting | None, moment: Moment) -> Situation:
        touch = moment.touch
        assert touch.bid_native is not None, "decided on a one-sided touch"
        assert touch.ask_native is not None, "decided on a one-sided touch"
        mid = 0.5 * (touch.bid_native + touch.ask_native)
        name = moment.instrument.id
        before = self._campaigns.get(name)
        if before is None or (before.due.amount_native > ZERO) is not (due.amount_native > ZERO):
            before = self._campaigns[name] = _Campaign(since_ns=moment.now_ns, mid_native=mid, due=due)
        return Situation(
            now_ns=moment.now_ns,
            instrument=moment.instrument,
            due=due,
            bid_native=touch.bid_native,
            ask_native=touch.ask_native,
            bid_amount_native=touch.bid_amount_native,
            ask_amount_native=touch.ask_amount_native,
            since_ns=before.since_ns,
            mid_at_start_native=before.mid_native,
            amount_at_start_native=before.due.amount_native,
            last_sent=before.last_sent,
            volume_usd_per_day=moment.marked.volume_usd_per_day,
            depth=moment.depth,
            may_replace=moment.may_replace,
            resting=resting,
        )

    def _order(self, step: Place, now: Situation, moment: Moment) -> PlaceOrder:
        self._orders_count += 1
        name = moment.instrument.id
        assert name in self._campaigns, "an order without a hedge that is due"
        sent = Sent(at_ns=now.now_ns, amount_native=step.amount_native)
        self._campaigns[name] = self._campaigns[name]._replace(last_sent=sent)
        return PlaceOrder(
            label=make_label(self._label_prefix, self._run_tag, self._orders_count),
            instrument=moment.instrument.id,
            amount_native=step.amount_native,
            price_native=step.price_native,
            arrival_mid_native=0.5 * (now.bid_native + now.ask_native),
            valid_until_ns=bounded(Ns(now.now_ns + step.valid_for_ns), moment.lease_until_ns),
            decided_seq=moment.seq,
            rest_until_ns=None if step.rest_ns is None else Ns(now.now_ns + step.rest_ns),
        )


def _resting(order: WorkingOrder) -> Resting:
    assert order.price_native is not None, f"{order.label} rests without a price"
    return Resting(price_native=order.price_native, left_native=order.open_native, placed_ns=order.created_ns)


def _is_explained(resting: Resting, due: Due) -> bool:
    """Whether what is left to fill still goes the right way, and not beyond the target."""
    if (resting.left_native > ZERO) is not (due.amount_native > ZERO):
        return False
    return abs(resting.left_native) <= abs(due.amount_max_native)


def _is_within(step: Place, due: Due) -> bool:
    return (
        step.amount_native != ZERO
        and (step.amount_native > ZERO) is (due.amount_native > ZERO)
        and abs(step.amount_native) <= abs(due.amount_native)
    )
