"""Where a hedge aims once the band is left."""

import pytest

from bot.hedging.band import Band, TradeTo, aim_coin

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
