"""The options' venue's index while only the other venue is heard."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.hedging.index_bridge import IndexBridge
from bot.hedging.situation import hedge_seen
from bot.market.view import MarketView
from bot.risk.legs import arrange

SWAP = InstrumentId("OKX:BTC-USDT-SWAP")
PERPETUAL = InstrumentId("BTC-PERPETUAL")
CALL = InstrumentId("BTC-27MAR26-100000-C")


class _Bridged:
    def __init__(self, make: Any) -> None:
        self.make, self.bridge, self.view = make, IndexBridge([PERPETUAL, SWAP]), MarketView(make.trust())
        for spec in (make.option(), make.perpetual(), make.linear_perpetual(id=SWAP)):
            self.view.list_instrument(spec)

    def option(self, usd: float | None, ms: int) -> None:
        at = Ns(self.make.now_ns + ms * NS_PER_MS)
        self.view.see_option(self.make.option_marked(index_usd=usd, received_ns=at))

    def swap(self, usd: float | None, ms: int, name: InstrumentId = SWAP) -> None:
        at = Ns(self.make.now_ns + ms * NS_PER_MS)
        self.view.see_future(self.make.future_marked(name, index_usd=usd, received_ns=at))

    def index_usd(self, name: InstrumentId = SWAP) -> float | None:
        hedge = hedge_seen(self.view, name, self.make.now_ns)
        assert hedge is not None, "seen above"
        self.bridge.pair(self.view, arrange({CALL: Decimal(1)}, self.view.instruments))
        return self.bridge.index_usd(self.view, hedge)


def test_where_the_hedge_is_at_the_options_venue_its_own_index_is_it(make: Any) -> None:
    """Nothing is bridged, seen or unseen."""
    world = _Bridged(make)
    world.option(99_000.0, 0)
    world.swap(100_000.0, 0, PERPETUAL)

    assert world.index_usd(PERPETUAL) == 100_000.0


def test_the_ratio_of_the_last_common_moment_is_carried_on(make: Any) -> None:
    """USDT is a little less than a dollar; the move since is the other venue's, none of it lost in the ratio."""
    world = _Bridged(make)
    world.swap(100_100.0, 0)
    world.option(100_000.0, 10)
    first = world.index_usd()
    world.swap(101_101.0, 500)
    world.index_usd()
    world.swap(102_102.0, 60_000)

    assert first == pytest.approx(100_000.0)
    assert world.index_usd() == pytest.approx(102_000.0)


@pytest.mark.parametrize(("option_ms", "usd"), [(3_000, 100_000.0), (0, None)])
def test_without_a_common_moment_nothing_is_claimed(make: Any, option_ms: int, usd: float | None) -> None:
    """Seconds apart, or no index in the ticker."""
    world = _Bridged(make)
    world.swap(100_100.0, 0)
    world.option(usd, option_ms)

    assert world.index_usd() is None


def test_without_the_hedges_index_there_is_none(make: Any) -> None:
    """A ratio alone is no price."""
    world = _Bridged(make)
    world.swap(100_100.0, 0)
    world.option(100_000.0, 0)
    world.index_usd()
    world.swap(None, 2 * NS_PER_S // NS_PER_MS)

    assert world.index_usd() is None


def test_the_ratio_is_learnt_while_the_hedge_is_still_at_the_options_venue(make: Any) -> None:
    """A book with both: it is there when the first one goes; where all is at one venue there is none to learn."""
    world = _Bridged(make)
    world.swap(100_100.0, 0)
    world.swap(100_000.0, 0, PERPETUAL)
    world.option(100_000.0, 10)
    world.index_usd(PERPETUAL)
    world.swap(101_101.0, 60_000)
    carried = world.index_usd()
    world.bridge = IndexBridge([PERPETUAL])

    assert (carried, world.index_usd()) == (pytest.approx(101_000.0), None)
