"""Hyperliquid's prices: its perpetuals through ccxt.pro, in our words. Pure.

Knows Hyperliquid's names and units (exchange facts 4.3): sizes are coins, money is USDC, the index is its oracle's
price, funding is per hour.
"""

from typing import Final

from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.market_events import FutureMarked
from bot.domain.time import Ns
from bot.venues.ccxt_feed import Prices, Told, number
from bot.venues.settings import VenueSettings

HYPERLIQUID: Final = VenueId("hyperliquid")
MONEY: Final = "USDC"
_HOURS_IN_8H: Final = 8.0


def market(name: str) -> dict[str, object]:
    """What ccxt calls it. Perpetuals of other people's exchanges (`dex:COIN`) are none of ours."""
    if not name.isalnum():
        raise ConfigError(f"HYPERLIQUID:{name} is no perpetual: those are called like BTC")
    return {
        "id": name,
        "symbol": f"{name}/{MONEY}:{MONEY}",
        "base": name,
        "baseName": name,
        "quote": MONEY,
        "settle": MONEY,
        "type": "swap",
        "swap": True,
        "contract": True,
        "linear": True,
        "spot": False,
        "option": False,
    }


def marked(name: InstrumentId, ticker: Told, received_ns: Ns) -> FutureMarked:
    """`activeAssetCtx`: it has no time and no price band, and its touch is the book's business."""
    raw = ticker["info"]
    funding = number(raw, "funding")
    return FutureMarked(
        instrument=name,
        received_ns=received_ns,
        venue_ns=received_ns,
        bid_usd=None,
        ask_usd=None,
        bid_amount_native=None,
        ask_amount_native=None,
        mark_usd=number(raw, "markPx") or None,
        index_usd=number(raw, "oraclePx") or None,
        price_min_usd=None,
        price_max_usd=None,
        funding_rate_8h=None if funding is None else funding * _HOURS_IN_8H,
        is_open=True,
    )


def _urls(settings: VenueSettings) -> dict[str, object]:
    return {"ws": {"public": settings.ws_url}}


PRICES: Final = Prices(
    exchange="hyperliquid",
    urls=_urls,
    market=market,
    marked=marked,
    # Every message is the whole book.
    levels_count=None,
)
