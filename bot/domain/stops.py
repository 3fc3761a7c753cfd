"""Stops of trading that stay until an operator lifts them: their grades, and one of them with cause and author.

And how far the losses have come that may make one. Words only; what each grade permits is `risk/latches.py`'s.
"""

import enum

from msgspec import Struct

from bot.domain.time import Ns

OPERATOR = "operator"
"""Cause of a stop that a human asked for; a book has one such stop at most, the newest."""
HEDGEBOT = "hedgebot"
"""Author of a stop that a trigger or a halt made."""


class StopKind(enum.StrEnum):
    """How much a stop forbids, in rising order."""

    REDUCE_ONLY = "reduce_only"
    """Only hedges by which the worst-case distance of the net delta from its target falls."""
    PAUSE = "pause"
    """No new order; what rests is taken back."""
    CANCEL_ALL = "cancel_all"
    """Every order of ours is taken back at once, also those of earlier runs; then as `pause`."""
    FLATTEN_HEDGES = "flatten_hedges"
    """Orders only to close what is held of the hedge instruments, never an option; then as `pause`."""
    HALT = "halt"
    """No order at all: what the bot believes may be wrong."""


class Act(enum.StrEnum):
    """What an operator can ask for."""

    REDUCE_ONLY = "reduce_only"
    PAUSE = "pause"
    CANCEL_ALL = "cancel_all"
    FLATTEN_HEDGES = "flatten_hedges"
    RESUME = "resume"
    """Lift every stop of the book; after a halt positions are compared with the venue's first."""


class Latch(Struct, frozen=True, kw_only=True):
    """One stop that is on."""

    kind: StopKind
    cause: str
    """`operator`, a trigger, or the cause of a halt; a book has one latch per cause."""
    since_ns: Ns
    by: str
    """Who: a name the operator gave, or `hedgebot`."""
    detail: str
    """The operator's reason, or the figure and its limit."""


class LossCount(Struct, frozen=True, kw_only=True):
    """How far losses have come, so that a restart goes on counting where the last run ended."""

    as_of_ns: Ns
    day_loss_usd: float
    """Since midnight UTC, the first start or a lift; negative is a profit."""
    peak_loss_usd: float
    """Since the highest profit."""
    recent_loss_usd: float
    """Since the highest profit of the last minutes."""
    recent_ns: Ns
    """When that was."""
