"""A page over a real engine: one call about to be hedged, and a clock of the loop that only moves when asked."""

from typing import Any

import pytest

from bot.app.lookout import Lookout
from bot.domain.events import Ticked
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.observe.board import Board
from bot.observe.tail import Tail

NOW = ns_from_iso("2026-03-01T10:00:00Z")


class Scene:
    """A run that is looked at."""

    def __init__(self, play: Any, make: Any) -> None:
        self.play = play
        self.tail = Tail()
        self.now_ns = NOW
        self.lookout = Lookout(
            Board(run_id="run-1", mode="demo", books=["BTC"]), [make.book()], later=lambda work: work()
        )
        play.ready({"BTC-27MAR26-100000-C": "1"})
        self.lookout.follow({"BTC": play.engine})

    def tick(self, after_s: float = 0.0) -> int:
        """One decision; its seq."""
        self.now_ns = Ns(NOW + round(after_s * NS_PER_S))
        event = Ticked(now_ns=self.now_ns)
        outcome = self.play.engine.apply(event)
        self.lookout.saw("BTC", self.play.engine.seq, event, outcome)
        self.lookout.ticked("BTC", self.now_ns)
        return int(self.play.engine.seq)


@pytest.fixture
def scene(play: Any, make: Any) -> Scene:
    """Nothing decided that the page knows of."""
    return Scene(play, make)
