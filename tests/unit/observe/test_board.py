"""What is kept of a run for a page: curves, hedges, decisions, fills, explanations; all of it bounded."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import NOTHING, Decided, Outcome
from bot.domain.reasons import Action, Reason
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns
from bot.observe.board import Board, History
from bot.observe.explained import Explained

_DAY_S = 86_400


@pytest.fixture
def board() -> Board:
    """Of one book, empty."""
    return Board(run_id="run-1", mode="demo", books=["BTC"])


@pytest.fixture
def status(play: Any) -> BookStatus:
    """A hedged call."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    play.tick()
    found = play.engine.status()
    assert isinstance(found, BookStatus)
    return found


def _tick(decided: Decided) -> tuple[ev.Ticked, Outcome]:
    return ev.Ticked(now_ns=decided.now_ns), Outcome(decided=decided)


def _history(board: Board, span: str) -> History:
    found = board.history("BTC", span)
    assert found is not None
    return found


def test_a_decision_that_says_nothing_new_is_not_listed_again(board: Board, decided: Callable[..., Decided]) -> None:
    """As in the log: another reason, a hedge, or a minute later."""
    calm = {"action": Action.SKIP, "reason": Reason.INSIDE_BAND, "trade_coin": 0.0}
    first = decided(seq=1, **calm)
    made = [
        first,
        structs.replace(first, seq=2, now_ns=Ns(first.now_ns + NS_PER_S)),
        structs.replace(first, seq=3, now_ns=Ns(first.now_ns + 2 * NS_PER_S), reason=Reason.ORDER_PENDING),
        structs.replace(first, seq=4, now_ns=Ns(first.now_ns + 70 * NS_PER_S), reason=Reason.ORDER_PENDING),
    ]
    news = [board.saw("BTC", *_tick(each)) for each in made]

    assert news == [made[0], None, made[2], made[3]]
    assert [each.seq for each in board.told()["BTC"].decisions] == [4, 3, 1]
    assert board.told_count == 3


def test_hedges_are_marked_where_they_were_decided(board: Board, decided: Callable[..., Decided]) -> None:
    """Size with its sign, price and net delta of that moment."""
    hedge = decided(seq=9)
    board.saw("BTC", *_tick(hedge))
    mark = board.told()["BTC"].hedges[0]

    assert (mark.seq, mark.trade_coin, mark.price_usd) == (9, hedge.trade_coin, hedge.price_usd)
    assert (mark.time_ms, mark.delta_coin_net) == (hedge.now_ns // 1_000_000, hedge.delta_coin_net)


def test_fills_are_told_with_the_unit_of_their_amount(board: Board, play: Any, make: Any) -> None:
    """Inverse futures count in USD, everything else in coins."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    play.tick()
    order = play.orders()[0]
    fill = make.fill("T-1", str(order.amount_native), order.label)
    listed = ev.InstrumentListed(instrument=make.perpetual(), received_ns=make.now_ns)
    board.saw("BTC", listed, NOTHING)
    board.saw("BTC", fill, play.engine.apply(fill))
    told = board.told()["BTC"].fills

    assert [(each.instrument, each.unit, each.amount_native) for each in told] == [
        ("BTC-PERPETUAL", "USD", order.amount_native)
    ]
    assert told[0].time_ns == fill.received_ns


def test_lists_are_bounded(board: Board, decided: Callable[..., Decided], explained: Callable[..., Explained]) -> None:
    """A long run does not grow: neither lists nor what explains them."""
    for seq in range(1_000):
        board.saw("BTC", *_tick(decided(seq=seq)))
        board.explain(explained(seq=seq))
    told = board.told()["BTC"]

    assert (len(told.decisions), told.decisions[0].seq, len(told.hedges)) == (60, 999, 20)
    assert len(_history(board, "recent").hedges) == 500
    assert [board.explained("BTC", seq) is None for seq in (939, 940, 999)] == [True, False, False]
    assert board.explained("ETH", 999) is None


def test_each_curve_has_its_own_span_and_none_grows(board: Board, status: BookStatus) -> None:
    """A quarter of an hour by the second, a day by the minute, the whole run as coarse as it has to be."""
    assert status.decided is not None
    begin_ns, steps_count = status.decided.now_ns, 3 * _DAY_S // 5
    for step in range(steps_count):
        at = structs.replace(status.decided, now_ns=Ns(begin_ns + 5 * step * NS_PER_S))
        board.sample(structs.replace(status, decided=at))
    last_ms = (begin_ns + 5 * (steps_count - 1) * NS_PER_S) // 1_000_000
    spans = {name: _history(board, name).dots for name in ("recent", "day", "run")}

    assert [len(dots) for dots in spans.values()][:2] == [900, 1_440]
    assert 720 <= len(spans["run"]) <= 1_440
    assert [last_ms - dots[0].time_ms for dots in spans.values()] == [
        899 * 5_000,
        pytest.approx(_DAY_S * 1_000, abs=120_000),
        last_ms - begin_ns // 1_000_000,
    ]
    assert all(last_ms - dots[-1].time_ms < 200_000 for dots in spans.values())


def test_what_is_not_known_is_no_zero(board: Board, status: BookStatus) -> None:
    """A gap in the curve."""
    assert status.decided is not None
    board.sample(structs.replace(status, decided=structs.replace(status.decided, delta_coin_net=None)))
    board.sample(structs.replace(status, decided=None))

    assert [dot.delta_coin_net for dot in _history(board, "recent").dots] == [None]


@pytest.mark.parametrize(("book", "span"), [("ETH", "recent"), ("BTC", "week"), ("", "")])
def test_there_is_no_curve_of_what_is_not_there(board: Board, book: str, span: str) -> None:
    """Asked by whoever types an address."""
    assert board.history(book, span) is None
