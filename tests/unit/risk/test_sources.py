"""What is chosen says what has to be looked at."""

import pytest

from bot.pricing.smile import SmileDelta
from bot.risk.forward import ForwardSource
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource


@pytest.mark.parametrize(
    ("sources", "needs_surface", "needs_more"),
    [
        (Sources(), False, False),
        (Sources(volatility=VolatilitySource.MID), False, False),
        (Sources(forward=ForwardSource.FUTURE), False, True),
        (Sources(volatility=VolatilitySource.SURFACE), True, True),
        (Sources(smile=SmileDelta.MINIMUM_VARIANCE), True, True),
        (Sources(compares=True), True, True),
    ],
)
def test_more_is_needed_only_where_it_is_chosen(sources: Sources, needs_surface: bool, needs_more: bool) -> None:
    """The defaults look at nothing that is not held."""
    assert (sources.need_surface, sources.need_more) == (needs_surface, needs_more)
