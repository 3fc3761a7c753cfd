"""A run of the engine in a world that its own trades move."""

from typing import Any

from bot.app.pressed import play
from bot.domain.market_events import FutureMarked
from bot.hedging.stability import StabilityParams
from bot.research.validation.feedback import Pressed
from bot.sim.impact import Impact


class _Count:
    def __init__(self) -> None:
        self.marks = 0

    def see(self, _: Any, event: Any, __: Any) -> None:
        self.marks += isinstance(event, FutureMarked)


def test_a_book_is_hedged_as_it_is_described() -> None:
    """A minute: the audit sees each second, the band is the one asked for, hedges are made and nothing is violated."""
    count = _Count()
    pressed = Pressed(
        straddles=-40.0,
        half_coin=0.25,
        trade_to="edge",
        impact=Impact(lasting_usd_per_coin=1.0),
        guards=StabilityParams(),
        seed=3,
        minutes=1.0,
    )
    result = play(pressed, (count,))

    assert count.marks >= 60
    assert (result.band_low_coin, result.band_high_coin) == (-0.25, 0.25)
    assert result.hedges > 0
    assert result.violations == ()
