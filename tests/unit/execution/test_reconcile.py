"""The venue's snapshot against our books: adopted, asked again, or objected to."""

from typing import Any

import msgspec
import pytest

from bot.domain import events as ev
from bot.domain.decided import AlarmRaised
from bot.domain.ids import FillId, InstrumentId, Label
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns
from bot.execution.reconcile import Conclusion, Reconciler, has_expired, is_of_book
from bot.execution.working import WorkingOrders
from bot.risk.positions import Positions

PERPETUAL = InstrumentId("BTC-PERPETUAL")
CALL = InstrumentId("BTC-27MAR26-100000-C")
_INTERVAL_NS = Ns(60 * NS_PER_S)


class Desk:
    """A reconciler with what it works on."""

    def __init__(self, make: Any, *, adopts: bool = False) -> None:
        self.reconciler = Reconciler(base="BTC", label_prefix="hb", interval_ns=_INTERVAL_NS, adopts_positions=adopts)
        self.positions = Positions()
        self.working = WorkingOrders()
        self.instruments: dict[InstrumentId, Instrument] = {spec.id: spec for spec in (make.perpetual(), make.option())}

    def conclude(self, snapshot: ev.SnapshotTaken, *, has_live_orders: bool = False) -> tuple[Conclusion, list[Any]]:
        """As the engine does it: news first, then the comparison."""
        for fill in self.reconciler.news(snapshot, self.positions, self.instruments):
            if self.positions.book(fill):
                self.reconciler.filled(fill.received_ns)
        return self.reconciler.conclude(snapshot, self.positions, self.instruments, has_live_orders=has_live_orders)

    def restore(self, make: Any, positions: dict[str, str], fill_ids: tuple[str, ...] = ()) -> None:
        """The ledger speaks."""
        seen = make.snapshot(positions).positions
        event = ev.LedgerRestored(positions=seen, fill_ids=tuple(map(FillId, fill_ids)), received_ns=make.now_ns)
        self.reconciler.restore(event, self.positions, self.instruments)

    def held(self) -> dict[str, str]:
        """Positions as text."""
        return {name: str(amount) for name, amount in self.positions.held().items()}


@pytest.fixture
def desk(make: Any) -> Desk:
    """Without a ledger: the first snapshot is the baseline."""
    return Desk(make)


def test_the_first_snapshot_is_adopted(desk: Desk, make: Any) -> None:
    """Nothing is known before: the venue's word, with its fills inside."""
    snapshot = make.snapshot({CALL: "1", PERPETUAL: "-500"}, fills=(make.fill("old", "-500"),))

    assert desk.conclude(snapshot) == (Conclusion.AGREED, [])
    assert desk.held() == {CALL: "1", PERPETUAL: "-500"}
    assert not desk.positions.book(make.fill("old", "-500")), "the stream repeats it: it is inside already"


def test_positions_of_other_books_are_left_alone(desk: Desk, make: Any) -> None:
    """One account, two coins: neither the venue's word nor the ledger's mixes them."""
    assert desk.conclude(make.snapshot({"ETH-PERPETUAL": "7", "BTC_USDC": "1"}))[0] is Conclusion.AGREED
    assert desk.held() == {}

    desk.restore(make, {"ETH-PERPETUAL": "7", PERPETUAL: "10"})
    assert desk.held() == {PERPETUAL: "10"}


def test_the_ledger_says_what_to_expect(desk: Desk, make: Any) -> None:
    """A restart on unchanged positions agrees at once; fills in the ledger are not booked again."""
    desk.restore(make, {PERPETUAL: "-500"}, ("a",))

    assert desk.conclude(make.snapshot({PERPETUAL: "-500"}, fills=(make.fill("a", "-500"),))) == (
        Conclusion.AGREED,
        [],
    )


def test_fills_missed_while_down_are_booked_and_then_agree(desk: Desk, make: Any) -> None:
    """A crash after the order left: its fill explains the difference. A fresh fill makes the venue be asked again."""
    desk.restore(make, {PERPETUAL: "-500"}, ("a",))
    fills = (make.fill("c", "-20", venue_ns=Ns(9)), make.fill("a", "-500"), make.fill("b", "-30", venue_ns=Ns(8)))
    snapshot = make.snapshot({PERPETUAL: "-550"}, fills=fills)
    news = desk.reconciler.news(snapshot, desk.positions, desk.instruments)
    first = desk.conclude(snapshot)
    later = Ns(make.now_ns + 3 * NS_PER_S)
    second = desk.conclude(make.snapshot({PERPETUAL: "-550"}, requested_ns=later, received_ns=later))

    assert [fill.fill_id for fill in news] == ["b", "c"]
    assert first == (Conclusion.AGAIN, [])
    assert second == (Conclusion.AGREED, [])
    assert desk.held() == {PERPETUAL: "-550"}


def test_fills_of_other_books_are_no_news(desk: Desk, make: Any) -> None:
    """Another coin's fill is another engine's business."""
    desk.restore(make, {})
    snapshot = make.snapshot({}, fills=(make.fill("e", "5", instrument=InstrumentId("ETH-PERPETUAL")),))

    assert desk.reconciler.news(snapshot, desk.positions, desk.instruments) == []


def test_an_operator_may_prefer_the_venue_to_the_ledger(make: Any) -> None:
    """`adopts_positions`: the first snapshot holds, whatever the ledger ends with."""
    desk = Desk(make, adopts=True)
    desk.restore(make, {PERPETUAL: "-500"})

    assert desk.conclude(make.snapshot({PERPETUAL: "-700"})) == (Conclusion.AGREED, [])
    assert desk.held() == {PERPETUAL: "-700"}


def _at(make: Any, second: int, positions: dict[str, str]) -> ev.SnapshotTaken:
    at = Ns(make.now_ns + second * NS_PER_S)
    return make.snapshot(positions, requested_ns=at, received_ns=at)


def test_a_mismatch_needs_two_snapshots(desk: Desk, make: Any) -> None:
    """Once may be a race; twice in a row is a human trading by hand, or a bug: halt."""
    desk.restore(make, {PERPETUAL: "-500"})
    first = desk.conclude(_at(make, 0, {PERPETUAL: "-510", CALL: "1"}))
    second = desk.conclude(_at(make, 2, {PERPETUAL: "-510", CALL: "1"}))

    assert [conclusion for conclusion, _ in (first, second)] == [Conclusion.AGAIN, Conclusion.MISMATCHED]
    assert [(n.instrument, str(n.ours_native), str(n.venue_native), n.is_final) for n in first[1] + second[1]] == [
        (CALL, "0", "1", False),
        (PERPETUAL, "-500", "-510", False),
        (CALL, "0", "1", True),
        (PERPETUAL, "-500", "-510", True),
    ]


def test_agreement_in_between_starts_the_count_again(desk: Desk, make: Any) -> None:
    """Two races far apart are still races."""
    desk.restore(make, {PERPETUAL: "-500"})
    found = [
        desk.conclude(_at(make, second, {PERPETUAL: amount}))[0]
        for second, amount in ((0, "-510"), (2, "-500"), (60, "-510"))
    ]

    assert found == [Conclusion.AGAIN, Conclusion.AGREED, Conclusion.AGAIN]


def test_a_snapshot_proves_nothing_while_orders_work(desk: Desk, make: Any) -> None:
    """The fill may be inside the positions and not yet here: comparing would halt on our own order."""
    desk.restore(make, {PERPETUAL: "-500"})

    assert desk.conclude(make.snapshot({PERPETUAL: "-510"}), has_live_orders=True) == (Conclusion.AGAIN, [])


def test_a_snapshot_older_than_the_last_fill_proves_nothing(desk: Desk, make: Any) -> None:
    """Asked for before the fill, answered after it: which of the two it saw is unknown."""
    desk.restore(make, {PERPETUAL: "-500"})
    desk.reconciler.filled(make.now_ns)

    assert desk.conclude(make.snapshot({PERPETUAL: "-510"})) == (Conclusion.AGAIN, [])


def test_an_answer_from_before_the_gap_proves_nothing(desk: Desk, make: Any) -> None:
    """The account stream was down after it was asked for: fills may have happened since that nobody told."""
    old = make.snapshot({PERPETUAL: "-500"})
    desk.reconciler.demand(Ns(make.now_ns + 1))

    assert desk.conclude(old) == (Conclusion.AGAIN, [])
    assert desk.held() == {}, "nor is it a baseline"


def test_expired_instruments_leave_by_themselves(desk: Desk, make: Any) -> None:
    """At 08:00 the leg is settled: the venue may still list it or not, neither is a mismatch."""
    expired = msgspec.structs.replace(make.option(), expiry_ns=make.now_ns)
    desk.instruments[CALL] = expired
    desk.restore(make, {CALL: "1", PERPETUAL: "-500"})

    assert desk.conclude(make.snapshot({PERPETUAL: "-500"})) == (Conclusion.AGREED, [])
    assert desk.held() == {PERPETUAL: "-500"}
    assert desk.conclude(make.snapshot({PERPETUAL: "-500", CALL: "1"})) == (Conclusion.AGREED, [])


def test_strangers_are_told_once_and_ours_adopted(desk: Desk, make: Any) -> None:
    """An order without our prefix is a human's: told, left alone. Ours of an earlier run is to be cancelled."""
    desk.working.sent(make.place("hbknown"), make.now_ns)
    snapshot = make.snapshot(
        open_orders=(
            make.order_seen("hbknown", "100", order_id="V-1"),
            make.order_seen("hbold", "100", order_id="V-2"),
            make.order_seen("hbeth", "100", order_id="V-5", instrument=InstrumentId("ETH-PERPETUAL")),
            make.order_seen("desk", "100", order_id="V-3"),
            make.order_seen(None, "100", order_id="V-4"),
        )
    )
    ours, notes = desk.reconciler.orders(snapshot, desk.working, desk.instruments)
    _, again = desk.reconciler.orders(snapshot, desk.working, desk.instruments)

    assert [(label, seen.order_id) for label, seen in ours] == [(Label("hbold"), "V-2")]
    assert [(note.order_id, note.label) for note in notes] == [("V-3", "desk"), ("V-4", None)]
    assert again == []


def test_when_it_asks(desk: Desk, make: Any) -> None:
    """At once at the start, once until answered or a minute has passed, soon after a failure, then at the interval."""

    def due(second: float) -> bool:
        return desk.reconciler.is_due(Ns(make.now_ns + round(second * NS_PER_S)))

    asked = [due(0), due(1), due(59.9), due(60)]
    desk.reconciler.failed(Ns(make.now_ns + 61 * NS_PER_S), "x")
    after_failure = [due(62.9), due(63), due(64)]
    desk.conclude(_at(make, 65, {}))
    after_agreement = [due(66), due(124.9), due(125)]
    desk.reconciler.demand(Ns(make.now_ns + 126 * NS_PER_S))

    assert asked == [True, False, False, True]
    assert after_failure == [False, True, False]
    assert after_agreement == [False, False, True]
    assert due(126)


def test_what_belongs_to_a_book(make: Any) -> None:
    """By specification where there is one, else by name; spot belongs to none."""
    spec = make.option("BTC_USDC-27MAR26-100000-C")

    assert is_of_book(spec.id, {spec.id: spec}, "BTC")
    assert is_of_book(InstrumentId("BTC-1APR26"), {}, "BTC")
    assert not is_of_book(InstrumentId("BTC_USDC"), {}, "BTC")
    assert not has_expired(InstrumentId("BTC-PERPETUAL"), None, make.now_ns)
    assert not has_expired(InstrumentId("BTC-PERPETUAL"), make.perpetual(), make.now_ns)
    assert has_expired(spec.id, spec, Ns(spec.expiry_ns))
    assert has_expired(InstrumentId("BTC-5JUN20-9250-C"), None, make.now_ns)


def test_an_account_that_shows_no_picture_for_long_is_an_alarm_once(desk: Desk, make: Any) -> None:
    """Streams may go on while every look fails: positions are then not compared, and somebody has to know."""

    def failed(after_s: int) -> list[str]:
        notes = desk.reconciler.failed(Ns(make.now_ns + after_s * NS_PER_S), "no answer")
        return [note.detail for note in notes if isinstance(note, AlarmRaised)]

    told = [line for after_s in range(0, 1_300, 2) for line in failed(after_s)]
    desk.conclude(make.snapshot({}))
    again = [failed(after_s) for after_s in (1_400, 1_999, 2_000, 2_002)]

    text = (
        "positions at deribit could not be compared with the venue's for 600 s: no answer; "
        "check the venue's interface and the key"
    )
    assert told == [text]
    assert again == [[], [], [text], []]
