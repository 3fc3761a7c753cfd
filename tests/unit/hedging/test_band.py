"""Where a hedge aims once the band is left, and how far a band may reach."""

import pytest

from bot.hedging.band import Band, TradeTo, aim_coin, beyond_touch_usd, within

_BAND = Band(low_coin=-0.1, high_coin=0.2, target_coin=0.05)


@pytest.mark.parametrize(
    ("delta_coin_net", "trade_to", "aim"),
    [
        (0.5, TradeTo.EDGE, 0.2),
        (-0.5, TradeTo.EDGE, -0.1),
        (0.5, TradeTo.TARGET, 0.05),
        (-0.5, TradeTo.TARGET, 0.05),
    ],
)
def test_the_aim_is_the_edge_it_left_by_or_the_target(delta_coin_net: float, trade_to: TradeTo, aim: float) -> None:
    """To the edge trades least; to the target trades less often."""
    assert aim_coin(_BAND, delta_coin_net, trade_to) == aim


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        ((-0.1, 0.0, 0.1), (-0.1, 0.0, 0.1)),
        ((-30.0, 0.0, 40.0), (-20.0, 0.0, 20.0)),
        ((-30.0, -25.0, 1.0), (-20.0, -15.0, 11.0)),
        ((15.0, 19.0, 23.0), (15.0, 19.0, 20.0)),
        ((25.0, 30.0, 40.0), (5.0, 10.0, 20.0)),
        ((-31.0, -30.0, -29.0), (-20.0, -19.0, -18.0)),
        ((-1e9, 30.0, 1e9), (-20.0, 0.0, 20.0)),
        ((29.0, 30.0, 1e9), (-1.0, 0.0, 20.0)),
    ],
)
def test_a_band_never_reaches_beyond_the_hard_limit(
    band: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    """A width per coin of option grows with the book; the limit does not.

    A target at or beyond it (a share of the options left open) keeps its width: cut to nothing at the limit, every move
    of the price would be a trade.
    """
    low, target, high = band
    cut = within(Band(low_coin=low, target_coin=target, high_coin=high), 20.0)

    assert expected == (cut.low_coin, cut.target_coin, cut.high_coin)


@pytest.mark.parametrize(
    ("trade", "touch", "more"),
    [(1.0, 2.0, 0.0), (2.0, 2.0, 0.0), (3.0, 2.0, 0.25), (-4.0, 2.0, 0.5), (100.0, 2.0, 2.0), (0.0, 2.0, 0.0)],
)
def test_what_is_larger_than_a_lone_touch_costs_more(trade: float, touch: float, more: float) -> None:
    """So many touches cost as many half spreads a coin on average, five at most. Half a spread is 0.5 USD."""
    levels = [(50_000.0, touch)]

    assert beyond_touch_usd(half_spread_usd=0.5, trade_coin=trade, levels=levels) == pytest.approx(more)
    assert beyond_touch_usd(half_spread_usd=0.5, trade_coin=trade, levels=[]) == 0.0


_ASKS = [(50_000.0, 1.0), (50_002.0, 2.0), (50_006.0, 1.0)]
_BIDS = [(50_000.0, 1.0), (49_998.0, 2.0), (49_994.0, 1.0)]


@pytest.mark.parametrize(
    ("trade", "levels", "more"),
    [
        (1.0, _ASKS, 0.0),  # the touch has room for it
        (2.0, _ASKS, 1.0),  # one coin at the touch, one 2 USD behind it
        (-2.0, _BIDS, 1.0),
        (3.0, _ASKS, 4.0 / 3.0),
        (4.0, _ASKS, 2.5),  # 2 x 2 + 6 over four coins
        # four coins are 6 USD of way: two more go on from 6 to 9, 7.5 on average
        (6.0, _ASKS, (10.0 + 2.0 * 7.5) / 6.0),
        (1e9, _ASKS, 50.0),  # ten basis points, as far as an order goes
        (2.0, [(50_000.0, 0.1), (60_000.0, 5.0)], 50.0),  # a hole behind the touch
    ],
)
def test_what_is_larger_than_the_touch_pays_what_stands_behind_it(
    trade: float, levels: list[tuple[float, float]], more: float
) -> None:
    """The mean way from the touch over the size; beyond what was told as if it went on like that, within a bound."""
    assert beyond_touch_usd(half_spread_usd=0.25, trade_coin=trade, levels=levels) == pytest.approx(more)


def test_a_larger_trade_never_costs_less_a_coin() -> None:
    """Through touch, levels and what is made up behind them."""
    costs = [beyond_touch_usd(half_spread_usd=0.25, trade_coin=0.1 * n, levels=_ASKS) for n in range(1, 400)]

    assert costs == sorted(costs)
    assert costs[-1] > costs[0] == 0.0
