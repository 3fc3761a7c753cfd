"""Account facts of the simulated venue as Deribit's JSON objects: orders, trades, positions, money.

Pure functions, facts in, dicts out. Field sets are those of captured messages
(docs/reference/local-exchange.md says which). Knows no request, no socket and no subscription.
"""

import zlib
from collections.abc import Sequence
from decimal import Decimal

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import ms_from_ns
from bot.domain.units import ZERO
from bot.localex.wire import LEVERAGE_MAX, Wire, kind_of, number, number_or_null, price_digits, shown, shown_usd
from bot.sim.facts import AccountSummary, Order, OrderState, OrderType, Position, Side, Ticker, Trade


def user_id(account: str) -> int:
    """A stable number for an account."""
    return 10_000 + zlib.crc32(account.encode()) % 990_000


def order_object(order: Order, instrument: Instrument) -> Wire:
    """An order in replies and channels; commission and profit are not on orders since 2023."""
    wire: Wire = {
        "order_id": order.order_id,
        "instrument_name": order.instrument,
        "direction": order.side.value,
        "order_type": order.type.value,
        "order_state": order.state.value,
        "time_in_force": order.time_in_force.value,
        # An order without a limit shows this text (data notes 4.10).
        "price": "market_price" if order.price_native is None else number(order.price_native),
        "amount": number(order.amount_native),
        "contracts": number(order.amount_native / instrument.contract_size_native),
        "filled_amount": number(order.filled_native),
        "average_price": number(order.average_price_native),
        "label": order.label,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "creation_timestamp": ms_from_ns(order.created_ns),
        "last_update_timestamp": ms_from_ns(order.updated_ns),
        "api": order.is_api,
        "web": False,
        "mmp": False,
        "replaced": order.replaced,
        "is_liquidation": False,
        "risk_reducing": False,
        "user_id": user_id(order.account),
    }
    if order.post_only:
        wire["reject_post_only"] = order.reject_post_only
    if order.state is OrderState.CANCELLED:
        wire["cancel_reason"] = order.cancel_reason or "user_request"
    return wire


def placed_object(order: Order, trades: Sequence[Trade], instrument: Instrument) -> Wire:
    """Reply to an order: how it stands, and the trades that came of it at once."""
    return {
        "order": order_object(order, instrument),
        "trades": [trade_object(trade, instrument) for trade in trades],
    }


def trade_object(trade: Trade, instrument: Instrument) -> Wire:
    """A trade of an account, or of the public tape where the private facts are None."""
    wire: Wire = {
        "trade_id": trade.trade_id,
        "trade_seq": trade.trade_seq,
        "instrument_name": trade.instrument,
        "timestamp": ms_from_ns(trade.time_ns),
        "direction": trade.side.value,
        "price": number(trade.price_native),
        "amount": number(trade.amount_native),
        "contracts": number(trade.amount_native / instrument.contract_size_native),
        "mark_price": shown(trade.mark_native, price_digits(instrument)),
        "index_price": shown_usd(trade.index_usd),
        "tick_direction": trade.tick_direction,
    }
    if instrument.is_option:
        wire["iv"] = shown(trade.iv_percent or 0.0, 2)
    if trade.account is not None:
        wire.update(_private_trade_fields(trade, trade.account))
    return wire


def _private_trade_fields(trade: Trade, account: str) -> Wire:
    wire: Wire = {
        "order_id": trade.order_id,
        "state": (trade.order_state or OrderState.FILLED).value,
        "order_type": (trade.order_type or OrderType.LIMIT).value,
        "fee": number(trade.fee_native),
        "fee_currency": trade.fee_currency,
        "liquidity": "M" if trade.is_maker else "T",
        "profit_loss": number_or_null(trade.profit_native),
        "matching_id": None,
        "self_trade": False,
        "post_only": trade.post_only,
        "reduce_only": trade.reduce_only,
        "api": trade.is_api,
        "mmp": False,
        "risk_reducing": False,
        "user_id": user_id(account),
    }
    if trade.label:
        wire["label"] = trade.label
    return wire


def _profit_total(position: Position, instrument: Instrument) -> float:
    """Profit since the average price in settlement currency (the contract's definition, facts 2.2)."""
    size, average = number(position.size_native), number(position.average_price_native)
    if size == 0.0 or average == 0.0 or position.mark_native == 0.0:
        return 0.0
    if instrument.amount_is_in_usd:
        return size * (1.0 / average - 1.0 / position.mark_native)
    return size * (position.mark_native - average)


def position_object(position: Position, instrument: Instrument, interest_value: float | None = None) -> Wire:
    """A position as `user.changes` shows it; flat ones have direction `zero`.

    `interest_value` is the ticker's, for perpetuals.
    """
    size, mark = number(position.size_native), position.mark_native
    digits = price_digits(instrument)
    wire: Wire = {
        "instrument_name": position.instrument,
        "kind": kind_of(instrument),
        "direction": _direction(position.size_native),
        "size": size,
        "average_price": shown(number(position.average_price_native), digits),
        "mark_price": shown(mark, digits),
        "index_price": shown_usd(position.index_usd),
        "settlement_price": None if position.settlement_native is None else shown(position.settlement_native, digits),
        "delta": shown(position.delta_coin, 9),
        "initial_margin": shown(position.margin_initial_native, 9),
        "maintenance_margin": shown(position.margin_maintenance_native, 9),
        "floating_profit_loss": shown(position.floating_profit_native, 9),
        "realized_profit_loss": shown(position.realized_profit_native, 9),
        "total_profit_loss": shown(_profit_total(position, instrument), 9),
    }
    if instrument.is_option:
        wire["gamma"] = shown(position.gamma_coin_per_usd, 5)
        wire["vega"] = shown(position.vega_usd_per_point, 5)
        wire["theta"] = shown(position.theta_usd_per_day, 5)
        if instrument.is_inverse:
            wire["average_price_usd"] = shown(number(position.average_price_native) * position.index_usd, 6)
            wire["floating_profit_loss_usd"] = shown(position.floating_profit_native * position.index_usd, 6)
        return wire
    wire["leverage"] = LEVERAGE_MAX
    if instrument.is_inverse:
        wire["size_currency"] = shown(size / mark if mark else 0.0, 9)
    else:
        # A linear future's `size` is its notional at the mark, the coins are `size_currency` (facts 2.2).
        wire["size"] = shown(size * mark, 6)
        wire["size_currency"] = size
    if instrument.kind is Kind.PERPETUAL:
        wire["interest_value"] = interest_value or 0.0
        wire["realized_funding"] = shown(position.realized_funding_native, 9)
    return wire


def flat_position(ticker: Ticker) -> Position:
    """No position, as the venue tells it beside an order on an instrument that was never held."""
    return Position(
        instrument=ticker.instrument,
        size_native=ZERO,
        average_price_native=ZERO,
        mark_native=ticker.mark_native,
        index_usd=ticker.index_usd,
        settlement_native=ticker.settlement_native,
        floating_profit_native=0.0,
        realized_profit_native=0.0,
        delta_coin=0.0,
        gamma_coin_per_usd=0.0,
        vega_usd_per_point=0.0,
        theta_usd_per_day=0.0,
        margin_initial_native=0.0,
        margin_maintenance_native=0.0,
        realized_funding_native=0.0,
    )


def listed_position_object(position: Position, instrument: Instrument, interest_value: float | None = None) -> Wire:
    """A position as get_positions lists it: futures with two fields more."""
    wire = position_object(position, instrument, interest_value)
    if not instrument.is_option:
        wire["open_orders_margin"] = 0.0
        wire["estimated_liquidation_price"] = None
    return wire


def changes_object(instrument: Instrument, orders: Sequence[Order], trades: Sequence[Trade], position: Wire) -> Wire:
    """`user.changes`: all that happened on one instrument, with the position after it."""
    return {
        "instrument_name": instrument.id,
        "orders": [order_object(order, instrument) for order in orders],
        "trades": [trade_object(trade, instrument) for trade in trades],
        "positions": [position],
    }


def _direction(size_native: Decimal) -> str:
    if size_native == ZERO:
        return "zero"
    return Side.BUY.value if size_native > ZERO else Side.SELL.value


def _money(value: float) -> float:
    return shown(value, 8)


def summary_object(summary: AccountSummary) -> Wire:
    """`user.portfolio` and get_account_summary of one currency (segregated margin, captured 2025-12)."""
    deltas = {name: _money(delta) for name, delta in summary.delta_total_by_index.items()}
    equity, realized = _money(summary.equity_native), _money(summary.session_realized_native)
    by_index = {
        "gamma": summary.options_gamma_by_index,
        "vega": summary.options_vega_by_index,
        "theta": summary.options_theta_by_index,
    }
    # Without option positions the greek maps are empty on the wire.
    maps: Wire = {
        f"options_{greek}_map": {name: shown(value, 5) for name, value in values.items()}
        for greek, values in by_index.items()
    }
    return maps | {
        "currency": summary.currency,
        "balance": _money(summary.balance_native),
        "equity": equity,
        "margin_balance": equity,
        "available_funds": _money(summary.available_native),
        "available_withdrawal_funds": _money(max(0.0, min(summary.available_native, summary.balance_native))),
        "initial_margin": _money(summary.margin_initial_native),
        "maintenance_margin": _money(summary.margin_maintenance_native),
        "projected_initial_margin": _money(summary.margin_initial_projected_native),
        "projected_maintenance_margin": _money(summary.margin_maintenance_projected_native),
        "delta_total": _money(summary.delta_total_coin),
        "projected_delta_total": _money(summary.delta_total_projected_coin),
        "delta_total_map": deltas,
        "options_delta": shown(summary.options_delta_coin, 5),
        "options_gamma": shown(summary.options_gamma, 5),
        "options_vega": shown(summary.options_vega, 5),
        "options_theta": shown(summary.options_theta, 5),
        "options_value": _money(summary.options_value_native),
        "options_pl": _money(summary.options_profit_native),
        "futures_pl": _money(summary.futures_profit_native),
        "total_pl": _money(summary.options_profit_native + summary.futures_profit_native),
        "session_rpl": realized,
        "session_upl": _money(summary.session_unrealized_native),
        "futures_session_rpl": realized,
        "futures_session_upl": _money(summary.futures_profit_native),
        "options_session_rpl": 0.0,
        "options_session_upl": _money(summary.options_profit_native),
        "estimated_liquidation_ratio": 0.0,
        "estimated_liquidation_ratio_map": dict.fromkeys(deltas, 0.0),
        "additional_reserve": 0.0,
        "spot_reserve": 0.0,
        "fee_balance": 0.0,
        "locked_balance": 0.0,
        "margin_model": "segregated_sm",
        "portfolio_margining_enabled": False,
        "cross_collateral_enabled": False,
    }
