"""Ladders around the mark."""

from decimal import Decimal

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim.history import HistoryRow
from bot.sim.listing import build_listing
from bot.sim.market_maker import ladders, lots_of_coin
from bot.sim.pit import DELIVERED, Mark, Pit, open_pit


def _pit(name: str, start_ns: Ns, seed: int = 1) -> Pit:
    return open_pit(next(item for item in build_listing(start_ns) if item.id == name), seed)


def _future_mark(usd: float) -> Mark:
    return Mark(mark_native=usd, index_usd=usd, forward_usd=usd)


@pytest.mark.parametrize(
    ("usd", "half_spread_usd", "expected"),
    [
        (50_000.30, None, ("50000.0", "50000.5")),
        (50_000.00, None, ("50000.0", "50000.5")),
        # Quoted from the index: one tick to each side of the nearest price.
        (50_000.30, 0.5, ("50000.0", "50001.0")),
    ],
)
def test_the_perpetual_touch(
    start_ns: Ns, *, usd: float, half_spread_usd: float | None, expected: tuple[str, str]
) -> None:
    """One tick wide around the mark, or with the half spread asked for."""
    pit = _pit("BTC-PERPETUAL", start_ns)
    bids, asks = ladders(pit, _future_mark(usd), start_ns, half_spread_usd)
    touch = (pit.grid.price(max(bids)), pit.grid.price(min(asks)))

    assert touch == tuple(Decimal(price) for price in expected)


def test_ladders_have_depth_and_stay_put(start_ns: Ns) -> None:
    """Several levels on a fixed grid behind the touch: a small move keeps most of them."""
    pit = _pit("BTC-PERPETUAL", start_ns)
    bids, asks = ladders(pit, _future_mark(50_000.0), start_ns, None)
    bids, asks = dict(bids), dict(asks)
    moved_bids, moved_asks = ladders(pit, _future_mark(50_001.0), start_ns, None)

    assert (len(bids), len(asks)) == (7, 7)
    assert max(bids) < min(asks)
    assert len(bids.items() & moved_bids.items()) >= 5
    assert len(asks.items() & moved_asks.items()) >= 5


def test_amounts_are_a_function_of_the_moment(start_ns: Ns) -> None:
    """The same at the same moment, some of them different a while later, others under another seed."""
    mark = _future_mark(50_000.0)
    first = ladders(_pit("BTC-PERPETUAL", start_ns), mark, start_ns, None)
    again = ladders(_pit("BTC-PERPETUAL", start_ns), mark, start_ns, None)
    later = ladders(_pit("BTC-PERPETUAL", start_ns), mark, Ns(start_ns + 4 * NS_PER_S), None)
    other = ladders(_pit("BTC-PERPETUAL", start_ns, seed=2), mark, start_ns, None)

    assert first == again
    assert first[0].keys() == later[0].keys() == other[0].keys()
    assert 0 < len(first[0].items() - later[0].items()) < 7
    assert first != other


@pytest.mark.parametrize(
    ("mark_native", "bid", "ask"),
    [
        (0.02, "0.0195", "0.0205"),
        (0.0521, "0.0510", "0.0530"),
        (0.002, "0.0019", "0.0021"),
        # Worth less than a tick: nobody bids.
        (0.00005, None, "0.0001"),
        (0.0, None, "0.0001"),
    ],
)
def test_option_quotes_are_on_the_ladder(start_ns: Ns, *, mark_native: float, bid: str | None, ask: str) -> None:
    """Around the mark, on the tick ladder, three levels, no bid below a tick."""
    pit = _pit("BTC-24NOV26-65000-C", start_ns)
    bids, asks = ladders(pit, Mark(mark_native=mark_native, index_usd=50_000.0, iv=0.5), start_ns, None)

    assert (pit.grid.price(max(bids)) if bids else None) == (None if bid is None else Decimal(bid))
    assert pit.grid.price(min(asks)) == Decimal(ask)
    assert len(asks) == 3
    assert all(units % pit.grid.step_at(units) == 0 for units in [*bids, *asks])


def _row(bid: tuple[float, float] | None, ask: tuple[float, float] | None) -> HistoryRow:
    return HistoryRow(
        instrument="BTC-24NOV26-65000-C",
        time_ns=Ns(1),
        forward_usd=50_000.0,
        forward_name="x",
        index_usd=50_000.0,
        mark_native=0.02,
        iv_mark_percent=50.0,
        bid_native=bid and bid[0],
        bid_amount_native=bid and bid[1],
        ask_native=ask and ask[0],
        ask_amount_native=ask and ask[1],
        iv_bid_percent=None,
        iv_ask_percent=None,
        delta=0.5,
        open_interest_native=1.0,
        last_native=None,
        settlement_native=None,
        price_min_native=0.0005,
        price_max_native=0.1,
    )


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        ((0.0195, 5.0), (0.0205, 4.3), ({195: 50}, {205: 43})),
        (None, (1.0, 0.1), ({}, {10_000: 1})),
        ((0.0195, 5.0), None, ({195: 50}, {})),
        (None, None, ({}, {})),
    ],
)
def test_recorded_quotes_are_taken_as_they_are(
    start_ns: Ns,
    *,
    bid: tuple[float, float] | None,
    ask: tuple[float, float] | None,
    expected: tuple[dict[int, int], dict[int, int]],
) -> None:
    """One level a side, absent sides absent, parked orders kept."""
    pit = _pit("BTC-24NOV26-65000-C", start_ns)

    assert ladders(pit, Mark(mark_native=0.02, iv=0.5, row=_row(bid, ask)), start_ns, None) == expected


def test_nothing_is_quoted_without_volatility_or_after_delivery(start_ns: Ns) -> None:
    """A listed option without a row, and a delivered one, have empty books."""
    pit = _pit("BTC-24NOV26-65000-C", start_ns)
    unseen = ladders(pit, Mark(), start_ns, None)
    pit.state = DELIVERED
    gone = ladders(pit, Mark(mark_native=0.02, iv=0.5, index_usd=1.0), start_ns, None)

    assert (unseen, gone) == (({}, {}), ({}, {}))


def test_lots_of_coins(start_ns: Ns) -> None:
    """Inverse futures count USD lots, others coins; never less than one."""
    listed = {str(item.id): item for item in build_listing(start_ns)}

    assert lots_of_coin(listed["BTC-PERPETUAL"], 2.0, 50_000.0) == 10_000
    assert lots_of_coin(listed["BTC-24NOV26-65000-C"], 2.0, 50_000.0) == 20
    assert lots_of_coin(listed["ETH-24NOV26-3400-C"], 0.1, 2_000.0) == 1
