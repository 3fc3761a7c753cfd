"""Cross: all of it at once, whatever the situation."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactic import Place
from bot.execution.tactics import cross


@pytest.mark.parametrize(("amount", "price"), [("1000", "100100.5"), ("-1000", "99900")])
@pytest.mark.parametrize("after_s", [0.0, 100.0])
def test_all_of_it_is_taken_up_to_the_cap(
    situation: Callable[..., Any], amount: str, price: str, after_s: float
) -> None:
    """Ten basis points beyond the touch, immediate-or-cancel, two seconds to start."""
    step = cross.tactic(cross.Params())(situation(amount, after_s=after_s))

    assert step == Place(
        amount_native=Decimal(amount), price_native=Decimal(price), valid_for_ns=Ns(2 * NS_PER_S), rest_ns=None
    )
