"""What trips, and what one bad datum does not."""

import math

import pytest

from bot.domain.stops import StopKind
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.risk.triggers import VELOCITY_NS, Figures, Losses, Rule, StopParams, Trigger, Triggers

_T = Trigger
_START = Ns(20_000 * NS_PER_DAY)


def _s(seconds: float) -> Ns:
    return Ns(_START + round(seconds * NS_PER_S))


def _triggers(*limits: tuple[Trigger, float], **change: object) -> Triggers:
    rules = tuple(Rule(trigger=trigger, limit_native=limit, kind=StopKind.PAUSE) for trigger, limit in limits)
    return Triggers(StopParams(rules=rules, **change))


def _figures(seconds: float, values: dict[Trigger, float], as_of_s: float | None = None) -> Figures:
    return Figures(_s(seconds), _s(seconds if as_of_s is None else as_of_s), values)


@pytest.mark.parametrize("trigger", [_T.ORDER_RATE, _T.REFUSALS, _T.STALENESS])
def test_what_is_counted_by_us_trips_at_once(trigger: Trigger) -> None:
    """No datum of a venue is in it; the limit itself is allowed."""
    watch = _triggers((trigger, 5.0))

    assert watch.tick(_figures(0, {trigger: 5.0})) == []
    assert [found.value for found in watch.tick(_figures(1, {trigger: 5.1}))] == [5.1]


@pytest.mark.parametrize("trigger", sorted(set(Trigger) - {_T.ORDER_RATE, _T.REFUSALS, _T.STALENESS}))
def test_one_bad_datum_trips_nothing(trigger: Trigger) -> None:
    """However bad, however long it is looked at; a good one in between begins the count anew."""
    watch = _triggers((trigger, 5.0))
    wild = {trigger: math.inf}
    same = [watch.tick(_figures(second, wild, as_of_s=0)) for second in range(100)]
    good = watch.tick(_figures(100, {trigger: 4.0}))
    again = [watch.tick(_figures(second, wild)) for second in (101, 102)]

    assert [*same, good, *again] == [[]] * 103


def test_several_data_over_a_while_trip() -> None:
    """Three data and five seconds, both."""
    watch = _triggers((_T.SPREAD, 5.0))
    seen = [bool(watch.tick(_figures(second, {_T.SPREAD: 6.0}))) for second in (0, 1, 2, 3, 4, 5, 6)]

    assert seen == [False, False, False, False, False, True, True]


def test_what_is_not_known_trips_nothing_and_confirms_nothing() -> None:
    """A missing figure ends the row, as a NaN does."""
    watch = _triggers((_T.MARGIN, 0.5), confirm_ns=Ns(0))
    rows: list[dict[Trigger, float]] = [{_T.MARGIN: 0.9}, {_T.MARGIN: 0.9}, {}, {_T.MARGIN: math.nan}, {_T.MARGIN: 0.9}]

    assert [watch.tick(_figures(second, row)) for second, row in enumerate(rows)] == [[]] * 5


def test_without_a_rule_nothing_is_looked_at() -> None:
    """And only rules given trip."""
    wild = dict.fromkeys(Trigger, 1e9)

    assert Triggers(StopParams()).tick(_figures(0, wild)) == []
    assert [found.rule.trigger for found in _triggers((_T.REFUSALS, 1.0)).tick(_figures(0, wild))] == [_T.REFUSALS]


def test_rearmed_it_has_to_last_anew() -> None:
    """After a lift."""
    watch = _triggers((_T.SPREAD, 5.0), confirm_ns=Ns(0), confirm_count=2)
    watch.tick(_figures(0, {_T.SPREAD: 6.0}))
    watch.rearm()

    assert watch.tick(_figures(1, {_T.SPREAD: 6.0})) == []
    assert len(watch.tick(_figures(2, {_T.SPREAD: 6.0}))) == 1


def test_losses_of_the_day_from_the_peak_and_of_minutes() -> None:
    """Each from its own mark; a profit is no loss."""
    losses = Losses()
    losses.see(_s(0), 0.0)
    losses.see(_s(60), 100.0)
    fell = losses.see(_s(120), -50.0)
    later = losses.see(Ns(_s(120) + VELOCITY_NS + NS_PER_S), -50.0)

    assert fell == {_T.DAILY_LOSS: 50.0, _T.DRAWDOWN: 150.0, _T.LOSS_VELOCITY: 150.0}
    assert later == {_T.DAILY_LOSS: 50.0, _T.DRAWDOWN: 150.0, _T.LOSS_VELOCITY: 0.0}


def test_a_day_ends_at_midnight_and_the_peak_does_not() -> None:
    """UTC."""
    losses = Losses()
    losses.see(_s(0), 0.0)
    losses.see(_s(10), -40.0)
    next_day = losses.see(Ns(_START + NS_PER_DAY), -40.0)

    assert (next_day[_T.DAILY_LOSS], next_day[_T.DRAWDOWN]) == (0.0, 40.0)


def test_a_lift_counts_from_there() -> None:
    """What was lost before has been looked at."""
    losses = Losses()
    losses.see(_s(0), 0.0)
    losses.see(_s(10), -40.0)
    losses.rearm()

    assert set(losses.see(_s(11), -40.0).values()) == {0.0}
    assert losses.see(_s(12), -45.0)[_T.DAILY_LOSS] == 5.0


def test_a_restart_goes_on_counting() -> None:
    """Five processes that lose a fifth of a limit each have lost it; a profit of the day counts as well."""
    losses = Losses()
    losses.see(_s(0), 0.0)
    losses.see(_s(5), 100.0)
    for start in range(5):
        losses.see(_s(10 * start + 6), -50.0 if start == 0 else -30.0)
        count = losses.count(_s(10 * start + 6))
        losses = Losses()
        losses.restore(count)

    assert (count.day_loss_usd, count.peak_loss_usd, count.recent_loss_usd) == (170.0, 270.0, 270.0)
    assert losses.see(_s(60), -5.0) == {_T.DAILY_LOSS: 175.0, _T.DRAWDOWN: 275.0, _T.LOSS_VELOCITY: 275.0}


def test_after_midnight_the_day_counts_anew_and_the_peak_does_not() -> None:
    """UTC, also where nothing ran at midnight; minutes that are over do not count."""
    before = Losses()
    before.see(_s(0), 0.0)
    before.see(_s(10), -40.0)
    after = Losses()
    after.restore(before.count(_s(10)))
    found = after.see(Ns(_START + NS_PER_DAY), -1.0)

    assert found == {_T.DAILY_LOSS: 0.0, _T.DRAWDOWN: 41.0, _T.LOSS_VELOCITY: 0.0}


def test_a_lift_ends_what_was_restored_too() -> None:
    """It has been looked at, whichever process lost it."""
    losses = Losses()
    losses.restore(Losses().count(_s(0)))
    losses.see(_s(1), -40.0)
    losses.rearm()

    assert set(losses.see(_s(2), -40.0).values()) == {0.0}
