"""The `[books.COIN.regime]` section: how wild a market is called what, and what is done about it.

Knows the keys; how regimes and jumps are told apart is in `bot/hedging/regime.py`.
"""

from typing import Annotated, Literal

from pydantic import Field

from bot.app.sections import Positive, Section
from bot.domain.errors import ConfigError
from bot.domain.reasons import Regime
from bot.domain.time import ns_from_s
from bot.hedging.regime import HOURS, RegimeParams

_Minutes = Annotated[int, Field(ge=1, le=240)]


class RegimeSection(Section):
    """Regimes of the market and jumps of its price: looked at with `watch`, acted on by what else is set."""

    watch: bool = Field(False, description="measure both, and record them with each decision")
    calm_ratio: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.7, description="volatility of five minutes over the day's: `calm` under it"
    )
    hot_ratio: Annotated[float, Field(gt=1.0)] = Field(1.5, description="`hot` over it")
    crisis_ratio: Annotated[float, Field(gt=1.0)] = Field(3.0, description="`crisis` over it")
    leave_share: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.85, description="a regime is left at this share of where it is entered"
    )
    up_minutes: _Minutes = Field(3, description="in a row, before a wilder regime is believed")
    down_minutes: _Minutes = Field(20, description="in a row, before a calmer one is")
    cusum_alarm: Positive = Field(5.0, description="`hot` at once when excess variance is so many usual minutes")
    jump_sd: Annotated[float, Field(ge=3.0)] = Field(
        5.0, description="a move of so many standard deviations within a minute is a jump"
    )
    jump_at_once: bool = Field(True, description="for `jump_hold_s` after a jump hedges take at once, to the edge")
    jump_hold_s: Annotated[float, Field(gt=0.0, le=600.0)] = Field(60.0, description="filters wait for so long")
    width_ratio_calm: Positive = Field(1.0, description="times the width while the market is calm")
    width_ratio_hot: Positive = Field(1.0, description="times the width while it is hot")
    width_ratio_crisis: Positive = Field(1.0, description="times the width in a crisis")
    cross_in: tuple[Literal["calm", "normal", "hot", "crisis"], ...] = Field(
        (), description="regimes in which hedges take at once, whatever the tactic"
    )
    crisis_budget_usd_per_day: Positive | None = Field(
        None, description="in a crisis the band is cut to what makes this daily standard deviation at its volatility"
    )
    vol_by_hour: tuple[Positive, ...] | None = Field(
        None, description="24 numbers: volatility of each UTC hour over the day's; after a week of its own the bot's"
    )
    weekend_vol_ratio: Positive = Field(1.0, description="times it on Saturday and Sunday")


def regime_of(book: str, section: RegimeSection) -> RegimeParams | None:
    """Parameters of the look at regimes; None where nobody looks. ConfigError for what cannot be meant."""
    where = f"books.{book}.regime"
    if not section.watch:
        others = sorted(section.model_fields_set - {"watch"})
        if others:
            raise ConfigError(f"{where}.{others[0]}: does nothing without watch = true; set it, or remove the key")
        return None
    if section.crisis_ratio <= section.hot_ratio:
        raise ConfigError(f"{where}.crisis_ratio: is not over hot_ratio {section.hot_ratio:g}; raise it")
    if section.vol_by_hour is not None and len(section.vol_by_hour) != HOURS:
        raise ConfigError(f"{where}.vol_by_hour: has {len(section.vol_by_hour)} numbers; give {HOURS}, from 00:00 UTC")
    return RegimeParams(
        calm_ratio=section.calm_ratio,
        hot_ratio=section.hot_ratio,
        crisis_ratio=section.crisis_ratio,
        leave_share=section.leave_share,
        up_minutes_count=section.up_minutes,
        down_minutes_count=section.down_minutes,
        cusum_alarm_ratio=section.cusum_alarm,
        jump_sigmas=section.jump_sd,
        jump_hold_ns=ns_from_s(section.jump_hold_s),
        is_jump_hedged=section.jump_at_once,
        hour_ratios=section.vol_by_hour or (1.0,) * HOURS,
        weekend_ratio=section.weekend_vol_ratio,
        width_ratio_calm=section.width_ratio_calm,
        width_ratio_hot=section.width_ratio_hot,
        width_ratio_crisis=section.width_ratio_crisis,
        crosses_in=tuple(Regime(name) for name in section.cross_in),
        crisis_budget_usd=section.crisis_budget_usd_per_day,
    )
