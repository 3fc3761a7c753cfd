"""Engines as a page sees them: sampled in time, decisions explained while the engine still is as they left it."""

import asyncio
from typing import Any

import pytest

from bot.app.lookout import Lookout
from bot.domain.events import Ticked
from bot.domain.time import NS_PER_S, Ns
from bot.observe.board import Board


class _Looking:
    """An engine, what looks at it, and what it put off."""

    def __init__(self, play: Any, make: Any) -> None:
        self.play = play
        self.later: list[Any] = []
        board = Board(run_id="run-1", mode="demo", books=["BTC"])
        self.lookout = Lookout(board, [make.book()], later=self.later.append)
        play.ready({"BTC-27MAR26-100000-C": "1"})
        self.lookout.follow({"BTC": play.engine})

    def tick(self, now_ns: int) -> None:
        event = Ticked(now_ns=Ns(now_ns))
        outcome = self.play.engine.apply(event)
        self.lookout.saw("BTC", self.play.engine.seq, event, outcome)
        self.lookout.ticked("BTC", event.now_ns)


@pytest.fixture
def looking(play: Any, make: Any) -> _Looking:
    """A call that is about to be hedged."""
    return _Looking(play, make)


def test_a_new_decision_is_explained_once_others_had_their_turn(looking: _Looking, now_ns: Ns) -> None:
    """By the function that `hedgebot why` has, said to be the bot's own word."""
    looking.tick(now_ns)
    seq = looking.play.engine.seq
    before = looking.lookout.board.explained("BTC", seq)
    looking.later[0]()
    told = looking.lookout.board.explained("BTC", seq)

    assert before is None
    assert told is not None
    assert (told.run_id, told.decided.seq, told.compared) == ("run-1", seq, "")
    assert [leg.instrument for leg in told.legs] == ["BTC-27MAR26-100000-C"]


def test_an_engine_that_has_moved_on_explains_nothing(looking: _Looking, now_ns: Ns) -> None:
    """It would be another decision's explanation."""
    looking.tick(now_ns)
    seq = looking.play.engine.seq
    looking.play.tick(NS_PER_S)
    looking.later[0]()

    assert looking.lookout.board.explained("BTC", seq) is None


def test_books_are_sampled_once_a_second(looking: _Looking, now_ns: Ns) -> None:
    """However often they decide."""
    for step in range(21):
        looking.tick(now_ns + step * NS_PER_S // 10)
    history = looking.lookout.board.history("BTC", "recent")

    assert history is not None
    assert [dot.time_ms - now_ns // 1_000_000 for dot in history.dots] == [0, 1_000, 2_000]


def test_the_newest_decision_can_be_taken_apart_at_any_time(looking: _Looking) -> None:
    """Of a status just taken; there is none before the first decision."""
    status = looking.lookout.statuses()[0]
    told = looking.lookout.explained(status)

    assert told is not None
    assert told.decided == status.decided


def test_before_the_first_decision_there_is_nothing_to_take_apart(play: Any, make: Any) -> None:
    """The page says so, and nothing fails."""
    lookout = Lookout(Board(run_id="r", mode="demo", books=["BTC"]), [make.book()])
    nobody = lookout.statuses()
    lookout.follow({"BTC": play.engine})

    assert (nobody, lookout.explained(lookout.statuses()[0])) == ((), None)


@pytest.mark.asyncio
async def test_an_explanation_that_fails_stays_in_its_callback(looking: _Looking, now_ns: Ns) -> None:
    """Narration that fails halts; a page that fails must not."""
    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    lookout = Lookout(Board(run_id="r", mode="demo", books=["BTC"]), [])
    lookout.follow({"BTC": looking.play.engine})
    event = Ticked(now_ns=Ns(now_ns))
    lookout.saw("BTC", looking.play.engine.seq + 1, event, looking.play.engine.apply(event))
    await asyncio.sleep(0)

    assert [type(failure) for failure in failures] == [KeyError]
