"""When the ladder is measured, what it says of a book, and which hedges a broken limit refuses."""

import math
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.commands import MeasureLadder
from bot.domain.events import LadderMeasured
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Kind
from bot.domain.ladder import RungSeen
from bot.domain.reasons import Rung
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.pricing import black76
from bot.risk import gap
from bot.risk.gap import GapParams, GapWatch
from bot.risk.ladder import Breach, LadderLimits

CALL, PERP, DATED = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC-27MAR26")
_UNLIMITED = LadderLimits()
_LIMITED = LadderLimits(loss_usd_max=1000.0, delta_coin_max=1.5)


class Book:
    """A watch on a market of one call and the perpetual."""

    def __init__(self, make: Any, limits: LadderLimits = _UNLIMITED) -> None:
        self.make = make
        self.view = MarketView(make.trust())
        for spec in (make.perpetual(), make.option(), make.perpetual(id=DATED, kind=Kind.FUTURE)):
            self.view.list_instrument(spec)
        self.view.see_option(make.option_marked())
        self.view.see_future(make.future_marked())
        window = make.book().window
        self.watch = GapWatch(GapParams(interval_ns=Ns(5 * NS_PER_S), limits=limits), self.view, window)
        self.held = {CALL: Decimal(-2), PERP: Decimal(1000)}
        self.alarms: list[str] = []

    def ask(self, after_s: float = 0.0) -> MeasureLadder | None:
        """What is asked at a tick so much later."""
        at_ns = Ns(self.make.now_ns + round(after_s * NS_PER_S))
        questions, alarms = self.watch.tick(PERP, self.held, 10.0, at_ns)
        self.alarms += [alarm.detail for alarm in alarms]
        return questions[0] if questions else None

    def answer(self, question: MeasureLadder | None) -> LadderMeasured:
        """Measure and take it."""
        assert question is not None
        measured = gap.measure(question, question.asked_ns)
        self.alarms += [alarm.detail for alarm in self.watch.see(measured)]
        return measured


def test_the_book_as_rows(make: Any) -> None:
    """Priced by forward, mark volatility and mark; the answer says what the book would be worth."""
    book = Book(make)
    question = book.ask()
    assert question is not None
    (option,) = question.options
    (future,) = question.futures
    measured = book.answer(question)
    middle = next(step for step in measured.steps if step.spot_share == 0.0)
    delta, gamma = black76.delta_gamma(option.forward_usd, 100_000.0, option.tau_years, option.iv, True)

    assert (option.qty_coin, option.strike_usd, option.is_call, option.is_inverse) == (-2.0, 100_000.0, True, True)
    assert (future.amount_native, future.is_inverse, question.equity_coin) == (1000.0, True, 10.0)
    assert [round(step.spot_share, 2) for step in measured.steps] == [-0.2, -0.15, -0.1, -0.05, 0, 0.05, 0.1, 0.15, 0.2]
    assert (middle.pnl_coin, middle.pnl_usd) == (0.0, 0.0)
    assert middle.delta_coin_net == pytest.approx(-2.0 * delta + 1000.0 / future.price_usd)
    assert middle.gamma_coin_per_usd == pytest.approx(-2.0 * gamma)
    assert [item.rung for item in measured.worst] == [Rung.LOSS, Rung.DELTA, Rung.MARGIN]
    assert measured.worst[0].spot_share == pytest.approx(0.2)
    assert book.watch.measured is measured


def test_asked_at_the_interval_and_one_at_a_time(make: Any) -> None:
    """A question without an answer is asked again after a minute."""
    book = Book(make)
    assert book.ask(0) is not None
    assert [book.ask(after) for after in (1, 5, 59)] == [None, None, None]
    again = book.ask(60)
    book.answer(again)
    assert book.ask(64.9) is None
    assert book.ask(65) is not None


def test_without_parameters_nothing_is_asked(make: Any) -> None:
    """Off by default; an answer that comes nevertheless changes nothing."""
    book = Book(make)
    book.watch = GapWatch(None, book.view, make.book().window)
    assert book.ask() is None
    assert book.watch.see(gap.measure(_empty(), Ns(1))) == []
    assert book.watch.measured is None


def _empty() -> MeasureLadder:
    return MeasureLadder(instrument=PERP, asked_ns=Ns(1), spot_usd=1e5, options=(), futures=(), equity_coin=None)


def test_each_broken_limit_alarms_once(make: Any) -> None:
    """Until it holds again: then it may alarm anew."""
    book = Book(make, _LIMITED)
    book.answer(book.ask(0))
    assert [item.rung for item in book.watch.breached] == [Rung.LOSS, Rung.DELTA]
    assert len(book.alarms) == 2
    assert book.alarms[0].startswith("loss would be ")
    assert "USD at spot +20 %, volatility +10 points, limit 1000" in book.alarms[0]
    book.answer(book.ask(5))
    assert len(book.alarms) == 2
    book.held = {}
    book.answer(book.ask(10))
    assert book.watch.breached == ()
    book.held = {CALL: Decimal(-2)}
    book.answer(book.ask(15))
    assert len(book.alarms) == 4


def test_a_leg_without_a_price_makes_no_ladder(make: Any) -> None:
    """Neither 0 nor a guess; under limits it is an alarm once it has lasted a minute."""
    book = Book(make, _LIMITED)
    book.held[DATED] = Decimal(10)
    assert [book.ask(after) for after in (0, 30, 59)] == [None, None, None]
    assert book.alarms == []
    assert [book.ask(after) for after in (65, 70)] == [None, None]
    assert book.alarms == [f"no ladder for 65 s: {DATED} has no price; its limits are not watched"]
    book.view.see_future(make.future_marked(DATED))
    assert book.ask(75) is not None

    unlimited = Book(make)
    unlimited.held[InstrumentId("BTC-1JAN30-1-C")] = Decimal(1)
    assert [unlimited.ask(after) for after in (0, 65)] == [None, None]
    assert unlimited.alarms == []


def test_limits_that_are_not_watched_refuse_nothing(make: Any) -> None:
    """A rung measured long ago says nothing of what is held now; the alarm says that nobody looks."""
    book = Book(make, _LIMITED)
    book.answer(book.ask(0))
    book.held[DATED] = Decimal(10)
    broken = [bool(book.ask(after) or book.watch.breached) for after in (5, 35, 60)]
    book.ask(65)

    assert broken == [True, True, True]
    assert book.alarms[2:] == [f"no ladder for 60 s: {DATED} has no price; its limits are not watched"]
    assert book.watch.breached == ()


def test_what_expired_is_not_in_it_and_in_the_window_what_is_open(make: Any) -> None:
    """Half of the fixings left: half of the call; afterwards none of it."""
    book = Book(make)
    left_s = (make.option().expiry_ns - make.now_ns) / NS_PER_S
    half = book.ask(left_s - 900.0)
    assert half is not None
    assert half.options[0].qty_coin == pytest.approx(-1.0)
    book.answer(half)
    after = book.ask(left_s)
    assert after is not None
    assert after.options == ()


@pytest.mark.parametrize(
    ("rung", "spot_share", "figure", "bought_is_worse", "sold_is_worse"),
    [
        (Rung.LOSS, -0.2, 5e4, True, False),
        (Rung.LOSS, 0.2, 5e4, False, True),
        (Rung.LOSS, 0.0, 5e4, False, False),
        (Rung.MARGIN, -0.2, math.inf, True, False),
        (Rung.DELTA, -0.2, -3.0, False, True),
        (Rung.DELTA, 0.2, 3.0, True, False),
        (Rung.UNKNOWN, 0.0, math.nan, False, False),
    ],
)
def test_only_what_makes_the_rung_worse_is_refused(
    rung: Rung, spot_share: float, figure: float, bought_is_worse: bool, sold_is_worse: bool
) -> None:
    """Long coins lose where spot falls; delta adds to delta of its own sign; doubt is the decision's business."""
    breached = (Breach(rung, spot_share, 0.1, figure, 1.0),)

    assert (gap.objection(breached, 1.0) is not None) is bought_is_worse
    assert (gap.objection(breached, -1.0) is not None) is sold_is_worse
    assert gap.objection((), 1.0) is None


def test_a_hedge_does_to_the_rung_what_the_rule_says(make: Any) -> None:
    """The rule against the ladder itself: bought and sold, measured again."""
    book = Book(make, _LIMITED)
    question = book.ask()
    assert question is not None

    def worst(amount_native: float) -> dict[Rung, RungSeen]:
        (future,) = question.futures
        moved = replace(question, futures=(replace(future, amount_native=future.amount_native + amount_native),))
        return {item.rung: item for item in gap.measure(moved, question.asked_ns).worst}

    before = worst(0.0)
    for breach in book.watch.breached or gap.breaches(before.values(), _LIMITED):
        for trade_coin in (0.01, -0.01):
            after = worst(trade_coin * 1e5)[breach.rung]
            is_worse = abs(after.figure_native) > abs(breach.figure_native)
            assert (gap.objection((breach,), trade_coin) is not None) is is_worse
