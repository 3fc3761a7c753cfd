"""Names of channels: text to a parsed channel, or None for one the venue would drop silently.

Knows the grammar and which instruments exist; knows no subscriber and sends nothing.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import NS_PER_MS, NS_PER_S
from bot.localex.wire import currency_of, kind_of
from bot.sim.facts import VenueSays

KINDS: Final = ("future", "option", "spot", "future_combo", "option_combo", "combo", "any")
CURRENCIES: Final = ("BTC", "ETH", "USDC", "USDT", "EURR", "SOL", "any")
"""Words the venue takes for a currency, whether or not it lists anything in it; `any` is last.

SOL is no longer in the venue's documentation; cryptofeed 3.0.1 (2026-09) asks for its instruments and needs an answer.
"""
DEPTHS: Final = ("1", "10", "20")
_GROUPS: Final = ("none", "1", "2", "5", "10", "25", "100", "250")
_ETH_GROUP_DIVISOR: Final = 100
"""For ETH the real group is a hundredth: 5 means 0.05 (venue documentation of the grouped book)."""


class Interval(enum.StrEnum):
    """How often a channel speaks."""

    RAW = "raw"
    FAST = "100ms"
    AGG2 = "agg2"

    @property
    def period_ns(self) -> int:
        """Least time between two messages; agg2 is about one second (exchange facts 1.4)."""
        return {Interval.RAW: 0, Interval.FAST: 100 * NS_PER_MS, Interval.AGG2: NS_PER_S}[self]


class Topic(enum.StrEnum):
    """What a channel tells."""

    TICKER = "ticker"
    BOOK = "book"
    BOOK_GROUPED = "book_grouped"
    QUOTE = "quote"
    PRICE_INDEX = "deribit_price_index"
    TRADES = "trades"
    CHART = "chart.trades"
    PERPETUAL = "perpetual"
    INCREMENTAL_TICKER = "incremental_ticker"
    MARK_PRICES = "markprice.options"
    VOLATILITY_INDEX = "deribit_volatility_index"
    EXPIRATION_PRICE = "estimated_expiration_price"
    INSTRUMENT_STATE = "instrument.state"
    PLATFORM_STATE = "platform_state"
    METHODS_STATE = "platform_state.public_methods_state"
    ANNOUNCEMENTS = "announcements"
    INSTRUMENT_CREATION = "instrument.creation"
    USER_CHANGES = "user.changes"
    USER_ORDERS = "user.orders"
    USER_TRADES = "user.trades"
    USER_PORTFOLIO = "user.portfolio"
    USER_COMBO_TRADES = "user.combo_trades"
    USER_MMP_TRIGGER = "user.mmp_trigger"
    USER_LOCK = "user.lock"
    USER_ACCESS_LOG = "user.access_log"


_INDEX_TOPICS: Final = frozenset((Topic.PRICE_INDEX, Topic.MARK_PRICES, Topic.VOLATILITY_INDEX, Topic.EXPIRATION_PRICE))
_TIMED_TOPICS: Final = frozenset((Topic.TICKER, Topic.BOOK, Topic.TRADES, Topic.PERPETUAL))
_MS_PER_MIN: Final = 60_000
RESOLUTIONS_MIN: Final = {
    **{str(minutes): minutes for minutes in (1, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720)},
    "1D": 1_440,
}
"""Minutes of a bar by the word for it (venue documentation of charts)."""
VOLATILITY_INDICES: Final = ("btc_usd", "eth_usd")


@dataclass(frozen=True, slots=True)
class Channel:
    """One parsed channel; fields that do not belong to its topic are empty."""

    name: str
    """As the subscriber wrote it; notifications carry it back."""
    topic: Topic
    interval: Interval = Interval.RAW
    scope: str | None = None
    """Scope its subscriber needs; None for public."""
    instrument: str = ""
    index_name: str = ""
    kind: str = "any"
    currency: str = "any"
    group: Decimal | None = None
    depth: int = 0
    resolution_ms: int = 0
    """Length of a chart's bar."""

    @property
    def is_raw_public(self) -> bool:
        """Whether only authenticated sockets may have it (13778)."""
        return self.scope is None and self.name.endswith(".raw")

    def covers(self, instrument: Instrument) -> bool:
        """Whether a channel of a group or an instrument is about this instrument."""
        if self.instrument:
            return self.instrument == instrument.id
        return self.kind in ("any", kind_of(instrument)) and self.currency in ("any", currency_of(instrument))


class Grammar:
    """Parses channel names against the instruments of the venue."""

    def __init__(self, instrument: Callable[[str], Instrument], index_names: Callable[[], list[str]]) -> None:
        """Take the venue's look-ups; `instrument` raises VenueSays for an unknown name."""
        self._instrument = instrument
        self._index_names = index_names

    def parse(self, name: str) -> Channel | None:
        """The channel, or None when the venue would drop the name from its acknowledgement."""
        match name.split("."):
            case ["user", *words]:
                return self._private(name, words)
            case ["trades", kind, currency, interval] if _is_group(kind, currency) and interval in tuple(Interval):
                return Channel(name, Topic.TRADES, Interval(interval), kind=kind, currency=currency)
            case ["instrument", ("state" | "creation") as what, kind, currency] if _is_group(kind, currency):
                return Channel(name, Topic(f"instrument.{what}"), Interval.AGG2, kind=kind, currency=currency)
            case ["platform_state"] | ["announcements"] | ["platform_state", "public_methods_state"]:
                return Channel(name, Topic(name), Interval.AGG2)
            case [*words, index_name] if ".".join(words) in _INDEX_TOPICS:
                return self._of_index(name, Topic(".".join(words)), index_name)
            case words:
                return self._of_instrument(name, words)

    def _of_instrument(self, name: str, words: list[str]) -> Channel | None:
        match words:
            case [what, instrument, interval] if what in _TIMED_TOPICS and self._is_known(instrument, interval):
                is_perpetual = self._instrument(instrument).kind is Kind.PERPETUAL
                if what == Topic.PERPETUAL and not is_perpetual:
                    return None
                return Channel(name, Topic(what), Interval(interval), instrument=instrument)
            case ["book", instrument, group, depth, interval] if self._is_known(instrument, interval):
                return self._grouped(name, instrument, group, depth)
            case ["chart", "trades", instrument, word] if word in RESOLUTIONS_MIN and self._is_known(
                instrument, "agg2"
            ):
                length_ms = RESOLUTIONS_MIN[word] * _MS_PER_MIN
                return Channel(name, Topic.CHART, Interval.AGG2, instrument=instrument, resolution_ms=length_ms)
            case ["quote", instrument] if self._is_known(instrument, "raw"):
                return Channel(name, Topic.QUOTE, instrument=instrument)
            case ["incremental_ticker", instrument] if self._is_known(instrument, "agg2"):
                return Channel(name, Topic.INCREMENTAL_TICKER, Interval.AGG2, instrument=instrument)
            case _:
                return None

    def _private(self, name: str, words: list[str]) -> Channel | None:
        match words:
            case ["portfolio", currency]:
                return _portfolio(name, currency)
            case [("changes" | "orders" | "trades" | "combo_trades") as what, *rest]:
                return self._user(name, Topic(f"user.{what}"), rest)
            case ["lock"] | ["access_log"]:
                return Channel(name, Topic(name), Interval.AGG2, scope="account:read")
            case ["mmp_trigger", index_name] if index_name == "all" or index_name in self._index_names():
                return Channel(name, Topic.USER_MMP_TRIGGER, Interval.AGG2, scope="trade:read")
            case _:
                return None

    def _of_index(self, name: str, topic: Topic, index_name: str) -> Channel | None:
        has_volatility = index_name in VOLATILITY_INDICES or topic is not Topic.VOLATILITY_INDEX
        if index_name not in self._index_names() or not has_volatility:
            return None
        return Channel(name, topic, Interval.AGG2, index_name=index_name)

    def _is_known(self, instrument: str, interval: str) -> bool:
        if interval not in tuple(Interval):
            return False
        try:
            self._instrument(instrument)
        except VenueSays:
            return False
        return True

    def _grouped(self, name: str, instrument: str, group: str, depth: str) -> Channel | None:
        interval = Interval(name.rpartition(".")[2])
        if group not in _GROUPS or depth not in DEPTHS or interval is Interval.RAW:
            return None
        step = None if group == "none" else Decimal(group)
        if step is not None and self._instrument(instrument).base == "ETH":
            step /= _ETH_GROUP_DIVISOR
        return Channel(name, Topic.BOOK_GROUPED, interval, instrument=instrument, group=step, depth=int(depth))

    def _user(self, name: str, topic: Topic, rest: list[str]) -> Channel | None:
        match rest:
            case [kind, currency, interval] if kind in KINDS and currency in CURRENCIES and interval in tuple(Interval):
                return Channel(name, topic, Interval(interval), scope="trade:read", kind=kind, currency=currency)
            case [instrument, interval] if self._is_known(instrument, interval):
                return Channel(name, topic, Interval(interval), scope="trade:read", instrument=instrument)
            case _:
                return None


def _is_group(kind: str, currency: str) -> bool:
    return kind in KINDS and currency in CURRENCIES


def _portfolio(name: str, currency: str) -> Channel | None:
    """The venue takes the currency in either case (captured: `user.portfolio.btc`)."""
    wanted = "any" if currency.lower() == "any" else currency.upper()
    if wanted not in CURRENCIES:
        return None
    return Channel(name, Topic.USER_PORTFOLIO, Interval.AGG2, scope="account:read", currency=wanted)
