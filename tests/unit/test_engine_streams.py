"""What the engine believes of streams, snapshots and market data, and what it refuses without them."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import TakeSnapshot, Watch
from bot.domain.decided import NOTHING, AlarmRaised, PhaseChanged, PositionMismatched, TrustChanged
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, DistrustCause, Phase, Reason
from bot.domain.time import NS_PER_S, Ns

CALL = InstrumentId("BTC-27MAR26-100000-C")
PERPETUAL = InstrumentId("BTC-PERPETUAL")


def _s(make: Any, seconds: float) -> Ns:
    return Ns(make.now_ns + round(seconds * NS_PER_S))


def _steps(make: Any) -> dict[str, list[ev.Event]]:
    before = Ns(make.now_ns - 1)
    return {
        "market stream": [ev.StreamRestored(stream=ev.StreamName.MARKET, received_ns=before)],
        "account stream": [ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=before)],
        "specifications": [
            ev.InstrumentListed(instrument=spec, received_ns=before) for spec in (make.perpetual(), make.option())
        ],
        "option ticker": [make.option_marked()],
        "perpetual ticker": [make.future_marked()],
        "snapshot": [make.snapshot({CALL: "1"})],
    }


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("market stream", Reason.STREAM_LOST),
        ("account stream", Reason.STREAM_LOST),
        ("specifications", Reason.HEDGE_QUOTE_DISTRUSTED),
        ("option ticker", Reason.DELTA_UNCERTAIN),
        ("perpetual ticker", Reason.HEDGE_QUOTE_DISTRUSTED),
        ("snapshot", Reason.NOT_RECONCILED),
        (None, Reason.OUTSIDE_BAND),
    ],
)
def test_nothing_is_placed_before_everything_is_known(
    play: Any, make: Any, missing: str | None, reason: Reason
) -> None:
    """One piece missing is a refusal that names it; all there is a hedge."""
    for name, events in _steps(make).items():
        if name != missing:
            play.take(*events)
    commands = play.tick()

    assert play.decided().reason is reason
    assert len(play.orders(commands)) == (1 if missing is None else 0)
    assert play.decided().action is (Action.HEDGE if missing is None else Action.REFUSE)


def test_market_data_alone_decides_nothing(play: Any, make: Any) -> None:
    """Events update, ticks decide: a thousand quotes are no order."""
    play.ready({CALL: "1"})
    outcomes = [
        play.engine.apply(event)
        for _ in range(10)
        for event in (make.option_marked(), make.future_marked(), make.quoted())
    ]

    assert outcomes == [NOTHING] * 30


@pytest.mark.parametrize("stream", ev.StreamName)
def test_a_lost_stream_stops_trading(play: Any, make: Any, stream: ev.StreamName) -> None:
    """Silence is not a quiet market, and an account that cannot be heard may have traded."""
    play.ready({CALL: "1"})
    play.take(ev.StreamLost(stream=stream, received_ns=make.now_ns, cause="closed"))

    assert play.orders(play.tick(1)) == []
    assert (play.decided().reason, play.decided().detail) == (Reason.STREAM_LOST, stream.value)


def test_a_restored_market_stream_needs_fresh_data(play: Any, make: Any) -> None:
    """Up again, but the last quotes are from before the gap."""
    play.ready({CALL: "1"})
    play.take(
        ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=make.now_ns, cause="closed"),
        ev.StreamRestored(stream=ev.StreamName.MARKET, received_ns=_s(make, 0.1)),
    )
    before = play.orders(play.tick(NS_PER_S // 5))
    doubtful = play.decided().doubtful
    play.market(NS_PER_S // 4)
    after = play.orders(play.tick(NS_PER_S // 4))

    assert (before, doubtful) == ([], (CALL,))
    assert len(after) == 1


def test_a_restored_account_stream_is_reconciled_first(play: Any, make: Any) -> None:
    """Fills may have gone unseen: a snapshot asked for after the gap decides, one from before it does not."""
    play.ready({CALL: "1"})
    play.take(ev.StreamLost(stream=ev.StreamName.ACCOUNT, received_ns=_s(make, 1), cause="closed"))
    while_down = play.tick(NS_PER_S)
    play.take(ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=_s(make, 2)))
    asked = play.tick(2 * NS_PER_S)
    play.take(make.snapshot({CALL: "1"}, requested_ns=_s(make, 0.5), received_ns=_s(make, 2.1)))
    play.market(2_200_000_000)
    old = (play.orders(play.tick(2_200_000_000)), play.decided().reason)
    fill = make.fill("m1", "-53180", received_ns=_s(make, 2.3))
    play.take(
        make.snapshot(
            {CALL: "1", PERPETUAL: "-53180"}, fills=(fill,), requested_ns=_s(make, 2), received_ns=_s(make, 2.3)
        )
    )
    play.tick(5 * NS_PER_S)
    play.reconcile({CALL: "1", PERPETUAL: "-53180"}, 5 * NS_PER_S)
    play.market(5 * NS_PER_S)

    assert [type(command) for command in while_down] == []
    assert [type(command) for command in asked] == [TakeSnapshot]
    assert old == ([], Reason.NOT_RECONCILED)
    assert play.orders(play.tick(5 * NS_PER_S)) == []
    assert play.decided().reason is Reason.INSIDE_BAND


def test_the_first_agreement_watches_what_is_held(play: Any, make: Any) -> None:
    """Every held leg needs its greeks; the hedge is watched from the start."""
    play.connect()
    play.tick()
    commands = play.take(make.snapshot({CALL: "1", PERPETUAL: "10"}))

    assert commands == [Watch(instruments=(CALL,))]
    assert play.engine.status().is_reconciled


def test_a_mismatch_stops_at_once_and_halts_when_confirmed(play: Any) -> None:
    """Somebody trades by hand on this account, or fills were lost: ask again, then call a human."""
    play.ready({CALL: "1"})
    play.reconcile({CALL: "2"}, 1)
    once = (play.engine.status().phase, play.orders(play.tick(1)))
    play.tick(3 * NS_PER_S)
    play.reconcile({CALL: "2"}, 3 * NS_PER_S)

    assert once == (Phase.RECONCILING, [])
    assert (play.engine.status().phase, play.engine.status().phase_cause) == (Phase.HALTED, "position_mismatched")
    assert [note.is_final for note in play.notes if isinstance(note, PositionMismatched)] == [False, True]


def test_a_snapshot_that_failed_is_asked_for_again(play: Any, make: Any) -> None:
    """Two seconds later, and as often as it takes: without one nothing is placed."""
    play.connect()
    play.tick()
    play.take(ev.SnapshotFailed(received_ns=make.now_ns, cause="positions moved"))
    asked = [len(play.tick(seconds * NS_PER_S)) for seconds in (1, 2, 3)]

    assert asked == [0, 1, 0]


def test_agreement_is_checked_again_at_the_interval(play: Any) -> None:
    """A running book asks once a minute."""
    play.ready({})
    for second in range(130):
        if any(isinstance(command, TakeSnapshot) for command in play.tick(second * NS_PER_S)):
            play.reconcile({}, second * NS_PER_S)

    assert play.snapshots() == 3


def test_what_cannot_be_believed_changes_nothing(play: Any, make: Any) -> None:
    """Malformed messages are counted outside; account figures are no part of this convention."""
    play.ready({CALL: "1"})
    malformed = ev.MessageMalformed(stream=ev.StreamName.MARKET, received_ns=make.now_ns, cause="json", sample="{")
    account = ev.AccountSeen(
        currency="BTC",
        equity_native=1.0,
        balance_native=1.0,
        margin_initial_native=0.0,
        margin_maintenance_native=0.0,
        available_native=1.0,
        delta_coin_total=99.0,
        delta_coin_options=99.0,
        received_ns=make.now_ns,
    )

    assert [play.engine.apply(event) for event in (malformed, account)] == [NOTHING, NOTHING]
    assert len(play.orders(play.tick())) == 1


@pytest.mark.parametrize("repeats", [1, 3])
def test_old_and_repeated_market_data_changes_nothing(play: Any, make: Any, repeats: int) -> None:
    """A crash an hour ago, told late: the newest datum stays."""
    play.ready({CALL: "1"})
    late = {"venue_ns": Ns(make.now_ns - NS_PER_S)}
    for _ in range(repeats):
        play.take(
            make.option_marked(iv_mark=3.0, forward_usd=50_000.0, **late),
            make.future_marked(mark_usd=50_000.0, bid_usd=49_999.0, ask_usd=50_001.0, **late),
            make.quoted(bid_native=49_999.0, ask_native=50_001.0, **late),
            make.option_marked(),
        )
    (order,) = play.orders(play.tick())

    assert (order.amount_native, order.price_native) == (Decimal(-53_180), Decimal(99_900))


def test_a_leg_that_goes_stale_widens_the_delta_by_what_it_can_have_become(play: Any, make: Any) -> None:
    """A few hundredths while the index stands still: inside the band for certain, and nothing to refuse."""
    play.ready({CALL: "1", PERPETUAL: "-53180"})
    play.tick()
    play.take(make.future_marked(received_ns=Ns(make.now_ns + 30 * NS_PER_S)))
    play.tick(30 * NS_PER_S)
    decided = play.decided()

    assert play.orders() == []
    assert (decided.reason, decided.doubtful) == (Reason.INSIDE_BAND, (CALL,))
    assert decided.option_age_ns_max == 30_000_000_000
    assert -0.05 < decided.delta_coin_low < decided.delta_coin_net < decided.delta_coin_high < 0.05


def test_a_leg_whose_greeks_cannot_be_believed_stops_trading_and_alarms(play: Any, make: Any) -> None:
    """Standing still is not safe either: ten seconds of refusing is an alarm with a deadline, told once."""
    play.connect()
    play.tick()
    play.take(make.option_marked(is_open=False), make.future_marked())
    play.reconcile({CALL: "1", PERPETUAL: "-53180"})
    for tenth in range(101, 320):
        at_ns = tenth * NS_PER_S // 10
        play.take(make.future_marked(received_ns=Ns(make.now_ns + at_ns)))
        play.tick(at_ns)

    assert play.orders() == []
    assert (play.decided().reason, play.decided().doubtful) == (Reason.DELTA_UNCERTAIN, (CALL,))
    assert play.decided().option_age_ns_max == 31_900_000_000
    alarms = [note for note in play.notes if isinstance(note, AlarmRaised)]
    assert [(note.name, note.deadline_ns) for note in alarms] == [("delta_uncertain", _s(make, 60.0))]


def test_trust_is_told_when_it_changes(play: Any, make: Any) -> None:
    """Distrusted once, trusted again once."""
    play.ready({CALL: "1"})
    for at_ns in (11 * NS_PER_S, 12 * NS_PER_S):
        play.take(make.future_marked(received_ns=Ns(make.now_ns + at_ns)))
        play.tick(at_ns)
    play.market(13 * NS_PER_S)
    play.tick(13 * NS_PER_S)

    told = [(note.instrument, note.cause) for note in play.notes if isinstance(note, TrustChanged)]
    assert told[-2:] == [(CALL, DistrustCause.STALE), (CALL, None)]


def test_phases_are_told(play: Any, make: Any) -> None:
    """From start to running to reconciling and back, each once."""
    play.ready({})
    for stream in ev.StreamName:
        play.take(ev.StreamLost(stream=stream, received_ns=_s(make, 1), cause="closed"))
        play.take(ev.StreamRestored(stream=stream, received_ns=_s(make, 2)))
    play.reconcile({}, 3 * NS_PER_S)

    assert [(note.phase_after, note.cause) for note in play.notes if isinstance(note, PhaseChanged)] == [
        (Phase.RUNNING, "reconciled"),
        (Phase.RECONCILING, "account stream lost"),
        (Phase.RUNNING, "reconciled"),
    ]


def test_profit_counts_options_and_hedge_from_the_first_marks(play: Any, make: Any) -> None:
    """One call from 0.061 to 0.071 coin at 100,000 gains 1,000 USD; the perpetual loses half of a 1 % rise."""
    play.ready({CALL: "1", PERPETUAL: "-50000"})
    play.market(1)
    play.take(
        make.option_marked(mark_native=0.071, received_ns=_s(make, 1)),
        make.future_marked(mark_usd=101_000.0, received_ns=_s(make, 1)),
    )
    profit = play.engine.status().profit_usd

    assert profit.options == pytest.approx(1_000.0)
    assert profit.hedge == pytest.approx(-500.0)
    assert profit.total == pytest.approx(500.0)


def test_a_status_before_the_first_tick_says_so(play: Any) -> None:
    """Health pages may ask at any time."""
    status = play.engine.status()

    assert (status.now_ns, status.decided, status.is_reconciled, status.phase) == (0, None, False, Phase.RECONCILING)
