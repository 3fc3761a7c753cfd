"""Hyperliquid's names and contexts in our words."""

import json
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.venues.hyperliquid import market, marks
from bot.venues.public_wire import MarkTold

NAME = InstrumentId("HYPERLIQUID:BTC")


def test_a_perpetual_by_its_coin() -> None:
    """Money is USDC."""
    assert market("BTC")["symbol"] == "BTC/USDC:USDC"


@pytest.mark.parametrize("name", ["xyz:TSLA", "@107", "PURR/USDC", ""])
def test_spot_and_other_peoples_exchanges_are_refused(name: str) -> None:
    """Only the venue's own perpetuals."""
    with pytest.raises(ConfigError, match="no perpetual"):
        market(name)


def test_funding_of_an_hour_is_eightfold_and_the_oracle_is_the_index() -> None:
    """The touch it tells (of an impact) is not read: that is the book's business."""
    raw = {"markPx": "64000.0", "oraclePx": "64010.0", "funding": "0.0000125", "impactPxs": ["63999", "64001"]}
    raw |= {"dayNtlVlm": "7665220.5"}

    told = marks(NAME, {"info": raw})

    assert (told.mark_usd, told.index_usd) == (64000.0, 64010.0)
    assert told.funding_rate_8h == pytest.approx(0.0001)
    assert told.volume_usd_per_day == 7665220.5
    assert marks(NAME, {"info": {}}) == MarkTold(NAME)


@pytest.mark.realdata
def test_recorded_contexts(shared_data: Path) -> None:
    """Every listed perpetual's recorded context is understood; Bitcoin's comes first."""
    text = (shared_data / "messages/hyperliquid/nautilus_trader/ws_all_dexs_asset_ctxs.json").read_text()
    contexts = json.loads(text)["data"]["ctxs"][0][1]

    events = [marks(NAME, {"info": raw}) for raw in contexts]

    assert events[0].mark_usd == 77562.0
    assert events[0].funding_rate_8h == pytest.approx(-0.0000015186 * 8.0)
    assert all(event.mark_usd is not None for event in events)
