"""The table of methods, and how one request becomes one reply.

A new method is one function in one of the `methods_*` modules and one row here.
"""

from dataclasses import dataclass
from typing import Final

from bot.localex import methods_history as history
from bot.localex import methods_listing as listing
from bot.localex import methods_log as log
from bot.localex import methods_market as market
from bot.localex import methods_orders as orders
from bot.localex import methods_private as private
from bot.localex import methods_public as public
from bot.localex import methods_session as session_of
from bot.localex import methods_statements as statements
from bot.localex.auth import unauthorized
from bot.localex.calls import Call, Method, Session, Venue
from bot.localex.rpc import METHOD_NOT_FOUND, Envelope, Params, Request, RpcError, from_venue
from bot.sim.facts import VenueSays

_TRADE, _TRADE_READ = "trade:read_write", "trade:read"
_TOO_MANY_REQUESTS = 10028
_ACCOUNT, _ACCOUNT_READ = "account:read_write", "account:read"
_WALLET_READ: Final = "wallet:read"

METHODS: Final[dict[str, Method]] = {
    "public/auth": Method(public.auth),
    "public/test": Method(public.test),
    "public/hello": Method(public.hello),
    "public/status": Method(market.status),
    "public/set_heartbeat": Method(public.set_heartbeat),
    "public/disable_heartbeat": Method(session_of.disable_heartbeat),
    "public/get_time": Method(public.get_time),
    "public/get_currencies": Method(public.get_currencies),
    "public/get_instruments": Method(public.get_instruments),
    "public/get_instrument": Method(public.get_instrument),
    "public/ticker": Method(public.ticker),
    "public/get_order_book": Method(public.get_order_book),
    "public/get_index_price": Method(public.get_index_price),
    "public/get_index_price_names": Method(market.get_index_price_names),
    "public/get_book_summary_by_currency": Method(market.get_book_summary_by_currency),
    "public/get_book_summary_by_instrument": Method(market.get_book_summary_by_instrument),
    "public/get_last_trades_by_instrument": Method(market.get_last_trades_by_instrument),
    "public/get_last_trades_by_instrument_and_time": Method(market.get_last_trades_by_instrument),
    "public/get_last_trades_by_currency": Method(market.get_last_trades_by_currency),
    "public/get_last_trades_by_currency_and_time": Method(market.get_last_trades_by_currency),
    "public/get_funding_rate_value": Method(market.get_funding_rate_value),
    "public/get_delivery_prices": Method(market.get_delivery_prices),
    "public/get_contract_size": Method(market.get_contract_size),
    "public/get_tradingview_chart_data": Method(history.get_tradingview_chart_data),
    "public/get_mark_price_history": Method(history.get_mark_price_history),
    "public/get_volatility_index_data": Method(history.get_volatility_index_data),
    "public/get_historical_volatility": Method(history.get_historical_volatility),
    "public/get_funding_rate_history": Method(history.get_funding_rate_history),
    "public/get_funding_chart_data": Method(history.get_funding_chart_data),
    "public/get_expirations": Method(listing.get_expirations),
    "public/get_combos": Method(listing.get_combos),
    "public/get_combo_ids": Method(listing.get_combos),
    "public/get_announcements": Method(listing.get_announcements),
    "public/get_supported_index_names": Method(listing.get_supported_index_names),
    "public/get_trade_volumes": Method(listing.get_trade_volumes),
    "public/get_index_chart_data": Method(listing.get_index_chart_data),
    "public/get_last_settlements_by_instrument": Method(listing.get_last_settlements_by_instrument),
    "public/get_last_settlements_by_currency": Method(listing.get_last_settlements_by_currency),
    "public/subscribe": Method(public.subscribe),
    "public/unsubscribe": Method(public.unsubscribe),
    "public/unsubscribe_all": Method(session_of.unsubscribe_all_public),
    # Any valid token may subscribe: each channel asks for its own scope.
    "private/subscribe": Method(public.private_subscribe, "connection:none"),
    "private/unsubscribe": Method(public.unsubscribe, "connection:none"),
    "private/unsubscribe_all": Method(session_of.unsubscribe_all, "connection:none"),
    "private/logout": Method(session_of.logout, "connection:none", is_silent=True),
    "private/enable_cancel_on_disconnect": Method(session_of.enable_cancel_on_disconnect, _ACCOUNT),
    "private/disable_cancel_on_disconnect": Method(session_of.disable_cancel_on_disconnect, _ACCOUNT),
    "private/get_cancel_on_disconnect": Method(session_of.get_cancel_on_disconnect, _ACCOUNT_READ),
    "private/buy": Method(private.buy, _TRADE, moves_time=True),
    "private/sell": Method(private.sell, _TRADE, moves_time=True),
    "private/edit": Method(orders.edit, _TRADE, moves_time=True),
    "private/edit_by_label": Method(orders.edit_by_label, _TRADE, moves_time=True),
    "private/close_position": Method(orders.close_position, _TRADE, moves_time=True),
    "private/cancel": Method(private.cancel, _TRADE, moves_time=True),
    "private/cancel_all": Method(private.cancel_all, _TRADE, moves_time=True),
    "private/cancel_all_by_currency": Method(private.cancel_all_by_currency, _TRADE, moves_time=True),
    "private/cancel_all_by_instrument": Method(private.cancel_all_by_instrument, _TRADE, moves_time=True),
    "private/cancel_all_by_kind_or_type": Method(private.cancel_all_by_kind_or_type, _TRADE, moves_time=True),
    "private/cancel_by_label": Method(private.cancel_by_label, _TRADE, moves_time=True),
    "private/get_open_orders": Method(private.get_open_orders, _TRADE_READ),
    "private/get_open_orders_by_currency": Method(private.get_open_orders_by_currency, _TRADE_READ),
    "private/get_open_orders_by_instrument": Method(private.get_open_orders_by_instrument, _TRADE_READ),
    "private/get_open_orders_by_label": Method(orders.get_open_orders_by_label, _TRADE_READ),
    "private/get_order_history_by_instrument": Method(orders.get_order_history_by_instrument, _TRADE_READ),
    "private/get_order_history_by_currency": Method(orders.get_order_history_by_currency, _TRADE_READ),
    "private/get_order_state": Method(private.get_order_state, _TRADE_READ),
    "private/get_order_state_by_label": Method(private.get_order_state_by_label, _TRADE_READ),
    "private/get_user_trades_by_instrument": Method(private.get_user_trades_by_instrument, _TRADE_READ),
    "private/get_user_trades_by_instrument_and_time": Method(private.get_user_trades_by_instrument, _TRADE_READ),
    "private/get_user_trades_by_currency": Method(private.get_user_trades_by_currency, _TRADE_READ),
    "private/get_user_trades_by_currency_and_time": Method(private.get_user_trades_by_currency, _TRADE_READ),
    "private/get_user_trades_by_order": Method(private.get_user_trades_by_order, _TRADE_READ),
    "private/get_position": Method(private.get_position, _TRADE_READ),
    "private/get_positions": Method(private.get_positions, _TRADE_READ),
    "private/get_transaction_log": Method(log.get_transaction_log, _ACCOUNT_READ),
    "private/get_settlement_history_by_instrument": Method(
        statements.get_settlement_history_by_instrument, _TRADE_READ
    ),
    "private/get_settlement_history_by_currency": Method(statements.get_settlement_history_by_currency, _TRADE_READ),
    "private/get_trigger_order_history": Method(statements.get_trigger_order_history, _TRADE_READ),
    "private/get_subaccounts": Method(statements.get_subaccounts, _ACCOUNT_READ),
    "private/get_subaccounts_details": Method(statements.get_subaccounts_details, _ACCOUNT_READ),
    "private/get_new_announcements": Method(listing.get_announcements, _ACCOUNT_READ),
    "private/get_user_locks": Method(statements.get_user_locks, _ACCOUNT_READ),
    "private/get_deposits": Method(statements.get_movements, _WALLET_READ),
    "private/get_withdrawals": Method(statements.get_movements, _WALLET_READ),
    "private/get_transfers": Method(statements.get_movements, _WALLET_READ),
    "private/get_current_deposit_address": Method(statements.get_current_deposit_address, _WALLET_READ),
    "private/get_account_summary": Method(private.get_account_summary, _ACCOUNT_READ),
    "private/get_account_summaries": Method(private.get_account_summaries, _ACCOUNT_READ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply ready to send; an empty frame is none."""

    frame: str
    is_error: bool


class Dispatch:
    """Carries out requests against one venue."""

    def __init__(self, venue: Venue, envelope: Envelope) -> None:
        """Take the venue and the writer of replies."""
        self._venue = venue
        self._envelope = envelope

    def answer(self, session: Session, request: Request, us_in: int) -> Answer:
        """Carry out a request; every refusal is an answer."""
        try:
            result = self._carry_out(session, request)
        except VenueSays as no:
            return self.refusal(from_venue(no), request.id, us_in)
        except RpcError as error:
            return self.refusal(error, request.id, us_in)
        method = METHODS[request.method]
        return Answer("" if method.is_silent else self._envelope.result(request.id, result, us_in), is_error=False)

    def refusal(self, error: RpcError, request_id: str | int | float | None, us_in: int) -> Answer:
        """A refusal as an answer."""
        return Answer(self._envelope.error(request_id, error, us_in), is_error=True)

    def _carry_out(self, session: Session, request: Request) -> object:
        method = METHODS.get(request.method)
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        planted = self._venue.faults.take_refusal(request.method, request.params)
        if planted is not None:
            if planted.code == _TOO_MANY_REQUESTS and session.socket is not None:
                session.socket.hang_up()
            raise planted
        call = self._call(session, request)
        self._charge(call, request.method)
        if method.scope is not None:
            if call.granted is None:
                raise unauthorized()
            if not call.granted.allows(method.scope):
                raise RpcError(13021, "forbidden")
        if method.moves_time:
            self._venue.advance()
        return method.run(call)

    def _charge(self, call: Call, method: str) -> None:
        """10028 ends the session: the socket is closed behind the refusal (exchange facts 3.4)."""
        account = None if call.granted is None else call.granted.account
        if self._venue.credits.take(account, method, self._venue.now_ns()):
            return
        if call.session.socket is not None:
            call.session.socket.hang_up()
        raise RpcError(_TOO_MANY_REQUESTS, "too_many_requests")

    def _call(self, session: Session, request: Request) -> Call:
        params = Params(request.params)
        now_ns, granted = self._venue.now_ns(), session.grant
        token = params.text_or_none("access_token")
        if token is not None:
            granted = self._venue.keyring.grant_of_token(token, now_ns, session.socket_id)
        elif (
            granted is not None and session.socket_id is not None and not self._venue.keyring.is_valid(granted, now_ns)
        ):
            granted = None
        return Call(venue=self._venue, params=params, session=session, granted=granted)
