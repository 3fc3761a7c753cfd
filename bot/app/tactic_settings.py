"""The `[books.COIN.tactic]` section: how a hedge that is due gets done, and the numbers of each way.

Knows the keys and which tactic takes which; the tactics themselves are in `bot/execution`.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from pydantic import Field

from bot.app.sections import NotNegative, Positive, Section
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_MS, ns_from_s
from bot.execution.tactic_table import TACTICS, TacticParams
from bot.execution.tactics import auto
from bot.hedging.band import Law
from bot.hedging.policies import BandParams
from bot.hedging.policies import entry_of as policy_of

_KINDS: Final = {str(kind.__struct_config__.tag): kind for kind in TACTICS}
_Share = Annotated[float, Field(gt=0.0, le=1.0)]
_Interval = Annotated[int, Field(ge=250, le=60_000)]
"""At least a quarter of a second between orders (theory 6.2, rule 1)."""


def _from_ms(value: float) -> int:
    return int(value) * NS_PER_MS


_DURATIONS: Final[dict[str, tuple[str, Callable[[float], int]]]] = {
    "valid_for_ms": ("valid_for_ns", _from_ms),
    "rest_for_s": ("rest_for_ns", ns_from_s),
    "replace_interval_ms": ("replace_ns_min", _from_ms),
    "tau_s": ("tau_ns", ns_from_s),
    "slice_interval_ms": ("interval_ns", _from_ms),
}
"""Keys that say a duration in a unit for humans: the field they fill, and how."""


class TacticSection(Section):
    """How a hedge that is due gets done. A key of another tactic than the chosen one is refused."""

    name: Literal["cross", "rest_then_cross", "slice", "auto"] = Field(
        "cross", description="take at once; rest first; take in slices; rest inside the taker band and take beyond"
    )
    slippage_bps_max: NotNegative = Field(10.0, description="limit of an order that takes, beyond the touch")
    valid_for_ms: Annotated[int, Field(ge=100, le=10_000)] = Field(
        2_000, description="the venue must start an order within this time"
    )
    rest_for_s: Annotated[float, Field(gt=0.0, le=86_400.0)] | None = Field(
        None, description="rest_then_cross, auto: after so long what is left is taken; default 30, auto 3600"
    )
    inside_ticks: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="same: better than the touch by so many ticks where the spread leaves room; default 0"
    )
    behind_ticks_max: Annotated[int, Field(ge=0)] | None = Field(
        None, description="same: the touch is followed once it is further away; default 2"
    )
    replace_interval_ms: _Interval | None = Field(
        None, description="same: no sooner after the order was sent; default 500"
    )
    drift_bps_max: Positive | None = Field(
        None, description="rest_then_cross: taken once the mid has moved so far against the hedge; default 5"
    )
    growth_ratio_max: Annotated[float, Field(gt=1.0)] | None = Field(
        None, description="rest_then_cross: taken once the hedge is so many times what it was; default 2"
    )
    adverse_bps: NotNegative | None = Field(
        None, description="auto: what a maker's fill costs beside its fee, makes the maker band; default 0.5"
    )
    volume_usd_per_day: Positive | None = Field(
        None,
        description="slice: the most its market trades, less where the venue says so; no default on purpose",
    )
    tau_s: Positive | None = Field(None, description="slice: what may be open falls by 1/e in so long; default 60")
    slice_interval_ms: _Interval | None = Field(None, description="slice: between slices; default 1000")
    depth_share_max: _Share | None = Field(None, description="slice: of what the touch shows; default 0.2")
    volume_share_max: _Share | None = Field(None, description="slice: of the volume since the last one; default 0.1")
    impact_bps_max: Positive | None = Field(
        None, description="slice: square-root impact of a slice and what is left of the last; default 1"
    )
    impact_scale: Positive | None = Field(None, description="slice: Y of the square-root law; default 1")
    volatility_per_day: Positive | None = Field(None, description="slice: in the square-root law; default 0.03")


def tactic_of(book: str, section: TacticSection, band: BandParams) -> TacticParams:
    """The chosen tactic's parameters; ConfigError names a key that is missing or belongs to another tactic."""
    where, kind = f"books.{book}.tactic", _KINDS[section.name]
    always = {"slippage_bps_max", "valid_for_ms"}
    given = {name for name in section.model_fields_set if getattr(section, name) is not None}
    values: dict[str, object] = {}
    for key in sorted((given | always) - {"name"}):
        field, convert = _DURATIONS.get(key, (key, None))
        if field not in kind.__struct_fields__:
            raise ConfigError(
                f"{where}.{key}: does not belong to tactic {section.name}; remove it or choose another tactic"
            )
        value = getattr(section, key)
        values[field] = value if convert is None else convert(value)
    if kind is auto.Params and Law.IGNORES_COST in policy_of(band).laws:
        raise ConfigError(
            f"{where}.name: auto rests between two bands that differ by cost, and policy "
            f"{type(band).__struct_config__.tag} does not look at cost; choose another policy or rest_then_cross"
        )
    try:
        return msgspec.convert({"type": section.name, **values}, kind)
    except msgspec.ValidationError as error:
        missing = re.search(r"required field `(\w+)`", str(error))
        raise ConfigError(
            f"{where}.{missing[1]}: is missing; tactic {section.name} needs it" if missing else f"{where}: {error}"
        ) from None
