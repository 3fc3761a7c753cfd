"""How long a difference lasts, when it is told, and when it ends trading."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.decided import AlarmRaised, FigureCompared
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.seen import PositionSeen
from bot.domain.status import EquitySeen
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.cross_check import CheckParams, CrossCheck
from bot.risk.venue_figures import Scene

_PERP = InstrumentId("BTC-PERPETUAL")


class _Checked:
    """A short perpetual of half a coin, compared once a second."""

    def __init__(self, make: Any, *, refuses_on_equity: bool = False) -> None:
        self.make = make
        self.check = CrossCheck(
            CheckParams(
                coin="BTC",
                alarm_after_ns=Ns(10 * NS_PER_S),
                refuse_after_ns=Ns(60 * NS_PER_S),
                refuses_on_equity=refuses_on_equity,
            )
        )
        self.view = MarketView(make.trust())
        self.view.list_instrument(make.perpetual())
        self.view.see_future(make.future_marked())

    def at(self, second: float) -> Ns:
        return Ns(self.make.now_ns + round(second * NS_PER_S))

    def scene(self, second: float) -> Scene:
        return Scene(
            view=self.view,
            held={_PERP: Decimal(-50_000)},
            now_ns=self.at(second),
            window=Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)),
            price_usd=100_000.0,
            move_usd=0.0,
        )

    def look(self, second: float, coins: float = -0.5, equity: float = 10.0) -> list[Any]:
        """One message that says so many coins of futures, and what is told of it."""
        self.check.see(
            self.make.account_seen(delta_coin_total=coins, delta_coin_by_index={"btc_usd": coins}, equity_native=equity)
        )
        assert self.check.is_due(self.at(second))
        books = EquitySeen(
            currency="BTC",
            opening_native=Decimal(10),
            bot_native=Decimal(10),
            venue_native=Decimal(str(equity)),
        )
        return self.check.look(self.scene(second), [books])


@pytest.fixture
def checked(make: Any) -> _Checked:
    """In agreement."""
    return _Checked(make)


def test_agreement_says_nothing(checked: _Checked) -> None:
    """However long."""
    assert [note for second in range(90) for note in checked.look(float(second))] == []
    assert checked.check.blocked(checked.at(90.0)) is None


def test_a_lasting_difference_alarms_then_refuses_then_agrees_again(checked: _Checked) -> None:
    """Told once per figure after ten seconds, no order after sixty, and its end is told."""
    told = {second: checked.look(float(second), coins=-0.7) for second in range(61)}
    said = {second: [type(note) for note in notes] for second, notes in told.items() if notes}

    assert said == {10: [FigureCompared, AlarmRaised] * 2}
    figure, alarm = told[10][:2]
    assert (figure.figure, figure.is_apart, figure.ours_native, figure.venue_native) == (
        "delta_total_map.btc_usd",
        True,
        -0.5,
        -0.7,
    )
    assert (alarm.name, alarm.deadline_ns) == ("venue_disagrees", checked.at(60.0))
    assert checked.check.blocked(checked.at(59.9)) is None
    blocked = checked.check.blocked(checked.at(60.0))
    assert blocked is not None
    assert (blocked[0], blocked[1][:23]) == (Reason.VENUE_DISAGREES, "delta_total_map.btc_usd")

    ended = checked.look(61.0)
    assert [(note.figure, note.is_apart) for note in ended] == [
        ("delta_total_map.btc_usd", False),
        ("delta_total", False),
    ]
    assert checked.check.blocked(checked.at(61.0)) is None


def test_a_difference_that_comes_and_goes_is_timing(checked: _Checked) -> None:
    """Nine seconds at a time, agreement in between."""
    notes = [note for second in range(30) for note in checked.look(float(second), -0.5 if second % 10 == 9 else -0.7)]

    assert notes == []


def test_two_messages_far_apart_prove_nothing(checked: _Checked) -> None:
    """A third one does."""
    assert checked.look(0.0, -0.7) == checked.look(30.0, -0.7) == []
    assert len(checked.look(60.0, -0.7)) == 4


@pytest.mark.parametrize(("refuses", "expected"), [(True, Reason.VENUE_DISAGREES), (False, None)])
def test_equity_ends_trading_only_where_it_is_hedged(make: Any, refuses: bool, expected: Reason | None) -> None:
    """A deposit changes no delta of a book that looks at positions alone; a human is called all the same."""
    checked = _Checked(make, refuses_on_equity=refuses)
    agreed = [checked.check.equity_agrees]
    checked.look(-1.0, equity=10.0)
    agreed.append(checked.check.equity_agrees)
    notes = [note for second in range(61) for note in checked.look(float(second), equity=12.0)]
    blocked = checked.check.blocked(checked.at(61.0))

    assert [note.figure for note in notes if isinstance(note, FigureCompared)] == ["equity"]
    assert (None if blocked is None else blocked[0]) == expected
    assert [*agreed, checked.check.equity_agrees] == [None, True, False]


def test_the_leg_that_differs_most_is_named(checked: _Checked) -> None:
    """Asked for half-way to the alarm and not again at once; a leg only the venue has counts as well."""
    wants = []
    for second in range(10):
        checked.look(float(second), -0.7)
        wants.append(checked.check.wants_positions(checked.at(second)))
    call = InstrumentId("BTC-27MAR26-100000-C")
    positions = [
        PositionSeen(instrument=_PERP, amount_native=Decimal(-50_000), delta_coin=-0.5),
        PositionSeen(instrument=call, amount_native=Decimal(1), delta_coin=-0.2),
    ]
    checked.check.see_positions(checked.scene(9.5), positions)
    figure, alarm = checked.look(10.0, -0.7)[:2]

    assert [second for second, is_wanted in enumerate(wants) if is_wanted] == [5]
    assert figure.instrument == call
    assert alarm.detail.endswith(f"most of it in {call}: ours +0.00000, venue -0.20000")


def test_the_move_is_the_range_seen_and_a_little_that_was_not(checked: _Checked) -> None:
    """Over the age of the data and two seconds; 1 in 10,000 where nothing moved."""
    for second, price in enumerate((100_500.0, 100_000.0, 100_010.0, 100_010.0, 100_040.0)):
        checked.check.see_price(price, checked.at(second))
        checked.check.see_price(price - 1.0, checked.at(second))

    assert checked.check.move_usd(checked.at(4.0), 0) == pytest.approx(31.0)
    assert checked.check.move_usd(checked.at(4.0), 2 * NS_PER_S) == pytest.approx(501.0)
    assert checked.check.move_usd(checked.at(9.0), 0) == 0.0
    assert CrossCheck(checked.check._params).move_usd(checked.at(0.0), 0) == 0.0


def test_a_clock_set_back_hides_nothing(checked: _Checked) -> None:
    """What was seen in the same seconds before it was set back counts as well."""
    for second, price in ((2.0, 100_100.0), (3.0, 100_300.0), (0.0, 100_000.0), (2.0, 100_050.0)):
        checked.check.see_price(price, checked.at(second))

    assert checked.check.move_usd(checked.at(4.0), 0) == pytest.approx(250.0)


def test_what_is_passed_over_is_forgotten(checked: _Checked) -> None:
    """And one look a second is enough."""
    checked.check.see(checked.make.account_seen())
    checked.check.pass_over()
    assert not checked.check.is_due(checked.at(0.0))
    checked.look(1.0)
    checked.check.see(checked.make.account_seen())
    assert [checked.check.is_due(checked.at(second)) for second in (1.5, 2.0)] == [False, True]
