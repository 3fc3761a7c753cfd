"""Bybit's names and tickers in our words."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.venues.bybit import market, marks, settlement_currency_of
from bot.venues.public_wire import MarkTold

NAME = InstrumentId("BYBIT:BTCUSDT")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("BTCUSDT", "BTC/USDT:USDT"), ("BTCPERP", "BTC/USDC:USDC"), ("1000PEPEUSDT", "1000PEPE/USDT:USDT")],
)
def test_a_linear_perpetual_by_its_name(name: str, symbol: str) -> None:
    """In USDT, or in USDC."""
    assert market(name)["symbol"] == symbol
    assert f"{settlement_currency_of(name)[0]}/" in symbol


@pytest.mark.parametrize("name", ["BTCUSD", "BTC-27MAR26", "BTC-27MAR26-70000-C", "USDT", "BTCUSDT-PERP", ""])
def test_what_is_no_linear_perpetual_is_refused(name: str) -> None:
    """Inverse ones, dated ones and options are not traded there."""
    with pytest.raises(ConfigError, match="no linear perpetual"):
        market(name)


@pytest.mark.parametrize(
    ("raw", "rate"),
    [
        ({"fundingRate": "0.0001", "fundingIntervalHour": "8"}, 0.0001),
        ({"fundingRate": "0.0001", "fundingIntervalHour": "1"}, 0.0008),
        ({"fundingRate": "-0.0001", "fundingIntervalHour": "4"}, -0.0002),
        ({"fundingRate": "0.0001"}, None),
        ({"fundingRate": "0.0001", "fundingIntervalHour": "0"}, None),
        ({"fundingIntervalHour": "8"}, None),
    ],
)
def test_funding_is_per_eight_hours_or_not_known(raw: dict[str, Any], rate: float | None) -> None:
    """Whatever the instrument's interval; without it a rate says nothing."""
    assert marks(NAME, {"info": raw}).funding_rate_8h == pytest.approx(rate)


def test_absent_is_none_and_never_zero() -> None:
    """Bybit writes "" or 0 where nothing stands."""
    told = marks(NAME, {"info": {"markPrice": "0", "indexPrice": "", "turnover24h": "0"}})

    assert told == MarkTold(NAME)


def test_turnover_is_the_volume_of_a_day() -> None:
    """In the money of a linear perpetual."""
    assert marks(NAME, {"info": {"turnover24h": "2352.53", "volume24h": "0.04"}}).volume_usd_per_day == 2352.53


@pytest.mark.realdata
def test_a_recorded_ticker(shared_data: Path) -> None:
    """Of the production venue, 2026: mark near index, funding known."""
    text = (shared_data / "messages/bybit/bourse/bybit__responses__fetch_ticker.json").read_text()
    raw = json.loads(text)["body"]["result"]["list"][0]

    told = marks(NAME, {"info": raw})

    assert told.mark_usd == pytest.approx(told.index_usd, rel=1e-3)
    assert told.funding_rate_8h == pytest.approx(-0.00000276)
