"""Two books on one account: each is restored and told what is its own."""

from typing import Any

from bot.domain import events as ev
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns
from bot.execution.reconcile import Conclusion, Reconciler
from bot.execution.working import WorkingOrders
from bot.risk.positions import Positions

PERPETUAL = InstrumentId("BTC-PERPETUAL")


def _restored(make: Any, book: str, positions: dict[str, str]) -> ev.LedgerRestored:
    seen = make.snapshot(positions).positions
    return ev.LedgerRestored(positions=seen, fill_ids=(), received_ns=make.now_ns, book=book)


def _reconciler() -> Reconciler:
    return Reconciler(base="BTC", label_prefix="hbbtc", interval_ns=Ns(60 * NS_PER_S), adopts_positions=False)


def test_the_end_of_another_book_does_not_wipe_this_one(make: Any) -> None:
    """A restart with BTC and ETH tells both engines of both ends; BTC still expects its own position."""
    reconciler, positions = _reconciler(), Positions()
    for event in (_restored(make, "BTC", {PERPETUAL: "-500"}), _restored(make, "ETH", {"ETH-PERPETUAL": "7"})):
        reconciler.restore(event, positions, {})

    snapshot = make.snapshot({PERPETUAL: "-500", "ETH-PERPETUAL": "7"})
    assert reconciler.conclude(snapshot, positions, {}, has_live_orders=False) == (Conclusion.AGREED, [])
    assert {name: str(amount) for name, amount in positions.held().items()} == {PERPETUAL: "-500"}


def test_a_new_book_beside_an_old_one_adopts_the_venue(make: Any) -> None:
    """The ledger knows ETH only: BTC has no end to expect and takes the venue's word."""
    reconciler, positions = _reconciler(), Positions()
    reconciler.restore(_restored(make, "ETH", {"ETH-PERPETUAL": "7"}), positions, {})

    snapshot = make.snapshot({PERPETUAL: "-500"})
    assert reconciler.conclude(snapshot, positions, {}, has_live_orders=False) == (Conclusion.AGREED, [])


def test_strangers_that_have_gone_are_forgotten(make: Any) -> None:
    """Somebody who quotes all day on the same account does not fill the memory; who stays is told once."""
    reconciler, working = _reconciler(), WorkingOrders()
    told = []
    for number in range(5):
        orders = (make.order_seen("x", "10", order_id=f"V-{number}"), make.order_seen("y", "10", order_id="V-stays"))
        _, notes = reconciler.orders(make.snapshot(open_orders=orders), working, {})
        told += [note.order_id for note in notes]

    assert told == ["V-0", "V-stays", "V-1", "V-2", "V-3", "V-4"]
    assert set(reconciler._strangers) == {"V-4", "V-stays"}
