"""The `[books.COIN.stops]` section: what stops a book by itself, and how far.

Knows the keys; what a trigger measures is in `bot/risk/triggers.py`, what a stop does in `bot/risk/latches.py`.
"""

from typing import Annotated, Final

from pydantic import Field

from bot.app.sections import Positive, Section
from bot.domain.stops import StopKind
from bot.domain.time import ns_from_s
from bot.risk.triggers import Rule, StopParams, Trigger


class StopsSection(Section):
    """Triggers; each is off without its limit, and latches its stop until an operator lifts it."""

    daily_loss_usd_max: Positive | None = Field(
        None, description="largest loss since midnight UTC, the first start or a lift; restarts go on counting"
    )
    daily_loss_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    drawdown_usd_max: Positive | None = Field(
        None, description="largest loss since the highest profit, over restarts, from the first start or a lift on"
    )
    drawdown_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    loss_velocity_usd_max: Positive | None = Field(None, description="largest loss within five minutes")
    loss_velocity_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    order_rate_max: Annotated[int, Field(gt=0)] | None = Field(
        None, description="more orders than this in a minute; under limits.orders_per_minute_max to have an effect"
    )
    order_rate_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    refusals_max: Annotated[int, Field(gt=0)] | None = Field(
        None, description="more orders than this refused in a row; limits.refusals_in_a_row_max halts"
    )
    refusals_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    spread_bps_max: Positive | None = Field(None, description="widest touch of the hedge instrument that lasts")
    spread_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    staleness_s_max: Positive | None = Field(None, description="oldest datum a decision needs")
    staleness_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    margin_share_max: Positive | None = Field(None, description="largest maintenance margin over equity")
    margin_stop: StopKind = Field(StopKind.REDUCE_ONLY, description="what it latches")
    residual_usd_max: Positive | None = Field(
        None, description="largest difference of equity, our books to venue's (with several books: of the coin account)"
    )
    residual_stop: StopKind = Field(StopKind.PAUSE, description="what it latches")
    depeg_bps_max: Positive | None = Field(
        None, description="index of a hedge margined in USDC or USDT against the USD index"
    )
    depeg_stop: StopKind = Field(StopKind.REDUCE_ONLY, description="what it latches")
    confirm_count: Annotated[int, Field(ge=1, le=100)] = Field(
        3, description="data in a row that have to be beyond a limit, where one bad datum could be"
    )
    confirm_s: Annotated[float, Field(ge=0.0, le=600.0)] = Field(5.0, description="and for so long")


_LIMITS: Final = {
    Trigger.DAILY_LOSS: "daily_loss_usd_max",
    Trigger.DRAWDOWN: "drawdown_usd_max",
    Trigger.LOSS_VELOCITY: "loss_velocity_usd_max",
    Trigger.ORDER_RATE: "order_rate_max",
    Trigger.REFUSALS: "refusals_max",
    Trigger.SPREAD: "spread_bps_max",
    Trigger.STALENESS: "staleness_s_max",
    Trigger.MARGIN: "margin_share_max",
    Trigger.RESIDUAL: "residual_usd_max",
    Trigger.DEPEG: "depeg_bps_max",
}


def stops_of(section: StopsSection, *, shares_dollars: bool = False) -> StopParams:
    """The rules that have a limit; `shares_dollars` where other books are settled in the same dollars."""
    limits = {trigger: getattr(section, key) for trigger, key in _LIMITS.items()}
    return StopParams(
        rules=tuple(
            Rule(trigger=trigger, limit_native=float(limit), kind=getattr(section, f"{trigger.value}_stop"))
            for trigger, limit in limits.items()
            if limit is not None
        ),
        confirm_count=section.confirm_count,
        confirm_ns=ns_from_s(section.confirm_s),
        shares_dollars=shares_dollars,
    )
