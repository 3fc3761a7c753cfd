"""The `[books.COIN.band]` section: which policy, its numbers, and what is laid over it.

Knows the keys and which policy takes which; the policies themselves are in `bot/hedging`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from pydantic import BeforeValidator, Field

from bot.app.sections import NotNegative, NotPositive, Positive, Section
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.hedging.band import TradeTo, risk_aversion_of_budget
from bot.hedging.modifiers import Modifiers, QuietHours, TargetStep
from bot.hedging.policies import POLICIES, BandParams

_DEFAULT: Final = "whalley_wilmott"
_KINDS: Final = {str(kind.__struct_config__.tag): kind for kind in POLICIES}
_POLICY_KEYS: Final = frozenset(name for kind in POLICIES for name in kind.__struct_fields__)
POLICY_KEYS: Final = (*sorted(_POLICY_KEYS), "risk_budget_usd_per_day")
"""Numbers of one policy or another, as a configuration names them."""
_MEASURES: Final = ("residual_usd_per_day", "risk_aversion_per_usd", "risk_aversion_relative")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_SPAN: Final = re.compile(rf"({_CLOCK.pattern})-({_CLOCK.pattern})")


def _clock(text: object) -> object:
    if not isinstance(text, str) or not _CLOCK.fullmatch(text):
        raise ValueError("needs times of the UTC day as HH:MM")
    return text


def _span(text: object) -> object:
    if not isinstance(text, str) or not _SPAN.fullmatch(text):
        raise ValueError("needs spans of the UTC day as HH:MM-HH:MM")
    return text


class BandSection(Section):
    """When to trade, and to where. A key of another policy than the chosen one is refused."""

    policy: Literal[
        "whalley_wilmott",
        "fixed",
        "gamma_scaled",
        "whalley_wilmott_fixed_cost",
        "zakamouline",
        "leland_time",
        "time_based",
        "price_move",
        "variance_budget",
        "delta_percent",
    ] = Field(_DEFAULT, description="band policy; a band that only names edges is `fixed`")
    risk_aversion_per_usd: Positive | None = Field(
        None, description="whalley_wilmott..., zakamouline: absolute risk aversion of the owner"
    )
    risk_aversion_relative: Positive | None = Field(
        None, description="same: over the USD value of the options' coins, where no other measure is given; default 10"
    )
    risk_budget_usd_per_day: Positive | None = Field(
        None, description="same: a daily standard deviation this large counts as a loss of it"
    )
    residual_usd_per_day: Positive | None = Field(
        None, description="whalley_wilmott: daily standard deviation the open delta may make, instead of an aversion"
    )
    is_plain: bool | None = Field(None, description="whalley_wilmott: without the width of dead options; default false")
    fixed_cost_usd: NotNegative | None = Field(None, description="whalley_wilmott_fixed_cost: cost per trade")
    low_coin: NotPositive | None = Field(None, description="fixed: low edge, coins from the target; default 0")
    high_coin: NotNegative | None = Field(None, description="fixed: high edge, coins from the target; default 0")
    low_coin_per_option_coin: NotPositive | None = Field(
        None, description="fixed: low edge per coin of option held; default -0.05"
    )
    high_coin_per_option_coin: NotNegative | None = Field(
        None, description="fixed: high edge per coin of option held; default 0.05"
    )
    move_fraction: Positive | None = Field(None, description="gamma_scaled, price_move: 0.01 is a move of 1 %")
    half_coin_min: NotNegative | None = Field(
        None, description="gamma_scaled, delta_percent: half width the band never falls under"
    )
    interval_s: Positive | None = Field(None, description="time_based, leland_time: between hedges")
    budget_usd: Positive | None = Field(None, description="variance_budget: standard deviation over the horizon")
    horizon_hours: Positive | None = Field(None, description="variance_budget: default 24")
    percent: Positive | None = Field(None, description="delta_percent: of the options' net delta")
    target_coin: float = Field(0.0, description="net delta aimed at")
    target_coin_by_time: dict[Annotated[str, BeforeValidator(_clock)], float] | None = Field(
        None,
        description='net delta aimed at from a time of the UTC day on: `{ "08:00" = 0.5 }`',
    )
    hedge_ratio: Annotated[float, Field(ge=0.0, le=1.5)] = Field(1.0, description="share of the options' delta hedged")
    trade_to: TradeTo = Field(TradeTo.EDGE, description="`edge` left by, `inner` (between), or `target`")
    trade_coin_min: NotNegative = Field(0.005, description="smallest hedge; one lot at least")
    width_ratio_long_gamma: Positive = Field(1.0, description="times the width while the book is long gamma")
    width_ratio_short_gamma: Positive = Field(1.0, description="times the width while it is short gamma")
    quiet_hours: tuple[Annotated[str, BeforeValidator(_span)], ...] = Field(
        (), description='spans of the UTC day with another width, `["22:00-02:00"]`'
    )
    quiet_width_ratio: Positive = Field(1.0, description="times the width in quiet hours")
    monitoring_interval_ms: Annotated[int, Field(ge=0)] = Field(
        0, description="time between looks the trigger is corrected for; 0: none"
    )
    hedge_interval_ms_min: Annotated[int, Field(ge=0)] = Field(0, description="no hedge sooner after the last fill")
    price_move_fraction_min: NotNegative = Field(0.0, description="no hedge before such a move from the last fill")
    funding_horizon_hours: NotNegative = Field(
        0.0, description="so long funding is expected to last; the band moves to the side that receives it; 0: not"
    )
    hard_width_multiple: Annotated[float, Field(ge=1.0)] | None = Field(
        None, description="beyond so many half widths the two filters above do not hold back"
    )


def band_of(book: str, section: BandSection) -> BandParams:
    """The chosen policy's parameters; ConfigError names a key that is missing or belongs to another policy."""
    where = f"books.{book}.band"
    given = {name for name in section.model_fields_set if getattr(section, name) is not None}
    name = _policy_name(section, given)
    kind = _KINDS[name]
    values = {key: getattr(section, key) for key in given & _POLICY_KEYS}
    if section.risk_budget_usd_per_day is not None:
        if "risk_aversion_per_usd" in values:
            raise ConfigError(f"{where}.risk_budget_usd_per_day: risk_aversion_per_usd is set as well; keep one")
        values["risk_aversion_per_usd"] = risk_aversion_of_budget(section.risk_budget_usd_per_day)
    _refuse_two_measures(where, values)
    for key in sorted(values):
        if key not in kind.__struct_fields__:
            shown = "risk_budget_usd_per_day" if key not in given else key
            raise ConfigError(f"{where}.{shown}: does not belong to policy {name}; remove it or choose another policy")
    try:
        return msgspec.convert({"type": name, **values}, kind)
    except msgspec.ValidationError as error:
        missing = re.search(r"required field `(\w+)`", str(error))
        raise ConfigError(
            f"{where}.{missing[1]}: is missing; policy {name} needs it" if missing else f"{where}: {error}"
        ) from None


def _policy_name(section: BandSection, given: set[str]) -> str:
    edges = set(_KINDS["fixed"].__struct_fields__)
    return "fixed" if "policy" not in given and given & edges else section.policy


def _refuse_two_measures(where: str, values: Mapping[str, object]) -> None:
    measures = [key for key in _MEASURES if key in values]
    if len(measures) > 1:
        raise ConfigError(f"{where}.{measures[0]}: another measure of risk is set as well ({measures[1]}); keep one")


def modifiers_of(book: str, section: BandSection) -> Modifiers:
    """What is laid over the policy; ConfigError for two targets."""
    steps = section.target_coin_by_time
    if steps is not None and "target_coin" in section.model_fields_set:
        raise ConfigError(f"books.{book}.band.target_coin: target_coin_by_time is set as well; keep one of the two")
    by_time = sorted(steps.items()) if steps else [("00:00", section.target_coin)]
    return Modifiers(
        target=tuple(TargetStep(of_day_ns=_of_day_ns(at), coin=coin) for at, coin in by_time),
        trade_to=section.trade_to,
        hedge_ratio=section.hedge_ratio,
        width_ratio_long_gamma=section.width_ratio_long_gamma,
        width_ratio_short_gamma=section.width_ratio_short_gamma,
        quiet=tuple(_quiet(span, section.quiet_width_ratio) for span in section.quiet_hours),
        monitoring_ns=Ns(section.monitoring_interval_ms * NS_PER_MS),
        interval_ns_min=Ns(section.hedge_interval_ms_min * NS_PER_MS),
        price_move_fraction_min=section.price_move_fraction_min,
        funding_horizon_ns=Ns(round(section.funding_horizon_hours * 3_600 * NS_PER_S)),
        hard_width_multiple=section.hard_width_multiple,
    )


def _of_day_ns(clock: str) -> int:
    hours, minutes = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60 * NS_PER_S


def _quiet(span: str, width: float) -> QuietHours:
    begins, ends = span.split("-")
    return QuietHours(from_ns=_of_day_ns(begins), to_ns=_of_day_ns(ends), width=width)
