"""One ledger of a book at two venues: whose it is, what each agreement writes, what a restart expects."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.decided import Outcome, PhaseChanged, VenueAgreed
from bot.domain.errors import JournalError
from bot.domain.events import Filled, SnapshotTaken
from bot.domain.ids import DERIBIT, FillId, InstrumentId, VenueId
from bot.domain.reasons import Phase
from bot.domain.seen import PositionSeen
from bot.domain.time import Ns
from bot.journal.ledger import Ledger

OKX = VenueId("okx")
SWAP = InstrumentId("OKX:BTC-USDT-SWAP")
CALL = InstrumentId("BTC-27MAR26-100000-C")
_BOTH = {"venues": (OKX, DERIBIT)}


def _taken(venue: VenueId, name: InstrumentId, amount: str) -> SnapshotTaken:
    seen = (PositionSeen(instrument=name, amount_native=Decimal(amount)),)
    return SnapshotTaken(positions=seen, open_orders=(), fills=(), requested_ns=Ns(20), received_ns=Ns(30), venue=venue)


def _agree(ledger: Ledger) -> None:
    running = PhaseChanged(phase_before=Phase.RECONCILING, phase_after=Phase.RUNNING, cause="reconciled", detail="")
    ledger.record("BTC", _taken(DERIBIT, CALL, "1"), Outcome(notes=(VenueAgreed(venue=DERIBIT),)))
    ledger.record("BTC", _taken(OKX, SWAP, "-0.5"), Outcome(notes=(running,)))


def test_a_restart_expects_what_both_venues_agreed_to(open_ledger: Callable[..., Ledger]) -> None:
    """Also after one of them has agreed again: it says nothing about what the other holds."""
    first = open_ledger("r1", **_BOTH)
    _agree(first)
    again = PhaseChanged(phase_before=Phase.RECONCILING, phase_after=Phase.RUNNING, cause="reconciled", detail="")
    first.record("BTC", _taken(OKX, SWAP, "-0.5"), Outcome(notes=(again,)))
    first.close()
    known = open_ledger("r2", **_BOTH).restored("BTC")

    assert known is not None
    assert {item.instrument: item.amount_native for item in known.positions} == {
        CALL: Decimal(1),
        SWAP: Decimal("-0.5"),
    }


def test_one_agreement_alone_is_no_ground_to_expect_anything(open_ledger: Callable[..., Ledger]) -> None:
    """Killed before the second venue spoke: the next start adopts both."""
    ledger = open_ledger("r1", **_BOTH)
    ledger.record("BTC", _taken(DERIBIT, CALL, "1"), Outcome(notes=(VenueAgreed(venue=DERIBIT),)))

    assert ledger.restored("BTC") is None


@pytest.mark.parametrize(
    ("venues", "belongs", "is_run"),
    [((DERIBIT, OKX), "deribit", "deribit+okx"), ((DERIBIT,), "deribit+okx", "deribit")],
)
def test_a_ledger_belongs_to_its_set_of_venues(
    open_ledger: Callable[..., Ledger], venues: tuple[VenueId, ...], belongs: str, is_run: str
) -> None:
    """A hedge moved to another venue begins a new one; the order of the venues does not matter."""
    open_ledger("r1", venues=tuple(VenueId(name) for name in belongs.split("+"))).close()

    with pytest.raises(JournalError, match=rf"belongs to venue {belongs.replace('+', '.')}, this run is "):
        open_ledger("r2", venues=venues)
    assert is_run != belongs
    open_ledger("r3", venues=tuple(VenueId(name) for name in reversed(belongs.split("+"))))


def test_it_belongs_to_an_account_at_each_of_them(open_ledger: Callable[..., Ledger]) -> None:
    """Which may have the same number."""
    ledger = open_ledger("r1", **_BOTH)
    ledger.bind("7")
    ledger.bind("7", OKX)
    ledger.bind("7", OKX)

    with pytest.raises(JournalError, match=r"^belongs to account at okx 7, the key to 8: give another ledger\.url"):
        ledger.bind("8", OKX)


def test_a_fill_is_kept_under_the_venue_of_its_instrument(
    open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]
) -> None:
    """Two venues may use one number for different fills."""
    ledger = open_ledger("r1", **_BOTH)
    for name in (SWAP, InstrumentId("BTC-PERPETUAL")):
        ledger.record("BTC", fill(fill_id=FillId("77"), instrument=name), Outcome())

    assert [(row.fill_id, row.instrument) for row in ledger.fills()] == [("77", SWAP), ("77", "BTC-PERPETUAL")]
