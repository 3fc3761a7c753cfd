"""Every cell of the order table, and what no sequence of messages can do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.execution.lifecycle import TABLE, TERMINAL, OrderState, Signal, step

_S, _G = OrderState, Signal

# Rows: state. Columns: acked, seen_open, seen_filled, seen_cancelled, refused, lost, absent.
_EXPECTED = {
    _S.IN_FLIGHT: (_S.OPEN, _S.OPEN, _S.FILLED, _S.CANCELLED, _S.REFUSED, _S.UNKNOWN, _S.ABSENT),
    _S.OPEN: (_S.OPEN, _S.OPEN, _S.FILLED, _S.CANCELLED, _S.UNKNOWN, _S.OPEN, _S.UNKNOWN),
    _S.UNKNOWN: (_S.OPEN, _S.OPEN, _S.FILLED, _S.CANCELLED, _S.UNKNOWN, _S.UNKNOWN, _S.ABSENT),
    _S.FILLED: (_S.FILLED,) * 7,
    _S.CANCELLED: (_S.CANCELLED, _S.CANCELLED, _S.FILLED, _S.CANCELLED, _S.CANCELLED, _S.CANCELLED, _S.CANCELLED),
    _S.REFUSED: (_S.OPEN, _S.OPEN, _S.FILLED, _S.CANCELLED, _S.REFUSED, _S.REFUSED, _S.REFUSED),
    _S.ABSENT: (_S.OPEN, _S.OPEN, _S.FILLED, _S.CANCELLED, _S.ABSENT, _S.ABSENT, _S.ABSENT),
}
_CELLS = [(state, signal, after) for state, row in _EXPECTED.items() for signal, after in zip(Signal, row, strict=True)]


@pytest.mark.parametrize(("state", "signal", "after"), _CELLS)
def test_every_cell(state: OrderState, signal: Signal, after: OrderState) -> None:
    """The table says, for each state and signal, what the order is then."""
    assert step(state, signal) is after


def test_the_table_is_complete() -> None:
    """No state and no signal is left to an exception."""
    assert {state: set(row) for state, row in TABLE.items()} == {state: set(Signal) for state in OrderState}


def test_terminal_states_are_those_that_cannot_trade() -> None:
    """In flight, open and unknown can; everything else cannot."""
    assert set(OrderState) - TERMINAL == {_S.IN_FLIGHT, _S.OPEN, _S.UNKNOWN}


_signals = st.lists(st.sampled_from(list(Signal)), max_size=12)


@given(_signals)
def test_a_filled_order_stays_filled(signals: list[Signal]) -> None:
    """Late messages do not reopen what is closed."""
    state = _S.FILLED
    for signal in signals:
        state = step(state, signal)

    assert state is _S.FILLED


@given(_signals)
def test_only_the_venue_ends_an_unknown_order(signals: list[Signal]) -> None:
    """Silence and refusals of a request leave it unknown: it is never assumed rejected."""
    ours_to_guess = {_G.LOST, _G.REFUSED}
    state = _S.UNKNOWN
    for signal in signals:
        before, state = state, step(state, signal)
        assert state is _S.UNKNOWN or before is not _S.UNKNOWN or signal not in ours_to_guess


@given(_signals)
def test_a_fill_the_venue_shows_is_never_lost(signals: list[Signal]) -> None:
    """Whatever came before, an order the venue shows as filled is filled."""
    state = _S.IN_FLIGHT
    for signal in signals:
        state = step(state, signal)

    assert step(state, _G.SEEN_FILLED) is _S.FILLED
