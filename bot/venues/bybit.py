"""Bybit's prices: linear perpetuals (USDT and USDC) through ccxt.pro, in our words. Pure.

Knows Bybit's names and units (exchange facts 4.3, 5.2): sizes are coins, numbers are strings, funding is per the
instrument's own interval (8, 4 or 1 h).
"""

from typing import Final

from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId, VenueId
from bot.venues.ccxt_feed import Prices, Told, number
from bot.venues.public_wire import MarkTold
from bot.venues.settings import VenueSettings

BYBIT: Final = VenueId("bybit")
_USDC_PERP: Final = "PERP"
_HOURS_IN_8H: Final = 8.0


def settlement_currency_of(name: str) -> tuple[str, str]:
    """Coin and money of a linear perpetual by its name: BTCUSDT is in USDT, BTCPERP in USDC (facts 4.3)."""
    for ending, money in (("USDT", "USDT"), (_USDC_PERP, "USDC")):
        base = name.removesuffix(ending)
        if base and base != name and name.isalnum():
            return base, money
    raise ConfigError(f"BYBIT:{name} is no linear perpetual: those are called like BTCUSDT or BTCPERP")


def market(name: str) -> dict[str, object]:
    """What ccxt calls it."""
    base, money = settlement_currency_of(name)
    return {
        "id": name,
        "symbol": f"{base}/{money}:{money}",
        "base": base,
        "quote": money,
        "settle": money,
        "type": "swap",
        "swap": True,
        "contract": True,
        "linear": True,
        "spot": False,
        "option": False,
    }


def marks(name: InstrumentId, ticker: Told) -> MarkTold:
    """`tickers.SYMBOL`, deltas merged by ccxt. No price band is told, and no state: a halted book falls silent."""
    raw = ticker["info"]
    funding, interval_h = number(raw, "fundingRate"), number(raw, "fundingIntervalHour")
    return MarkTold(
        instrument=name,
        mark_usd=number(raw, "markPrice") or None,
        index_usd=number(raw, "indexPrice") or None,
        # Without its interval a rate may be off by a factor of eight: then it is not known.
        funding_rate_8h=None if funding is None or not interval_h else funding * _HOURS_IN_8H / interval_h,
        volume_usd_per_day=number(raw, "turnover24h") or None,
    )


def _urls(settings: VenueSettings) -> dict[str, object]:
    return {"ws": {"public": {"linear": settings.ws_url}}}


PRICES: Final = Prices(
    exchange="bybit",
    urls=_urls,
    market=market,
    marks=marks,
    # One level: each message tells the touch anew, and what is left from before shows as a second level.
    levels_count=1,
)
