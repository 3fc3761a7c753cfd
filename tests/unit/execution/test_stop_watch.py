"""Each trigger on a book: the figure is gathered, latched with its value, and one bad tick trips nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import LossesCounted, StopLatched
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Phase, Reason, RefusalKind
from bot.domain.stops import HEDGEBOT, Act, LossCount, StopKind
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.bands import fixed
from bot.risk.triggers import Rule, StopParams, Trigger

CALL, PERPETUAL = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-PERPETUAL")
HEDGED = {CALL: "1", PERPETUAL: "-53180"}


def _params(trigger: Trigger, limit: float, kind: StopKind = StopKind.PAUSE) -> StopParams:
    return StopParams(rules=(Rule(trigger=trigger, limit_native=limit, kind=kind),))


def _run(play: Any, make: Any, seconds: range, **change: object) -> None:
    """Fresh tickers each second, the hedge's with changes, and a tick."""
    for second in seconds:
        at = Ns(make.now_ns + second * NS_PER_S)
        play.take(make.option_marked(received_ns=at), make.future_marked(received_ns=at, **change))
        play.take(make.quoted(received_ns=at, **_touch(change)))
        play.tick(second * NS_PER_S)


def _touch(change: dict[str, object]) -> dict[str, object]:
    names = {"bid_usd": "bid_native", "ask_usd": "ask_native"}
    return {names[name]: value for name, value in change.items() if name in names}


def _latched(play: Any) -> list[tuple[str, str]]:
    return [(note.latch.cause, note.latch.kind.value) for note in play.notes if isinstance(note, StopLatched)]


@pytest.mark.parametrize("trigger", [Trigger.DAILY_LOSS, Trigger.DRAWDOWN, Trigger.LOSS_VELOCITY])
def test_a_loss_that_lasts_pauses(play_with: Callable[..., Any], make: Any, trigger: Trigger) -> None:
    """The hedge's mark moves 2 % against it and stays there."""
    play = play_with(stops=_params(trigger, 500.0))
    play.ready(HEDGED)
    _run(play, make, range(1, 4))
    moved = {"mark_usd": 102_000.0, "bid_usd": 101_999.5, "ask_usd": 102_000.5, "price_max_usd": 103_500.0}
    _run(play, make, range(4, 5), **moved)
    early = _latched(play)
    _run(play, make, range(5, 15), **moved)

    assert (early, _latched(play)) == ([], [(trigger.value, "pause")])
    (latch,) = play.engine.status().stops
    assert (latch.by, latch.detail.endswith("limit 500")) == (HEDGEBOT, True)
    assert play.decided().reason is Reason.PAUSED


def test_a_wide_touch_that_lasts_trips_and_one_wide_tick_does_not(play_with: Callable[..., Any], make: Any) -> None:
    """Thin for a moment is usual."""
    play = play_with(stops=_params(Trigger.SPREAD, 10.0))
    play.ready(HEDGED)
    wide = {"bid_usd": 99_900.0, "ask_usd": 100_100.0}
    _run(play, make, range(1, 2), **wide)
    _run(play, make, range(2, 12))
    before = _latched(play)
    _run(play, make, range(12, 20), **wide)

    assert (before, _latched(play)) == ([], [("spread", "pause")])


def test_data_that_grow_old_trip(play_with: Callable[..., Any]) -> None:
    """A feed that froze and stays connected."""
    play = play_with(stops=_params(Trigger.STALENESS, 30.0))
    play.ready(HEDGED)
    for second in range(1, 33):
        play.tick(second * NS_PER_S)

    assert _latched(play) == [("staleness", "pause")]


def test_what_has_expired_does_not_grow_old(play_with: Callable[..., Any], make: Any) -> None:
    """Its last ticker is of its expiry, and it is held until the account is looked at again: every day at eight."""
    never = fixed.Params(low_coin=-50.0, high_coin=50.0)
    play = play_with(stops=_params(Trigger.STALENESS, 30.0), band=never)
    play.connect()
    ends = make.option("BTC-1MAR26-100000-C", expiry_ns=Ns(make.now_ns + NS_PER_S))
    play.take(ev.InstrumentListed(instrument=ends, received_ns=make.now_ns))
    play.tick()
    play.market()
    play.take(make.option_marked(ends.id))
    play.reconcile({CALL: "1", ends.id: "1"})
    _run(play, make, range(1, 41))

    assert _latched(play) == []
    for second in range(41, 75):
        play.take(make.future_marked(received_ns=Ns(make.now_ns + second * NS_PER_S)))
        play.tick(second * NS_PER_S)
    assert _latched(play) == [("staleness", "pause")]


@pytest.mark.parametrize(("shares", "latched"), [(False, [("residual", "pause")]), (True, [])])
def test_dollars_of_other_books_are_not_this_books_to_explain(
    play_with: Callable[..., Any], make: Any, shares: bool, latched: list[tuple[str, str]]
) -> None:
    """The dollar account gains a thousand that no leg of this book made; in coins there is no other book."""
    play = play_with(stops=structs.replace(_params(Trigger.RESIDUAL, 500.0), shares_dollars=shares))
    play.connect()
    play.take(ev.InstrumentListed(instrument=make.linear_perpetual(), received_ns=make.now_ns))
    play.tick()
    play.market()
    play.take(make.account_seen(), make.account_seen(currency="USDC"))
    play.reconcile({})
    play.take(make.account_seen(currency="USDC", equity_native=1_010.0))
    _run(play, make, range(1, 10))
    assert _latched(play) == latched

    play.take(make.account_seen(equity_native=11.0))
    _run(play, make, range(10, 20))
    assert _latched(play) == [("residual", "pause")]


def test_a_margin_that_lasts_keeps_it_to_reducing(play_with: Callable[..., Any], make: Any) -> None:
    """Nine tenths of the equity."""
    play = play_with(stops=_params(Trigger.MARGIN, 0.8, StopKind.REDUCE_ONLY))
    play.ready(HEDGED)
    play.take(make.account_seen(margin_maintenance_native=9.0))
    _run(play, make, range(1, 10))

    assert _latched(play) == [("margin", "reduce_only")]


def test_refusals_and_order_rate_trip_at_once(play_with: Callable[..., Any], make: Any) -> None:
    """They are our own counts."""
    rules = (
        Rule(trigger=Trigger.REFUSALS, limit_native=1.0, kind=StopKind.PAUSE),
        Rule(trigger=Trigger.ORDER_RATE, limit_native=1.0, kind=StopKind.REDUCE_ONLY),
    )
    play = play_with(stops=StopParams(rules=rules))
    play.ready({CALL: "1"})
    for second in (1, 6, 11):
        _run(play, make, range(second, second + 1))
        for order in play.orders()[-1:]:
            refused = ev.OrderRefused(
                label=order.label,
                received_ns=Ns(make.now_ns + second * NS_PER_S),
                code=1,
                name="busy",
                kind=RefusalKind.BACK_OFF,
            )
            play.take(refused)
    _run(play, make, range(16, 18))

    assert set(_latched(play)) == {("refusals", "pause"), ("order_rate", "reduce_only")}


def test_a_hedge_in_dollars_that_are_none_is_noticed(play_with: Callable[..., Any], make: Any) -> None:
    """The index of the linear hedge leaves the one in USD by 2 %, and stays."""
    linear = InstrumentId("BTC_USDC-PERPETUAL")
    play = play_with(stops=_params(Trigger.DEPEG, 100.0), hedges_short=(PERPETUAL, linear))
    play.ready(HEDGED)
    play.take(ev.InstrumentListed(instrument=make.linear_perpetual(), received_ns=make.now_ns))
    for second in range(1, 10):
        at = Ns(make.now_ns + second * NS_PER_S)
        play.take(make.future_marked("BTC_USDC-PERPETUAL", received_ns=at, index_usd=102_000.0, mark_usd=102_000.0))
        _run(play, make, range(second, second + 1))

    assert _latched(play) == [("depeg", "pause")]


def test_a_trigger_may_halt_and_a_lift_counts_anew(play_with: Callable[..., Any], make: Any) -> None:
    """One latch under the trigger's name; after the lift the same figure has to be reached again."""
    play = play_with(stops=_params(Trigger.STALENESS, 30.0, StopKind.HALT))
    play.ready(HEDGED)
    for second in range(1, 33):
        play.tick(second * NS_PER_S)

    assert play.engine.status().phase is Phase.HALTED
    assert [(latch.cause, latch.kind) for latch in play.engine.status().stops] == [("staleness", StopKind.HALT)]
    play.take(ev.OperatorActed(act=Act.RESUME, by="ann", reason="feed is back", received_ns=make.now_ns))
    play.tick(33 * NS_PER_S)
    play.market(33 * NS_PER_S)
    play.reconcile(HEDGED, 33 * NS_PER_S)
    _run(play, make, range(34, 40))
    assert play.engine.status().stops == ()


def test_without_rules_nothing_is_watched(play_with: Callable[..., Any], make: Any) -> None:
    """The default."""
    play = play_with()
    play.ready(HEDGED)
    _run(play, make, range(1, 20), mark_usd=104_000.0)

    assert _latched(play) == []


def _moved(mark_usd: float) -> dict[str, float]:
    return {"mark_usd": mark_usd, "bid_usd": mark_usd - 0.5, "ask_usd": mark_usd + 0.5, "price_max_usd": 110_000.0}


def _counts(play: Any) -> list[LossCount]:
    return [note.count for note in play.notes if isinstance(note, LossesCounted)]


@pytest.mark.parametrize("trigger", [Trigger.DAILY_LOSS, Trigger.DRAWDOWN, Trigger.LOSS_VELOCITY])
def test_two_runs_that_lose_half_a_limit_each_have_lost_it(
    play_with: Callable[..., Any], make: Any, trigger: Trigger
) -> None:
    """The hedge loses 530 USD in each, of 800; the second begins as the ledger tells it, and trips."""
    first = play_with(stops=_params(trigger, 800.0))
    first.ready(HEDGED)
    _run(first, make, range(1, 3))
    _run(first, make, range(3, 15), **_moved(101_000.0))
    counts = _counts(first)
    second = play_with(stops=_params(trigger, 800.0))
    second.take(ev.LossesRestored(book="BTC", count=counts[-1], received_ns=make.now_ns))
    second.ready(HEDGED)
    _run(second, make, range(20, 22))
    _run(second, make, range(22, 34), **_moved(101_000.0))

    assert (_latched(first), _latched(second)) == ([], [(trigger.value, "pause")])
    assert 1 < len(counts) <= 3, "every five seconds at most, and only what has changed"


def test_a_lift_is_counted_at_once(play_with: Callable[..., Any], make: Any) -> None:
    """A kill right after it must not bring the losses back that it has ended."""
    play = play_with(stops=_params(Trigger.DAILY_LOSS, 800.0))
    play.ready(HEDGED)
    _run(play, make, range(1, 3))
    _run(play, make, range(3, 9), **_moved(101_000.0))
    before = _counts(play)[-1].day_loss_usd
    lift = ev.OperatorActed(act=Act.RESUME, by="ann", reason="looked", received_ns=make.now_ns)
    play.take(lift)
    _run(play, make, range(9, 10), **_moved(101_000.0))

    assert (before > 400.0, _counts(play)[-1].day_loss_usd) == (True, 0.0)


def test_losses_of_another_book_and_without_a_limit_are_nothing(play_with: Callable[..., Any], make: Any) -> None:
    """Each book counts its own; where nothing limits them nothing is written."""
    count = LossCount(as_of_ns=make.now_ns, day_loss_usd=9e9, peak_loss_usd=9e9, recent_loss_usd=0.0, recent_ns=Ns(0))
    other = play_with(stops=_params(Trigger.DAILY_LOSS, 800.0))
    free = play_with(stops=_params(Trigger.SPREAD, 1e9))
    for play, book in ((other, "ETH"), (free, "BTC")):
        play.take(ev.LossesRestored(book=book, count=count, received_ns=make.now_ns))
        play.ready(HEDGED)
        _run(play, make, range(1, 9))

    assert (_latched(other), _latched(free), _counts(free)) == ([], [], [])
