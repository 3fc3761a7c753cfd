"""A surface is used while it is fresh and chosen; its absence is said and alarms once."""

import math
from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import AlarmRaised
from bot.domain.time import NS_PER_S, Ns
from bot.pricing.smile import SmileDelta
from bot.pricing.svi import Svi
from bot.risk.fitted_surface import Curve, FittedSurface
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource

_SSR = Sources(smile=SmileDelta.SSR, fit_every_ns=Ns(30 * NS_PER_S))


def test_a_curve_gives_each_strike_its_volatility_and_skew() -> None:
    """σ = sqrt(w/T) and dσ/dk, against a difference of the same curve."""
    curve = Curve(Svi(0.01, 0.05, -0.3, 0.02, 0.15), 0.1, 100_000.0)
    strike, step = 95_000.0, 1e-6
    up, down = (curve.iv(strike * math.exp(sign * step)) for sign in (1.0, -1.0))

    assert curve.iv(strike) == pytest.approx(math.sqrt(curve.svi.w(math.log(0.95)) / 0.1), rel=1e-15)
    assert curve.skew(strike) == pytest.approx((up - down) / (2.0 * step), rel=1e-6)


@pytest.mark.parametrize(
    ("sources", "is_used"),
    [
        (Sources(), False),
        (Sources(compares=True), False),
        (_SSR, True),
        (Sources(volatility=VolatilitySource.SURFACE), True),
    ],
)
def test_only_a_chosen_surface_is_used(make: Any, surface: Any, sources: Sources, is_used: bool) -> None:
    """Fitted for comparison, it changes nothing and is not missed."""
    held = FittedSurface(sources)
    assert bool(held.because(make.now_ns)) is is_used
    held.see(surface())

    assert (held.at(make.now_ns) is not None) is is_used
    assert held.because(make.now_ns) == ""


def test_an_old_or_failed_surface_is_none_and_says_why(make: Any, surface: Any) -> None:
    """Four missed fits; a defect at once; an older fit changes nothing."""
    held = FittedSurface(_SSR)
    held.see(surface())
    late = Ns(make.now_ns + 121 * NS_PER_S)
    assert held.at(Ns(late - NS_PER_S)) is not None
    assert (held.at(late), held.because(late)) == (None, "the surface is 121 s old")

    held.see(surface(as_of_ns=late, slices=(), defect="no_quotes"))
    held.see(surface())
    assert (held.at(late), held.because(late)) == (None, "no_quotes")


def test_a_lasting_absence_alarms_once_until_it_is_over(make: Any, surface: Any) -> None:
    """Not at the start, when none can be there yet."""
    held = FittedSurface(_SSR)

    def alarms(second: int) -> list[str]:
        return [
            note.detail for note in held.notes(Ns(make.now_ns + second * NS_PER_S)) if isinstance(note, AlarmRaised)
        ]

    assert (alarms(0), alarms(120)) == ([], [])
    (first,) = alarms(121)
    assert first.startswith("no surface yet: hedged as sticky_strike")
    assert alarms(122) == []
    held.see(surface(as_of_ns=Ns(make.now_ns + 130 * NS_PER_S)))
    assert (alarms(131), alarms(300), alarms(400)) == ([], [], [])
    assert len(alarms(421)) == 1


@pytest.mark.parametrize(
    ("change", "of_slice", "text"),
    [
        ({"ssr_ratio": 2.6}, {}, "a skew-stickiness of 2.6"),
        ({"mv_puts": (0.0, -11.0, 0.0)}, {}, "a minimum-variance coefficient without measure"),
        ({}, {"svi": (0.0, 0.1, -1.0, 0.0, 0.2556)}, "no curve of btc_usd for 2026-03-27T08:00:00.000000Z"),
        ({}, {"svi": (0.0, 0.1, -0.4, 0.0, 0.0)}, "no curve of btc_usd for 2026-03-27T08:00:00.000000Z"),
        ({}, {"forward_usd": 0.0}, "no curve of btc_usd for 2026-03-27T08:00:00.000000Z"),
        ({}, {"tau_years": 0.05}, "no curve of btc_usd for 2026-03-27T08:00:00.000000Z"),
        ({}, {"iv_atm": 0.7}, "no curve of btc_usd for 2026-03-27T08:00:00.000000Z"),
    ],
)
def test_a_fit_whose_numbers_no_smile_can_have_is_none(
    surface: Any, change: dict[str, Any], of_slice: dict[str, Any], text: str
) -> None:
    """It says what is wrong, and nothing is read from it."""
    whole = surface()
    held = FittedSurface(_SSR)
    held.see(whole)
    wrong = structs.replace(whole, **change, slices=(structs.replace(whole.slices[0], **of_slice),))

    assert held.see(wrong) == text
    assert held.at(whole.received_ns) is None
    assert held.because(whole.received_ns) == text
