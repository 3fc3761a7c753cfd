"""The venue of a paper account: the simulated exchange on a real venue's prices and books.

Hears what the real venue says, keeps one account, and has every change of it written down before anybody is
told. A book that is not known, or not heard of for a while, meets no order. Knows no request and no latency.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from bot.domain.errors import JournalError
from bot.domain.events import Event, StreamLost, StreamName
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_S, Ns
from bot.sim import facts
from bot.sim.delivery import settlement_after_ns
from bot.sim.exchange import Exchange
from bot.sim.facts import Told
from bot.sim.live import LiveMarket
from bot.sim.live_book import LiveBook
from bot.sim.memory import AccountKept
from bot.venues import sim_codec
from bot.venues.contract import BookMoves, NowNs, PublicTrade, Sink

ACCOUNT: Final = "paper"
_HEARD_NS_MAX: Final = Ns(5 * NS_PER_S)
"""A book nobody spoke of for longer may be anything: a perpetual's ticker alone comes several times a second."""
_SAVE_EVERY_NS: Final = Ns(60 * NS_PER_S)
"""Funding accrues all the time; what a kill loses of it is asked for at the next start."""
_SETTLEMENTS: Final = frozenset({"delivery", "settlement"})
_decode_kept = msgspec.json.Decoder(AccountKept).decode
_encode = msgspec.json.Encoder().encode


class Shelf(Struct, frozen=True, kw_only=True):
    """Where the account outlives the process: handed in by `app`."""

    load: Callable[[], bytes | None]
    save: Callable[[bytes], None]
    """Durable on return, or JournalError."""


class Opening(Struct, frozen=True, kw_only=True):
    """With what the venue opens: the account, and a first word about every instrument in it."""

    kept: AccountKept
    listed: tuple[Instrument, ...]
    tickers: tuple[OptionMarked | FutureMarked, ...]
    index_usd: Mapping[str, float]
    missed_funding: Mapping[InstrumentId, float]
    """What a long has paid while nobody was here, fraction of the notional, by perpetual."""


class PaperVenue:
    """One account on one exchange of our own. Opened once, late: prices must have been heard."""

    def __init__(self, shelf: Shelf, now_ns: NowNs) -> None:
        """Nothing is open; what is heard before that is forgotten."""
        self._shelf: Final = shelf
        self._now_ns: Final = now_ns
        self._exchange: Exchange | None = None
        self._market: LiveMarket | None = None
        self._books: Final[dict[InstrumentId, LiveBook]] = {}
        self._known: Final[set[InstrumentId]] = set()
        self._heard_ns: Final[dict[InstrumentId, Ns]] = {}
        self._saved_ns = Ns(0)
        self._settlement_ns = Ns(0)
        self._line_told = 0
        self._sink: Sink | None = None

    # --- opening -------------------------------------------------------------------------------------

    def kept(self) -> AccountKept | None:
        """The account as an earlier run left it; JournalError when it cannot be read."""
        data = self._shelf.load()
        try:
            return None if data is None else _decode_kept(data)
        except msgspec.MsgspecError as error:
            raise JournalError(f"the paper account cannot be read ({error}): move it and its ledger away") from error

    def begin(self, opening: Opening) -> None:
        """Open; the account is durable on return."""
        kept_marks: dict[str, Told] = {
            item.instrument.id: item.told for item in opening.kept.holdings if item.told is not None
        }
        market = LiveMarket(opening.listed, opening.tickers, opening.index_usd, kept_marks)
        exchange = Exchange(seed=0, start_ns=self._now_ns(), market=market, listed=opening.listed, takers_scale=None)
        exchange.recall(opening.kept)
        for name, rate in opening.missed_funding.items():
            exchange.pay_funding(ACCOUNT, name, rate)
        exchange.deliver()
        self._exchange, self._market = exchange, market
        self._settlement_ns = settlement_after_ns(exchange.now_ns)
        self._publish()
        self._save()

    @property
    def exchange(self) -> Exchange:
        """The exchange at this moment."""
        assert self._exchange is not None, "the paper venue is not open"
        return self._advance(self._exchange)

    # --- the real venue, as it is heard ----------------------------------------------------------------

    def hear(self, events: Sequence[Event]) -> None:
        """Take market events on their way to the bot."""
        if self._market is None:
            return
        for event in events:
            if isinstance(event, OptionMarked | FutureMarked):
                self._market.see(event)
                self._heard_ns[event.instrument] = event.received_ns
            elif isinstance(event, StreamLost) and event.stream is StreamName.MARKET:
                self._known.clear()

    def hear_book(self, instrument: InstrumentId, moves: BookMoves, venue_ns: Ns, *, is_whole: bool) -> None:
        """Move the liquidity of a book; resting orders it reaches are filled."""
        book = self._book(instrument)
        if book is None or not (is_whole or instrument in self._known):
            return
        book.hear(moves.bids, moves.asks, venue_ns, is_whole=is_whole)
        self._known.add(instrument)
        self._heard_ns[instrument] = self._now_ns()
        self._publish()

    def lose_book(self, instrument: InstrumentId) -> None:
        """Nothing is matched on it until it is heard as a whole again."""
        self._known.discard(instrument)

    def hear_trade(self, trade: PublicTrade) -> None:
        """Move queues on; resting orders it reaches are filled."""
        book = self._book(trade.instrument)
        if book is not None and trade.instrument in self._known:
            side = facts.Side.BUY if trade.is_buy else facts.Side.SELL
            book.hear_trade(side, trade.price_native, trade.amount_native, trade.venue_ns)
            self._publish()

    def _book(self, instrument: InstrumentId) -> LiveBook | None:
        if self._exchange is None:
            return None
        book = self._books.get(instrument)
        if book is None:
            book = self._books[instrument] = self._exchange.live_book(instrument)
        if self._exchange.orders_open(ACCOUNT):
            self._advance(self._exchange)  # fills of resting orders are stamped with the moment they happen
        return book

    def _advance(self, exchange: Exchange) -> Exchange:
        """A clock that goes back waits."""
        exchange.advance(Ns(max(self._now_ns(), exchange.now_ns)))
        return exchange

    def is_known(self, instrument: InstrumentId) -> bool:
        """Whether orders may meet this book now."""
        heard_ns = self._heard_ns.get(instrument)
        fresh = heard_ns is not None and self._now_ns() - heard_ns <= _HEARD_NS_MAX
        return fresh and instrument in self._known

    # --- the account -----------------------------------------------------------------------------------

    def follow(self, sink: Sink) -> None:
        """Tell the account's stream to `sink` from now on."""
        self._sink = sink

    def submit(self, request: facts.OrderRequest) -> tuple[facts.Order, tuple[facts.Trade, ...]]:
        """A new order; VenueSays when it is refused. What it did is durable, and told to the stream, on return."""
        try:
            return self.exchange.submit(request)
        finally:
            self._publish()

    def cancel(self, order_id: str) -> facts.Order:
        """Take back an open order; VenueSays when it is not open."""
        try:
            return self.exchange.cancel(ACCOUNT, order_id)
        finally:
            self._publish()

    def undelivered(self) -> set[tuple[str, Ns]]:
        """Index and expiry of positions that have expired and wait for their delivery price."""
        exchange = self.exchange
        found: set[tuple[str, Ns]] = set()
        for position in exchange.positions(ACCOUNT):
            spec = exchange.instrument(position.instrument)
            if spec.expiry_ns is not None and spec.expiry_ns <= exchange.now_ns and position.size_native:
                found.add((spec.index_name, spec.expiry_ns))
        return found

    def deliver(self, index_name: str, expiry_ns: Ns, usd: float) -> None:
        """Settle an expiry at its published price."""
        assert self._market is not None, "the paper venue is not open"
        self._market.publish_delivery(index_name, expiry_ns, usd)
        self.exchange.deliver()
        self._settled()

    def keep_up(self) -> None:
        """Once a second: funding and the clock; now and then what came of it is written down."""
        exchange = self.exchange
        self._publish()
        if exchange.now_ns >= self._settlement_ns:
            self._settled()
        if exchange.now_ns - self._saved_ns >= _SAVE_EVERY_NS:
            self._save()

    def close(self) -> None:
        """Write down where the account stands; never raises: fills are written already, funding is asked for."""
        if self._exchange is not None:
            with contextlib.suppress(JournalError):
                self._save()

    def money(self, received_ns: Ns) -> list[Event]:
        """Account figures, one event per currency."""
        exchange = self.exchange
        currencies = exchange.currencies(ACCOUNT)
        return [sim_codec.account_seen(exchange.summary(ACCOUNT, name), received_ns) for name in currencies]

    def _publish(self) -> None:
        """Write down, then tell, what happened on the account since the last time."""
        assert self._exchange is not None, "the paper venue is not open"
        changes = self._exchange.changes()
        if not changes:
            return
        now_ns = self._now_ns()
        events: list[Event] = []
        for change in changes:
            if isinstance(change, facts.OrderChange):
                events.append(sim_codec.updated(change.order, now_ns))
            elif isinstance(change, facts.TradeOwned):
                events.append(sim_codec.filled(change.trade, now_ns))
        if events:
            self._save()
            self._tell(events)

    def _settled(self) -> None:
        """Write down, then tell, what settlements booked since the last look: sessions ended, positions delivered."""
        exchange, now_ns = self.exchange, self._now_ns()
        self._settlement_ns = settlement_after_ns(exchange.now_ns)
        lines = [line for name in exchange.currencies(ACCOUNT) for line in exchange.log_of(ACCOUNT, name)]
        news = [line for line in lines if line.type in _SETTLEMENTS and line.log_id > self._line_told]
        if not news:
            return
        news.sort(key=lambda line: line.log_id)
        self._line_told = news[-1].log_id
        self._save()
        self._tell([sim_codec.settled(line, exchange.delivery_usd(line.instrument), now_ns) for line in news])

    def _tell(self, events: Sequence[Event]) -> None:
        if self._sink is not None:
            self._sink((*events, *self.money(self._now_ns())))

    def _save(self) -> None:
        assert self._exchange is not None, "the paper venue is not open"
        self._saved_ns = self._exchange.now_ns
        self._shelf.save(_encode(self._exchange.remember(ACCOUNT)))
