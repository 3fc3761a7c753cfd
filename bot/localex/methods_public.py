"""Public methods: one function each, from a call to its result. Knows no socket and no envelope."""

from typing import Final

from bot.domain.time import ms_from_ns
from bot.localex.calls import Call
from bot.localex.channels import CURRENCIES, KINDS, Channel
from bot.localex.rpc import RpcError, invalid_param
from bot.localex.states import BOOK_DEPTH_MAX
from bot.localex.wire import currency_of, instrument_object, kind_of, order_book_object, shown_usd, ticker_object

VERSION: Final = "1.2.26"
"""The venue's API version as its examples show it."""
_HEARTBEAT_S_MIN, _HEARTBEAT_S_MAX = 10, 3_600
_CHANNELS_PER_CALL_MAX: Final = 500
_CHANNELS_MAX: Final = 20_000
_BOOK_DEPTH_DEFAULT: Final = 5
_EXPIRED_STATES: Final = ("delivered", "archivized")


def auth(call: Call) -> object:
    """Check a proof, give out tokens; on a websocket later calls need none."""
    grant = call.venue.keyring.authenticate(call.params, call.venue.now_ns(), call.session.socket_id)
    if call.session.socket_id is not None:
        call.session.grant = grant
        call.venue.disconnects.begin(call.session.placed, grant.account)
    return grant.reply()


def test(call: Call) -> object:
    """Answer to a test request, or just a look whether the venue is there."""
    if call.session.socket is not None:
        call.session.socket.note_test()
    return {"version": VERSION}


def hello(call: Call) -> object:
    """A client introduces itself; the answer is that of `test`."""
    for name in ("client_name", "client_version"):
        call.params.text(name)
    return {"version": VERSION}


def set_heartbeat(call: Call) -> object:
    """Ask for heartbeats every `interval` seconds."""
    socket = call.socket
    call.params.text("interval")
    interval_s = call.params.integer("interval", 0, at_least=_HEARTBEAT_S_MIN, at_most=_HEARTBEAT_S_MAX)
    socket.start_heartbeat(interval_s)
    return "ok"


def get_time(call: Call) -> object:
    """Venue time in milliseconds."""
    return ms_from_ns(call.venue.now_ns())


def get_currencies(call: Call) -> object:
    """All currencies something is settled in."""
    return [
        {
            "currency": currency,
            "currency_long": currency,
            "coin_type": currency,
            "network_currency": currency,
            "network_fee": 0.0,
            "withdrawal_fee": 0.0,
            "min_withdrawal_fee": 0.0,
            "withdrawal_priorities": [],
            "min_confirmations": 1,
            "apr": 0.0,
            "in_cross_collateral_pool": False,
        }
        for currency in call.venue.currencies
    ]


def get_instruments(call: Call) -> object:
    """All instruments that can be traded, of a currency or kind where asked; with `expired` those delivered."""
    currency = call.params.choice("currency", CURRENCIES, "any")
    kind = call.params.choice("kind", KINDS, "any")
    wants_expired, exchange = call.params.flag("expired"), call.exchange
    found: list[object] = []
    for instrument in exchange.instruments():
        state = exchange.instrument_state(instrument.id)
        fits = currency in ("any", currency_of(instrument)) and kind in ("any", kind_of(instrument))
        if fits and (state in _EXPIRED_STATES) == wants_expired:
            found.append(instrument_object(instrument, state))
    return found


def get_instrument(call: Call) -> object:
    """One instrument."""
    instrument = call.venue.instrument(call.params)
    return instrument_object(instrument, call.exchange.instrument_state(instrument.id))


def ticker(call: Call) -> object:
    """Ticker of one instrument."""
    instrument = call.venue.instrument(call.params)
    return ticker_object(call.exchange.ticker(instrument.id), instrument)


def get_order_book(call: Call) -> object:
    """Ticker and the best levels of one instrument."""
    instrument = call.venue.instrument(call.params)
    depth = call.params.integer("depth", _BOOK_DEPTH_DEFAULT, at_least=1, at_most=BOOK_DEPTH_MAX)
    bids, asks, change_id = call.exchange.book(instrument.id, depth)
    return order_book_object(ticker_object(call.exchange.ticker(instrument.id), instrument), bids, asks, change_id)


def get_index_price(call: Call) -> object:
    """Price of one index."""
    index_name = call.params.text("index_name")
    if index_name not in call.exchange.index_names():
        raise invalid_param("index_name", "wrong format")
    estimate_usd, _, _ = call.exchange.estimated_delivery(index_name)
    return {
        "index_price": shown_usd(call.exchange.index_usd(index_name)),
        "estimated_delivery_price": shown_usd(estimate_usd),
    }


def subscribe(call: Call) -> object:
    """Public channels; what is unknown or private is missing from the answer, silently."""
    return _subscribe(call, takes_private=False)


def private_subscribe(call: Call) -> object:
    """Public and private channels; what is unknown or outside the scope is missing from the answer."""
    return _subscribe(call, takes_private=True)


def unsubscribe(call: Call) -> object:
    """Leave channels; the answer lists those that were subscribed."""
    socket, names = call.socket, dict.fromkeys(_channel_names(call))
    return [name for name in names if call.venue.publisher.unsubscribe(socket, name)]


def _subscribe(call: Call, *, takes_private: bool) -> list[str]:
    socket, publisher = call.socket, call.venue.publisher
    names = dict.fromkeys(_channel_names(call))
    if publisher.count(socket) + len(names) > _CHANNELS_MAX:
        raise invalid_param("channels", f"more than {_CHANNELS_MAX} channels on one connection")
    channels = [channel for channel in map(call.venue.grammar.parse, names) if channel is not None]
    if call.granted is None and any(channel.is_raw_public for channel in channels):
        raise RpcError(13778, "raw_subscriptions_not_available_for_unauthorized")
    accepted = [channel for channel in channels if _is_accepted(call, channel, takes_private=takes_private)]
    for channel in accepted:
        publisher.subscribe(socket, channel, "" if channel.scope is None else call.account)
    # The venue lists them in another order than asked (recorded 2021-07: descending by name).
    return sorted((channel.name for channel in accepted), reverse=True)


def _is_accepted(call: Call, channel: Channel, *, takes_private: bool) -> bool:
    if call.venue.faults.is_muted(channel.name):
        return False
    if channel.scope is None:
        return True
    return takes_private and call.granted is not None and call.granted.allows(channel.scope)


def _channel_names(call: Call) -> list[str]:
    names = call.params.texts("channels")
    if len(names) > _CHANNELS_PER_CALL_MAX:
        raise invalid_param("channels", f"more than {_CHANNELS_PER_CALL_MAX} channels")
    return names
