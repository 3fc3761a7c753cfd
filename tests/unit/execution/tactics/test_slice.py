"""Slices: the plan of fading patience, and each cap by hand-computed numbers."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.domain.market_events import DepthSeen
from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactic import Place, Wait
from bot.execution.tactics.slice import Params, tactic

BOOK = DepthSeen(
    instrument=InstrumentId("BTC-PERPETUAL"),
    received_ns=Ns(0),
    venue_ns=Ns(0),
    bids=(),
    asks=((100_000.5, 1.0), (100_010.0, 2_000.0), (100_011.0, 900.0)),
)
_FREE = Params(volume_usd_per_day=1e15, depth_share_max=1.0, impact_bps_max=1e6)
"""Nothing but the plan."""


@pytest.mark.parametrize(
    ("left", "after_s", "expected"),
    [
        # of 100,000 with tau 60 s, by the next slice a second later 100,000 e^(-t/60) may be open
        ("100000", 0.0, 1_650),  # 100,000 (1 - e^(-1/60)) = 1,652.9
        ("100000", 59.0, 63_210),  # 100,000 (1 - e^-1) = 63,212.1
        ("40000", 59.0, 3_210),  # 63,212 were due, 60,000 are done
        ("36000", 59.0, 0),  # ahead of the plan
        ("100000", 180.0, 100_000),  # three tau: the rest
    ],
)
def test_patience_fades(situation: Callable[..., Any], left: str, after_s: float, expected: int) -> None:
    """What may still be open falls as e^(-t/tau); in the end all of it goes."""
    step = tactic(_FREE)(situation(left, after_s=after_s, amount_at_start_native=Decimal(100_000)))

    assert isinstance(step, Place if expected else Wait)
    if isinstance(step, Place):
        assert (step.amount_native, step.rest_ns) == (Decimal(expected), None)


@pytest.mark.parametrize(
    ("change", "more", "expected"),
    [
        ({"depth_share_max": 0.2}, {"ask_amount_native": 5_000.0}, 1_000),
        ({"depth_share_max": 0.2}, {"ask_amount_native": None}, 10_000),
        # a basis point of 100,000.5 is 10 USD: of 5,000, 2,000 and 900 the last stands too far behind
        ({"depth_share_max": 0.2, "impact_bps_max": 1.0}, {"ask_amount_native": 5_000.0, "depth": BOOK}, 1_400),
        ({"depth_share_max": 0.2}, {"ask_amount_native": 49.0}, 0),  # 9.8: less than a lot
        # a minute of 1.44 bn a day is 1 m; 0.5 % of it is 5,000; of 12 s since the last slice 1,000
        ({"volume_usd_per_day": 1.44e9, "volume_share_max": 0.005}, {}, 5_000),
        ({"volume_usd_per_day": 1.44e9, "volume_share_max": 0.005}, {"sent": (12.0, "1000")}, 1_000),
        # what the venue tells cuts a quiet day, and lets a busy one be no busier than configured
        ({"volume_usd_per_day": 5e9, "volume_share_max": 0.005}, {"volume_usd_per_day": 1.44e9}, 5_000),
        ({"volume_usd_per_day": 1.44e9, "volume_share_max": 0.005}, {"volume_usd_per_day": 5e9}, 5_000),
        # 300 bps sqrt(Q/V) <= 1 bp: Q = V/90,000
        ({"volume_usd_per_day": 1.8e8, "impact_bps_max": 1.0, "volume_share_max": 1.0}, {}, 2_000),
        # the last 2,000 of 4 s ago still weigh 1/sqrt(4): half a bp is left, a quarter of the size
        ({"volume_usd_per_day": 1.8e8, "impact_bps_max": 1.0, "volume_share_max": 1.0}, {"sent": (4.0, "2000")}, 500),
    ],
)
def test_each_cap(situation: Callable[..., Any], change: dict[str, Any], more: dict[str, Any], expected: int) -> None:
    """Depth at the touch, share of the volume, square-root impact with its decaying remainder."""
    params = structs.replace(_FREE, tau_ns=Ns(1_000 * NS_PER_S), **change)
    at_start = Decimal(repr(math.ceil(10_000 / (1 - math.exp(-0.101)) / 10) * 10))
    now = situation(str(at_start), after_s=100.0, amount_at_start_native=at_start, **more)
    step = tactic(params)(now)

    assert isinstance(step, Place if expected else Wait)
    if isinstance(step, Place):
        assert step.amount_native == expected


def test_slices_keep_their_distance(situation: Callable[..., Any]) -> None:
    """Not before a second has passed, however far behind the plan it is; urgency does not wait."""
    waits = tactic(_FREE)(situation("100000", after_s=59.0, sent=(0.9, "10")))
    urgent = tactic(_FREE)(situation("100000", after_s=59.0, sent=(0.9, "10"), is_urgent=True))

    assert isinstance(waits, Wait)
    assert isinstance(urgent, Place)
