"""The simulated venue: one market, its instruments, its clients. The only door to the package.

Deterministic: the same seed and the same calls give the same answers. Reads no clock, does no IO; time comes
with `advance`. Values options by its own arithmetic, never by the bot's.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import Ns
from bot.domain.units import ZERO, decimal_from_wire
from bot.sim.account import Account, Holding
from bot.sim.checks import invalid_params
from bot.sim.delivery import WINDOW_NS, is_in_window, is_settlement, next_stop_ns, settlement_after_ns
from bot.sim.desk import Desk
from bot.sim.facts import (
    AccountSummary,
    Change,
    LogEntry,
    Order,
    OrderEdit,
    OrderRequest,
    Position,
    Quote,
    Ticker,
    Touch,
    Trade,
    VenueSays,
)
from bot.sim.listing import Lister, nothing_new
from bot.sim.live_book import LiveBook
from bot.sim.market import Market
from bot.sim.marks import Marks
from bot.sim.memory import AccountKept, pay_funding, recall, remember
from bot.sim.pit import Mark, Pit, open_pit
from bot.sim.quoting import Quoting
from bot.sim.settlement import deliver, pit_of_new, settle_day
from bot.sim.statements import available_native, marked_coin, position_of, summary_of
from bot.sim.tickers import quote_of, ticker_of, touch_of

_CURRENCIES: Final = ("BTC", "ETH", "USDC")
_STOPS_MAX: Final = 40_000
"""Bound of the loop over daily stops in one `advance`: more than three years."""

_Ladder = tuple[tuple[Decimal, Decimal], ...]


class Exchange:
    """Answers what a venue answers; refuses with `VenueSays`."""

    def __init__(
        self,
        *,
        seed: int,
        start_ns: Ns,
        market: Market,
        listed: Sequence[Instrument],
        takers_scale: float | None = 1.0,
        lister: Lister = nothing_new,
    ) -> None:
        """Open at `start_ns`. `takers_scale`: times the fitted intensity, None: no takers; `lister`: what is added."""
        self._market, self._seed, self._lister = market, seed, lister
        market.advance(start_ns)
        self._now_ns = start_ns
        self._pits: dict[str, Pit] = {item.id: open_pit(item, seed) for item in listed}
        self._marks = Marks(market, listed, start_ns)
        self._desk = Desk(self._marks, start_ns)
        self._quoting = Quoting(self._desk, market, seed, takers_scale)
        for pit in self._pits.values():
            pit.settlement_native = self._marks.of(pit).mark_native
            self._quoting.recall_day(pit, start_ns)

    # --- time ------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> Ns:
        """The venue's time."""
        return self._now_ns

    def advance(self, now_ns: Ns) -> None:
        """Move market, quotes of watched instruments, takers, funding; settle and deliver at 08:00 UTC."""
        assert now_ns >= self._now_ns, f"time went back from {self._now_ns} to {now_ns}"
        for _ in range(_STOPS_MAX):
            if self._now_ns == now_ns:
                return
            self._step(next_stop_ns(self._now_ns, now_ns))
        raise AssertionError(f"more than {_STOPS_MAX} stops on the way to {now_ns}")

    def _step(self, now_ns: Ns) -> None:
        before_ns = self._now_ns
        if is_in_window(now_ns):
            before = {name: self._market.index_usd(name) for name in self._market.index_names()}
            self._market.advance(now_ns)
            for name, usd in before.items():
                self._marks.average.observe(name, usd, self._market.index_usd(name), now_ns - before_ns)
        else:
            self._market.advance(now_ns)
        self._now_ns = now_ns
        self._desk.now_ns = now_ns
        self._marks.move_to(now_ns)
        if is_settlement(now_ns):
            settle_day(self._desk, self._pits, now_ns)
            self._quoting.rouse(self._pits)
            for item in self._lister(now_ns, self.instruments()):
                self._pits[item.id] = pit_of_new(item, self._seed, self._marks, now_ns)
                self._quoting.recall_day(self._pits[item.id], now_ns)
        self._quoting.step(now_ns)

    # --- instruments and market data -------------------------------------------------------------

    def deliver(self) -> None:
        """Settle what has expired and whose delivery price has become known since 08:00 UTC."""
        deliver(self._desk, self._pits, self._now_ns)

    def live_book(self, name: str) -> LiveBook:
        """The door through which a real venue's book is heard; to be kept by whoever listens."""
        return LiveBook(self._desk, self._pit(name))

    def instruments(self) -> tuple[Instrument, ...]:
        """All that was ever listed, delivered ones included (ask `instrument_state`)."""
        return tuple(pit.instrument for pit in self._pits.values())

    def instrument(self, name: str) -> Instrument:
        """One of them; -32602 when unknown."""
        return self._pit(name).instrument

    def instrument_state(self, name: str) -> str:
        """`open` or `delivered`."""
        return self._pit(name).state

    def created_ns(self, name: str) -> Ns | None:
        """When an instrument was added; None for those of the start."""
        return self._pit(name).created_ns

    def delivery_usd(self, name: str) -> float | None:
        """Delivery price of a delivered instrument, None before."""
        return self._pit(name).delivery_usd

    def index_names(self) -> tuple[str, ...]:
        """Names of the indices."""
        return self._market.index_names()

    def index_usd(self, index_name: str) -> float:
        """Index now; -32602 when unknown."""
        if index_name not in self._market.index_names():
            raise invalid_params("index_name", "wrong format")
        return self._market.index_usd(index_name)

    def ticker(self, name: str) -> Ticker:
        """Everything about one instrument now."""
        pit, mark = self._quoted(name)
        return ticker_of(pit, mark, self._market, self._now_ns, self._marks.funding.get(pit.instrument.id))

    def quote(self, name: str) -> Quote:
        """Of its ticker what one trades by, which costs half as much."""
        pit, mark = self._quoted(name)
        return quote_of(pit, mark, self._now_ns, self._marks.funding.get(pit.instrument.id))

    def mark(self, name: str) -> tuple[float, float | None]:
        """(mark, volatility as a fraction) now, without a look at the book."""
        mark = self._marks.of(self._pit(name))
        return mark.mark_native, mark.iv

    def estimated_delivery(self, index_name: str) -> tuple[float, int, bool]:
        """(USD expected of the next delivery, nanoseconds to it, whether its average has begun)."""
        left_ns = settlement_after_ns(self._now_ns) - self._now_ns
        usd = self._marks.average.estimate_usd(index_name, self.index_usd(index_name), left_ns)
        return usd, left_ns, left_ns < WINDOW_NS

    def funding_interest(self, name: str, start_ns: Ns, end_ns: Ns) -> float:
        """Funding of a perpetual between two moments, fraction, positive: long paid. -32602 for anything else."""
        funding = self._marks.funding.get(self._pit(name).instrument.id)
        if funding is None:
            raise invalid_params("instrument_name", "not a perpetual")
        return funding.interest(start_ns, end_ns, self._now_ns)

    def touch(self, name: str) -> Touch:
        """Best prices now."""
        return touch_of(self._quoted(name)[0])

    def book(self, name: str, depth: int) -> tuple[_Ladder, _Ladder, int]:
        """(bids, asks, change id), best first, at most `depth` prices a side."""
        pit, _ = self._quoted(name)
        grid, book = pit.grid, pit.book
        bids = tuple((grid.price(units), grid.amount(lots)) for units, lots in book.bids.ladder(depth))
        asks = tuple((grid.price(units), grid.amount(lots)) for units, lots in book.asks.ladder(depth))
        return bids, asks, book.change_id

    def trades_public(self, name: str) -> list[Trade]:
        """Public trades of an instrument, newest first, a bounded number."""
        return list(reversed(self._pit(name).trades))

    def watch(self, name: str) -> None:
        """Tell book changes of an instrument from now on. Counted: needs as many `unwatch`."""
        pit, _ = self._quoted(name)
        pit.watchers_count += 1
        self._quoting.follow(pit)

    def keep_alive(self, name: str) -> None:
        """Move the book of an instrument as if it were watched, for ever; its changes are told to nobody."""
        pit, _ = self._quoted(name)
        pit.is_kept_alive = True
        self._quoting.follow(pit)

    def unwatch(self, name: str) -> None:
        """Take back one `watch`; more than were made are ignored."""
        pit = self._pit(name)
        pit.watchers_count = max(0, pit.watchers_count - 1)
        self._quoting.rouse([name])

    def changes(self) -> list[Change]:
        """All that happened since the last call, in order."""
        drained, self._desk.changes = self._desk.changes, []
        return drained

    # --- accounts --------------------------------------------------------------------------------

    def open_account(self, account: str, balances: dict[str, Decimal]) -> None:
        """A new client with these balances by currency; currencies not named start at zero."""
        assert account not in self._desk.accounts, f"account {account} exists"
        known = dict.fromkeys(_CURRENCIES, ZERO)
        self._desk.accounts[account] = Account(account, {**known, **balances})

    def accounts(self) -> tuple[str, ...]:
        """Names of all clients."""
        return tuple(self._desk.accounts)

    def currencies(self, account: str) -> tuple[str, ...]:
        """Currencies the account has a summary of."""
        return tuple(self._desk.accounts[account].balances)

    def balance_native(self, account: str, currency: str) -> Decimal:
        """Exact balance, funding booked up to now."""
        self._settle_fundings(self._desk.accounts[account])
        return self._desk.accounts[account].balances.get(currency, ZERO)

    def remember(self, account: str) -> AccountKept:
        """All that has to outlive this world of one account, funding booked up to now."""
        client = self._desk.accounts[account]
        self._settle_fundings(client)
        return remember(self._desk, client, self._pits)

    def recall(self, kept: AccountKept) -> None:
        """Open an account as it was remembered in an earlier world; what it held is listed here again."""
        assert not self._desk.accounts, "numbers go on from one account's only"
        recall(self._desk, kept)

    def pay_funding(self, account: str, name: str, interest_rate: float) -> None:
        """Book funding of a time when nobody was here: a fraction of the perpetual's notional, positive: long pays."""
        client, pit = self._desk.accounts[account], self._pit(name)
        self._desk.settle_funding(client, pit)
        pay_funding(client, pit, self._marks.of(pit), interest_rate)

    def seed_position(self, account: str, instrument: str, size_native: Decimal) -> None:
        """Give a position at the current mark, free of charge: it was there before the world began."""
        pit = self._pit(instrument)
        client = self._desk.accounts[account]
        self._desk.settle_funding(client, pit)
        price = decimal_from_wire(self._marks.of(pit).mark_native)
        holding = client.holding(pit.instrument)
        holding.fill(size_native, price)
        holding.seeded_native += size_native

    def seeded_native(self, account: str) -> dict[str, Decimal]:
        """Part of each position that was given, by instrument."""
        return {name: held.seeded_native for name, held in self._desk.accounts[account].holdings.items()}

    def positions(self, account: str) -> list[Position]:
        """All positions, flat ones held today included."""
        client = self._desk.accounts[account]
        self._settle_fundings(client)
        held = ((holding, self._pits[name]) for name, holding in client.holdings.items())
        return [position_of(holding, pit, self._marks.of(pit)) for holding, pit in held]

    def delta_coin(self, account: str, base: str) -> float:
        """Coins of what is held on a coin, by its marks; books nothing."""
        held = [item for item in self._desk.accounts[account].holdings.values() if item.instrument.base == base]
        return sum(marked_coin(item, self._marks.of(self._pits[item.instrument.id])) for item in held)

    def summary(self, account: str, currency: str) -> AccountSummary:
        """Money of one currency."""
        client = self._desk.accounts[account]
        return summary_of(client, currency, self._held(client, currency), settlement_after_ns(self._now_ns))

    def _available_native(self, account: str, pit: Pit) -> float:
        client, currency = self._desk.accounts[account], pit.instrument.settlement_currency
        return available_native(client, currency, self._held(client, currency))

    def _held(self, client: Account, currency: str) -> list[tuple[Holding, Mark]]:
        """Positions settled in a currency, funding booked, with their marks."""
        self._settle_fundings(client)
        return [
            (holding, self._marks.of(self._pits[name]))
            for name, holding in client.holdings.items()
            if holding.instrument.settlement_currency == currency
        ]

    def _settle_fundings(self, client: Account) -> None:
        for name, holding in client.holdings.items():
            if holding.instrument.kind is Kind.PERPETUAL:
                self._desk.settle_funding(client, self._pits[name])

    # --- orders ----------------------------------------------------------------------------------

    def submit(self, request: OrderRequest) -> tuple[Order, tuple[Trade, ...]]:
        """A new order: the order as it stands after matching, and its own trades."""
        pit, _ = self._quoted(request.instrument)
        order, trades = self._desk.submit(request, pit, self._available_native(request.account, pit))
        self._quoting.follow(pit)
        self._desk.flush_book(pit)
        return order, trades

    def cancel(self, account: str, order_id: str) -> Order:
        """Take back an open order; 11044 when it is not open any more, 10004 when it never was."""
        ended = self._cancel(self._desk.accounts[account].open_order(order_id), "user_request")
        if ended is None:
            raise VenueSays(11044, "not_open_order")
        return ended

    def edit(self, account: str, order_id: str, edit: OrderEdit) -> tuple[Order, tuple[Trade, ...]]:
        """Change an open order: the order as it stands afterwards and the trades that brought. 11044, 10004."""
        client = self._desk.accounts[account]
        pit, _ = self._quoted(client.open_order(order_id).instrument)
        # Bringing the book up to this moment may have filled it.
        order = client.open_order(order_id)
        edited, trades = self._desk.edit(order, edit, pit, self._available_native(account, pit))
        self._quoting.follow(pit)
        self._desk.flush_book(pit)
        return edited, trades

    def _cancel(self, order: Order, reason: str) -> Order | None:
        """None when bringing the book up to this moment filled the order."""
        pit = self._quoted(order.instrument)[0]
        if order.order_id not in self._desk.accounts[order.account].open_orders:
            return None
        ended = self._desk.cancel(order, pit, reason)
        self._desk.flush_book(pit)
        return ended

    def cancel_all(
        self, account: str, *, currency: str | None = None, instrument: str | None = None, label: str | None = None
    ) -> int:
        """Take back all open orders that fit; how many."""
        fitting = [
            order
            for order in self._desk.accounts[account].open_orders.values()
            if (currency is None or self._pits[order.instrument].instrument.settlement_currency == currency)
            and (instrument is None or order.instrument == instrument)
            and (label is None or order.label == label)
        ]
        return sum(self._cancel(order, "user_request") is not None for order in fitting)

    def cancel_for(self, account: str, order_ids: Iterable[str], reason: str) -> int:
        """Take back those of these orders that are still open, on the venue's own account; how many."""
        opened = self._desk.accounts[account].open_orders
        fitting = [opened[order_id] for order_id in order_ids if order_id in opened]
        return sum(self._cancel(order, reason) is not None for order in fitting)

    def orders_open(self, account: str) -> list[Order]:
        """Open orders, oldest first, as copies."""
        return [copy(order) for order in self._desk.accounts[account].open_orders.values()]

    def order(self, account: str, order_id: str) -> Order:
        """One order as it stands; 10004 when there is none."""
        return copy(self._desk.accounts[account].order(order_id))

    def orders_by_label(self, account: str, currency: str, label: str) -> list[Order]:
        """Orders with this label, newest first, closed ones included."""
        return [copy(order) for order in self._desk.accounts[account].labelled(currency, label)]

    def orders_all(self, account: str) -> list[Order]:
        """Every order remembered, oldest first, as copies."""
        return [copy(order) for order in self._desk.accounts[account].orders.values()]

    def trades_of(self, account: str, *, instrument: str | None = None, currency: str | None = None) -> list[Trade]:
        """Own trades that fit, newest first."""
        return [
            trade
            for trade in reversed(self._desk.accounts[account].trades)
            if (instrument is None or trade.instrument == instrument)
            and (currency is None or trade.fee_currency == currency)
        ]

    def log_of(self, account: str, currency: str) -> list[LogEntry]:
        """Why the balance of a currency changed, newest first, a bounded number."""
        return [entry for entry in reversed(self._desk.accounts[account].log) if entry.currency == currency]

    def _pit(self, name: str) -> Pit:
        pit = self._pits.get(name)
        if pit is None:
            raise invalid_params("instrument_name", "wrong format")
        return pit

    def _quoted(self, name: str) -> tuple[Pit, Mark]:
        """An instrument with its book quoted and its mark made for this moment."""
        pit = self._pit(name)
        return pit, self._quoting.refresh(pit, self._now_ns)
