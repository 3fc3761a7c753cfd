"""The command behind `make real-day`: three portfolios, two coins, both settlements, three policies on a recorded day.

Knows how backtests are run; the page is `research.real_day`'s.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from bot.app.backtest import CONFIG, Asked, history_of, loaded_of, played
from bot.research import real_day as page_of
from bot.research.real_day import POLICIES, PORTFOLIOS, Case
from bot.research.tapes.history import nearest

_COINS: Final = ("BTC", "ETH")
_EXPIRIES: Final = 2
"""The portfolios are of the second."""
_SETTLEMENTS: Final = {"coin": False, "USDC": True}


def real_day(
    page: Annotated[Path, typer.Argument(help="docs/explanation/real-day.md of a checkout.")],
    tape: Annotated[Path, typer.Option(help="A recorded day of both coins.")],
) -> None:
    """Write the measured part of the page on a recorded day; takes minutes."""
    cases: list[Case] = []
    for coin in _COINS:
        for settlement, is_linear in _SETTLEMENTS.items():
            day = Asked(config=CONFIG, currency=coin, is_linear=is_linear)
            history = nearest(history_of(tape, day, loaded_of(day)), _EXPIRIES)
            for portfolio, file in PORTFOLIOS.items():
                for policy, assignments in POLICIES.items():
                    asked = Asked(
                        config=CONFIG,
                        currency=coin,
                        is_linear=is_linear,
                        portfolio=Path(f"config/portfolios/{file}.toml"),
                        policy=policy,
                        assignments=assignments,
                    )
                    result = played(asked, loaded_of(asked), history)
                    cases.append(
                        Case(coin=coin, settlement=settlement, portfolio=portfolio, policy=policy, result=result)
                    )
                    typer.echo(
                        f"{coin} {settlement} {portfolio} {policy}: {result.hedges} hedges, closes: {result.closes}, "
                        f"steps within: {all(leg.is_within for leg in result.steps)}"
                    )
    page_of.write(page, cases, typer.echo)
