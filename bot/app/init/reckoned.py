"""Numbers of a first configuration from the risk somebody is ready to take: `calibrate`'s, for a book nobody holds yet.

Assumes at-the-money straddles that are sold, a week before they expire, of as many coins as the book may hold: gamma
and hedge of such a book are larger than those of most.
"""

from typing import Final

from msgspec import Struct

from bot.app.init.answers import Answers
from bot.domain.time import NS_PER_DAY, NS_PER_YEAR
from bot.pricing import black76
from bot.research.calibrate import Facts, Proposal, RungFact, Wish, propose

_TAU_YEARS: Final = 7 * NS_PER_DAY / NS_PER_YEAR
_COST_FRACTION: Final = 0.0004
"""Taking a perpetual: Deribit's 3.5 bp of September 2026 (exchange facts 0.4) and half a spread of a basis point."""
_LOT_USD: Final = 10.0
"""Of Deribit's BTC perpetual; others are no larger (exchange facts 0.5)."""
_RUNG: Final = 0.2
_DAILY_BUDGETS: Final = 3.0
"""Deviations: chance alone loses more on one day in seven hundred."""
_DRAWDOWN_BUDGETS: Final = 5.0
"""As many as `calibrate` lets a cushion outlast."""
_WHY: Final = {
    "band.risk_budget_usd_per_day": "the answer; the risk aversion is 2 / it per USD (docs/explanation/bands.md)",
    "ladder.interval_s": "limits on its worst rungs: hedgebot calibrate",
}
"""Where the reason of `calibrate` is of a book that is held."""


class Market(Struct, frozen=True, kw_only=True):
    """What the numbers are reckoned at."""

    price_usd: float
    iv: float
    """A fraction, per root year."""


class Limit(Struct, frozen=True, kw_only=True):
    """One key of `[books.COIN]` with its value, and where it comes from."""

    key: str
    value: float
    why: str


def numbers_of(answers: Answers, market: Market) -> tuple[Limit, ...]:
    """Band, limits, ladder and stops, in the order they are written."""
    proposal = propose(_facts(answers, market), Wish(budget_usd_per_day=answers.risk_usd_per_day))
    risk = answers.risk_usd_per_day
    return (
        *_proposed(proposal),
        Limit(
            key="stops.daily_loss_usd_max",
            value=_DAILY_BUDGETS * risk,
            why="three days' risk; the book's own theta and vega count, so raise it to what they may lose",
        ),
        Limit(key="stops.drawdown_usd_max", value=_DRAWDOWN_BUDGETS * risk, why="five days' risk"),
        Limit(key="stops.loss_velocity_usd_max", value=risk, why="a day's risk: no chance in that time"),
        Limit(key="stops.margin_share_max", value=0.8, why="a fifth is left to act in"),
    )


def _proposed(proposal: Proposal) -> tuple[Limit, ...]:
    """Those that no ladder of a book that is held would have to give."""
    wanted = [item for item in proposal.numbers if item.key and item.key != "ladder.loss_usd_max"]
    return tuple(Limit(key=item.key, value=item.value, why=_WHY.get(item.key, item.reason)) for item in wanted)


def warnings_of(answers: Answers, market: Market) -> tuple[str, ...]:
    """What whoever asked for it should know first."""
    return propose(_facts(answers, market), Wish(budget_usd_per_day=answers.risk_usd_per_day)).warnings


def _facts(answers: Answers, market: Market) -> Facts:
    _, gamma = black76.delta_gamma(market.price_usd, market.price_usd, _TAU_YEARS, market.iv, True)
    coins = answers.option_coins + answers.equity_coin
    return Facts(
        option_coin_gross=answers.option_coins,
        gamma_coin_per_usd=-2.0 * answers.option_coins * gamma,
        price_usd=market.price_usd,
        iv=market.iv,
        tau_years=_TAU_YEARS,
        cost_fraction=_COST_FRACTION,
        lot_coin=_LOT_USD / market.price_usd,
        days_seen=0.0,
        vol_per_root_year=None,
        worst_step_fraction=0.0,
        worst_hour_fraction=0.0,
        rungs=(
            # The hedge costs most where the price is highest: of two as large, the first counts.
            RungFact(spot_share=_RUNG, delta_coin_net=-coins, pnl_usd=0.0),
            RungFact(spot_share=-_RUNG, delta_coin_net=coins, pnl_usd=0.0),
        ),
    )
