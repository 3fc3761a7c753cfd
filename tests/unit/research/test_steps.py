"""How often the greeks explain an option's step."""

from typing import Any

import pytest

from bot.domain.decided import NOTHING
from bot.domain.time import NS_PER_S, Ns
from bot.research.steps import LegSteps, StepLook, StepMissed

_CALL = "BTC-27MAR26-100000-C"


def _looked(play: Any, make: Any, *moves: tuple[float, float]) -> StepLook:
    """A held call marked every five minutes at (forward, volatility)."""
    look = StepLook()
    play.ready({_CALL: "1"})
    for place, (forward_usd, iv) in enumerate(moves):
        at = Ns(make.now_ns + place * 300 * NS_PER_S)
        event = make.option_marked(forward_usd=forward_usd, iv_mark=iv, venue_ns=at, received_ns=at)
        play.take(event)
        look.see(play.engine, event, NOTHING)
    return look


def test_ordinary_steps_are_explained(play: Any, make: Any) -> None:
    """The forward and the volatility move a little; a mark that stands is no step."""
    look = _looked(play, make, (100_000.0, 0.6), (100_200.0, 0.605), (100_200.0, 0.605), (99_900.0, 0.598))
    (leg,) = look.legs()

    assert (leg.instrument, leg.is_far, leg.steps_count, leg.missed) == (_CALL, True, 2, ())
    assert (leg.explained_share, leg.is_within) == (1.0, True)


def test_a_step_beyond_the_third_order_is_missed(play: Any, make: Any) -> None:
    """A third of the price in five minutes: told with what the greeks said."""
    (leg,) = _looked(play, make, (100_000.0, 0.6), (66_000.0, 1.4)).legs()

    assert (leg.steps_count, len(leg.missed), leg.is_within) == (1, 1, False)
    missed = leg.missed[0]
    assert missed.seconds == 300.0
    assert abs(missed.residual_native) > 0.1 * abs(missed.gamma_native)


@pytest.mark.parametrize(
    ("missed", "is_far", "within"), [(1, True, True), (2, True, False), (10, False, True), (11, False, False)]
)
def test_nearer_to_expiry_more_may_be_missed(missed: int, is_far: bool, within: bool) -> None:
    """One in a hundred over 36 hours, ten under."""
    one = StepMissed(start="", seconds=300.0, delta_native=0.0, gamma_native=0.0, residual_native=1.0)
    leg = LegSteps(instrument=_CALL, is_far=is_far, steps_count=100, missed=(one,) * missed)

    assert leg.is_within is within


def test_what_is_not_held_is_not_looked_at(play: Any, make: Any) -> None:
    """Nor what has no volatility, or no options at all."""
    look = StepLook()
    play.ready({})
    for event in (make.option_marked(), make.option_marked(iv_mark=None), make.future_marked()):
        look.see(play.engine, event, NOTHING)

    assert look.legs() == ()
