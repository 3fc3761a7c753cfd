"""What a configuration would have done: hedges, cost, and how far the delta got out of its band."""

from typing import Any

import pytest
from msgspec import structs

from bot.app.init.trial import Excursions, Tried, sentence
from bot.domain.decided import NOTHING, Outcome

_TRIED = Tried(
    source="24 simulated hours",
    book="BTC",
    hours=24.0,
    hedges_count=12,
    cost_usd=1_234.5,
    profit_usd=-6.0,
    worst_excursion_coin=0.25,
    band_low_coin=-0.1,
    band_high_coin=0.1,
    refusal="",
    problems=(),
)


def test_only_what_leaves_the_band_after_it_was_inside_counts(play: Any) -> None:
    """What the account began with is no excursion; neither is a moment at which nothing is known."""
    seen = Excursions()
    play.tick()
    for net, low in ((5.0, -0.1), (0.05, -0.1), (None, -0.1), (3.0, None), (-0.4, -0.1), (0.3, -0.1)):
        decided = structs.replace(play.decided(), delta_coin_net=net, band_low_coin=low, band_high_coin=0.1)
        seen.see(None, None, Outcome(decided=decided))  # type: ignore[arg-type]
    seen.see(None, None, NOTHING)  # type: ignore[arg-type]

    assert seen.worst_coin == pytest.approx(0.3)
    assert seen.refusal.startswith(f"{play.decided().reason.value}: ")


def test_it_is_told_in_two_lines() -> None:
    """And a line for each thing that should not have been."""
    fine = sentence(_TRIED).splitlines()
    worse = structs.replace(_TRIED, band_low_coin=None, refusal="tick_stale: old", problems=("positions differ",))

    assert fine == [
        (
            "tried on 24 simulated hours: 12 hedges in 24.0 h, 1,234.50 USD of hedging cost; profit of options and "
            "hedges -6.00 USD"
        ),
        "net delta at worst 0.2500 BTC beyond its band ([-0.1000, +0.1000] at the end) before a hedge brought it back",
    ]
    assert "(no band)" in sentence(worse)
    assert sentence(worse).splitlines()[2:] == [
        "it would not hedge at the end: tick_stale: old",
        "NOT AS IT SHOULD BE: positions differ",
    ]
