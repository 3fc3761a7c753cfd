"""Rest at the touch for a while, then cross: earns the spread and the maker fee where the market comes to us.

Pure. Crosses at once where the hedge is urgent, and when time, price or the hedge itself has run away.
"""

from msgspec import Struct

from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.tactic import Crossing, Pegging, Situation, Step, Tactic, crossing, drift_bps, has_grown, pegged


class Params(Struct, frozen=True, kw_only=True, tag="rest_then_cross"):
    """How long it rests, how it follows the touch, and what ends its patience."""

    slippage_bps_max: float = 10.0
    valid_for_ns: Ns = Ns(2 * NS_PER_S)
    rest_for_ns: Ns = Ns(30 * NS_PER_S)
    """After so long what is left is taken. The median life of a hedge's need is the time the delta takes to cross a
    band, minutes at least: half a minute of waiting costs little variance."""
    inside_ticks: int = 0
    behind_ticks_max: int = 2
    replace_ns_min: Ns = Ns(500 * NS_PER_MS)
    drift_bps_max: float = 5.0
    """The mid moved so far against the hedge: more than the taker fee is what waiting already cost."""
    growth_ratio_max: float = 2.0
    """The hedge due is so many times what it was."""


def tactic(params: Params) -> Tactic:
    """Post-only first; immediate-or-cancel in the end."""
    how = Crossing(slippage_bps_max=params.slippage_bps_max, valid_for_ns=params.valid_for_ns)
    pegging = Pegging(
        inside_ticks=params.inside_ticks,
        behind_ticks_max=params.behind_ticks_max,
        replace_ns_min=params.replace_ns_min,
    )

    def step(now: Situation) -> Step:
        cause = _impatience(params, now)
        if cause is not None:
            return crossing(now, now.due.amount_native, how, cause)
        return pegged(now, pegging, params.valid_for_ns, Ns(params.rest_for_ns - now.elapsed_ns))

    return step


def _impatience(params: Params, now: Situation) -> str | None:
    """Why it crosses now; None: it rests."""
    if now.due.is_urgent:
        return "urgent"
    if now.elapsed_ns >= params.rest_for_ns:
        return "rested long enough"
    if drift_bps(now) >= params.drift_bps_max:
        return "the price drifted away"
    if has_grown(now, params.growth_ratio_max):
        return "the hedge has grown"
    return None
