"""The life of an order as a table: every state, every signal. Knows no order and no time.

Two rules. The venue's word about an order that exists beats everything said before. `UNKNOWN` is left
only by an answer of the venue about that very order: its state, or its absence after `valid_until`.
"""

import enum
from typing import Final


class OrderState(enum.StrEnum):
    """Where an order stands, as far as we know."""

    IN_FLIGHT = "in_flight"
    """Written down and handed to the gateway; no answer yet."""
    OPEN = "open"
    UNKNOWN = "unknown"
    """It may or may not exist."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    """The venue said no: it never existed."""
    ABSENT = "absent"
    """Looked up after its deadline: it never existed."""


class Signal(enum.StrEnum):
    """What can be heard about an order."""

    ACKED = "acked"
    SEEN_OPEN = "seen_open"
    SEEN_FILLED = "seen_filled"
    SEEN_CANCELLED = "seen_cancelled"
    REFUSED = "refused"
    LOST = "lost"
    """No answer, or an answer that leaves it open."""
    ABSENT = "absent"


TERMINAL: Final = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REFUSED, OrderState.ABSENT})
"""States in which the order can trade no more."""

_S, _G = OrderState, Signal

# What the venue says of an order it has. Late messages do not reopen what is closed.
_OPEN_ROW: Final = {_G.SEEN_OPEN: _S.OPEN, _G.SEEN_FILLED: _S.FILLED, _G.SEEN_CANCELLED: _S.CANCELLED}

TABLE: Final[dict[OrderState, dict[Signal, OrderState]]] = {
    _S.IN_FLIGHT: {
        **_OPEN_ROW,
        _G.ACKED: _S.OPEN,
        _G.REFUSED: _S.REFUSED,
        _G.LOST: _S.UNKNOWN,
        _G.ABSENT: _S.ABSENT,
    },
    _S.OPEN: {
        **_OPEN_ROW,
        _G.ACKED: _S.OPEN,
        # A refusal after the venue showed the order contradicts itself: ask.
        _G.REFUSED: _S.UNKNOWN,
        # The stream already showed it: losing the reply of the request costs nothing.
        _G.LOST: _S.OPEN,
        _G.ABSENT: _S.UNKNOWN,
    },
    _S.UNKNOWN: {
        **_OPEN_ROW,
        _G.ACKED: _S.OPEN,
        _G.REFUSED: _S.UNKNOWN,
        _G.LOST: _S.UNKNOWN,
        _G.ABSENT: _S.ABSENT,
    },
    _S.FILLED: dict.fromkeys(_G, _S.FILLED),
    _S.CANCELLED: {**dict.fromkeys(_G, _S.CANCELLED), _G.SEEN_FILLED: _S.FILLED},
    # The venue shows an order it refused, or said it did not have: it exists after all.
    _S.REFUSED: {**dict.fromkeys(_G, _S.REFUSED), **_OPEN_ROW, _G.ACKED: _S.OPEN},
    _S.ABSENT: {**dict.fromkeys(_G, _S.ABSENT), **_OPEN_ROW, _G.ACKED: _S.OPEN},
}


def step(state: OrderState, signal: Signal) -> OrderState:
    """The state after a signal."""
    return TABLE[state][signal]
