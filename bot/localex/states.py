"""What a channel of states shows right now: tickers, quotes, indices, marks, windows of books, money.

Asks the simulated exchange and writes Deribit's objects. Knows no subscriber and remembers nothing.
"""

from collections.abc import Iterable
from typing import Final

from bot.domain.time import NS_PER_S, Ns, ms_from_ns
from bot.localex.books import group_levels
from bot.localex.candles import candles
from bot.localex.channels import Channel, Topic
from bot.localex.chronicle import Chronicle, open_options, volatility_percent
from bot.localex.faults import Faults
from bot.localex.wire import Wire, price_digits, quote_object, shown, shown_usd, ticker_object
from bot.localex.wire_account import summary_object
from bot.sim.exchange import Exchange
from bot.sim.facts import VenueSays

BOOK_DEPTH_MAX: Final = 10_000
"""Deepest book anyone may ask for (venue documentation of get_order_book)."""
_IV_DIGITS: Final = 4
_FROZEN_TOPICS: Final = (Topic.TICKER, Topic.QUOTE, Topic.INCREMENTAL_TICKER)


class States:
    """Reads the present for channels."""

    def __init__(self, exchange: Exchange, faults: Faults, currencies: tuple[str, ...], chronicle: Chronicle) -> None:
        """`currencies` are those accounts hold."""
        self._exchange = exchange
        self._chronicle = chronicle
        self._faults = faults
        self._currencies = currencies

    def of(self, channel: Channel, account: str, tickers: dict[str, Wire]) -> list[object]:
        """One object per message; nothing for channels of events and for frozen or vanished instruments.

        `tickers` are those already made for this moment.
        """
        if channel.topic in _FROZEN_TOPICS and self._faults.is_frozen(channel.instrument):
            return []
        try:
            if channel.topic is Topic.USER_PORTFOLIO:
                held = self._currencies if channel.currency == "any" else (channel.currency,)
                return [summary_object(self._exchange.summary(account, name)) for name in held]
            return self._of_instrument(channel, tickers) if channel.instrument else self._of_venue(channel)
        except VenueSays:
            return []

    def _of_instrument(self, channel: Channel, tickers: dict[str, Wire]) -> list[object]:
        name, exchange = channel.instrument, self._exchange
        match channel.topic:
            case Topic.TICKER | Topic.INCREMENTAL_TICKER:
                return [self._ticker(name, tickers)]
            case Topic.QUOTE:
                return [quote_object(name, exchange.now_ns, exchange.touch(name))]
            case Topic.PERPETUAL:
                ticker = self._ticker(name, tickers)
                return [
                    {
                        "timestamp": ticker["timestamp"],
                        "interest": ticker["current_funding"],
                        "index_price": ticker["index_price"],
                    }
                ]
            case Topic.BOOK_GROUPED:
                return [self._window(channel)]
            case Topic.CHART:
                return self._candle(channel)
            case _:
                return []

    def _of_venue(self, channel: Channel) -> list[object]:
        exchange, index_name = self._exchange, channel.index_name
        now_ms = ms_from_ns(exchange.now_ns)
        match channel.topic:
            case Topic.PRICE_INDEX:
                price = shown_usd(exchange.index_usd(index_name))
                return [{"index_name": index_name, "price": price, "timestamp": now_ms}]
            case Topic.EXPIRATION_PRICE:
                usd, left_ns, is_estimated = exchange.estimated_delivery(index_name)
                return [{"price": shown_usd(usd), "seconds": left_ns // NS_PER_S, "is_estimated": is_estimated}]
            case Topic.VOLATILITY_INDEX:
                volatility = volatility_percent(exchange, index_name)
                return [{"timestamp": now_ms, "volatility": volatility, "index_name": index_name}]
            case Topic.MARK_PRICES:
                return [self._marks(index_name)]
            case Topic.PLATFORM_STATE:
                return [{"locked": False, "price_index": name} for name in exchange.index_names()]
            case Topic.METHODS_STATE:
                return [{"allow_unauthenticated_public_requests": True}]
            case Topic.INSTRUMENT_STATE:
                return list(self._state_changes(channel))
            case _:
                return []

    def _ticker(self, name: str, tickers: dict[str, Wire]) -> Wire:
        if name not in tickers:
            tickers[name] = ticker_object(self._exchange.ticker(name), self._exchange.instrument(name))
        return tickers[name]

    def _candle(self, channel: Channel) -> list[object]:
        """The bar of a chart that is being drawn."""
        instrument = self._exchange.instrument(channel.instrument)
        now_ms, step_ms = ms_from_ns(self._exchange.now_ns), channel.resolution_ms
        begun_ms = now_ms // step_ms * step_ms
        return [
            {
                "tick": bar.time_ms,
                "open": bar.open,
                "high": bar.high,
                "low": bar.low,
                "close": bar.close,
                "volume": shown(bar.volume, 8),
                "cost": shown(bar.cost, 8),
            }
            for bar in candles(self._chronicle.prints(instrument), begun_ms, now_ms, step_ms)
        ]

    def _window(self, channel: Channel) -> Wire:
        bids, asks, change_id = self._exchange.book(channel.instrument, BOOK_DEPTH_MAX)
        return {
            "timestamp": ms_from_ns(self._exchange.now_ns),
            "instrument_name": channel.instrument,
            "change_id": change_id,
            "bids": group_levels(bids, channel.group, channel.depth, is_bid=True),
            "asks": group_levels(asks, channel.group, channel.depth, is_bid=False),
        }

    def _marks(self, index_name: str) -> list[Wire]:
        """All options of an index; volatility is a fraction here (data notes 4.4)."""
        rows: list[Wire] = []
        for item in open_options(self._exchange, index_name):
            mark_native, iv = self._exchange.mark(item.id)
            rows.append(
                {
                    "timestamp": ms_from_ns(self._exchange.now_ns),
                    "iv": shown(iv or 0.0, _IV_DIGITS),
                    "instrument_name": item.id,
                    "mark_price": shown(mark_native, price_digits(item)),
                }
            )
        return rows

    def _state_changes(self, channel: Channel) -> Iterable[Wire]:
        """Instruments that were added or delivered since the exchange opened, oldest first."""
        exchange = self._exchange
        changes: list[tuple[Ns, str, str]] = []
        for item in exchange.instruments():
            if item.expiry_ns is None or not channel.covers(item):
                continue
            created_ns, state = exchange.created_ns(item.id), exchange.instrument_state(item.id)
            if created_ns is not None:
                changes.append((created_ns, "open", item.id))
            if state != "open":
                changes.append((item.expiry_ns, state, item.id))
        # At one 08:00 what expires goes first; the order within stays, so that what was told stays in its place.
        for time_ns, state, name in sorted(changes, key=lambda change: (change[0], change[1] == "open")):
            yield {"instrument_name": name, "state": state, "timestamp": ms_from_ns(time_ns)}


def without_timestamp(state: object) -> object:
    """What has to differ for a state to be news."""
    if isinstance(state, list):
        return [without_timestamp(row) for row in state]
    assert isinstance(state, dict), f"a channel's state is an object or a list of them, not {state!r}"
    return {name: value for name, value in state.items() if name != "timestamp"}


def ticker_change(before: list[object], state: object) -> Wire:
    """An incremental ticker after its snapshot: what changed since `before` (empty: all), with name and time."""
    assert isinstance(state, dict), f"a ticker is an object, not {state!r}"
    told = before[0] if before and isinstance(before[0], dict) else {}
    changed = {name: value for name, value in state.items() if name not in told or told[name] != value}
    same = {"timestamp": state["timestamp"], "instrument_name": state["instrument_name"]}
    return {"type": "change"} | same | changed
