"""What a leg without usable greeks can still be."""

import itertools
import math

import pytest

from bot.pricing import black76
from bot.risk.doubt import Known, narrowed, widest

_WEEK = 7.0 / 365.0
_HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize(
    ("is_call", "is_adjusted", "strike_ratio", "expected"),
    [
        (True, False, 1.3, (0.0, 1.0)),
        (True, True, 1.3, (0.0, 1.0)),
        (False, False, 1.3, (-1.0, 0.0)),
        (False, True, 1.3, (-1.3, 0.0)),
        (False, True, 0.8, (-0.8, 0.0)),
    ],
)
def test_nothing_known_leaves_all_its_kind_can_be(
    is_call: bool, is_adjusted: bool, strike_ratio: float, expected: tuple[float, float]
) -> None:
    """A premium-adjusted put reaches K/F, one plus its premium when deep in the money."""
    found = widest(is_call=is_call, is_premium_adjusted=is_adjusted, strike_ratio=strike_ratio)

    assert found == expected


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("is_adjusted", [True, False])
@pytest.mark.parametrize("strike", [60_000.0, 95_000.0, 100_000.0, 105_000.0, 160_000.0])
@pytest.mark.parametrize("move", [0.0, 0.02, 0.05])
def test_every_delta_possible_is_inside_and_the_interval_inside_the_widest(
    is_call: bool, is_adjusted: bool, strike: float, move: float
) -> None:
    """A grid over all forwards and volatilities of the envelope: none lies outside, the ends are nearly reached."""
    known = Known(forward_usd=100_000.0, iv=0.6, move_share=move, age_ns=_HOUR_NS)
    low, high = narrowed(known, strike, _WEEK, is_call=is_call, is_premium_adjusted=is_adjusted)
    forward_log, iv_log = 0.002 + 0.05 * move, 0.25 + 0.25 + 5.0 * move
    formula = black76.pa_delta_gamma if is_adjusted else black76.delta_gamma
    steps = [step / 20.0 for step in range(-20, 21)]
    deltas = [
        formula(100_000.0 * math.exp(x * forward_log), strike, _WEEK, 0.6 * math.exp(y * iv_log), is_call)[0]
        for x, y in itertools.product(steps, steps)
    ]
    bottom, top = widest(is_call=is_call, is_premium_adjusted=is_adjusted, strike_ratio=strike / 99_000.0)

    assert bottom - 1e-12 <= low <= min(deltas) + 1e-12
    assert max(deltas) - 1e-12 <= high <= top + 1e-12
    if not is_adjusted:
        assert (low, high) == (pytest.approx(min(deltas), abs=2e-3), pytest.approx(max(deltas), abs=1e-12))


def test_doubt_grows_with_age_and_move_and_begins_narrow() -> None:
    """An at-the-money week: a few hundredths at once, more an hour and a 5 % move later, never less."""
    ages = [Known(100_000.0, 0.6, 0.0, age) for age in (0, _HOUR_NS, 100 * _HOUR_NS)]
    moves = [Known(100_000.0, 0.6, move, 0) for move in (0.0, 0.01, 0.05)]

    def widths(knowns: list[Known]) -> list[float]:
        found = [narrowed(known, 100_000.0, _WEEK, is_call=True, is_premium_adjusted=False) for known in knowns]
        return [high - low for low, high in found]

    assert widths(ages) == sorted(widths(ages))
    assert widths(moves) == sorted(widths(moves))
    assert widths(ages)[0] < 0.05


def test_a_stamp_from_the_future_is_no_error() -> None:
    """A clock that is wrong widens nothing below zero age."""
    late, now = Known(1e5, 0.6, 0.0, -5), Known(1e5, 0.6, 0.0, 0)

    assert narrowed(late, 9e4, _WEEK, is_call=True, is_premium_adjusted=True) == narrowed(
        now, 9e4, _WEEK, is_call=True, is_premium_adjusted=True
    )
