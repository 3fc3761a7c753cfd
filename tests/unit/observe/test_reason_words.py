"""One sentence for each reason, with the figures that made it."""

from typing import Any

import pytest

from bot.domain.reasons import Action, Reason
from bot.observe.reason_words import sentence


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_makes_one_sentence(explained: Any, reason: Reason) -> None:
    """Also one that has no words of its own: its name and detail then."""
    told = sentence(explained(action=Action.REFUSE, reason=reason, detail="the detail"))

    assert told.startswith("Hedging refused because ")
    assert told.endswith(".")
    assert told.count("\n") == 0
    assert told.count("the detail") == 1


def test_a_hedge_says_size_price_and_aim(explained: Any) -> None:
    """What was ordered, and against which band."""
    assert sentence(explained()) == (
        "Ordered to sell 0.950000 BTC of BTC-PERPETUAL at 99,900.0 USD or better, aiming at a net delta of +0.100000 "
        "BTC, because the net delta of +1.050000 BTC is outside the band of -0.100000 to +0.100000 BTC."
    )


def test_a_skip_inside_the_band(explained: Any) -> None:
    """Net delta and both edges."""
    told = sentence(
        explained(
            action=Action.SKIP, reason=Reason.INSIDE_BAND, delta_coin_net=0.0, delta_coin_low=0.0, delta_coin_high=0.0
        )
    )

    assert told == "No hedge because the net delta of +0.000000 BTC is inside the band of -0.100000 to +0.100000 BTC."


def test_an_interval_is_told_as_one(explained: Any) -> None:
    """Doubt: from where to where."""
    told = sentence(explained(reason=Reason.OUTSIDE_BAND_SURELY, delta_coin_low=0.5, delta_coin_high=1.5))

    assert "the net delta, somewhere in +0.500000 to +1.500000 BTC, is outside the band" in told
    assert "only what is certain is traded" in told


def test_nothing_known_says_so(explained: Any) -> None:
    """No delta, no band."""
    told = sentence(
        explained(
            action=Action.REFUSE,
            reason=Reason.BACKING_OFF,
            delta_coin_net=None,
            band_low_coin=None,
            band_high_coin=None,
        )
    )

    assert told.startswith("Hedging refused because the net delta is outside the band of nothing")


def test_an_interval_over_an_edge_may_be_outside(explained: Any) -> None:
    """Nothing is claimed that was not known."""
    told = sentence(
        explained(action=Action.SKIP, reason=Reason.ORDER_PENDING, delta_coin_low=0.05, delta_coin_high=0.3)
    )

    assert "+0.050000 to +0.300000 BTC, may be outside the band" in told
