"""The table of band policies: parameters on the left, what makes a policy of them on the right. One line per policy."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bot.hedging.band import BandInputs, BandPolicy, Law
from bot.hedging.bands import (
    delta_percent,
    fixed,
    gamma_scaled,
    leland_time,
    price_move,
    time_based,
    variance_budget,
    whalley_wilmott,
    whalley_wilmott_fixed_cost,
    zakamouline,
)

BandParams = (
    fixed.Params
    | gamma_scaled.Params
    | whalley_wilmott.Params
    | whalley_wilmott_fixed_cost.Params
    | zakamouline.Params
    | leland_time.Params
    | time_based.Params
    | price_move.Params
    | variance_budget.Params
    | delta_percent.Params
)
"""Told apart by their tag, the policy's name, in manifests and configurations."""


class Entry(NamedTuple):
    """What a line of the table holds."""

    make: Callable[[Any], BandPolicy]
    laws: tuple[Law, ...]
    needs_vanna: bool = False
    parts: Callable[[Any, BandInputs], dict[str, float]] | None = None
    """Figures a width is made of, for whoever asks why; None where inputs and parameters say it all."""


POLICIES: Final[dict[type[BandParams], Entry]] = {
    fixed.Params: Entry(fixed.policy, fixed.LAWS),
    gamma_scaled.Params: Entry(gamma_scaled.policy, gamma_scaled.LAWS),
    whalley_wilmott.Params: Entry(whalley_wilmott.policy, whalley_wilmott.LAWS, parts=whalley_wilmott.parts),
    whalley_wilmott_fixed_cost.Params: Entry(
        whalley_wilmott_fixed_cost.policy, whalley_wilmott_fixed_cost.LAWS, parts=whalley_wilmott_fixed_cost.parts
    ),
    zakamouline.Params: Entry(zakamouline.policy, zakamouline.LAWS, needs_vanna=True, parts=zakamouline.parts),
    leland_time.Params: Entry(leland_time.policy, leland_time.LAWS, needs_vanna=True),
    time_based.Params: Entry(time_based.policy, time_based.LAWS),
    price_move.Params: Entry(price_move.policy, price_move.LAWS),
    variance_budget.Params: Entry(variance_budget.policy, variance_budget.LAWS),
    delta_percent.Params: Entry(delta_percent.policy, delta_percent.LAWS),
}


def entry_of(params: BandParams) -> Entry:
    """The line of these parameters."""
    return POLICIES[type(params)]
