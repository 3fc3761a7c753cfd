"""Cross the spread: one limit order, immediate-or-cancel, capped against the touch. Leaves nothing resting.

Pure. Knows prices and grids; nothing of why it trades.
"""

from msgspec import Struct

from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactic import Crossing, Situation, Step, Tactic, crossing


class Params(Struct, frozen=True, kw_only=True, tag="cross"):
    """How far and how long."""

    slippage_bps_max: float = 10.0
    """Limit beyond the touch, basis points of it."""
    valid_for_ns: Ns = Ns(2 * NS_PER_S)
    """The venue must start the order within this time (`valid_until`)."""


def tactic(params: Params) -> Tactic:
    """All of it at once."""
    how = Crossing(slippage_bps_max=params.slippage_bps_max, valid_for_ns=params.valid_for_ns)

    def step(now: Situation) -> Step:
        return crossing(now, now.due.amount_native, how, "cross")

    return step
