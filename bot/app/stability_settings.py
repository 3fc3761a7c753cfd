"""The `[books.COIN.stability]` section: guards against the impact of our own hedging.

Knows the keys; what the guards do is in `bot/hedging/stability.py`.
"""

from typing import Annotated

from pydantic import Field

from bot.app.sections import Positive, Section
from bot.domain.errors import ConfigError
from bot.domain.time import ns_from_s
from bot.hedging.stability import StabilityParams

_Share = Annotated[float, Field(gt=0.0, le=1.0)]


class StabilitySection(Section):
    """Guards against the impact of our own hedging. Each is bounded in time and raises an alarm."""

    loop_gain_max: Positive = Field(
        0.2, description="largest |gamma| times price move per own coin; beyond it hedges are smaller and keep a pace"
    )
    loop_gain_pace_s: Annotated[float, Field(gt=0.0, le=600.0)] = Field(
        10.0, description="time between hedges then; `pause_s` for short gamma with a gain of one and more"
    )
    oscillation_width_ratio: Annotated[float, Field(ge=1.0, le=8.0)] = Field(
        2.0, description="times the width once hedges take each other back; 1: this guard is off"
    )
    oscillation_hold_s: Annotated[float, Field(gt=0.0, le=7_200.0)] = Field(600.0, description="for so long")
    runaway_share: _Share = Field(
        0.1, description="own part of the volume from which on three hedges that the price follows are a runaway"
    )
    pause_s: Annotated[float, Field(gt=0.0, le=600.0)] = Field(60.0, description="no hedge for so long after a runaway")
    volume_usd_per_day: Positive | None = Field(
        None,
        description="the most its market trades, less where the venue says so; without it no look for a runaway",
    )
    participation_share_max: _Share | None = Field(
        None, description="largest own part of a minute's volume, not beyond the worst-case limit; default: no cap"
    )


def stability_of(book: str, section: StabilitySection) -> StabilityParams:
    """Parameters of the guards; ConfigError for a cap on a part of nothing."""
    if section.participation_share_max is not None and section.volume_usd_per_day is None:
        raise ConfigError(
            f"books.{book}.stability.participation_share_max: is a part of volume_usd_per_day, which is missing; add it"
        )
    return StabilityParams(
        gain_ratio_max=section.loop_gain_max,
        pace_ns=ns_from_s(section.loop_gain_pace_s),
        oscillation_width_ratio=section.oscillation_width_ratio,
        oscillation_hold_ns=ns_from_s(section.oscillation_hold_s),
        runaway_share=section.runaway_share,
        pause_ns=ns_from_s(section.pause_s),
        volume_usd_per_day=section.volume_usd_per_day,
        participation_share_max=section.participation_share_max,
    )
