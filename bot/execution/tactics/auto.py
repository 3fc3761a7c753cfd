"""Maker between the maker band and the taker band, taker beyond the second (theory 4.1).

Pure. The bands are the decision's: it trades from the band at the maker's cost on, and says what lies beyond the one
at the taker's. Between the two it only quotes; what is beyond is taken, and no more.
"""

from msgspec import Struct

from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.execution.tactic import Crossing, Pegging, Situation, Step, Tactic, crossing, pegged


class Params(Struct, frozen=True, kw_only=True, tag="auto"):
    """What a maker's fill costs beside its fee, and how it rests."""

    slippage_bps_max: float = 10.0
    valid_for_ns: Ns = Ns(2 * NS_PER_S)
    adverse_bps: float = 0.5
    """Adverse selection and missed fills (theory 4.1: c_m); with the maker fee it makes the maker band."""
    rest_for_ns: Ns = Ns(3_600 * NS_PER_S)
    """After so long what is left is taken: a hedge always ends."""
    inside_ticks: int = 0
    behind_ticks_max: int = 2
    replace_ns_min: Ns = Ns(500 * NS_PER_MS)


def tactic(params: Params) -> Tactic:
    """Post-only inside the taker band, immediate-or-cancel back to it."""
    how = Crossing(slippage_bps_max=params.slippage_bps_max, valid_for_ns=params.valid_for_ns)
    pegging = Pegging(
        inside_ticks=params.inside_ticks,
        behind_ticks_max=params.behind_ticks_max,
        replace_ns_min=params.replace_ns_min,
    )

    def step(now: Situation) -> Step:
        if now.due.is_urgent:
            return crossing(now, now.due.amount_native, how, "urgent")
        if now.elapsed_ns >= params.rest_for_ns:
            return crossing(now, now.due.amount_native, how, "rested long enough")
        if now.due.taker_native != ZERO:
            return crossing(now, now.due.taker_native, how, "beyond the taker band")
        return pegged(now, pegging, params.valid_for_ns, Ns(params.rest_for_ns - now.elapsed_ns))

    return step
