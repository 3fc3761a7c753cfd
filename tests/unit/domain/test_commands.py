"""Commands are frozen, named by their class, and survive being written down."""

from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from bot.domain.commands import Command, PlaceOrder


@pytest.mark.parametrize("kind", get_args(Command), ids=lambda kind: kind.__name__)
def test_a_command_is_frozen_and_tagged_with_its_name(kind: type[msgspec.Struct]) -> None:
    """The ledger reads as the code does."""
    config = kind.__struct_config__

    assert (config.frozen, config.tag) == (True, kind.__name__)


def test_an_order_survives_being_written_down() -> None:
    """What is read back is what was decided, to the digit."""
    order = PlaceOrder(
        label="hb1",
        instrument="BTC-PERPETUAL",
        amount_native=Decimal(-10),
        price_native=Decimal("99999.5"),
        arrival_mid_native=100_000.25,
        valid_until_ns=2,
        decided_seq=1,
    )

    assert msgspec.json.decode(msgspec.json.encode(order), type=Command) == order


def test_only_an_order_that_rests_says_so() -> None:
    """An immediate one is written down as before orders could rest: tapes stay what they were."""
    order = PlaceOrder(
        label="hb1",
        instrument="BTC-PERPETUAL",
        amount_native=Decimal(-10),
        price_native=Decimal("99999.5"),
        arrival_mid_native=100_000.25,
        valid_until_ns=2,
        decided_seq=1,
    )
    resting = msgspec.structs.replace(order, rest_until_ns=9)

    assert (order.rests, resting.rests) == (False, True)
    assert b"rest_until_ns" not in msgspec.json.encode(order)
    assert msgspec.json.decode(msgspec.json.encode(resting), type=Command) == resting
