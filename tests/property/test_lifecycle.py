"""Any sequence of signals: what is over stays over, doubt ends by the venue's word only."""

from hypothesis import given
from hypothesis import strategies as st

from bot.execution.lifecycle import TERMINAL, OrderState, Signal, step

_SHOWN = {Signal.ACKED, Signal.SEEN_OPEN, Signal.SEEN_FILLED, Signal.SEEN_CANCELLED}
_signals = st.lists(st.sampled_from(Signal), max_size=12)


@given(_signals, st.sampled_from(OrderState))
def test_once_filled_always_filled(signals: list[Signal], state: OrderState) -> None:
    """A fill the venue has shown is never taken back by anything that arrives later."""
    state = step(state, Signal.SEEN_FILLED)
    for signal in signals:
        state = step(state, signal)

    assert state is OrderState.FILLED


@given(_signals)
def test_an_order_never_shown_is_never_open(signals: list[Signal]) -> None:
    """Without a word of the venue about it, it is in flight, unknown, refused or absent."""
    state = OrderState.IN_FLIGHT
    for signal in signals:
        if signal not in _SHOWN:
            state = step(state, signal)

    assert state in {OrderState.IN_FLIGHT, OrderState.UNKNOWN, OrderState.REFUSED, OrderState.ABSENT}


@given(_signals)
def test_an_order_that_was_shown_is_never_refused_or_absent(signals: list[Signal]) -> None:
    """It existed: at worst nobody knows what became of it, until it is looked up and absent then."""
    state = step(OrderState.IN_FLIGHT, Signal.SEEN_OPEN)
    for signal in signals:
        before, state = state, step(state, signal)
        assert state is not OrderState.REFUSED
        assert state is not OrderState.ABSENT or before in {OrderState.UNKNOWN, OrderState.ABSENT}


@given(_signals, st.sampled_from(sorted(TERMINAL)), st.sampled_from(Signal))
def test_words_said_twice_change_nothing(signals: list[Signal], start: OrderState, last: Signal) -> None:
    """The stream repeats itself after a reconnection."""
    state = start
    for signal in signals:
        state = step(state, signal)
    once = step(state, last)

    assert step(once, last) is once or last is Signal.ABSENT
