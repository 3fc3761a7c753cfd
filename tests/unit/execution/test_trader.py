"""A hedge on its way: one clock per hedge, what rests answers to the delta, the venue's band is kept."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.execution.lifecycle import OrderState
from bot.execution.tactic import Due
from bot.execution.tactics import rest_then_cross
from bot.execution.trader import Moment, Move, Trader
from bot.execution.working import WorkingOrder
from bot.market.quality import Touch


@pytest.fixture
def trader() -> Trader:
    """Rests for thirty seconds."""
    return Trader(rest_then_cross.Params(), label_prefix="hb", run_tag="run")


def _moment(make: Any, second: float = 0.0, **change: Any) -> Moment:
    touch = Touch(
        bid_native=99_999.5,
        ask_native=100_000.5,
        bid_amount_native=1e6,
        ask_amount_native=1e6,
        received_ns=make.now_ns,
        venue_ns=make.now_ns,
    )
    return Moment(
        now_ns=Ns(make.now_ns + round(second * NS_PER_S)),
        seq=7,
        instrument=make.perpetual(),
        touch=touch,
        marked=make.future_marked(**change),
        may_replace=True,
    )


def _due(amount: int, most: int | None = None, *, is_urgent: bool = False) -> Due:
    return Due(
        amount_native=Decimal(amount),
        amount_max_native=Decimal(2 * amount if most is None else most),
        taker_native=Decimal(0),
        is_urgent=is_urgent,
    )


def _at_rest(make: Any, amount: int) -> WorkingOrder:
    command = make.place(amount=str(amount))
    return WorkingOrder(
        label=command.label,
        instrument=command.instrument,
        amount_native=command.amount_native,
        valid_until_ns=command.valid_until_ns,
        created_ns=make.now_ns,
        price_native=Decimal("99999.5"),
        rest_until_ns=Ns(make.now_ns + 30 * NS_PER_S),
        state=OrderState.OPEN,
    )


def _rests(move: Move) -> bool:
    assert move.order is not None, move
    return move.order.rests


def test_an_order_is_what_the_tactic_said(trader: Trader, make: Any) -> None:
    """Labelled and counted, with its deadline, its end and the mid it started from."""
    order = trader.move(_due(1_000), None, _moment(make)).order

    assert order == make.place(
        label="hbrun0000001",
        amount="1000",
        price_native=Decimal("99999.5"),
        rest_until_ns=Ns(make.now_ns + 30 * NS_PER_S),
        decided_seq=7,
    )


def test_one_clock_runs_while_the_hedge_is_due(trader: Trader, make: Any) -> None:
    """Orders come and go; after thirty seconds it takes. Calm in between, or a turn, and it starts anew."""
    assert _rests(trader.move(_due(1_000), None, _moment(make)))
    assert _rests(trader.move(_due(1_000), None, _moment(make, 29.0)))
    assert not _rests(trader.move(_due(1_000), None, _moment(make, 30.0)))

    assert _rests(trader.move(_due(-1_000), None, _moment(make, 31.0)))
    assert not _rests(trader.move(_due(-1_000), None, _moment(make, 61.0)))
    trader.calm()
    assert _rests(trader.move(_due(-1_000), None, _moment(make, 62.0)))


@pytest.mark.parametrize(
    ("amount", "due", "is_recalled"),
    [
        (1_000, _due(1_000), False),
        (1_000, _due(600, 1_000), False),  # beyond where the policy aims, not beyond the target
        (1_000, _due(600, 990), True),  # a fill would carry the delta past its target
        (1_000, _due(-1_000), True),
    ],
)
def test_what_rests_is_never_more_than_the_delta_explains(
    trader: Trader, make: Any, amount: int, due: Due, is_recalled: bool
) -> None:
    """The delta came back, or turned: the order in the book has to go."""
    move = trader.move(due, _at_rest(make, amount), _moment(make))

    assert (move.recalls, move.order) == (is_recalled, None)


def test_a_price_the_venue_would_not_take_is_said(trader: Trader, make: Any) -> None:
    """Nothing is sent."""
    move = trader.move(_due(1_000, is_urgent=True), None, _moment(make, price_max_usd=100_000.0))

    assert (move.order, move.is_outside_band) == (None, True)
    assert "over the venue's highest price" in move.detail


@pytest.mark.parametrize(
    ("amount", "edge", "price"),
    [
        (1_000, {"price_max_usd": 100_000.5}, "100000.5"),
        (1_000, {"price_max_usd": 100_010.3}, "100010.0"),
        (1_000, {"price_max_usd": 100_200.0}, "100100.5"),
        (-1_000, {"price_min_usd": 99_999.5}, "99999.5"),
        (-1_000, {"price_min_usd": 99_990.2}, "99990.5"),
        (-1_000, {"price_min_usd": 99_800.0}, "99900.0"),
    ],
)
def test_what_is_taken_goes_no_further_than_the_venues_band(
    trader: Trader, make: Any, amount: int, edge: dict[str, float], price: str
) -> None:
    """The touch can be had: that the most we would pay lies beyond the band must not leave the delta open."""
    order = trader.move(_due(amount, is_urgent=True), None, _moment(make, **edge)).order

    assert order is not None
    assert order.price_native == Decimal(price)
