"""The venue's snapshot against what we believe."""

from decimal import Decimal

import pytest

from bot.domain.events import Filled, LedgerRestored, OrderSeen, PositionSeen, SnapshotTaken
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import NS_PER_S, Ns
from bot.execution.reconcile import Conclusion, Reconciler, has_expired, is_of_book
from bot.execution.working import WorkingOrders
from bot.risk.positions import Positions

_PERP, _ETH = InstrumentId("BTC-PERPETUAL"), InstrumentId("ETH-PERPETUAL")
_CALL = InstrumentId("BTC-27MAR26-100000-C")
_EXPIRY = Ns(5_000 * NS_PER_S)


def _s(seconds: float) -> Ns:
    return Ns(round(seconds * NS_PER_S))


def _reconciler(*, adopts: bool = False) -> Reconciler:
    return Reconciler(base="BTC", label_prefix="hbbtc", interval_ns=_s(60), adopts_positions=adopts)


def _snapshot(
    positions: dict[InstrumentId, int],
    *,
    at_s: float,
    orders: tuple[OrderSeen, ...] = (),
    fills: tuple[Filled, ...] = (),
) -> SnapshotTaken:
    return SnapshotTaken(
        positions=tuple(PositionSeen(instrument=n, amount_native=Decimal(a)) for n, a in positions.items()),
        open_orders=orders,
        fills=fills,
        requested_ns=_s(at_s),
        received_ns=_s(at_s + 0.1),
    )


def _conclude(
    reconciler: Reconciler, positions: Positions, venue: dict[InstrumentId, int], at_s: float, *, live: bool = False
) -> tuple[Conclusion, list[tuple[InstrumentId, bool]]]:
    specs = {_CALL: _call_spec()}
    conclusion, notes = reconciler.conclude(_snapshot(venue, at_s=at_s), positions, specs, has_live_orders=live)
    return conclusion, [(note.instrument, note.is_final) for note in notes]


def _call_spec() -> Instrument:
    one = Decimal(1)
    return Instrument(
        id=_CALL,
        venue=VenueId("deribit"),
        kind=Kind.OPTION,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=one,
        lot_native=one,
        tick_native=one,
        fee_rate_maker=one,
        fee_rate_taker=one,
        expiry_ns=_EXPIRY,
        strike_usd=100_000.0,
        is_call=True,
    )


def _held(positions: Positions, venue: dict[InstrumentId, int]) -> Positions:
    positions.adopt(PositionSeen(instrument=n, amount_native=Decimal(a)) for n, a in venue.items())
    return positions


def test_without_a_ledger_the_first_snapshot_is_the_baseline() -> None:
    """Only positions of this book's coin."""
    positions = Positions()

    assert _conclude(_reconciler(), positions, {_PERP: 30, _ETH: 7}, 1.0) == (Conclusion.AGREED, [])
    assert positions.held() == {_PERP: Decimal(30)}


def test_a_mismatch_is_believed_when_seen_twice() -> None:
    """One snapshot may be older than a fill; two in a row are not."""
    reconciler, positions = _reconciler(), Positions()
    _conclude(reconciler, positions, {_PERP: 30}, 1.0)

    assert _conclude(reconciler, positions, {_PERP: 40}, 2.0) == (Conclusion.AGAIN, [(_PERP, False)])
    assert _conclude(reconciler, positions, {_PERP: 40}, 4.0) == (Conclusion.MISMATCHED, [(_PERP, True)])
    assert positions.amount(_PERP) == Decimal(30)


def test_an_agreement_in_between_forgets_the_mismatch() -> None:
    """The two have to follow each other."""
    reconciler, positions = _reconciler(), Positions()
    _conclude(reconciler, positions, {_PERP: 30}, 1.0)
    _conclude(reconciler, positions, {_PERP: 40}, 2.0)
    _conclude(reconciler, positions, {_PERP: 30}, 4.0)

    assert _conclude(reconciler, positions, {_PERP: 40}, 6.0) == (Conclusion.AGAIN, [(_PERP, False)])


def test_a_snapshot_older_than_a_fill_or_beside_a_live_order_proves_nothing() -> None:
    """Both are asked again, and no mismatch is counted."""
    reconciler, positions = _reconciler(), Positions()
    _conclude(reconciler, positions, {_PERP: 30}, 1.0)
    reconciler.filled(_s(2.5))

    assert _conclude(reconciler, positions, {_PERP: 99}, 2.0) == (Conclusion.AGAIN, [])
    assert _conclude(reconciler, positions, {_PERP: 99}, 3.0, live=True) == (Conclusion.AGAIN, [])
    assert _conclude(reconciler, positions, {_PERP: 30}, 4.0) == (Conclusion.AGREED, [])


def test_after_a_gap_only_a_snapshot_asked_for_since_counts() -> None:
    """What was asked before the stream broke says nothing about what happened while it was down."""
    reconciler, positions = _reconciler(), Positions()
    reconciler.demand(_s(10.0))

    assert _conclude(reconciler, positions, {_PERP: 30}, 9.0) == (Conclusion.AGAIN, [])
    assert positions.held() == {}
    assert _conclude(reconciler, positions, {_PERP: 30}, 10.0) == (Conclusion.AGREED, [])


@pytest.mark.parametrize(("adopts", "conclusion"), [(False, Conclusion.AGAIN), (True, Conclusion.AGREED)])
def test_the_ledger_says_what_to_expect_unless_told_otherwise(adopts: bool, conclusion: Conclusion) -> None:
    """A position that changed while nobody looked is a mismatch, or is adopted on request."""
    reconciler, positions = _reconciler(adopts=adopts), Positions()
    reconciler.restore(
        LedgerRestored(
            positions=(
                PositionSeen(instrument=_PERP, amount_native=Decimal(30)),
                PositionSeen(instrument=_ETH, amount_native=Decimal(7)),
            ),
            fill_ids=(FillId("1"),),
            received_ns=Ns(0),
        ),
        positions,
        {},
    )
    assert positions.held() == {_PERP: Decimal(30)}
    assert positions.has_counted(FillId("1"))

    assert _conclude(reconciler, positions, {_PERP: 40}, 1.0)[0] is conclusion


def test_an_expired_option_is_no_mismatch() -> None:
    """It leaves both sides at its expiry, whoever notices first."""
    reconciler = _reconciler()
    positions = Positions()
    _conclude(reconciler, positions, {_CALL: 1}, 1.0)

    assert _conclude(reconciler, positions, {}, 5_000.0) == (Conclusion.AGREED, [])
    assert positions.held() == {}
    assert _conclude(reconciler, positions, {_CALL: 1}, 5_001.0) == (Conclusion.AGREED, [])


def test_open_orders_are_ours_strangers_or_anothers() -> None:
    """Ours by prefix and coin are adopted, strangers told once, our other books' are left alone."""
    reconciler, working = _reconciler(), WorkingOrders()

    def order(number: str, label: str | None, instrument: InstrumentId = _PERP) -> OrderSeen:
        return OrderSeen(
            order_id=OrderId(number),
            label=None if label is None else Label(label),
            instrument=instrument,
            amount_native=Decimal(10),
            filled_native=Decimal(0),
            price_native=None,
        )

    orders = (order("1", "hbbtcx1"), order("2", None), order("3", "web"), order("4", "hbbtcx2", _ETH))
    ours, notes = reconciler.orders(_snapshot({}, at_s=1.0, orders=orders), working, {})
    _, again = reconciler.orders(_snapshot({}, at_s=2.0, orders=orders), working, {})

    assert [label for label, _ in ours] == ["hbbtcx1"]
    assert [note.order_id for note in notes] == ["2", "3"]
    assert again == []


def test_asking_waits_for_an_answer_but_not_for_ever() -> None:
    """One question at a time; a swallowed answer is asked for again after a minute."""
    reconciler = _reconciler()
    asked = [second for second in range(130) if reconciler.is_due(_s(second))]

    assert asked == [0, 60, 120]


def test_an_agreement_rests_for_the_interval_and_a_failure_for_two_seconds() -> None:
    """Bounded, and never busy."""
    reconciler = _reconciler()
    reconciler.is_due(_s(1))
    _conclude(reconciler, Positions(), {}, 1.0)
    assert [reconciler.is_due(_s(61.0)), reconciler.is_due(_s(61.1))] == [False, True]

    reconciler.failed(_s(62))
    assert [reconciler.is_due(_s(63.9)), reconciler.is_due(_s(64))] == [False, True]


def test_fills_of_the_book_not_counted_before_are_news_in_order() -> None:
    """Sorted by the venue's time; other coins and known ids are left out."""

    def fill(number: int, venue_s: float, instrument: InstrumentId = _PERP) -> Filled:
        return Filled(
            fill_id=FillId(str(number)),
            order_id=OrderId("1"),
            label=None,
            instrument=instrument,
            amount_native=Decimal(10),
            price_native=Decimal(1),
            fee_native=Decimal(0),
            fee_currency="BTC",
            is_maker=False,
            received_ns=_s(10),
            venue_ns=_s(venue_s),
        )

    reconciler, positions = _reconciler(), Positions()
    _conclude(reconciler, positions, {}, 1.0)
    positions.count([FillId("3")])
    fills = (fill(2, 3.0), fill(1, 2.0), fill(3, 2.5), fill(4, 2.0, _ETH))

    news = reconciler.news(_snapshot({}, at_s=10.0, fills=fills), positions, {})

    assert [item.fill_id for item in news] == ["1", "2"]


def test_expiry_and_belonging() -> None:
    """By the specification where there is one, by the name otherwise."""
    specs = {_CALL: _call_spec()}

    assert [has_expired(None, _EXPIRY), has_expired(specs[_CALL], _EXPIRY)] == [False, True]
    assert not has_expired(specs[_CALL], Ns(_EXPIRY - 1))
    assert [is_of_book(name, specs, "BTC") for name in (_CALL, _PERP, _ETH)] == [True, True, False]
