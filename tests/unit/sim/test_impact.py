"""What clients' trades do to a drawn price."""

import math

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim.impact import Impact, Pressure


def test_what_lasts_stays_and_what_passes_fades() -> None:
    """Two coins bought: felt from the next moment on; after one fading time 1/e of the passing part is left."""
    pressure = Pressure(Impact(lasting_usd_per_coin=3.0, passing_usd_per_coin=10.0, fading_ns=Ns(30 * NS_PER_S)))
    pressure.press(2.0)
    before = pressure.usd
    pressure.pass_time(NS_PER_S)
    at_once = pressure.usd
    pressure.pass_time(30 * NS_PER_S)

    assert (before, at_once) == (0.0, 26.0)
    assert pressure.usd == pytest.approx(6.0 + 20.0 / math.e)


def test_a_sale_takes_a_purchase_back() -> None:
    """Linear: nobody earns by pushing a price there and back within a moment."""
    pressure = Pressure(Impact(lasting_usd_per_coin=3.0, passing_usd_per_coin=10.0))
    pressure.press(2.0)
    pressure.press(-2.0)
    pressure.pass_time(NS_PER_S)

    assert pressure.usd == 0.0
