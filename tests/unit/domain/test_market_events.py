"""Market events are flat, so that the collector need not follow them; all of them are of the market lane."""

from typing import get_args

import msgspec
import pytest

from bot.domain import market_events
from bot.domain.market_events import EventRoot, MarketEvent


@pytest.mark.parametrize("kind", get_args(MarketEvent), ids=lambda kind: kind.__name__)
def test_a_market_event_names_its_instrument_and_its_two_times(kind: type[msgspec.Struct]) -> None:
    """Without gc: ten million of them are kept for a replay."""
    assert {"instrument", "received_ns", "venue_ns"} <= set(kind.__struct_fields__)
    assert kind.__struct_config__.gc is False


def test_no_market_event_is_left_out() -> None:
    """Every event class of the module belongs to the lane."""
    kinds = [item for item in vars(market_events).values() if isinstance(item, type) and issubclass(item, EventRoot)]

    assert set(kinds) - {EventRoot} == set(get_args(MarketEvent))
