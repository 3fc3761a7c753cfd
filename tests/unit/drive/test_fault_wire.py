"""A wire as badly as planned: each fault does its one thing, and without one everything passes as it is."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import LookUpOrder, PlaceOrder, TakeSnapshot
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_S, Ns
from bot.drive.fault_wire import TIME_OUT_NS, FaultyWire
from bot.sim.faults import Fault, FaultKind, Faults
from bot.venues.deribit_errors import ERRORS

_K = FaultKind
_NOW = Ns(1_000 * NS_PER_S)
_PERPETUAL, _CALL = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC-27MAR26-100000-C")
_ORDER = PlaceOrder(
    label=Label("hb1"),
    instrument=_PERPETUAL,
    amount_native=Decimal(10),
    price_native=Decimal(100_000),
    arrival_mid_native=100_000.0,
    valid_until_ns=Ns(_NOW + 2 * NS_PER_S),
    decided_seq=1,
)
_LOOK_UP = LookUpOrder(
    label=Label("hb1"), instrument=_PERPETUAL, order_id=None, not_before_ns=_NOW, valid_until_ns=_NOW
)
_ACKED = ev.OrderAcked(label=Label("hb1"), order_id=OrderId("1"), received_ns=_NOW)
_FIGURES = ev.AccountSeen(
    currency="BTC",
    equity_native=1.0,
    balance_native=1.0,
    margin_initial_native=0.0,
    margin_maintenance_native=0.0,
    available_native=1.0,
    delta_coin_total=0.0,
    delta_coin_options=0.0,
    received_ns=_NOW,
)
_BLANK: dict[str, Any] = {"received_ns": _NOW, "venue_ns": _NOW, "bid_amount_native": 1.0, "ask_amount_native": 1.0}
_FUTURE = FutureMarked(
    instrument=_PERPETUAL,
    bid_usd=99.0,
    ask_usd=101.0,
    mark_usd=100.0,
    index_usd=100.0,
    price_min_usd=None,
    price_max_usd=None,
    funding_rate_8h=0.01,
    is_open=True,
    **_BLANK,
)
_OPTION = OptionMarked(
    instrument=_CALL,
    bid_native=0.1,
    ask_native=0.2,
    mark_native=0.15,
    iv_mark=0.6,
    forward_usd=100.0,
    index_usd=100.0,
    is_open=True,
    **_BLANK,
)


def _wire(*kinds: FaultKind, seed: int = 1) -> FaultyWire:
    faults = [Fault(kind=kind, start_ns=_NOW, until_ns=Ns(_NOW + 60 * NS_PER_S), seed=seed) for kind in kinds]
    return FaultyWire(Faults(faults), lambda _order, _at: None)


def test_without_a_fault_everything_passes_as_it_is() -> None:
    """No delay, no objection, the same objects at the same time."""
    wire = _wire()
    told = [
        event for at, part in wire.tells([_FUTURE, _OPTION, _FIGURES, _ACKED], _NOW) for event in part if at == _NOW
    ]

    assert wire.departs(_ORDER, _NOW) == 0
    assert wire.objection(_ORDER, _NOW) is None
    assert wire.answers(_ORDER, [_ACKED], _NOW) == [(_NOW, [_ACKED])]
    assert told == [_FUTURE, _OPTION, _FIGURES, _ACKED]


def test_a_request_is_lost_late_or_slow() -> None:
    """Lost: never arrives. Late: after its `valid_until`. Slow: within it. Questions have a fault of their own."""
    assert _wire(_K.REQUEST_LOST).departs(_ORDER, _NOW) is None
    assert (_wire(_K.REQUEST_LATE).departs(_ORDER, _NOW) or 0) > 2 * NS_PER_S
    assert 0 < (_wire(_K.REQUESTS_SLOW).departs(_ORDER, _NOW) or 0) < 2 * NS_PER_S
    assert _wire(_K.QUESTIONS_FAIL).departs(_LOOK_UP, _NOW) is None
    assert _wire(_K.QUESTIONS_FAIL).departs(_ORDER, _NOW) == 0


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (_K.MAINTENANCE, 11051),
        (_K.SETTLEMENT_LOCK, 10041),
        (_K.INSTRUMENT_HALTED, 13019),
        (_K.MARGIN_EXHAUSTED, 10009),
    ],
)
def test_a_locked_venue_says_its_code(kind: FaultKind, code: int) -> None:
    """To every order, as long as it lasts; each refusal is an exception of its own, which keeps no frames of others."""
    wire = _wire(kind)
    said = [wire.objection(_ORDER, _NOW) for _ in range(2)]

    assert [says.code for says in said if says is not None] == [code, code]
    assert said[0] is not said[1]


def test_every_error_code_of_the_fact_sheet_is_among_the_refusals() -> None:
    """Drawn from all of them, once each time."""
    said = {says.code for seed in range(2_000) if (says := _wire(_K.REFUSED, seed=seed).objection(_ORDER, _NOW))}

    assert said == set(ERRORS)


def test_a_reply_is_lost_late_or_says_something_else() -> None:
    """The gateway's time-out speaks for what is lost; a code that leaves it open is no answer either."""
    lost, late, open_ = (
        _wire(kind).answers(_ORDER, [_ACKED], _NOW) for kind in (_K.REPLY_LOST, _K.REPLY_LATE, _K.CODE_AFTER_ALL)
    )

    assert [(at, type(event)) for at, part in lost for event in part] == [(_NOW + TIME_OUT_NS, ev.OrderUnknown)]
    assert [(at > _ORDER.valid_until_ns, part) for at, part in late] == [(True, [_ACKED])]
    assert [type(event) for _, part in open_ for event in part] == [ev.OrderUnknown]
    assert _wire(_K.NO_ANSWER).answers(_ORDER, [_ACKED], _NOW) == []


def test_what_never_arrived_is_answered_by_the_time_out() -> None:
    """In the words of the request: an order unknown, a look-up or a snapshot failed."""
    wire = _wire()
    answers = [wire.answers(command, [], _NOW) for command in (_ORDER, _LOOK_UP, TakeSnapshot(cause="test"))]

    kinds = [type(event) for parcels in answers for _, part in parcels for event in part]
    assert kinds == [ev.OrderUnknown, ev.LookUpFailed, ev.SnapshotFailed]


def test_where_the_way_back_is_broken_the_account_is_silent_as_well() -> None:
    """Every other lost reply takes the private messages of the next seconds with it, and no longer."""
    deaf = 0
    for seed in range(20):
        wire = _wire(_K.REPLY_LOST, seed=seed)
        wire.answers(_ORDER, [_ACKED], _NOW)
        deaf += wire.tells([_ACKED], Ns(_NOW + NS_PER_S)) == []
        assert wire.tells([_ACKED], Ns(_NOW + 30 * NS_PER_S)) != []

    assert 0 < deaf < 20


def _market(kind: FaultKind) -> list[ev.Event]:
    return [event for _, part in _wire(kind).tells([_FUTURE, _OPTION], _NOW) for event in part]


def test_market_data_are_spoilt_each_way() -> None:
    """What a venue shows on a bad day."""
    crossed, one_sided, closed, flipped = (
        _market(kind)[0] for kind in (_K.BOOK_CROSSED, _K.BOOK_ONE_SIDED, _K.INSTRUMENT_HALTED, _K.FUNDING_FLIPPED)
    )
    blind = _market(_K.GREEKS_MISSING)[1]

    assert isinstance(crossed, FutureMarked)
    assert (crossed.bid_usd, crossed.ask_usd) == (101.0, 99.0)
    assert isinstance(one_sided, FutureMarked)
    assert (one_sided.bid_usd, one_sided.ask_usd) == (99.0, None)
    assert isinstance(closed, FutureMarked)
    assert not closed.is_open
    assert isinstance(flipped, FutureMarked)
    assert flipped.funding_rate_8h == -0.01
    assert isinstance(blind, OptionMarked)
    assert blind.iv_mark is None
    assert _market(_K.SUBSCRIPTION_MISSING) == [_FUTURE]
    assert _market(_K.FEED_FROZEN) == _market(_K.MARKET_LOST) == []


def test_messages_come_late_or_twice() -> None:
    """Market and account each; nothing comes early."""
    for kind, count in ((_K.FEED_DELAYED, 1), (_K.FEED_DUPLICATED, 2)):
        parcels = _wire(kind).tells([_FUTURE], _NOW)
        assert (len(parcels), parcels[-1][0] > _NOW) == (count, True)
    for kind, count in ((_K.PRIVATE_DELAYED, 2), (_K.PRIVATE_DUPLICATED, 2)):
        parcels = _wire(kind).tells([_ACKED, _ACKED], _NOW)
        assert (len(parcels), parcels[-1][0] > _NOW) == (count, True)
    assert _wire(_K.ACCOUNT_OLD).tells([_FIGURES], _NOW)[0][0] > _NOW
    assert _wire(_K.ACCOUNT_LOST).tells([_ACKED, _FIGURES], _NOW) == []
