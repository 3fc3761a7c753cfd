"""Auto: maker between the bands, taker beyond the second, and no more than back to it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactic import Place, TakeBack
from bot.execution.tactics.auto import Params, tactic


@pytest.mark.parametrize("side", [1, -1])
def test_between_the_bands_it_only_quotes(situation: Callable[..., Any], side: int) -> None:
    """All of the hedge rests at the touch."""
    step = tactic(Params())(situation(str(1000 * side)))

    assert isinstance(step, Place)
    assert (step.amount_native, step.rest_ns) == (Decimal(1000 * side), Ns(3_600 * NS_PER_S))


def test_beyond_the_taker_band_it_takes_back_to_it(situation: Callable[..., Any]) -> None:
    """What rests goes first, then the part beyond is taken, then the rest may quote again."""
    first = tactic(Params())(situation(taker="300", rests_at="99999.5"))
    second = tactic(Params())(situation(taker="300"))

    assert first == TakeBack(cause="beyond the taker band")
    assert isinstance(second, Place)
    assert (second.amount_native, second.rest_ns) == (Decimal(300), None)


@pytest.mark.parametrize("change", [{"is_urgent": True}, {"after_s": 3_600.0}])
def test_in_the_end_all_of_it_is_taken(situation: Callable[..., Any], change: dict[str, Any]) -> None:
    """Far beyond, or after an hour between the bands."""
    step = tactic(Params())(situation(taker="300", **change))

    assert isinstance(step, Place)
    assert (step.amount_native, step.rest_ns) == (Decimal(1000), None)
