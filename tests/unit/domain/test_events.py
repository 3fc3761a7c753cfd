"""Events are frozen, named by their class, and survive being written down."""

from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from bot.domain import events
from bot.domain.events import AccountEvent, Event, Filled, Ticked
from bot.domain.market_events import EventRoot, MarketEvent

_ALL = get_args(Event)


@pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.__name__)
def test_an_event_is_frozen_and_tagged_with_its_name(kind: type[msgspec.Struct]) -> None:
    """The tape reads as the code does."""
    config = kind.__struct_config__

    assert (config.frozen, config.tag) == (True, kind.__name__)


@pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.__name__)
def test_every_event_says_when(kind: type[msgspec.Struct]) -> None:
    """Time enters as data, with every event."""
    assert {"received_ns", "now_ns"} & set(kind.__struct_fields__)


def test_the_lanes_share_no_event() -> None:
    """What may be conflated and what may not is decided by type."""
    market, account = set(get_args(MarketEvent)), set(get_args(AccountEvent))

    assert market & account == set()
    assert market | account | {Ticked} == set(_ALL)


def test_no_event_is_left_out() -> None:
    """Every event class of the module belongs to a lane."""
    classes = [item for item in vars(events).values() if isinstance(item, type) and issubclass(item, EventRoot)]

    assert set(classes) - {EventRoot} == {*get_args(AccountEvent), Ticked}


def test_an_event_survives_being_written_down() -> None:
    """Decimals keep their digits, types come back."""
    fill = Filled(
        fill_id="1",
        order_id="2",
        label="hb1",
        instrument="BTC-PERPETUAL",
        amount_native=Decimal(-10),
        price_native=Decimal("100000.5"),
        fee_native=Decimal("0.000000035"),
        fee_currency="BTC",
        is_maker=False,
        received_ns=1,
        venue_ns=1,
    )

    assert msgspec.json.decode(msgspec.json.encode(fill), type=Event) == fill
