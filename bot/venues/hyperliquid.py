"""Hyperliquid's prices: its perpetuals through ccxt.pro, in our words. Pure.

Knows Hyperliquid's names and units (exchange facts 4.3): sizes are coins, money is USDC, the index is its oracle's
price, funding is per hour.
"""

from typing import Final

from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId, VenueId
from bot.venues.ccxt_feed import Prices, Told, number
from bot.venues.public_wire import MarkTold
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


def marks(name: InstrumentId, ticker: Told) -> MarkTold:
    """`activeAssetCtx`: it has no time and no price band, and its touch is the book's business."""
    raw = ticker["info"]
    funding = number(raw, "funding")
    return MarkTold(
        instrument=name,
        mark_usd=number(raw, "markPx") or None,
        index_usd=number(raw, "oraclePx") or None,
        funding_rate_8h=None if funding is None else funding * _HOURS_IN_8H,
        volume_usd_per_day=number(raw, "dayNtlVlm") or None,
    )


def _urls(settings: VenueSettings) -> dict[str, object]:
    return {"ws": {"public": settings.ws_url}}


PRICES: Final = Prices(
    exchange="hyperliquid",
    urls=_urls,
    market=market,
    marks=marks,
    # Every message is the whole book.
    levels_count=None,
)
