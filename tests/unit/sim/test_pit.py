"""Statistics of an instrument's trades."""

from decimal import Decimal

import pytest

from bot.domain.time import Ns
from bot.sim.facts import Side, Trade
from bot.sim.listing import build_listing
from bot.sim.pit import DELIVERED, Pit, open_pit

_D = Decimal


@pytest.fixture
def pit(start_ns: Ns) -> Pit:
    """The BTC perpetual, never traded."""
    return open_pit(build_listing(start_ns)[0], seed=1)


def _print(pit: Pit, price: str) -> int:
    direction = pit.next_tick_direction(_D(price))
    trade = Trade(
        trade_id="1",
        trade_seq=1,
        instrument=pit.instrument.id,
        side=Side.BUY,
        amount_native=_D(100),
        price_native=_D(price),
        time_ns=Ns(1),
        mark_native=0.0,
        index_usd=50_000.0,
        iv_percent=None,
        tick_direction=direction,
    )
    pit.print_trade(trade, 0.00002)
    return direction


def test_tick_direction(pit: Pit) -> None:
    """0 up, 1 unchanged after up, 2 down, 3 unchanged after down."""
    assert [_print(pit, price) for price in ("10", "11", "11", "10", "10", "12")] == [0, 0, 1, 2, 3, 0]


def test_statistics_follow_the_trades(pit: Pit) -> None:
    """First, last, high, low, volume in coin and in USD."""
    for price in ("50000", "50200", "49900"):
        _print(pit, price)

    assert (pit.first_native, pit.last_native) == (_D(50_000), _D(49_900))
    assert (pit.high_native, pit.low_native) == (_D(50_200), _D(49_900))
    assert pit.volume is not None, "a pit of its own counts"
    assert pit.volume.at(pit.trades[-1].time_ns) == pytest.approx((0.006, 300.0))
    assert len(pit.trades) == 3


def test_a_fresh_pit_is_open_and_salted_by_seed(start_ns: Ns, pit: Pit) -> None:
    """Different seeds salt differently, the same alike; delivered is not open."""
    other, again = (open_pit(build_listing(start_ns)[0], seed=seed) for seed in (2, 1))
    pit.state = DELIVERED

    assert (other.is_open, other.is_perpetual, pit.is_open) == (True, True, False)
    assert again.salt_seed == pit.salt_seed != other.salt_seed
