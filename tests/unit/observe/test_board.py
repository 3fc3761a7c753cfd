"""What is kept of a run for a page: curves, hedges, decisions, fills, explanations; all of it bounded."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import NOTHING, Decided, Outcome
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns
from bot.observe.board import Board, Dot, Earlier, FillTold, HedgeDot, History
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


def _dot(time_ms: int) -> Dot:
    return Dot(
        time_ms=time_ms,
        price_usd=1.0,
        delta_coin_net=0.1,
        delta_coin_low=0.1,
        delta_coin_high=0.1,
        band_low_coin=-1.0,
        band_high_coin=1.0,
        profit_usd=None,
    )


def _earlier(decisions: list[tuple[str, Decided]], dots: list[Dot], hedges_count: int = 0) -> Earlier:
    marks = [
        HedgeDot(time_ms=number, seq=number, trade_coin=1.0, price_usd=1.0, delta_coin_net=0.1)
        for number in range(hedges_count)
    ]
    return Earlier(decisions=decisions, dots=dots, hedges=marks, fills=(), parts_usd={"gamma": 2.0})


def test_the_day_before_the_run_stands_behind_it(
    board: Board, status: BookStatus, decided: Callable[..., Decided]
) -> None:
    """Decisions with the run they are of; a sample a minute, and where this run began; its curve only in the day."""
    assert status.decided is not None
    now_ms = status.decided.now_ns // 1_000_000
    board.saw("BTC", *_tick(decided(seq=12)))
    board.sample(status)
    before_count = board.told_count
    dots = [_dot(now_ms - 300_000 + 20_000 * step) for step in range(30)]
    board.recall("BTC", _earlier([("run-0", decided(seq=12, price_usd=1.0))], dots))
    told, day, recent = board.told()["BTC"], _history(board, "day"), _history(board, "recent")

    assert [(each.run_id, each.seq) for each in told.decisions] == [("run-1", 12), ("run-0", 12)]
    assert told.earlier_parts_usd == {"gamma": 2.0}
    assert [dot.time_ms - now_ms for dot in day.dots] == [-300_000, -240_000, -180_000, -120_000, -60_000, 0]
    assert (day.began_ms, recent.began_ms, len(recent.dots)) == (now_ms, None, 1)
    assert board.told_count == before_count + 1
    found = board.recorded("BTC", "run-0", 12)
    assert found is not None
    assert found.price_usd == 1.0
    assert [board.recorded(*of) for of in (("BTC", "run-0", 13), ("ETH", "run-0", 12))] == [None, None]


def test_there_is_no_more_of_it_than_there_is_room_for(
    board: Board, status: BookStatus, decided: Callable[..., Decided]
) -> None:
    """What this run has seen itself comes first, and drives it out in time."""
    for seq in range(50):
        board.saw("BTC", *_tick(decided(seq=seq)))
    assert status.decided is not None
    now_ms = status.decided.now_ns // 1_000_000
    dots = [_dot(now_ms - 60_000 * (2_000 - step)) for step in range(2_000)]
    board.recall("BTC", _earlier([("run-0", decided(seq=seq)) for seq in range(60)], dots, hedges_count=900))
    before, empty = board.told()["BTC"], _history(board, "day")
    for minute in range(1_440):
        at = structs.replace(status.decided, now_ns=Ns(status.decided.now_ns + minute * 60 * NS_PER_S))
        board.sample(structs.replace(status, decided=at))
    after = _history(board, "day")

    assert [each.run_id for each in before.decisions].count("run-0") == 10
    assert len(before.hedges) == 20
    assert (len(empty.dots), empty.dots[-1].time_ms - now_ms, empty.began_ms) == (1_440, -60_000, None)
    assert (len(after.dots), after.dots[0].time_ms - now_ms, after.began_ms) == (1_440, 0, None)
    board.recall("BTC", _earlier([], dots))
    assert _history(board, "day") == after
    assert len(_history(board, "run").hedges) == 0


def test_fills_of_the_day_before_have_the_unit_of_what_is_listed(board: Board, make: Any) -> None:
    """And none where the instrument has expired: nobody knows it any more."""
    board.saw("BTC", ev.InstrumentListed(instrument=make.perpetual(), received_ns=make.now_ns), NOTHING)
    fills = [
        FillTold(
            time_ns=make.now_ns,
            instrument=name,
            label=None,
            amount_native=Decimal(10),
            unit="",
            price_native=Decimal(1),
            fee_native=Decimal(0),
            fee_currency="BTC",
            slippage_usd=None,
            position_native=Decimal(10),
        )
        for name in (InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC-27FEB26"))
    ]
    board.recall("BTC", Earlier(decisions=(), dots=(), hedges=(), fills=fills, parts_usd={}))

    assert [each.unit for each in board.told()["BTC"].fills] == ["USD", ""]
