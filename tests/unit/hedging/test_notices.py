"""What is told once: changes of trust, refusals that last, a worst case beyond its limit."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import AlarmRaised, Decided, TrustChanged
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.decide import Verdict
from bot.hedging.notices import Notices
from bot.hedging.situation import Frame, write_down
from bot.market.view import MarketView

PERPETUAL, LINEAR = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL")


@pytest.fixture
def decided(make: Any) -> Decided:
    """Skipped: nothing to do."""
    frame = Frame(seq=1, now_ns=make.now_ns, book="BTC", convention="usd", hedge_instrument=PERPETUAL)
    verdict = Verdict(action=Action.SKIP, reason=Reason.INSIDE_BAND)
    return write_down(frame, verdict, exposure=None, bands=None, hedge=None)


def test_each_hedge_instrument_is_told_of(decided: Decided, make: Any) -> None:
    """Also one that is not traded now: it may be the next."""
    view, notices = MarketView(make.trust()), Notices((PERPETUAL, LINEAR))
    for spec in (make.perpetual(), make.linear_perpetual()):
        view.list_instrument(spec)
    view.see_future(make.future_marked(PERPETUAL))
    first = notices.trust(view, decided)
    view.see_future(make.future_marked(LINEAR))
    second, third = notices.trust(view, decided), notices.trust(view, decided)

    assert first == [TrustChanged(instrument=LINEAR, cause=DistrustCause.NEVER_SEEN)]
    assert (second, third) == ([TrustChanged(instrument=LINEAR, cause=None)], [])


def test_a_refusal_that_lasts_alarms_once_and_again_after_a_decision(decided: Decided) -> None:
    """Ten seconds, with a deadline a minute after it began; its name is the reason that stands now."""
    notices, told = Notices((PERPETUAL,)), []
    for second, action in ((0, "refuse"), (10, "refuse"), (20, "refuse"), (30, "skip"), (40, "refuse"), (50, "refuse")):
        now_ns = Ns(decided.now_ns + second * NS_PER_S)
        record = structs.replace(decided, now_ns=now_ns, action=Action(action), reason=Reason.SPREAD_TOO_WIDE)
        told += [(second, note.deadline_ns - decided.now_ns) for note in notices.alarms(record, 1.0)]

    assert told == [(10, 60 * NS_PER_S), (50, 100 * NS_PER_S)]


@pytest.mark.parametrize(("low", "high", "is_alarm"), [(-0.9, 1.0, False), (-1.1, 0.0, True), (0.0, 1.1, True)])
def test_the_limit_is_of_the_worst_case(decided: Decided, low: float, high: float, is_alarm: bool) -> None:
    """Either end of the interval, once; a band around it ends the alarm."""
    notices, wide = Notices((PERPETUAL,)), structs.replace(decided, delta_coin_low=low, delta_coin_high=high)
    due = structs.replace(wide, action=Action.HEDGE, reason=Reason.OUTSIDE_BAND)
    told = [notices.alarms(record, 1.0) for record in (due, due, decided, due)]

    assert [len(notes) for notes in told] == [is_alarm, 0, 0, is_alarm]


def test_coins_delivered_outside_are_told_when_they_change(decided: Decided) -> None:
    """Only this run knows them: with what to write into the configuration."""
    notices = Notices((PERPETUAL,))
    told = [notices.alarms(structs.replace(decided, delta_coin_delivered=coin), 1.0) for coin in (0.0, 1.5, 1.5, None)]

    assert [[note.name for note in notes if isinstance(note, AlarmRaised)] for notes in told] == [
        [],
        ["hedge_kept"],
        [],
        ["hedge_kept"],
    ]
