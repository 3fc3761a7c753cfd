"""How a hedge was split over instruments, in words: what each got, what it costs there, and why."""

from typing import Final

from bot.domain.decided import LegSplit

_BPS: Final = 1e4
_WHY: Final = {
    "closes": "closes what is held the other way",
    "cheapest": "costs least",
    "shares": "takes a part",
    "dearer": "costs more",
    "other_side": "is not for this side",
    "no_headroom": "has no room left",
    "no_depth": "shows no depth",
    "bad_figures": "has figures that are none",
    "below_lot": "its part is under a lot",
}


def split_words(leg: LegSplit) -> str:
    """`BTC-PERPETUAL -0.4000 (costs least: 5.1 bps, carry +0.3 bps)`."""
    why = _WHY.get(leg.why, leg.why.replace("_", " "))
    cost = f"{leg.cost_fraction * _BPS:.2f} bps, carry {leg.carry_fraction * _BPS:+.2f} bps"
    return f"{leg.instrument} {leg.trade_coin:+.4f} ({why}: {cost})"
