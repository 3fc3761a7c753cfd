from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, FillBooked, Outcome
from bot.domain.errors import JournalError
from bot.domain.events import Filled
from bot.domain.ids import InstrumentId
from bot.domain.time import Ns
from bot.journal.ledger import Ledger
from bot.journal.reader import LedgerReader
from bot.journal.rows import FillRow, OrderRow, PositionRow


def test_an_order_is_read_as_it_was_intended(
    open_ledger: Callable[..., Ledger], order: Callable[..., PlaceOrder], decided: Callable[..., Decided]
) -> None:
    """Amounts and prices are exact, and whether it rests; nothing has been heard yet."""
    ledger = open_ledger()
    sent = structs.replace(order(), rest_until_ns=Ns(9_000))
    ledger.commit_intents([sent], decided())

    expected = OrderRow(
        label=sent.label,
        run_id="r1",
        book="BTC",
        instrument=sent.instrument,
        amount_native=Decimal(-6200),
        price_native=Decimal("96950.5"),
        arrival_mid_native=97_000.25,
        valid_until_ns=Ns(3_000),
        decided_seq=1,
        rest_until_ns=Ns(9_000),
        kind=None,
        state=None,
    )
    assert (expected,) == ledger.reader().orders()
    assert (decided(),) == ledger.reader().decisions()
    assert ledger.reader().decisions("another run") == ()


def test_a_fill_and_the_position_after_it_are_read(
    open_ledger: Callable[..., Ledger], fill: Callable[..., Filled]
) -> None:
    """With what the engine said about the fill."""
    ledger = open_ledger()
    booked = FillBooked(
        fill_id="BTC-77",
        label=fill().label,
        instrument=fill().instrument,
        amount_native=fill().amount_native,
        price_native=fill().price_native,
        fee_native=fill().fee_native,
        fee_currency="BTC",
        position_native=Decimal(-36_200),
        slippage_usd=-3.25,
    )
    ledger.record("BTC", fill(), Outcome(notes=(booked,)))

    expected = FillRow(
        run_id="r1",
        book="BTC",
        fill_id=fill().fill_id,
        order_id=fill().order_id,
        label=fill().label,
        instrument=fill().instrument,
        amount_native=Decimal(-6200),
        price_native=Decimal("96951.0"),
        fee_native=Decimal("0.00002237"),
        fee_currency="BTC",
        is_maker=False,
        slippage_usd=-3.25,
        venue_ns=Ns(1_990),
        received_ns=Ns(2_000),
    )
    position = PositionRow(
        run_id="r1",
        book="BTC",
        instrument=InstrumentId("BTC-PERPETUAL"),
        fill_id=fill().fill_id,
        position_native=Decimal(-36_200),
        at_ns=Ns(2_000),
    )
    assert (expected,) == ledger.reader().fills()
    assert (position,) == ledger.reader().positions()


def test_a_report_reads_while_the_bot_writes(
    url: str,
    open_ledger: Callable[..., Ledger],
    order: Callable[..., PlaceOrder],
    decided: Callable[..., Decided],
) -> None:
    """Another process sees what is committed, and does not get in the way of the next commit."""
    ledger = open_ledger()
    ledger.commit_intents([order()], decided())
    reader = LedgerReader.open(url)
    before = [row.label for row in reader.orders()]
    ledger.commit_intents([order(label="hbr10000002")], decided(seq=2))
    after = [row.label for row in reader.orders()]
    reader.close()

    assert (before, after) == (["hbr10000001"], ["hbr10000001", "hbr10000002"])


@pytest.mark.parametrize(
    "text", ["sqlite:///{folder}/absent.db", "sqlite:///{folder}/empty.db", "sqlite://", "nonsense"]
)
def test_a_ledger_that_is_not_there_cannot_be_read(tmp_path: Path, text: str) -> None:
    """A reader never creates a ledger."""
    (tmp_path / "empty.db").write_text("")
    with pytest.raises(JournalError, match="ledger"):
        LedgerReader.open(text.format(folder=tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]
