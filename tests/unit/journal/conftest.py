"""Ledgers, orders and decisions for the tests of this folder."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided
from bot.domain.events import Filled
from bot.domain.ids import FillId, InstrumentId, Label, OrderId
from bot.domain.reasons import Action, Reason
from bot.domain.time import Ns
from bot.journal import opening
from bot.journal.ledger import Ledger

PERPETUAL = InstrumentId("BTC-PERPETUAL")

_DECIDED = Decided(
    seq=1,
    now_ns=Ns(1_000),
    book="BTC",
    convention="options_only",
    action=Action.HEDGE,
    reason=Reason.OUTSIDE_BAND,
    delta_coin_net=0.164,
    delta_coin_low=0.16,
    delta_coin_high=0.17,
    delta_coin_options=0.5,
    delta_coin_futures=-0.336,
    delta_coin_collateral=0.0,
    delta_coin_expiring=0.0,
    delta_coin_surviving=0.164,
    delta_coin_delivered=0.0,
    gamma_coin_per_usd=1.5e-5,
    gamma_coin_per_hour=0.009,
    band_low_coin=-0.1,
    band_high_coin=0.1,
    target_coin=0.1,
    trade_coin=-0.064,
    price_usd=97_000.5,
    index_usd=97_001.25,
    hedge_instrument=PERPETUAL,
    hedge_age_ns=Ns(12),
    option_age_ns_max=None,
    doubtful=(InstrumentId("BTC-27MAR26-100000-C"),),
    detail="",
)


@pytest.fixture
def decided() -> Callable[..., Decided]:
    """A hedge of book BTC; fields by keyword."""
    return lambda **changes: structs.replace(_DECIDED, **changes)


@pytest.fixture
def order() -> Callable[..., PlaceOrder]:
    """An order of run r1; fields by keyword."""
    first = PlaceOrder(
        label=Label("hbr10000001"),
        instrument=PERPETUAL,
        amount_native=Decimal(-6200),
        price_native=Decimal("96950.5"),
        arrival_mid_native=97_000.25,
        valid_until_ns=Ns(3_000),
        decided_seq=1,
    )
    return lambda **changes: structs.replace(first, **changes)


@pytest.fixture
def fill() -> Callable[..., Filled]:
    """A fill of the order; fields by keyword."""
    first = Filled(
        fill_id=FillId("BTC-77"),
        order_id=OrderId("BTC-9007199254740993"),
        label=Label("hbr10000001"),
        instrument=PERPETUAL,
        amount_native=Decimal(-6200),
        price_native=Decimal("96951.0"),
        fee_native=Decimal("0.00002237"),
        fee_currency="BTC",
        is_maker=False,
        received_ns=Ns(2_000),
        venue_ns=Ns(1_990),
    )
    return lambda **changes: structs.replace(first, **changes)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger file of its own, not yet there."""
    return f"sqlite:///{tmp_path}/deep/ledger.db"


@pytest.fixture
def open_ledger(url: str) -> Iterator[Callable[..., Ledger]]:
    """Opens the ledger as another run; closes what the test left open."""
    opened: list[Ledger] = []

    def begin(run_id: str = "r1", **changes: object) -> Ledger:
        words = {"started_ns": Ns(500), "mode": "demo", "config_hash": "c0ffee", "version": "0.1.0", **changes}
        opened.append(Ledger.open(url, run_id=run_id, **words))
        return opened[-1]

    yield begin
    for ledger in opened:
        opening.dispose(ledger._transactions.connection)
