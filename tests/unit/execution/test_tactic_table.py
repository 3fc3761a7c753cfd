"""The contract of every tactic in the table: to be listed is to be tested."""

import math
import random
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import float_from_decimal, tick_at
from bot.execution.tactic import Due, Place, Resting, Sent, Situation, TakeBack, Wait
from bot.execution.tactic_table import TACTICS, TacticParams, entry_of
from bot.execution.tactics import auto, cross, rest_then_cross
from bot.execution.tactics import slice as sliced

SAMPLES: dict[type[Any], Any] = {
    cross.Params: cross.Params(),
    rest_then_cross.Params: rest_then_cross.Params(inside_ticks=1),
    sliced.Params: sliced.Params(volume_usd_per_day=1e9),
    auto.Params: auto.Params(rest_for_ns=Ns(120 * NS_PER_S)),
}
_LONGEST_NS = 200 * NS_PER_S
"""No sample is more patient."""
_LONGEST_ORDER_NS = 10 * NS_PER_S
each_tactic = pytest.mark.parametrize("params", SAMPLES.values(), ids=lambda params: params.__struct_config__.tag)


def test_the_table_names_every_kind_of_parameters_once() -> None:
    """A tactic outside the table cannot be chosen; one without a sample is not tested."""
    assert set(TACTICS) == set(get_args(TacticParams)) == set(SAMPLES)
    tags = [kind.__struct_config__.tag for kind in TACTICS]
    assert sorted(tags) == ["auto", "cross", "rest_then_cross", "slice"]


def _situation(instrument: Instrument, amount: Decimal, **change: Any) -> Situation:
    fields = {
        "now_ns": Ns(1_000 * NS_PER_S),
        "instrument": instrument,
        "due": Due(amount_native=amount, amount_max_native=2 * amount, taker_native=Decimal(0), is_urgent=False),
        "bid_native": 99_999.5,
        "ask_native": 100_000.5,
        "bid_amount_native": 1e6,
        "ask_amount_native": 1e6,
        "since_ns": Ns(1_000 * NS_PER_S),
        "mid_at_start_native": 100_000.0,
        "amount_at_start_native": amount,
    }
    return Situation(**(fields | change))


@st.composite
def _situations(draw: st.DrawFn, inverse: Instrument, linear: Instrument) -> Situation:
    instrument = draw(st.sampled_from([inverse, linear]))
    sign = draw(st.sampled_from([1, -1]))
    lots = draw(st.integers(min_value=1, max_value=100_000))
    amount = sign * lots * instrument.lot_native
    bid = draw(st.integers(min_value=2_000, max_value=300_000)) * 0.5
    ask = bid + draw(st.integers(min_value=1, max_value=200)) * 0.5
    elapsed_ns = draw(st.integers(min_value=0, max_value=2 * _LONGEST_NS))
    resting = None
    if draw(st.booleans()):
        price = Decimal(repr(bid)) + draw(st.integers(min_value=-40, max_value=40)) * instrument.tick_native
        resting = Resting(price_native=price, left_native=amount, placed_ns=Ns(0))
    taker = sign * draw(st.integers(min_value=0, max_value=lots)) * instrument.lot_native
    return _situation(
        instrument,
        amount,
        now_ns=Ns(1_000 * NS_PER_S + elapsed_ns),
        due=Due(
            amount_native=amount,
            amount_max_native=3 * amount,
            taker_native=taker,
            is_urgent=draw(st.booleans()),
        ),
        bid_native=bid,
        ask_native=ask,
        ask_amount_native=draw(st.one_of(st.none(), st.floats(min_value=0.0, max_value=1e9))),
        bid_amount_native=draw(st.one_of(st.none(), st.floats(min_value=0.0, max_value=1e9))),
        mid_at_start_native=0.5 * (bid + ask) * draw(st.floats(min_value=0.99, max_value=1.01)),
        amount_at_start_native=draw(st.integers(min_value=1, max_value=lots)) * sign * instrument.lot_native,
        last_sent=draw(st.sampled_from([None, Sent(at_ns=Ns(999 * NS_PER_S), amount_native=amount)])),
        may_replace=draw(st.booleans()),
        resting=resting,
    )


def _pure(make: Any) -> st.SearchStrategy[Situation]:
    return _situations(make.perpetual(), make.linear_perpetual())


@each_tactic
@given(data=st.data())
def test_every_step_is_one_a_venue_takes(make: Any, params: Any, data: st.DataObject) -> None:
    """Within its size and on its side, on the lot; a price on the tick; post-only never crosses; a bounded life."""
    now = data.draw(_pure(make))
    step = entry_of(params).make(params)(now)

    if isinstance(step, TakeBack):
        assert now.resting is not None, "there is nothing to take back"
    if not isinstance(step, Place):
        return
    assert now.resting is None, "a second order while one rests"
    amount, price = step.amount_native, float_from_decimal(step.price_native)
    assert amount != 0
    assert (amount > 0) is now.is_buy
    assert abs(amount) <= abs(now.due.amount_native)
    assert amount % now.instrument.lot_native == 0
    assert math.isfinite(price)
    assert step.price_native % tick_at(now.instrument, step.price_native) == 0
    assert 0 < step.valid_for_ns <= _LONGEST_ORDER_NS
    if step.rest_ns is None:
        assert price >= now.ask_native if now.is_buy else price <= now.bid_native
    else:
        assert entry_of(params).rests
        assert 0 < step.rest_ns <= _LONGEST_NS
        assert price < now.ask_native if now.is_buy else price > now.bid_native


@each_tactic
@given(data=st.data())
def test_a_tactic_remembers_nothing(make: Any, params: Any, data: st.DataObject) -> None:
    """Pure: whatever it was asked in between, the same situation gives the same step."""
    tactic = entry_of(params).make(params)
    first, other = data.draw(_pure(make)), data.draw(_pure(make))
    before = tactic(first)
    tactic(other)

    assert tactic(first) == before == entry_of(params).make(params)(first)


@each_tactic
@given(data=st.data())
def test_what_is_urgent_is_taken_at_once(make: Any, params: Any, data: st.DataObject) -> None:
    """Beyond the hard band nothing waits: all of it, or first what rests is taken back."""
    now = data.draw(_pure(make))
    urgent = structs.replace(now, due=structs.replace(now.due, is_urgent=True))
    step = entry_of(params).make(params)(urgent)

    if now.resting is not None:
        assert isinstance(step, TakeBack)
    else:
        assert isinstance(step, Place)
        assert (step.rest_ns, step.amount_native) == (None, now.due.amount_native)


class _Market:
    """One hedge carried through a market where what rests never meets anybody, and what takes gets a part."""

    def __init__(self, instrument: Instrument, amount: Decimal, params: Any, seed: int) -> None:
        self.tactic = entry_of(params).make(params)
        self.dice = random.Random(seed)
        self.start = _situation(instrument, amount)
        self.left = amount
        self.now_ns = int(self.start.now_ns)
        self.mid = 100_000.0
        self.resting: Resting | None = None
        self.rests_until_ns = 0
        self.last: Sent | None = None
        self.orders_count = 0

    def step(self) -> None:
        """A quarter of a second."""
        self.now_ns += 250 * NS_PER_MS
        self.mid = round(2.0 * self.mid * (1.0 + self.dice.gauss(0.0, 5e-6))) / 2.0
        if self.resting is not None and self.now_ns >= self.rests_until_ns:
            self.resting = None
        due = Due(amount_native=self.left, amount_max_native=2 * self.left, taker_native=Decimal(0), is_urgent=False)
        taken = self.tactic(
            structs.replace(
                self.start,
                now_ns=Ns(self.now_ns),
                due=due,
                bid_native=self.mid - 0.5,
                ask_native=self.mid + 0.5,
                last_sent=self.last,
                resting=self.resting,
            )
        )
        if isinstance(taken, TakeBack):
            self.resting = None
        elif isinstance(taken, Place):
            self._place(taken)
        else:
            assert isinstance(taken, Wait)

    def _place(self, order: Place) -> None:
        assert self.resting is None
        assert abs(order.amount_native) <= abs(self.left)
        self.orders_count += 1
        self.last = Sent(at_ns=Ns(self.now_ns), amount_native=order.amount_native)
        if order.rest_ns is not None:
            self.rests_until_ns = self.now_ns + order.rest_ns
            self.resting = Resting(
                price_native=order.price_native, left_native=order.amount_native, placed_ns=Ns(self.now_ns)
            )
            return
        lot = self.start.instrument.lot_native
        lots = int(abs(order.amount_native) / lot)
        done = lots if self.dice.random() < 0.5 else max(1, lots // 2)
        self.left -= done * lot * (1 if order.amount_native > 0 else -1)


@each_tactic
@pytest.mark.parametrize("lots", [1, 7, 1_000, -1, -1_000])
@pytest.mark.parametrize("seed", range(3))
def test_a_hedge_always_ends(make: Any, params: Any, lots: int, seed: int) -> None:
    """Nobody meets what rests, what takes is filled in part: all of it is done, in bounded time and orders."""
    instrument = make.perpetual()
    market = _Market(instrument, lots * instrument.lot_native, params, seed)
    for _ in range((_LONGEST_NS + 60 * NS_PER_S) // (250 * NS_PER_MS)):
        if market.left == 0:
            break
        market.step()

    assert market.left == 0
    assert 1 <= market.orders_count <= 500


def test_a_tactic_that_never_takes_is_found(make: Any) -> None:
    """The check can fail: patience without an end never ends."""
    endless = structs.replace(SAMPLES[rest_then_cross.Params], rest_for_ns=Ns(10**15), drift_bps_max=1e9)
    market = _Market(make.perpetual(), Decimal(10), endless, 1)
    for _ in range(1_000):
        market.step()

    assert market.left == 10


@pytest.mark.parametrize(("kind", "rests"), [(kind, entry.rests) for kind, entry in TACTICS.items()])
def test_only_what_says_so_rests(make: Any, kind: type[Any], rests: bool) -> None:
    """The word in the table is what a gateway is chosen by."""
    step = entry_of(SAMPLES[kind]).make(SAMPLES[kind])(_situation(make.perpetual(), Decimal(1_000)))

    assert isinstance(step, Place)
    assert (step.rest_ns is not None) is rests
