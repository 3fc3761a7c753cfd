"""Positions: the sum of distinct fills over a baseline, whatever the order, the repetition and the source."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import Filled
from bot.domain.ids import FillId, InstrumentId, OrderId
from bot.domain.seen import PositionSeen
from bot.domain.time import Ns
from bot.risk.positions import Positions

_NAMES = [InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC-27MAR26-100000-C")]


def _fill(number: int, name: InstrumentId, amount: Decimal) -> Filled:
    return Filled(
        fill_id=FillId(f"f{number}"),
        order_id=OrderId("V"),
        label=None,
        instrument=name,
        amount_native=amount,
        price_native=Decimal(1),
        fee_native=Decimal(0),
        fee_currency="BTC",
        is_maker=False,
        received_ns=Ns(0),
        venue_ns=Ns(0),
    )


_amounts = st.decimals(min_value=-1000, max_value=1000, places=4)
_trades = st.lists(st.tuples(st.sampled_from(_NAMES), _amounts), max_size=8).map(
    lambda trades: [_fill(number, name, amount) for number, (name, amount) in enumerate(trades)]
)


def _sum(fills: Sequence[Filled]) -> dict[InstrumentId, Decimal]:
    totals = {name: sum((f.amount_native for f in fills if f.instrument == name), Decimal(0)) for name in _NAMES}
    return {name: amount for name, amount in totals.items() if amount}


@given(_trades, st.data())
def test_each_fill_counts_once(fills: list[Filled], data: st.DataObject) -> None:
    """Reply, stream, look-up and snapshot tell the same fills: four times in any order is once."""
    told = data.draw(st.permutations([*fills, *fills]))
    positions = Positions()
    news = [positions.book(fill) for fill in told]

    assert positions.held() == _sum(fills)
    assert sum(news) == len(fills)


@given(_trades, _trades, st.data())
def test_a_baseline_and_what_came_after_it(before: list[Filled], after: list[Filled], data: st.DataObject) -> None:
    """The venue's positions hold the fills of the snapshot; those of the stream are added, each once."""
    inside = [_fill(100 + number, fill.instrument, fill.amount_native) for number, fill in enumerate(before)]
    positions = Positions()
    positions.adopt([PositionSeen(instrument=name, amount_native=amount) for name, amount in _sum(inside).items()])
    positions.count(fill.fill_id for fill in inside)
    for fill in data.draw(st.permutations([*inside, *after])):
        positions.book(fill)

    assert positions.held() == _sum([*inside, *after])
    assert (
        positions.differences(
            [PositionSeen(instrument=name, amount_native=amount) for name, amount in _sum([*inside, *after]).items()]
        )
        == []
    )
