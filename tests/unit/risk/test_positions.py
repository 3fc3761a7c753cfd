"""Positions are the sum of fills over a baseline; a fill id counts once."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import Filled
from bot.domain.ids import FillId, InstrumentId, OrderId
from bot.domain.seen import PositionSeen
from bot.domain.time import Ns
from bot.risk.positions import Positions

_PERP = InstrumentId("BTC-PERPETUAL")
_CALL = InstrumentId("BTC-27MAR26-100000-C")


def _fill(number: int, amount: int) -> Filled:
    return Filled(
        fill_id=FillId(str(number)),
        order_id=OrderId("1"),
        label=None,
        instrument=_PERP,
        amount_native=Decimal(amount),
        price_native=Decimal(100_000),
        fee_native=Decimal(0),
        fee_currency="BTC",
        is_maker=False,
        received_ns=Ns(0),
        venue_ns=Ns(0),
    )


@given(
    st.dictionaries(st.integers(0, 50), st.integers(-500, 500).map(lambda lots: 10 * lots), max_size=20).flatmap(
        lambda fills: (
            st.tuples(st.just(fills), st.lists(st.sampled_from(sorted(fills)), max_size=60))
            if fills
            else st.just((fills, []))
        )
    )
)
def test_the_position_is_the_sum_of_distinct_fills(case: tuple[dict[int, int], list[int]]) -> None:
    """Twice, late, in any order: only distinct fill ids count."""
    amounts, arrivals = case
    positions = Positions()
    counted = [number for number in arrivals if positions.book(_fill(number, amounts[number]))]

    assert sorted(counted) == sorted(set(arrivals))
    assert positions.amount(_PERP) == sum((Decimal(amounts[number]) for number in set(arrivals)), Decimal(0))


def test_a_fill_inside_the_baseline_is_not_added_again() -> None:
    """A snapshot's position holds its fills already."""
    positions = Positions()
    positions.adopt([PositionSeen(instrument=_PERP, amount_native=Decimal(30))])
    positions.count([FillId("7")])

    assert positions.book(_fill(7, 10)) is False
    assert positions.amount(_PERP) == Decimal(30)


def test_differences_name_ours_and_the_venues() -> None:
    """Absent means zero on either side; agreement is not mentioned."""
    positions = Positions()
    positions.adopt(
        [
            PositionSeen(instrument=_PERP, amount_native=Decimal(30)),
            PositionSeen(instrument=_CALL, amount_native=Decimal(1)),
        ]
    )

    assert positions.differences([PositionSeen(instrument=_CALL, amount_native=Decimal(1))]) == [
        (_PERP, Decimal(30), Decimal(0))
    ]
    positions.drop(_PERP)
    assert positions.held() == {_CALL: Decimal(1)}
    assert positions.differences([]) == [(_CALL, Decimal(1), Decimal(0))]


def test_ids_are_forgotten_oldest_first_and_only_at_the_bound() -> None:
    """Memory is bounded; what the venue may still repeat is remembered."""
    positions = Positions()
    positions.count(FillId(str(number)) for number in range(200_001))

    assert not positions.has_counted(FillId("0"))
    assert positions.has_counted(FillId("1"))
