"""The life of an order, cell by cell."""

import itertools

import pytest

from bot.execution.lifecycle import TABLE, TERMINAL, OrderState, Signal, step

_SIGNALS = ("acked", "seen_open", "seen_filled", "seen_cancelled", "refused", "lost", "absent")
_TABLE = {
    "in_flight": ("open", "open", "filled", "cancelled", "refused", "unknown", "absent"),
    "open": ("open", "open", "filled", "cancelled", "unknown", "open", "unknown"),
    "unknown": ("open", "open", "filled", "cancelled", "unknown", "unknown", "absent"),
    "filled": ("filled", "filled", "filled", "filled", "filled", "filled", "filled"),
    "cancelled": ("cancelled", "cancelled", "filled", "cancelled", "cancelled", "cancelled", "cancelled"),
    "refused": ("open", "open", "filled", "cancelled", "refused", "refused", "refused"),
    "absent": ("open", "open", "filled", "cancelled", "absent", "absent", "absent"),
}
_CELLS = [
    (OrderState(state), Signal(signal), OrderState(after))
    for state, row in _TABLE.items()
    for signal, after in zip(_SIGNALS, row, strict=True)
]
_SAID_BY_THE_VENUE = {Signal.ACKED, Signal.SEEN_OPEN, Signal.SEEN_FILLED, Signal.SEEN_CANCELLED}


def test_the_table_below_is_complete() -> None:
    """Every state meets every signal, here and in the code."""
    cells = set(itertools.product(OrderState, Signal))

    assert {(state, signal) for state, signal, _ in _CELLS} == cells
    assert {(state, signal) for state, row in TABLE.items() for signal in row} == cells


@pytest.mark.parametrize(("state", "signal", "after"), _CELLS)
def test_each_cell(state: OrderState, signal: Signal, after: OrderState) -> None:
    """A wrong cell either hedges twice (forgets an order) or never again (keeps one for ever)."""
    assert step(state, signal) is after


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(sorted(TERMINAL), Signal)))
def test_only_the_venue_reopens_what_is_closed(state: OrderState, signal: Signal) -> None:
    """Filled and cancelled are final; refused and absent are left only when the venue shows the order."""
    after = step(state, signal)

    assert after in TERMINAL or (signal in _SAID_BY_THE_VENUE and state in {OrderState.REFUSED, OrderState.ABSENT})


@pytest.mark.parametrize("signal", Signal)
def test_doubt_ends_only_by_an_answer_of_the_venue(signal: Signal) -> None:
    """Silence and refusals of something else leave an unknown order unknown: never "assume rejected"."""
    answered = step(OrderState.UNKNOWN, signal) is not OrderState.UNKNOWN

    assert answered == (signal in _SAID_BY_THE_VENUE | {Signal.ABSENT})


@pytest.mark.parametrize(("first", "second"), list(itertools.product(sorted(_SAID_BY_THE_VENUE), repeat=2)))
def test_what_is_over_stays_over_in_any_order(first: Signal, second: Signal) -> None:
    """Two words of the venue give the same end whichever comes first."""
    start = OrderState.IN_FLIGHT

    assert step(step(start, first), second) is step(step(start, second), first)
