"""Subscriptions: which listener gets which channel, and what is said when the world has moved.

Knows channels, the simulated exchange and anything that can be sent a frame; knows no socket and no clock
(`Exchange.now_ns` is now). A feed is one channel for one account, encoded once for all its listeners.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from bot.domain.instruments import Kind
from bot.domain.time import Ns
from bot.localex.books import BookFeed
from bot.localex.channels import Channel, Interval, Topic
from bot.localex.chronicle import Chronicle
from bot.localex.faults import Faults
from bot.localex.rpc import notification
from bot.localex.states import BOOK_DEPTH_MAX, States, ticker_change, without_timestamp
from bot.localex.wire import Wire
from bot.localex.wire_account import (
    changes_object,
    flat_position,
    order_object,
    position_object,
    trade_object,
)
from bot.sim.exchange import Exchange
from bot.sim.facts import BookChange, Order, OrderChange, Trade, TradeOwned, TradePrinted

_USER_TOPICS: Final = (Topic.USER_CHANGES, Topic.USER_ORDERS, Topic.USER_TRADES)
_BOOK_TOPICS: Final = (Topic.BOOK, Topic.BOOK_GROUPED)


class Listener(Protocol):
    """Whoever subscribed."""

    def send(self, frame: str) -> None:
        """Take one frame; must not block."""


@dataclass(slots=True, eq=False)
class _Feed:
    channel: Channel
    account: str
    faults: Faults
    looked_ns: Ns
    """When it was last asked whether there is something to say."""
    listeners: dict[Listener, None] = field(default_factory=dict)
    told: object = None
    """What was last said, without its timestamp."""
    book: BookFeed | None = None
    is_touched: bool = False
    """Grouped book: the book changed since the last window."""
    orders: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)

    def is_due(self, now_ns: Ns) -> bool:
        """Whether the interval has passed; looking counts."""
        period_ns = self.channel.interval.period_ns
        if period_ns and now_ns // period_ns <= self.looked_ns // period_ns:
            return False
        self.looked_ns = now_ns
        return True

    def say(self, data: object) -> None:
        frame = notification(self.channel.name, data)
        for _ in range(self.faults.mischief.copies(self.channel.name)):
            for listener in list(self.listeners):
                listener.send(frame)


def _mover(feed: _Feed) -> tuple[str, str] | None:
    """What makes a feed of events speak; None for feeds of states, which are looked at."""
    if feed.channel.topic in _BOOK_TOPICS:
        return "book", feed.channel.instrument
    if feed.channel.topic is Topic.TRADES:
        return "trades", ""
    return ("user", feed.account) if feed.channel.topic in _USER_TOPICS else None


class Publisher:
    """All feeds of one exchange."""

    def __init__(self, exchange: Exchange, faults: Faults, currencies: tuple[str, ...], chronicle: Chronicle) -> None:
        """Start without a listener; `currencies` are those accounts hold."""
        self._exchange = exchange
        self._faults = faults
        self._chronicle = chronicle
        self._states = States(exchange, faults, currencies, chronicle)
        self._feeds: dict[tuple[str, str], _Feed] = {}
        self._concerned: dict[tuple[str, str], list[_Feed]] = {}
        """Feeds by what moves them: a book's instrument or an account."""
        self._moved: dict[_Feed, None] = {}
        """Feeds with something to say."""
        self._first: list[Callable[[], None]] = []
        """First messages of new subscriptions, sent after the acknowledgement."""

    def subscribe(self, listener: Listener, channel: Channel, account: str) -> None:
        """Add a listener; its first message waits for the next `flush`. Twice is once, without a new snapshot."""
        self._drain()
        account = account if channel.scope is not None else ""
        key = (channel.name, account)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = self._open(channel, account)
        if listener not in feed.listeners:
            feed.listeners[listener] = None
            self._first.append(lambda: self._say_first(feed, listener))

    def unsubscribe(self, listener: Listener, name: str) -> bool:
        """Remove a listener from a channel; whether it was subscribed."""
        mine = [key for key, feed in self._feeds.items() if key[0] == name and listener in feed.listeners]
        for key in mine:
            self._leave(key, listener)
        return bool(mine)

    def forget(self, listener: Listener, *, public_only: bool = False) -> None:
        """Remove a listener from all channels, or from the public ones."""
        for key, feed in list(self._feeds.items()):
            if listener in feed.listeners and not (public_only and feed.channel.scope is not None):
                self._leave(key, listener)

    def count(self, listener: Listener) -> int:
        """Channels a listener is subscribed to."""
        return sum(listener in feed.listeners for feed in self._feeds.values())

    def flush(self) -> None:
        """Say what just happened: first messages of new subscribers, private events, raw books."""
        first, self._first = self._first, []
        for say in first:
            say()
        self._drain()
        for feed in [feed for feed in self._moved if feed.channel.interval is Interval.RAW]:
            self._say_events(feed)

    def step(self) -> None:
        """Say what the passing of time brought: everything whose interval is over."""
        self.flush()
        self._chronicle.look()
        now_ns = self._exchange.now_ns
        tickers: dict[str, Wire] = {}
        for feed in list(self._feeds.values()):
            if feed.is_due(now_ns):
                self._say_events(feed)
                self._say_state(feed, tickers)

    def _open(self, channel: Channel, account: str) -> _Feed:
        feed = _Feed(channel=channel, account=account, faults=self._faults, looked_ns=self._exchange.now_ns)
        mover = _mover(feed)
        if mover is not None:
            self._concerned.setdefault(mover, []).append(feed)
        for name in self._watched(channel):
            self._exchange.watch(name)
        if channel.topic is Topic.BOOK:
            bids, asks, change_id = self._exchange.book(channel.instrument, BOOK_DEPTH_MAX)
            feed.book = BookFeed(channel.instrument, self._exchange.now_ns, bids, asks, change_id)
        return feed

    def _leave(self, key: tuple[str, str], listener: Listener) -> None:
        feed = self._feeds[key]
        del feed.listeners[listener]
        if feed.listeners:
            return
        del self._feeds[key]
        self._moved.pop(feed, None)
        for name in self._watched(feed.channel):
            self._exchange.unwatch(name)
        mover = _mover(feed)
        if mover is None:
            return
        self._concerned[mover].remove(feed)
        if not self._concerned[mover]:
            del self._concerned[mover]

    def _watched(self, channel: Channel) -> list[str]:
        """Instruments whose books must move for the channel; of a group of trades its perpetuals."""
        if channel.topic in (*_BOOK_TOPICS, Topic.CHART) or (channel.topic is Topic.TRADES and channel.instrument):
            return [channel.instrument]
        if channel.topic is not Topic.TRADES:
            return []
        listed = self._exchange.instruments()
        return [item.id for item in listed if item.kind is Kind.PERPETUAL and channel.covers(item)]

    def _drain(self) -> None:
        """Hand the exchange's changes to the feeds they concern."""
        for change in self._exchange.changes():
            match change:
                case BookChange():
                    self._apply(change)
                case OrderChange(order=order):
                    for feed in self._covering(("user", order.account), order.instrument):
                        feed.orders.append(order)
                case TradeOwned(trade=trade):
                    for feed in self._covering(("user", str(trade.account)), trade.instrument):
                        feed.trades.append(trade)
                case TradePrinted(trade=trade):
                    for feed in self._covering(("trades", ""), trade.instrument):
                        feed.trades.append(trade)

    def _apply(self, change: BookChange) -> None:
        for feed in self._concerned.get(("book", change.instrument), []):
            self._moved[feed] = None
            feed.is_touched = True
            if feed.book is not None:
                feed.book.apply(change)

    def _covering(self, mover: tuple[str, str], instrument: str) -> Iterable[_Feed]:
        for feed in self._concerned.get(mover, []):
            if feed.channel.covers(self._exchange.instrument(instrument)):
                self._moved[feed] = None
                yield feed

    def _say_events(self, feed: _Feed) -> None:
        """Books and private events that have gathered since the last time."""
        self._moved.pop(feed, None)
        if feed.book is not None:
            change = feed.book.take_change()
            if change is not None and not self._faults.takes_book_change(feed.channel.instrument):
                feed.say(change)
        if not feed.orders and not feed.trades:
            return
        orders, trades = feed.orders, feed.trades
        feed.orders, feed.trades = [], []
        match feed.channel.topic:
            case Topic.USER_CHANGES:
                self._say_changes(feed, orders, trades)
            case Topic.USER_ORDERS:
                told = [order_object(order, self._exchange.instrument(order.instrument)) for order in orders]
                # Raw tells one order, every other interval a list (exchange facts 1.5).
                for data in told if feed.channel.interval is Interval.RAW else filter(None, [told]):
                    feed.say(data)
            case Topic.USER_TRADES | Topic.TRADES if trades:
                feed.say([trade_object(trade, self._exchange.instrument(trade.instrument)) for trade in trades])
            case _:
                pass

    def _say_changes(self, feed: _Feed, orders: list[Order], trades: list[Trade]) -> None:
        """One message per instrument: its orders as they stand, its trades, its position."""
        exchange = self._exchange
        held = {position.instrument: position for position in exchange.positions(feed.account)}
        for name in dict.fromkeys([*(order.instrument for order in orders), *(trade.instrument for trade in trades)]):
            instrument = exchange.instrument(name)
            latest = {order.order_id: order for order in orders if order.instrument == name}
            mine = [trade for trade in trades if trade.instrument == name]
            ticker = exchange.ticker(name)
            position = held.get(name) or flat_position(ticker)
            told = position_object(position, instrument, ticker.interest_value)
            feed.say(changes_object(instrument, list(latest.values()), mine, told))

    def _say_first(self, feed: _Feed, listener: Listener) -> None:
        if feed.book is not None:
            states: list[object] = [feed.book.snapshot()]
        else:
            states = self._states.of(feed.channel, feed.account, {})
            if feed.told is None:
                feed.told = [without_timestamp(state) for state in states]
            if feed.channel.topic is Topic.INCREMENTAL_TICKER:
                states = [{"type": "snapshot"} | state for state in states if isinstance(state, dict)]
            if feed.channel.topic is Topic.INSTRUMENT_STATE:
                states = []  # what happened before is not told
        for state in states:
            listener.send(notification(feed.channel.name, state))

    def _say_state(self, feed: _Feed, tickers: dict[str, Wire]) -> None:
        """Say a feed's state where it differs from what was said."""
        if feed.channel.topic is Topic.BOOK_GROUPED and not feed.is_touched:
            return
        feed.is_touched = False
        states = self._states.of(feed.channel, feed.account, tickers)
        told = [without_timestamp(state) for state in states]
        before = feed.told if isinstance(feed.told, list) else []
        feed.told = told
        for number, state in enumerate(states):
            if number < len(before) and told[number] == before[number]:
                continue
            is_incremental = feed.channel.topic is Topic.INCREMENTAL_TICKER
            feed.say(ticker_change(before[number : number + 1], state) if is_incremental else state)
