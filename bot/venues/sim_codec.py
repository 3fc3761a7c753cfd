"""The simulated venue in the words of the bot: commands in, facts out. What a codec does for a real one. Pure."""

from decimal import Decimal

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder, TakeSnapshot
from bot.domain.events import (
    AccountSeen,
    Filled,
    LookUpFailed,
    OrderRefused,
    OrderUnknown,
    OrderUpdated,
    Settled,
    SnapshotFailed,
)
from bot.domain.ids import DERIBIT, FillId, InstrumentId, Label, OrderId, VenueId
from bot.domain.market_events import DepthSeen, FutureMarked, OptionMarked
from bot.domain.reasons import RefusalKind
from bot.domain.seen import OrderSeen, PositionSeen, VenueOrderState
from bot.domain.time import Ns
from bot.domain.units import ZERO, decimal_from_wire, float_from_decimal
from bot.sim import facts
from bot.venues.deribit_errors import order_outcome

Ladder = tuple[tuple[Decimal, Decimal], ...]
"""Price and amount of each level."""


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float_from_decimal(value)


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else percent / 100.0


def marked(quote: facts.Quote, received_ns: Ns, *, is_option: bool) -> OptionMarked | FutureMarked:
    """A quote as the event of its ticker; volatility from percent to fraction."""
    touch = quote.touch
    if is_option:
        return OptionMarked(
            instrument=InstrumentId(quote.instrument),
            received_ns=received_ns,
            venue_ns=quote.time_ns,
            bid_native=_float(touch.bid_native),
            ask_native=_float(touch.ask_native),
            bid_amount_native=_float(touch.bid_amount_native),
            ask_amount_native=_float(touch.ask_amount_native),
            mark_native=quote.mark_native,
            iv_mark=_fraction(quote.iv_mark_percent),
            forward_usd=quote.forward_usd,
            index_usd=quote.index_usd,
            is_open=quote.state == "open",
            delivery_usd=quote.estimated_delivery_usd,
            iv_bid=_fraction(quote.iv_bid_percent),
            iv_ask=_fraction(quote.iv_ask_percent),
        )
    return FutureMarked(
        instrument=InstrumentId(quote.instrument),
        received_ns=received_ns,
        venue_ns=quote.time_ns,
        bid_usd=_float(touch.bid_native),
        ask_usd=_float(touch.ask_native),
        bid_amount_native=_float(touch.bid_amount_native),
        ask_amount_native=_float(touch.ask_amount_native),
        mark_usd=quote.mark_native,
        index_usd=quote.index_usd,
        price_min_usd=float_from_decimal(quote.price_min_native),
        price_max_usd=float_from_decimal(quote.price_max_native),
        funding_rate_8h=quote.funding_rate_current_8h,
        is_open=quote.state == "open",
        delivery_usd=quote.estimated_delivery_usd,
        volume_usd_per_day=quote.volume_usd or None,
    )


def depth(ladders: tuple[Ladder, Ladder], quote: facts.Quote, received_ns: Ns) -> DepthSeen:
    """What stands at and behind the touch of a quote; `ladders` are bids and asks, best first."""
    bids, asks = (
        tuple((float_from_decimal(price), float_from_decimal(amount)) for price, amount in side) for side in ladders
    )
    return DepthSeen(
        instrument=InstrumentId(quote.instrument),
        received_ns=received_ns,
        venue_ns=quote.time_ns,
        bids=bids,
        asks=asks,
    )


def filled(trade: facts.Trade, received_ns: Ns) -> Filled:
    """A private trade as a fill; signed by the account's own side."""
    assert trade.order_id is not None, f"trade {trade.trade_id} has no order"
    sign = 1 if trade.side is facts.Side.BUY else -1
    return Filled(
        fill_id=FillId(trade.trade_id),
        order_id=OrderId(trade.order_id),
        label=Label(trade.label) if trade.label else None,
        instrument=InstrumentId(trade.instrument),
        amount_native=sign * trade.amount_native,
        price_native=trade.price_native,
        fee_native=ZERO if trade.fee_native is None else trade.fee_native,
        fee_currency=trade.fee_currency or "",
        is_maker=trade.is_maker is True,
        received_ns=received_ns,
        venue_ns=trade.time_ns,
    )


def updated(order: facts.Order, received_ns: Ns) -> OrderUpdated:
    """An order as the venue has it now."""
    return OrderUpdated(
        label=Label(order.label),
        order_id=OrderId(order.order_id),
        instrument=InstrumentId(order.instrument),
        state=VenueOrderState(order.state.value),
        filled_native=order.filled_native,
        received_ns=received_ns,
        venue_ns=order.updated_ns,
    )


def order_seen(order: facts.Order) -> OrderSeen:
    """An open order of a snapshot."""
    sign = 1 if order.side is facts.Side.BUY else -1
    return OrderSeen(
        order_id=OrderId(order.order_id),
        label=Label(order.label) if order.label else None,
        instrument=InstrumentId(order.instrument),
        amount_native=sign * order.amount_native,
        filled_native=order.filled_native,
        price_native=order.price_native,
    )


def position_seen(position: facts.Position) -> PositionSeen:
    """A position of a snapshot."""
    return PositionSeen(
        instrument=InstrumentId(position.instrument),
        amount_native=position.size_native,
        average_native=position.average_price_native,
        mark_native=position.mark_native,
        funding_native=decimal_from_wire(position.realized_funding_native),
        delta_coin=position.delta_coin,
        gamma_coin_per_usd=position.gamma_coin_per_usd,
        vega_usd_per_point=position.vega_usd_per_point,
        theta_usd_per_day=position.theta_usd_per_day,
    )


def settled(entry: facts.LogEntry, delivery_usd: float | None, received_ns: Ns) -> Settled:
    """A line of the transaction log about a settlement; `delivery_usd` where the instrument was delivered."""
    return Settled(
        instrument=InstrumentId(entry.instrument),
        delivery_usd=None if delivery_usd is None else decimal_from_wire(delivery_usd),
        funding_native=entry.funding_native,
        received_ns=received_ns,
        venue_ns=entry.time_ns,
    )


def account_seen(summary: facts.AccountSummary, received_ns: Ns, venue: VenueId = DERIBIT) -> AccountSeen:
    """Account figures of one currency."""
    return AccountSeen(
        currency=summary.currency,
        equity_native=summary.equity_native,
        balance_native=summary.balance_native,
        margin_initial_native=summary.margin_initial_native,
        margin_maintenance_native=summary.margin_maintenance_native,
        available_native=summary.available_native,
        delta_coin_total=summary.delta_total_coin,
        delta_coin_options=summary.options_delta_coin,
        received_ns=received_ns,
        delta_coin_by_index=dict(summary.delta_total_by_index),
        options_value_native=summary.options_value_native,
        gamma_coin_per_usd_options=summary.options_gamma,
        vega_usd_per_point_options=summary.options_vega,
        theta_usd_per_day_options=summary.options_theta,
        futures_profit_native=summary.futures_profit_native,
        session_realized_native=summary.session_realized_native,
        venue=venue,
    )


def request(command: PlaceOrder, account: str) -> facts.OrderRequest:
    """An order as the venue takes it."""
    return facts.OrderRequest(
        account=account,
        instrument=command.instrument,
        side=facts.Side.BUY if command.amount_native > ZERO else facts.Side.SELL,
        amount_native=abs(command.amount_native),
        price_native=command.price_native,
        time_in_force=facts.TimeInForce.GTC if command.rests else facts.TimeInForce.IOC,
        post_only=command.rests,
        reject_post_only=command.rests,
        label=command.label,
        valid_until_ns=command.valid_until_ns,
    )


def refused(command: PlaceOrder, no: facts.VenueSays, received_ns: Ns) -> OrderRefused | OrderUnknown:
    """A no of the venue, by its code; a code that leaves it open is unknown."""
    outcome = order_outcome(no.code).outcome
    if isinstance(outcome, RefusalKind):
        return OrderRefused(label=command.label, received_ns=received_ns, code=no.code, name=no.name, kind=outcome)
    return OrderUnknown(label=command.label, received_ns=received_ns, cause=str(no))


def unanswered(
    command: PlaceOrder | CancelOrder | LookUpOrder | TakeSnapshot, received_ns: Ns, cause: str
) -> OrderUnknown | LookUpFailed | SnapshotFailed:
    """What a gateway makes of a request that got no answer in time."""
    match command:
        case PlaceOrder():
            return OrderUnknown(label=command.label, received_ns=received_ns, cause=cause)
        case TakeSnapshot():
            return SnapshotFailed(received_ns=received_ns, cause=cause, venue=command.venue)
        case _:
            return LookUpFailed(label=command.label, received_ns=received_ns, cause=cause)
