"""Rest, then cross: where it rests, when it follows the touch, and what ends its patience."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactic import Place, TakeBack, Wait
from bot.execution.tactics.rest_then_cross import Params, tactic

Situations = Callable[..., Any]


@pytest.mark.parametrize(
    ("amount", "inside_ticks", "ask", "price"),
    [
        ("1000", 0, 100_000.5, "99999.5"),
        ("-1000", 0, 100_000.5, "100000.5"),
        ("1000", 1, 100_000.5, "100000.0"),
        ("-1000", 1, 100_000.5, "100000.0"),
        ("1000", 9, 100_000.5, "100000.0"),  # never nearer than a tick to the other side
        ("1000", 1, 100_000.0, "99999.5"),  # one tick wide: at the touch
        ("-1000", 3, 100_002.0, "100000.5"),
    ],
)
def test_it_rests_at_the_touch_or_inside(
    situation: Situations, amount: str, inside_ticks: int, ask: float, price: str
) -> None:
    """Post-only, for what is left of its patience."""
    now = situation(amount, after_s=10.0, ask_native=ask, mid_at_start_native=0.5 * (99_999.5 + ask))

    assert tactic(Params(inside_ticks=inside_ticks))(now) == Place(
        amount_native=Decimal(amount),
        price_native=Decimal(price),
        valid_for_ns=Ns(2 * NS_PER_S),
        rest_ns=Ns(20 * NS_PER_S),
    )


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"is_urgent": True}, "urgent"),
        ({"after_s": 30.0}, "rested long enough"),
        ({"mid_at_start_native": 99_949.0}, "the price drifted away"),  # 5.1 bps up: a buyer pays more
        ({"amount_at_start_native": Decimal(500)}, "the hedge has grown"),
    ],
)
def test_patience_ends(situation: Situations, change: dict[str, Any], cause: str) -> None:
    """Urgency, time, price or size: taken at once, and what rests is taken back first."""
    taken = tactic(Params())(situation(**change))
    first = tactic(Params())(situation(rests_at="99999.5", **change))

    assert isinstance(taken, Place)
    assert (taken.rest_ns, taken.amount_native) == (None, Decimal(1000))
    assert first == TakeBack(cause=cause)


@pytest.mark.parametrize(
    "change",
    [
        {"mid_at_start_native": 100_051.0},  # the price came to the buyer
        {"amount_at_start_native": Decimal(501)},
        {"after_s": 29.9},
    ],
)
def test_it_goes_on_resting(situation: Situations, change: dict[str, Any]) -> None:
    """None of these is a reason to pay the spread."""
    assert isinstance(tactic(Params())(situation(rests_at="99999.5", **change)), Wait)


@pytest.mark.parametrize(
    ("amount", "rests_at", "change", "step"),
    [
        ("1000", "99999.5", {}, Wait),
        ("1000", "99998.5", {}, Wait),  # two ticks away: not worth a place in the queue
        ("1000", "99998.0", {}, TakeBack),
        ("1000", "99998.0", {"rests_s": 0.4}, Wait),  # placed a moment ago
        ("1000", "99998.0", {"may_replace": False}, Wait),  # the order rate is kept for what must be
        ("1000", "100000.0", {}, Wait),  # better than the touch: it is the touch
        ("-1000", "100002.0", {}, TakeBack),
        ("-1000", "100001.5", {}, Wait),
    ],
)
def test_the_touch_is_followed_within_limits(
    situation: Situations, amount: str, rests_at: str, change: dict[str, Any], step: type
) -> None:
    """Only when it is further away than two ticks, and not all the time."""
    assert isinstance(tactic(Params())(situation(amount, rests_at=rests_at, **change)), step)
