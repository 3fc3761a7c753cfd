"""Methods about the connection itself: subscriptions left at once, heartbeats off, cancel on disconnect, logout.

One function each. Knows no market.
"""

from bot.localex.calls import Call, must_be_websocket
from bot.localex.disconnects import CONNECTION, SCOPES, Placed


def disable_heartbeat(call: Call) -> object:
    """Send no more heartbeats and test requests."""
    call.socket.stop_heartbeat()
    return "ok"


def unsubscribe_all_public(call: Call) -> object:
    """Leave all public channels."""
    call.venue.publisher.forget(call.socket, public_only=True)
    return "ok"


def unsubscribe_all(call: Call) -> object:
    """Leave all channels."""
    call.venue.publisher.forget(call.socket)
    return "ok"


def enable_cancel_on_disconnect(call: Call) -> object:
    """Take back this connection's orders when it ends."""
    return _set(call, is_enabled=True)


def disable_cancel_on_disconnect(call: Call) -> object:
    """Leave the orders where they are."""
    return _set(call, is_enabled=False)


def _set(call: Call, *, is_enabled: bool) -> str:
    scope = _scope(call)
    if call.session.socket is None:
        raise must_be_websocket()
    call.venue.disconnects.set(call.session.placed, call.account, scope, is_enabled=is_enabled)
    return "ok"


def get_cancel_on_disconnect(call: Call) -> object:
    """Whether it is on, by scope."""
    scope = _scope(call)
    return {"scope": scope, "enabled": call.venue.disconnects.is_enabled(call.session.placed, call.account, scope)}


def logout(call: Call) -> object:
    """End the connection without an answer; its orders stay whatever was set (exchange facts 3.3)."""
    socket = call.socket
    call.session.placed = Placed()
    if call.params.flag("invalidate_token", default=True) and call.session.socket_id is not None:
        call.venue.keyring.forget_socket(call.session.socket_id)
    socket.hang_up()
    return None


def _scope(call: Call) -> str:
    return call.params.choice("scope", SCOPES, CONNECTION)
