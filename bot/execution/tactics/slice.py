"""Take in slices: so much of the touch, of the volume and of the impact at a time, patience that fades.

Pure. What may still be open falls as e^(-t/τ); each slice is capped by the displayed depth, by the share of the
market's volume and by the square-root impact, of which the last slice's remainder decays as t^(-1/2) (theory 6.1, 6.2).
"""

import math
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.domain.units import ZERO, Rounding, decimal_from_wire, float_from_decimal, round_to_step
from bot.execution.tactic import Crossing, Situation, Step, Tactic, Wait, crossing, left_of_urgency

_PATIENCE_TAUS: Final = 3.0
"""After three τ a twentieth is left by plan: the rest goes at once."""
_BPS: Final = 1e-4
_MINUTE_NS: Final = 60 * NS_PER_S


class Params(Struct, frozen=True, kw_only=True, tag="slice"):
    """The caps, and the market they are measured in."""

    volume_usd_per_day: float
    """Of the hedge instrument: the most that is counted with, and what is where the venue tells none."""
    slippage_bps_max: float = 10.0
    valid_for_ns: Ns = Ns(2 * NS_PER_S)
    tau_ns: Ns = Ns(60 * NS_PER_S)
    interval_ns: Ns = Ns(1 * NS_PER_S)
    """Between slices: at least a quarter of a second or three round trips (theory 6.2, rule 1)."""
    depth_share_max: float = 0.2
    """Of what is displayed at the touch, and behind it as far as `impact_bps_max`."""
    volume_share_max: float = 0.1
    """Of the volume since the last slice, at most of a minute."""
    volatility_per_day: float = 0.03
    impact_scale: float = 1.0
    """Y of the square-root law, 0.5 to 1 (theory 6.1)."""
    impact_bps_max: float = 1.0


def tactic(params: Params) -> Tactic:
    """Immediate-or-cancel, a part at a time."""
    how = Crossing(slippage_bps_max=params.slippage_bps_max, valid_for_ns=params.valid_for_ns)

    def step(now: Situation) -> Step:
        whole = now.due.amount_native
        if now.due.is_urgent or now.elapsed_ns >= _PATIENCE_TAUS * params.tau_ns:
            return crossing(now, whole, how, "urgent" if now.due.is_urgent else "out of patience")
        if now.last_sent is not None and now.now_ns - now.last_sent.at_ns < params.interval_ns:
            return Wait(detail="between slices")
        size = min(_behind_plan(params, now), *_caps(params, now))
        amount = _on_lot(now, size)
        if amount == ZERO:
            return Wait(detail="ahead of the plan, or a cap leaves no lot")
        return crossing(now, amount, how, "slice")

    return step


def _behind_plan(params: Params, now: Situation) -> float:
    """What should be done by the time the next slice is due, unsigned native."""
    whole = abs(float_from_decimal(now.due.amount_native))
    at_start = abs(float_from_decimal(now.amount_at_start_native))
    next_ns = now.elapsed_ns + params.interval_ns
    return min(whole, max(whole - at_start * left_of_urgency(next_ns, params.tau_ns), 0.0))


def _caps(params: Params, now: Situation) -> tuple[float, float, float]:
    """Displayed depth, volume, impact; unsigned native."""
    displayed = now.displayed_native(params.impact_bps_max * _BPS)
    depth = math.inf if displayed is None else params.depth_share_max * displayed
    since_ns = now.since_sent_ns(_MINUTE_NS)
    per_native_usd = 1.0 if now.instrument.amount_is_in_usd else 0.5 * (now.bid_native + now.ask_native)
    volume = now.volume_usd(params.volume_usd_per_day) / per_native_usd
    return depth, params.volume_share_max * volume * since_ns / NS_PER_DAY, _impact_cap(params, now, volume)


def _impact_cap(params: Params, now: Situation, volume_per_day: float) -> float:
    """Largest slice whose impact and what is left of the last one's stay under the limit."""
    scale_bps = params.impact_scale * params.volatility_per_day / _BPS
    left_bps = 0.0
    if now.last_sent is not None:
        last = abs(float_from_decimal(now.last_sent.amount_native))
        intervals = max((now.now_ns - now.last_sent.at_ns) / params.interval_ns, 1.0)
        left_bps = scale_bps * math.sqrt(last / volume_per_day) / math.sqrt(intervals)
    room_bps = max(params.impact_bps_max - left_bps, 0.0)
    return volume_per_day * (room_bps / scale_bps) ** 2


def _on_lot(now: Situation, size_native: float) -> Decimal:
    size = min(decimal_from_wire(repr(size_native)), abs(now.due.amount_native))
    amount = round_to_step(size, now.instrument.lot_native, Rounding.TOWARD_ZERO)
    return amount if now.is_buy else -amount
