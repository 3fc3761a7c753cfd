"""The table of tactics: parameters on the left, what makes a tactic of them on the right. One line per tactic."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bot.execution.tactic import Tactic
from bot.execution.tactics import auto, cross, rest_then_cross
from bot.execution.tactics import slice as sliced

TacticParams = cross.Params | rest_then_cross.Params | sliced.Params | auto.Params
"""Told apart by their tag, the tactic's name, in manifests and configurations."""


class Entry(NamedTuple):
    """What a line of the table holds."""

    make: Callable[[Any], Tactic]
    rests: bool = False
    """Whether it leaves orders in the book: only where the venue takes them back when we vanish."""


TACTICS: Final[dict[type[TacticParams], Entry]] = {
    cross.Params: Entry(cross.tactic),
    rest_then_cross.Params: Entry(rest_then_cross.tactic, rests=True),
    sliced.Params: Entry(sliced.tactic),
    auto.Params: Entry(auto.tactic, rests=True),
}


def entry_of(params: TacticParams) -> Entry:
    """The line of these parameters."""
    return TACTICS[type(params)]
