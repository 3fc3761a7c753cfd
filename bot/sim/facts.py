"""The words of the simulated venue: requests in, facts out. Plain data, no behaviour.

Amounts and prices are in the instrument's native units (`bot.domain.instruments`), unsigned with a
side here, because that is how a venue talks.
"""

import enum
from decimal import Decimal

from msgspec import Struct

from bot.domain.time import Ns


class Side(enum.StrEnum):
    """Direction of an order or trade."""

    BUY = "buy"
    SELL = "sell"


class OrderType(enum.StrEnum):
    """How a price is meant."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(enum.StrEnum):
    """How long an order works."""

    GTC = "good_til_cancelled"
    GTD = "good_til_day"
    IOC = "immediate_or_cancel"
    FOK = "fill_or_kill"


class OrderState(enum.StrEnum):
    """State of an order at the venue."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class VenueSays(Exception):
    """The venue's definite no: one of its error codes. Caught by whoever serves the protocol."""

    def __init__(self, code: int, name: str, data: dict[str, str] | None = None) -> None:
        """Keep the code, the venue's word for it and, where it has one, the data member."""
        super().__init__(f"{code} {name}")
        self.code = code
        self.name = name
        self.data = data


class OrderRequest(Struct, frozen=True, kw_only=True):
    """A new order as a client sends it."""

    account: str
    instrument: str
    side: Side
    amount_native: Decimal
    type: OrderType = OrderType.LIMIT
    price_native: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    label: str = ""
    valid_until_ns: Ns | None = None
    is_api: bool = True


class OrderEdit(Struct, frozen=True, kw_only=True):
    """What a client wants changed of an open order; None leaves a thing as it is."""

    amount_native: Decimal | None = None
    """New total, what is filled already included."""
    price_native: Decimal | None = None
    post_only: bool | None = None
    reject_post_only: bool | None = None
    reduce_only: bool | None = None
    valid_until_ns: Ns | None = None


class Order(Struct, kw_only=True):
    """An order at the venue; changed in place by matching, copied when told."""

    order_id: str
    account: str
    instrument: str
    side: Side
    amount_native: Decimal
    filled_native: Decimal
    average_price_native: Decimal
    price_native: Decimal | None
    type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    reject_post_only: bool
    reduce_only: bool
    label: str
    state: OrderState
    cancel_reason: str | None
    created_ns: Ns
    updated_ns: Ns
    is_api: bool
    replaced: bool = False


class Trade(Struct, frozen=True, kw_only=True):
    """One match. The private fields are None on the public tape."""

    trade_id: str
    trade_seq: int
    instrument: str
    side: Side
    """Taker's side on the public tape; own side for the account."""
    amount_native: Decimal
    price_native: Decimal
    time_ns: Ns
    mark_native: float
    index_usd: float
    iv_percent: float | None
    """Options only."""
    tick_direction: int
    """0 up, 1 zero-plus, 2 down, 3 zero-minus."""
    account: str | None = None
    order_id: str | None = None
    label: str | None = None
    fee_native: Decimal | None = None
    """Positive is a cost."""
    fee_currency: str | None = None
    is_maker: bool | None = None
    order_state: OrderState | None = None
    order_type: OrderType | None = None
    profit_native: Decimal | None = None
    """Realised by this trade, settlement currency."""
    post_only: bool = False
    reduce_only: bool = False
    is_api: bool = True


class LogEntry(Struct, frozen=True, kw_only=True):
    """One line of an account's transaction log: why its balance changed."""

    log_id: int
    """Counts up from 1 in each account."""
    time_ns: Ns
    type: str
    """`trade`, `delivery`, or `settlement`, which is where the funding of a session is listed."""
    instrument: str
    currency: str
    amount_native: Decimal
    """Signed: what was added to the position; at settlement what is held."""
    price_native: Decimal | None
    position_native: Decimal
    """Signed, afterwards."""
    change_native: Decimal
    """Of the balance; a session's funding had left it as it accrued."""
    balance_native: Decimal
    """Afterwards."""
    funding_native: Decimal
    """Received over the session, negative is paid."""
    trade: Trade | None = None


class Touch(Struct, frozen=True, kw_only=True):
    """Best prices with amounts; None where a side is empty."""

    bid_native: Decimal | None
    bid_amount_native: Decimal | None
    ask_native: Decimal | None
    ask_amount_native: Decimal | None


class Told(Struct, frozen=True, kw_only=True):
    """What a real venue says about one of its instruments; nothing of it is made up here."""

    mark_native: float
    forward_usd: float
    """Of the expiry; the mark itself for perpetuals and futures."""
    iv_mark: float | None
    """Options only, fraction."""
    price_min_native: float | None
    """Band an order may trade in; None: the usual width around the mark."""
    price_max_native: float | None
    funding_rate_8h: float | None
    """Perpetuals only, fraction, positive: long pays."""


class OptionGreeks(Struct, frozen=True, kw_only=True):
    """As a ticker shows them: Black-76 on the forward; theta a day; vega a vol point; rho a percent."""

    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class Quote(Struct, frozen=True, kw_only=True):
    """Of a ticker, what one trades and values by."""

    instrument: str
    time_ns: Ns
    state: str
    touch: Touch
    mark_native: float
    index_usd: float
    price_min_native: Decimal
    price_max_native: Decimal
    volume_usd: float
    estimated_delivery_usd: float
    # options
    forward_usd: float | None = None
    iv_mark_percent: float | None = None
    iv_bid_percent: float | None = None
    iv_ask_percent: float | None = None
    # perpetuals
    funding_rate_current_8h: float | None = None


class Ticker(Quote, frozen=True, kw_only=True):
    """Everything a ticker tells about one instrument at one moment."""

    last_native: Decimal | None
    open_interest_native: Decimal
    settlement_native: float | None
    high_native: Decimal | None
    low_native: Decimal | None
    price_change_percent: float | None
    volume_coin: float
    # options
    forward_name: str | None = None
    """`BTC-27MAR26`, `SYN.BTC-23NOV26` or `index_price`."""
    greeks: OptionGreeks | None = None
    # perpetuals
    funding_rate_past_8h: float | None = None
    interest_value: float | None = None


class Position(Struct, frozen=True, kw_only=True):
    """One position of an account; greeks per position, already signed."""

    instrument: str
    size_native: Decimal
    """Signed: USD for inverse futures, coins otherwise."""
    average_price_native: Decimal
    mark_native: float
    index_usd: float
    settlement_native: float | None
    floating_profit_native: float
    realized_profit_native: float
    """Since the last settlement, settlement currency."""
    delta_coin: float
    gamma_coin_per_usd: float
    vega_usd_per_point: float
    theta_usd_per_day: float
    margin_initial_native: float
    margin_maintenance_native: float
    realized_funding_native: float


class AccountSummary(Struct, frozen=True, kw_only=True):
    """Money of one currency of an account."""

    currency: str
    balance_native: float
    equity_native: float
    margin_initial_native: float
    margin_maintenance_native: float
    margin_initial_projected_native: float
    """Projected: without what expires at the next 08:00 UTC."""
    margin_maintenance_projected_native: float
    available_native: float
    options_value_native: float
    options_delta_coin: float
    options_gamma: float
    options_vega: float
    options_theta: float
    options_gamma_by_index: dict[str, float]
    options_vega_by_index: dict[str, float]
    options_theta_by_index: dict[str, float]
    futures_profit_native: float
    options_profit_native: float
    session_realized_native: float
    session_unrealized_native: float
    fees_paid_native: float
    funding_paid_native: float
    delta_total_coin: float
    delta_total_projected_coin: float
    delta_total_by_index: dict[str, float]


class BookChange(Struct, frozen=True, kw_only=True):
    """Public: a book changed. Levels are (`new`|`change`|`delete`, price, amount)."""

    instrument: str
    time_ns: Ns
    change_id_before: int
    change_id: int
    bids: tuple[tuple[str, Decimal, Decimal], ...]
    asks: tuple[tuple[str, Decimal, Decimal], ...]


class OrderChange(Struct, frozen=True, kw_only=True):
    """Private: an order is new or changed; a copy of it as it stands."""

    order: Order


class TradePrinted(Struct, frozen=True, kw_only=True):
    """Public: a match happened."""

    trade: Trade


class TradeOwned(Struct, frozen=True, kw_only=True):
    """Private: a match of an account (`trade.account`)."""

    trade: Trade


Change = BookChange | OrderChange | TradePrinted | TradeOwned
