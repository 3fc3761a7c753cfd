"""Deribit's payloads as typed structures, and the event each of them means.

Knows field names, units and absent values of Deribit (exchange facts 1.5, 2.2, 3.1); the websocket
codec and the order gateway share it, so that one fact is read the same way on both roads. Knows no
frame, no socket and no state. Unknown fields are ignored; a string where a number belongs is refused.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from bot.domain.events import AccountSeen, Filled, OrderUpdated
from bot.domain.ids import FillId, InstrumentId, Label, OrderId
from bot.domain.market_events import FutureMarked, OptionMarked, Quoted
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_MS, Ns
from bot.domain.units import decimal_from_wire

Number = Annotated[float, Meta(gt=-1e15, lt=1e15)]
"""A finite number of sane size; NaN, infinities and absurd magnitudes are refused by the decoder."""

Loose = float
"""A number of the wire that is not computed with before it is checked; JSON knows no infinity and no NaN."""

Stamp = Annotated[int, Meta(ge=0, le=10**14)]
"""Milliseconds since the epoch, before the year 5138: always fits 64 bits in nanoseconds."""

IV_PERCENT_OFF_SCALE: Final = 500.0
"""Recorded tickers say 500.0 or 999.0 where no volatility fits the price (data notes 4.4)."""

_OPTION_ENDS: Final = ("-C", "-P")

Direction = Literal["buy", "sell"]


class Day(Struct, gc=False):
    """`stats` of a ticker: the last 24 hours."""

    volume_usd: Loose | None = None
    """Options tell it since 2024 only."""


class Ticker(Struct, gc=False):
    """`ticker.*` payload; fields in the order of the wire, which the decoder rewards with speed.

    Prices that are computed with are bounded by type; the decoder lets no infinity and no NaN through
    anyway. `estimated_delivery_price` is the string "expired" after delivery.
    """

    timestamp: Stamp
    state: str
    stats: Day | None = None
    index_price: Number | None = None
    instrument_name: InstrumentId = InstrumentId("")
    min_price: Loose | None = None
    max_price: Loose | None = None
    mark_price: Number | None = None
    best_ask_price: Number | None = None
    best_bid_price: Number | None = None
    estimated_delivery_price: Loose | str | None = None
    best_ask_amount: Loose | None = None
    best_bid_amount: Loose | None = None
    current_funding: Loose | None = None
    mark_iv: Loose | UnsetType | None = UNSET
    bid_iv: Loose | None = None
    ask_iv: Loose | None = None
    underlying_price: Number | None = None
    combo_state: str | UnsetType = UNSET


class Quote(Struct, gc=False):
    """`quote.*` payload."""

    timestamp: Stamp
    instrument_name: InstrumentId
    best_bid_price: Number | None = None
    best_bid_amount: Number | None = None
    best_ask_price: Number | None = None
    best_ask_amount: Number | None = None


BookEntry = tuple[Literal["new", "change", "delete"], Number, Number]


class BookUpdate(Struct, gc=False):
    """`book.{instrument}.{interval}` payload, not grouped."""

    timestamp: Stamp
    instrument_name: InstrumentId
    change_id: int
    bids: list[BookEntry]
    asks: list[BookEntry]
    type: Literal["snapshot", "change"] | UnsetType = UNSET
    """Absent before 2020 (data notes 4.14)."""
    prev_change_id: int | None = None


class Order(Struct, gc=False):
    """An order as replies and `user.changes` show it; its price may be a string and is not read."""

    order_id: OrderId
    instrument_name: InstrumentId
    order_state: Literal["open", "filled", "rejected", "cancelled", "untriggered", "triggered"]
    direction: Direction
    amount: Number
    last_update_timestamp: Stamp
    filled_amount: Number = 0.0
    """Absent on some trigger orders (data notes 4.17)."""
    label: Label = Label("")
    price: Number | str | None = None
    """`market_price` on market and stop orders."""


class Trade(Struct, gc=False):
    """A fill of this account."""

    trade_id: FillId
    order_id: OrderId
    instrument_name: InstrumentId
    direction: Direction
    amount: Number
    price: Number
    fee: Number
    fee_currency: str
    timestamp: Stamp
    label: Label | None = None
    liquidity: str | None = None
    legs: Raw | UnsetType = UNSET
    """Present on the trade of a combo; the legs come as trades of their own."""


class Placed(Struct):
    """Result of buy and sell."""

    order: Order
    trades: list[Trade]


class TradePrint(Struct, gc=False):
    """A row of `trades.*`: a match of others (or of ours) as everybody sees it."""

    timestamp: Stamp
    instrument_name: InstrumentId
    direction: Direction
    amount: Number
    price: Number


class Changes(Struct):
    """`user.changes.*` payload; its positions are not read: positions are the sum of fills."""

    instrument_name: InstrumentId
    orders: list[Order]
    trades: list[Trade]


class Portfolio(Struct):
    """`user.portfolio.*` payload and one row of the account summaries."""

    currency: str
    equity: Number
    balance: Number
    initial_margin: Number
    maintenance_margin: Number
    available_funds: Number
    delta_total: Number
    options_delta: Number
    delta_total_map: dict[str, Number] | None = None
    """Null where the venue has nothing to say (captured 2025-12, as are the greeks without positions)."""
    options_value: Number | None = None
    options_gamma: Number | None = None
    options_vega: Number | None = None
    options_theta: Number | None = None
    futures_session_upl: Number | None = None
    session_rpl: Number | None = None


_ORDER_STATES: Final = {
    "open": VenueOrderState.OPEN,
    "untriggered": VenueOrderState.OPEN,
    "triggered": VenueOrderState.OPEN,
    "filled": VenueOrderState.FILLED,
    "cancelled": VenueOrderState.CANCELLED,
    "rejected": VenueOrderState.REJECTED,
}


def exact(value: float) -> Decimal:
    """A number of the wire as Decimal: its own digits, and 70 rather than 70.0, so that each road tells the same."""
    return Decimal(int(value)) if value.is_integer() else decimal_from_wire(value)


def is_option_name(name: str) -> bool:
    """Whether a Deribit instrument name is a plain option's: `BTC-27MAR26-100000-C`."""
    return name.endswith(_OPTION_ENDS)


def marked(ticker: Ticker, received_ns: Ns) -> OptionMarked | FutureMarked | None:
    """What a ticker says; None for a combo, which is never held (positions exist on legs only).

    An empty side comes as price 0 or null. `mark_price` 0.0 is a worthless option's true mark.
    ValueError for an option without `mark_iv`.
    """
    name = ticker.instrument_name
    if not name.endswith(_OPTION_ENDS):
        return _future_marked(ticker, received_ns)
    iv_percent = ticker.mark_iv
    if iv_percent is UNSET:
        message = f"{name} is an option without mark_iv"
        raise ValueError(message)
    bid, bid_amount = ticker.best_bid_price, ticker.best_bid_amount
    if not (bid and bid_amount and bid > 0.0):
        bid = bid_amount = None
    ask, ask_amount = ticker.best_ask_price, ticker.best_ask_amount
    if not (ask and ask_amount and ask > 0.0):
        ask = ask_amount = None
    mark, forward, index = ticker.mark_price, ticker.underlying_price, ticker.index_price
    iv_bid, iv_ask = ticker.bid_iv, ticker.ask_iv
    return OptionMarked(
        instrument=name,
        received_ns=received_ns,
        venue_ns=ticker.timestamp * NS_PER_MS,  # type: ignore[arg-type]  # calling Ns costs 3 % of the decode
        bid_native=bid,
        ask_native=ask,
        bid_amount_native=bid_amount,
        ask_amount_native=ask_amount,
        mark_native=mark if mark is not None and mark >= 0.0 else None,
        iv_mark=iv_percent / 100.0 if iv_percent and 0.0 < iv_percent < IV_PERCENT_OFF_SCALE else None,
        forward_usd=forward if forward and forward > 0.0 else None,
        index_usd=index if index and index > 0.0 else None,
        is_open=ticker.state == "open",
        delivery_usd=_number(ticker.estimated_delivery_price),
        iv_bid=iv_bid / 100.0 if iv_bid and 0.0 < iv_bid < IV_PERCENT_OFF_SCALE else None,
        iv_ask=iv_ask / 100.0 if iv_ask and 0.0 < iv_ask < IV_PERCENT_OFF_SCALE else None,
    )


def _future_marked(ticker: Ticker, received_ns: Ns) -> FutureMarked | None:
    if ticker.combo_state is not UNSET or ticker.mark_iv is not UNSET:
        return None
    bid, bid_amount = _side(ticker.best_bid_price, ticker.best_bid_amount)
    ask, ask_amount = _side(ticker.best_ask_price, ticker.best_ask_amount)
    return FutureMarked(
        instrument=ticker.instrument_name,
        received_ns=received_ns,
        venue_ns=Ns(ticker.timestamp * NS_PER_MS),
        bid_usd=bid,
        ask_usd=ask,
        bid_amount_native=bid_amount,
        ask_amount_native=ask_amount,
        mark_usd=_positive(ticker.mark_price),
        index_usd=_positive(ticker.index_price),
        price_min_usd=ticker.min_price,
        price_max_usd=ticker.max_price,
        funding_rate_8h=ticker.current_funding,
        is_open=ticker.state == "open",
        delivery_usd=_number(ticker.estimated_delivery_price),
        volume_usd_per_day=None if ticker.stats is None else _positive(ticker.stats.volume_usd),
    )


def _number(value: float | str | None) -> float | None:
    """A price where a word may stand instead; None for the word, and for what is no price."""
    return value if isinstance(value, float) and value > 0.0 else None


def _side(price: float | None, amount: float | None) -> tuple[float | None, float | None]:
    """A side of a touch; price or amount of 0 or null mean that there is none."""
    return (price, amount) if price and amount and price > 0.0 else (None, None)


def _positive(price: float | None) -> float | None:
    return price if price and price > 0.0 else None


def quoted(quote: Quote, received_ns: Ns) -> Quoted:
    """The touch of a quote message; 0 and null are an empty side."""
    bid, bid_amount = _side(quote.best_bid_price, quote.best_bid_amount)
    ask, ask_amount = _side(quote.best_ask_price, quote.best_ask_amount)
    return Quoted(
        instrument=quote.instrument_name,
        received_ns=received_ns,
        venue_ns=Ns(quote.timestamp * NS_PER_MS),
        bid_native=bid,
        ask_native=ask,
        bid_amount_native=bid_amount,
        ask_amount_native=ask_amount,
    )


def order_updated(order: Order, received_ns: Ns, filled_native: Decimal | None = None) -> OrderUpdated:
    """State of an order, its filled amount on the lot where that is given; ValueError when it exceeds the amount."""
    if not 0.0 <= order.filled_amount <= order.amount * (1.0 + 1e-9):
        message = f"order {order.order_id}: filled {order.filled_amount} of {order.amount}"
        raise ValueError(message)
    return OrderUpdated(
        label=order.label,
        order_id=order.order_id,
        instrument=order.instrument_name,
        state=_ORDER_STATES[order.order_state],
        filled_native=exact(order.filled_amount) if filled_native is None else filled_native,
        received_ns=received_ns,
        venue_ns=Ns(order.last_update_timestamp * NS_PER_MS),
    )


def is_position_trade(trade: Trade) -> bool:
    """Whether a trade changes a position: not the envelope of a combo, not spot (`BTC_USDC`)."""
    return trade.legs is UNSET and "-" in trade.instrument_name


def filled(trade: Trade, received_ns: Ns, amount_native: Decimal | None = None) -> Filled:
    """A fill with its signed amount; ValueError when amount or price make no sense.

    `amount_native`: the trade's, without a sign, on the lot where that is known.
    """
    if trade.amount <= 0.0 or trade.price < 0.0:
        message = f"trade {trade.trade_id}: {trade.amount} at {trade.price}"
        raise ValueError(message)
    amount = exact(trade.amount) if amount_native is None else amount_native
    return Filled(
        fill_id=trade.trade_id,
        order_id=trade.order_id,
        label=trade.label or None,
        instrument=trade.instrument_name,
        amount_native=amount if trade.direction == "buy" else -amount,
        price_native=exact(trade.price),
        fee_native=exact(trade.fee),
        fee_currency=trade.fee_currency,
        is_maker=trade.liquidity == "M",
        received_ns=received_ns,
        venue_ns=Ns(trade.timestamp * NS_PER_MS),
    )


def account_seen(portfolio: Portfolio, received_ns: Ns) -> AccountSeen:
    """Account figures of one currency, all from one message."""
    return AccountSeen(
        currency=portfolio.currency,
        equity_native=portfolio.equity,
        balance_native=portfolio.balance,
        margin_initial_native=portfolio.initial_margin,
        margin_maintenance_native=portfolio.maintenance_margin,
        available_native=portfolio.available_funds,
        delta_coin_total=portfolio.delta_total,
        delta_coin_options=portfolio.options_delta,
        received_ns=received_ns,
        delta_coin_by_index=portfolio.delta_total_map,
        options_value_native=portfolio.options_value,
        gamma_coin_per_usd_options=portfolio.options_gamma,
        vega_usd_per_point_options=portfolio.options_vega,
        theta_usd_per_day_options=portfolio.options_theta,
        futures_profit_native=portfolio.futures_session_upl,
        session_realized_native=portfolio.session_rpl,
    )
