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
        ((-30.0, -25.0, 1.0), (-20.0, -20.0, 1.0)),
        ((25.0, 30.0, 40.0), (20.0, 20.0, 20.0)),
    ],
)
def test_a_band_never_reaches_beyond_the_hard_limit(
    band: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    """A width per coin of option grows with the book; the limit does not."""
    low, target, high = band
    cut = within(Band(low_coin=low, target_coin=target, high_coin=high), 20.0)

    assert expected == (cut.low_coin, cut.target_coin, cut.high_coin)


@pytest.mark.parametrize(
    ("trade", "touch", "more"),
    [
        (1.0, 2.0, 0.0),
        (2.0, 2.0, 0.0),
        (3.0, 2.0, 0.25),
        (-4.0, 2.0, 0.5),
        (100.0, 2.0, 2.0),
        (0.0, 2.0, 0.0),
        (4.0, None, 0.0),
        (4.0, 0.0, 0.0),
    ],
)
def test_what_is_larger_than_the_touch_costs_more(trade: float, touch: float | None, more: float) -> None:
    """So many touches cost as many half spreads a coin on average, five at most. Half a spread is 0.5 USD."""
    assert beyond_touch_usd(half_spread_usd=0.5, trade_coin=trade, touch_coin=touch) == pytest.approx(more)
