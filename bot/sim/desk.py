"""Orders of clients: taken in, matched, filled, cancelled; and everything told about it, in order.

Knows accounts, books and the money of fills. Does not move the market and does not quote.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.time import Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.sim.account import Account, fee_native
from bot.sim.book import BookSide, Fill
from bot.sim.checks import check_band, check_request, edited_request, reduced_lots
from bot.sim.facts import (
    BookChange,
    Change,
    Order,
    OrderChange,
    OrderEdit,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    Trade,
    TradeOwned,
    TradePrinted,
    VenueSays,
)
from bot.sim.marks import Marks
from bot.sim.pit import Mark, Pit
from bot.sim.statements import money_needed_native
from bot.sim.tickers import band_units

_FIRST_NUMBER: Final = 100_000_001
"""Ids start here: digits as the venue's, and visibly not an index."""
_CHANGES_MAX: Final = 1_000_000
"""Undrained changes beyond this are a bug of the driver."""


@dataclass(frozen=True, slots=True)
class _Match:
    """One fill on its way into the accounts."""

    pit: Pit
    fill: Fill
    mark: Mark
    taker_side: Side


class Desk:
    """Takes orders to the books and the fills to the accounts."""

    def __init__(self, marks: Marks, now_ns: Ns) -> None:
        """No account yet."""
        self.marks = marks
        self.now_ns = now_ns
        self.accounts: dict[str, Account] = {}
        self.changes: list[Change] = []
        self.numbers: dict[str, int] = {}
        """Next number of an order or trade, by sort and currency."""
        self.first_number = _FIRST_NUMBER
        self._change_id = _FIRST_NUMBER

    # --- orders in -------------------------------------------------------------------------------

    def submit(self, request: OrderRequest, pit: Pit, available_native: float) -> tuple[Order, tuple[Trade, ...]]:
        """Match and rest an order in a quoted book; VenueSays when it is refused."""
        account = self.accounts[request.account]
        lots, units = check_request(request, pit, self.now_ns)
        mark = self.marks.of(pit)
        band = band_units(pit, mark)
        if request.reduce_only:
            lots = reduced_lots(request, lots, account.size_native(pit.instrument.id), pit)
        if units is None:
            # A market order trades as far as the band allows, and no further.
            limit = band[1] if request.side is Side.BUY else band[0]
        else:
            check_band(request, units, pit, band)
            limit = units
        limit = self._post_only_limit(request, pit, limit)
        self._check_funds(request, pit, lots * pit.grid.lot, pit.grid.price(limit), available_native)
        order = self._new_order(request, pit, lots, None if units is None else limit)
        account.keep_order(order, pit.instrument.settlement_currency)
        trades = self._work(order, pit, limit, lots)
        return copy(order), trades

    @staticmethod
    def _post_only_limit(request: OrderRequest, pit: Pit, limit: int) -> int:
        """Price after sliding one step off the touch; 11054 when sliding is not wanted (exchange facts 3.1)."""
        if not request.post_only:
            return limit
        is_buy = request.side is Side.BUY
        best = pit.book.side(is_bid=not is_buy).best()
        if best is None or not _crosses(pit, request.side, limit):
            return limit
        if request.reject_post_only:
            raise VenueSays(11054, "post_only_reject")
        return pit.grid.below(best) if is_buy else pit.grid.above(best)

    def _check_funds(
        self, request: OrderRequest, pit: Pit, amount: Decimal, price: Decimal, available_native: float
    ) -> None:
        """10009 when the opening part needs more than is available; other open orders are not counted."""
        held = float_from_decimal(self.accounts[request.account].size_native(pit.instrument.id))
        signed = float_from_decimal(amount if request.side is Side.BUY else -amount)
        mark = self.marks.of(pit)
        needed = money_needed_native(pit.instrument, held, signed, float_from_decimal(price), mark)
        if needed > max(available_native, 0.0):
            raise VenueSays(10009, "not_enough_funds")

    def _new_order(self, request: OrderRequest, pit: Pit, lots: int, units: int | None) -> Order:
        return Order(
            order_id=self._next_id("order", pit.instrument.settlement_currency),
            account=request.account,
            instrument=request.instrument,
            side=request.side,
            amount_native=pit.grid.amount(lots),
            filled_native=ZERO,
            average_price_native=ZERO,
            price_native=None if units is None else pit.grid.price(units),
            type=request.type,
            time_in_force=TimeInForce.IOC if request.type is OrderType.MARKET else request.time_in_force,
            post_only=request.post_only,
            reject_post_only=request.reject_post_only,
            reduce_only=request.reduce_only,
            label=request.label,
            state=OrderState.OPEN,
            cancel_reason=None,
            created_ns=self.now_ns,
            updated_ns=self.now_ns,
            is_api=request.is_api,
        )

    def _work(self, order: Order, pit: Pit, limit: int, lots: int) -> tuple[Trade, ...]:
        is_buy = order.side is Side.BUY
        opposite = pit.book.side(is_bid=not is_buy)
        fills: list[Fill] = []
        overlapped: list[Order] = []
        if order.time_in_force is not TimeInForce.FOK or opposite.lots_within(limit, order.account) >= lots:
            fills, overlapped = pit.book.sweep(is_buy=is_buy, limit_units=limit, lots=lots, account=order.account)
        for own in overlapped:
            self._close(own, OrderState.CANCELLED, "order_overlap")
        trades = self.book_fills(pit, fills, order.side, order)
        left = lots - sum(fill.lots for fill in fills)
        if left == 0:
            order.state = OrderState.FILLED
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            # Deribit gives no reason of its own for the unfilled rest of an immediate order.
            order.state = OrderState.CANCELLED
        else:
            pit.book.side(is_bid=is_buy).add(limit, order, left)
            self.accounts[order.account].open_orders[order.order_id] = order
        self.tell_order(order)
        return trades

    def edit(self, order: Order, edit: OrderEdit, pit: Pit, available_native: float) -> tuple[Order, tuple[Trade, ...]]:
        """Change an open order in a quoted book; VenueSays when it is refused.

        Its queue place stays only at the same price and when it does not grow (exchange facts 3.1).
        """
        account, side = self.accounts[order.account], pit.book.side(is_bid=order.side is Side.BUY)
        request = edited_request(order, edit)
        total, units = check_request(request, pit, self.now_ns)
        assert units is not None, f"order {order.order_id} rests without a price"
        lots = total - int(order.filled_native / pit.grid.lot)
        if lots <= 0:
            raise VenueSays(11008, "already_filled")
        check_band(request, units, pit, band_units(pit, self.marks.of(pit)))
        if request.reduce_only:
            lots = reduced_lots(request, lots, account.size_native(pit.instrument.id), pit)
        if request.post_only and request.reject_post_only and _crosses(pit, order.side, units):
            return self.cancel(order, pit, "edit_post_only_reject"), ()
        limit = self._post_only_limit(request, pit, units)
        self._check_funds(request, pit, lots * pit.grid.lot, pit.grid.price(limit), available_native)
        keeps_place = pit.grid.price(limit) == order.price_native and lots <= self._lots_left(pit, order)
        order.amount_native = order.filled_native + pit.grid.amount(lots)
        order.price_native = pit.grid.price(limit)
        order.post_only, order.reject_post_only = request.post_only, request.reject_post_only
        order.reduce_only = request.reduce_only
        order.replaced, order.updated_ns = True, self.now_ns
        if keeps_place:
            side.shrink(order.order_id, lots)
            self.tell_order(order)
            return copy(order), ()
        side.remove(order.order_id)
        del account.open_orders[order.order_id]
        trades = self._work(order, pit, limit, lots)
        return copy(order), trades

    # --- fills -----------------------------------------------------------------------------------

    def book_fills(self, pit: Pit, fills: Sequence[Fill], taker_side: Side, taker: Order | None) -> tuple[Trade, ...]:
        """Print matches and book them for the clients in them; the taker's own trades."""
        own: list[Trade] = []
        if not fills:
            return ()
        mark = self.marks.of(pit)
        left = sum(fill.lots for fill in fills) if taker is None else self._lots_left(pit, taker)
        for fill in fills:
            left -= fill.lots
            match = _Match(pit, fill, mark, taker_side)
            public = self._print(match)
            if fill.maker is not None:
                self._book_maker(match, public, fill.maker)
            if taker is not None:
                state = OrderState.FILLED if left == 0 else OrderState.OPEN
                own.append(self._book_own(match, public, taker, state))
        return tuple(own)

    @staticmethod
    def _lots_left(pit: Pit, order: Order) -> int:
        return int((order.amount_native - order.filled_native) / pit.grid.lot)

    def _print(self, match: _Match) -> Trade:
        pit, mark, item = match.pit, match.mark, match.pit.instrument
        price = pit.grid.price(match.fill.units)
        pit.trade_seq += 1
        trade = Trade(
            trade_id=self._next_id("trade", item.settlement_currency),
            trade_seq=pit.trade_seq,
            instrument=item.id,
            side=match.taker_side,
            amount_native=pit.grid.amount(match.fill.lots),
            price_native=price,
            time_ns=self.now_ns,
            mark_native=mark.mark_native,
            index_usd=mark.index_usd,
            iv_percent=round((mark.iv or 0.0) * 100.0, 2) if item.is_option else None,
            tick_direction=pit.next_tick_direction(price),
        )
        coin_per_amount = 1.0 / float_from_decimal(price) if item.amount_is_in_usd else 1.0
        pit.print_trade(trade, coin_per_amount)
        self.tell(TradePrinted(trade=trade))
        return trade

    def _book_maker(self, match: _Match, public: Trade, maker: Order) -> None:
        is_done = maker.amount_native - maker.filled_native == public.amount_native
        state = OrderState.FILLED if is_done else OrderState.OPEN
        self._book_own(match, public, maker, state)
        if is_done:
            self._close(maker, OrderState.FILLED, None)
        else:
            self.tell_order(maker)

    def _book_own(self, match: _Match, public: Trade, order: Order, state: OrderState) -> Trade:
        """A client's side of a match: money, order, and its private trade."""
        item = match.pit.instrument
        is_maker = order is match.fill.maker
        amount, price = public.amount_native, public.price_native
        index_usd = decimal_from_wire(match.mark.index_usd)
        fee = fee_native(item, amount, price, index_usd, is_maker=is_maker)
        account = self.accounts[order.account]
        self.settle_funding(account, match.pit)
        before = account.balances.get(item.settlement_currency, ZERO)
        profit = account.book_fill(item, amount if order.side is Side.BUY else -amount, price, fee)
        filled = order.filled_native + amount
        order.average_price_native = (order.average_price_native * order.filled_native + price * amount) / filled
        order.filled_native = filled
        order.updated_ns = self.now_ns
        trade = Trade(
            trade_id=public.trade_id,
            trade_seq=public.trade_seq,
            instrument=item.id,
            side=order.side,
            amount_native=amount,
            price_native=price,
            time_ns=self.now_ns,
            mark_native=public.mark_native,
            index_usd=public.index_usd,
            iv_percent=public.iv_percent,
            tick_direction=public.tick_direction,
            account=order.account,
            order_id=order.order_id,
            label=order.label,
            fee_native=fee,
            fee_currency=item.settlement_currency,
            is_maker=is_maker,
            order_state=state,
            order_type=order.type,
            profit_native=profit,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            is_api=order.is_api,
        )
        if not is_maker:
            coin = float_from_decimal(amount / price if item.amount_is_in_usd else amount)
            self.marks.press(item, coin if order.side is Side.BUY else -coin)
        account.trades.append(trade)
        account.write_trade(item, trade, account.balances[item.settlement_currency] - before)
        self.tell(TradeOwned(trade=trade))
        return trade

    def settle_funding(self, account: Account, pit: Pit) -> None:
        """Book what a position's funding has come to since it was last looked at."""
        funding = self.marks.funding.get(pit.instrument.id)
        holding = account.holdings.get(pit.instrument.id)
        if funding is None:
            return
        if holding is None:
            holding = account.holding(pit.instrument)
        due = (funding.paid_per_native - holding.funding_paid_per_native) * float_from_decimal(holding.amount_native)
        account.book_funding(holding, funding.paid_per_native, decimal_from_wire(round(due, 12)))

    # --- orders out ------------------------------------------------------------------------------

    def cancel(self, order: Order, pit: Pit, reason: str) -> Order:
        """Take an open order out of its book; a copy of it as it ended."""
        pit.book.side(is_bid=order.side is Side.BUY).remove(order.order_id)
        self._close(order, OrderState.CANCELLED, reason)
        return copy(order)

    def _close(self, order: Order, state: OrderState, reason: str | None) -> None:
        order.state = state
        order.cancel_reason = reason
        order.updated_ns = self.now_ns
        del self.accounts[order.account].open_orders[order.order_id]
        self.tell_order(order)

    # --- telling ---------------------------------------------------------------------------------

    def tell(self, change: Change) -> None:
        """Queue a change for whoever drains them."""
        assert len(self.changes) < _CHANGES_MAX, "nobody drains the changes of the simulated venue"
        self.changes.append(change)

    def tell_order(self, order: Order) -> None:
        """Queue a copy of an order as it stands."""
        self.tell(OrderChange(order=copy(order)))

    def renumber(self, pit: Pit) -> None:
        """Give the book a new change id without telling anybody."""
        self._change_id += 1
        pit.book.change_id = self._change_id

    def flush_book(self, pit: Pit) -> None:
        """Give the book a new change id if it changed, and tell the difference where somebody watches."""
        book = pit.book
        if not pit.watchers_count:
            if book.bids.settle() | book.asks.settle():
                self.renumber(pit)
            return
        bids = _difference(pit, book.bids)
        asks = _difference(pit, book.asks)
        if not bids and not asks:
            return
        before = book.change_id
        self.renumber(pit)
        self.tell(
            BookChange(
                instrument=pit.instrument.id,
                time_ns=self.now_ns,
                change_id_before=before,
                change_id=book.change_id,
                bids=bids,
                asks=asks,
            )
        )

    def _next_id(self, sort: str, currency: str) -> str:
        """Bare digits for BTC, prefixed elsewhere (exchange facts 3.1)."""
        key = f"{sort}:{currency}"
        number = self.numbers.get(key, self.first_number)
        self.numbers[key] = number + 1
        return str(number) if currency == "BTC" else f"{currency}-{number}"


def currency_of_id(order_id: str) -> str:
    """Settlement currency of an order or trade by its id."""
    head, dash, _ = order_id.partition("-")
    return head if dash else "BTC"


def _crosses(pit: Pit, side: Side, limit: int) -> bool:
    """Whether an order at this price would trade at once."""
    is_buy = side is Side.BUY
    best = pit.book.side(is_bid=not is_buy).best()
    return best is not None and (limit >= best if is_buy else limit <= best)


def _difference(pit: Pit, side: BookSide) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """What changed on a side since it was last asked; forgets it."""
    if not side.dirty:
        return ()
    grid, levels = pit.grid, side.levels
    tick, lot = grid.tick, grid.lot
    changed: list[tuple[str, Decimal, Decimal]] = []
    for units, before in side.dirty.items():
        level = levels.get(units)
        if level is None:
            if before:
                changed.append(("delete", units * tick, ZERO))
        elif level.lots != before:
            changed.append(("change" if before else "new", units * tick, level.lots * lot))
    side.dirty.clear()
    return tuple(changed)
