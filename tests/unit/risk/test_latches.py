"""How stops add up, and which trade lowers the worst case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.stops import HEDGEBOT, OPERATOR, Latch, StopKind
from bot.domain.time import Ns, ns_from_iso
from bot.risk.latches import FORBIDS_ORDERS, grade, latched, reduces, words

_K = StopKind
_SINCE = ns_from_iso("2026-03-01T10:00:00Z")


def _latch(kind: StopKind, cause: str = OPERATOR, since_ns: Ns = _SINCE) -> Latch:
    by = "ann" if cause == OPERATOR else HEDGEBOT
    return Latch(kind=kind, cause=cause, since_ns=since_ns, by=by, detail="why")


@pytest.mark.parametrize(
    ("on", "counts"),
    [
        ([], None),
        ([(_K.REDUCE_ONLY, "daily_loss"), (_K.PAUSE, "spread")], _K.PAUSE),
        ([(_K.FLATTEN_HEDGES, "margin"), (_K.PAUSE, "spread")], _K.FLATTEN_HEDGES),
        ([(_K.FLATTEN_HEDGES, "margin"), (_K.PAUSE, OPERATOR)], _K.PAUSE),
        ([(_K.FLATTEN_HEDGES, "margin"), (_K.CANCEL_ALL, OPERATOR)], _K.CANCEL_ALL),
        ([(_K.PAUSE, "daily_loss"), (_K.FLATTEN_HEDGES, OPERATOR)], _K.FLATTEN_HEDGES),
        ([(_K.PAUSE, "daily_loss"), (_K.REDUCE_ONLY, OPERATOR)], _K.PAUSE),
        ([(_K.HALT, "order_refused"), (_K.PAUSE, OPERATOR)], _K.HALT),
        ([(_K.HALT, "order_refused"), (_K.FLATTEN_HEDGES, OPERATOR)], _K.HALT),
    ],
)
def test_the_highest_grade_counts_but_an_operator_ends_flattening(
    on: list[tuple[StopKind, str]], counts: StopKind | None
) -> None:
    """An operator never loosens what a trigger latched, save for orders that close hedges."""
    assert grade([_latch(kind, cause) for kind, cause in on]) == counts


@pytest.mark.parametrize("kind", list(StopKind))
def test_one_latch_counts_as_it_is(kind: StopKind) -> None:
    """Whoever made it."""
    assert grade([_latch(kind)]) == grade([_latch(kind, "daily_loss")]) == kind


def test_a_cause_has_one_latch_and_keeps_the_first() -> None:
    """A trigger that fires again changes nothing: since when counts from the first time."""
    first = _latch(_K.PAUSE, "daily_loss")
    on = latched((first,), _latch(_K.PAUSE, "daily_loss", Ns(_SINCE + 1)))

    assert on == (first,)
    assert latched(on, _latch(_K.HALT, "margin")) == (first, _latch(_K.HALT, "margin"))


def test_an_operators_newest_takes_the_place_of_the_last() -> None:
    """Who flattened and then says pause wants no more orders."""
    trigger = _latch(_K.REDUCE_ONLY, "spread")
    on = latched((_latch(_K.FLATTEN_HEDGES), trigger), _latch(_K.PAUSE))

    assert on == (trigger, _latch(_K.PAUSE))


def test_what_forbids_orders_is_all_but_reducing_and_closing() -> None:
    """The two grades under which something may still be sent have paths of their own."""
    assert set(StopKind) - FORBIDS_ORDERS == {_K.REDUCE_ONLY, _K.FLATTEN_HEDGES}


def test_a_latch_says_who_since_when_why_and_how_to_lift_it() -> None:
    """What stands in every refusal while it is on."""
    since = "2026-03-01T10:00:00.000000Z"
    assert words(_latch(_K.PAUSE)) == f"pause since {since} by ann: why; lift it: hedgebot resume --reason"
    assert words(_latch(_K.HALT, "order_refused")).startswith(f"halt (order_refused) since {since} by hedgebot: why;")


@pytest.mark.parametrize(
    ("low", "high", "target", "trade", "is_less"),
    [
        (0.5, 0.5, 0.0, -0.5, True),
        (0.5, 0.5, 0.0, -0.9, True),
        (0.5, 0.5, 0.0, -1.0, False),
        (0.5, 0.5, 0.0, 0.1, False),
        (0.2, 0.8, 0.0, -0.2, True),
        (-0.3, 0.5, 0.0, -0.2, False),
        (-0.3, 0.5, 0.0, -0.19, True),
        (-0.4, 0.4, 0.0, -0.1, False),
        (1.5, 1.5, 2.0, 0.5, True),
        (1.5, 1.5, 2.0, -0.1, False),
    ],
)
def test_a_trade_reduces_by_its_worst_case(low: float, high: float, target: float, trade: float, is_less: bool) -> None:
    """From the target, at the farther end of the interval."""
    assert reduces(low, high, target, trade) is is_less


_COINS = st.floats(-100.0, 100.0)


@given(low=_COINS, width=st.floats(0.0, 50.0), target=_COINS, trade=_COINS, part=st.floats(0.0, 1.0))
def test_whatever_part_fills_the_worst_case_does_not_grow(
    low: float, width: float, target: float, trade: float, part: float
) -> None:
    """A trade that reduces as a whole reduces in part: nothing depends on how much of it fills."""
    high = low + width

    def worst(coin: float) -> float:
        return max(abs(low + coin - target), abs(high + coin - target))

    if reduces(low, high, target, trade):
        assert worst(part * trade) <= worst(0.0) + 1e-9
