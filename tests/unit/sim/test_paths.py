"""The drawn market: what it depends on, and that its moves are of the size it says."""

import math
import statistics
from itertools import pairwise

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_DAY, NS_PER_S, NS_PER_YEAR, Ns
from bot.sim.impact import Impact
from bot.sim.listing import build_listing
from bot.sim.paths import StochasticMarket, start_index_usd


def _option(start_ns: Ns, strike: int) -> Instrument:
    return next(item for item in build_listing(start_ns) if item.id == f"BTC-27NOV26-{strike}-C")


def _walk(market: StochasticMarket, start_ns: Ns, steps: int, step_ns: int, name: str = "btc_usd") -> list[float]:
    path = []
    for step in range(1, steps + 1):
        market.advance(Ns(start_ns + step * step_ns))
        path.append(market.index_usd(name))
    return path


def _returns(path: list[float]) -> list[float]:
    return [math.log(after / before) for before, after in pairwise(path)]


def test_it_starts_where_it_says(start_ns: Ns) -> None:
    """BTC at 65,000, ETH at 3,400, both indices of a coin equal."""
    market = StochasticMarket(1, start_ns)

    assert {name: market.index_usd(name) for name in market.index_names()} == {
        "btc_usd": 65_000.0,
        "btc_usdc": 65_000.0,
        "eth_usd": 3_400.0,
        "eth_usdc": 3_400.0,
    }
    assert start_index_usd("ETH") == 3_400.0


def test_the_same_times_give_the_same_path(start_ns: Ns) -> None:
    """Equal by seed, different by seed."""
    first, again, other = (_walk(StochasticMarket(seed, start_ns), start_ns, 50, NS_PER_S) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_no_time_no_move(start_ns: Ns) -> None:
    """Advancing to the same moment draws nothing; going back is a bug."""
    market = StochasticMarket(1, start_ns)
    market.advance(start_ns)

    assert market.index_usd("btc_usd") == 65_000.0
    with pytest.raises(AssertionError, match="time went back"):
        market.advance(Ns(start_ns - 1))


@pytest.mark.parametrize(("step_s", "steps"), [(60, 6000), (3600, 3000)])
def test_realised_volatility_is_the_one_configured(start_ns: Ns, step_s: int, steps: int) -> None:
    """45 % a year plus jumps, whatever the step: between 35 and 65 %."""
    returns = _returns(_walk(StochasticMarket(11, start_ns), start_ns, steps, step_s * NS_PER_S))
    vol_year = math.sqrt(statistics.fmean([r * r for r in returns]) * NS_PER_YEAR / (step_s * NS_PER_S))

    assert 0.35 < vol_year < 0.65


def test_vol_scale_scales_moves_and_smile(start_ns: Ns) -> None:
    """Twice the scale, about twice the moves and twice the implied volatility."""
    one, two = StochasticMarket(4, start_ns), StochasticMarket(4, start_ns, vol_scale=2.0)
    ratio = statistics.pstdev(_returns(_walk(two, start_ns, 2000, NS_PER_S))) / statistics.pstdev(
        _returns(_walk(one, start_ns, 2000, NS_PER_S))
    )
    ivs = [StochasticMarket(4, start_ns, vol_scale=scale).iv(_option(start_ns, 64000)) or 0.0 for scale in (1.0, 2.0)]

    assert ratio == pytest.approx(2.0, rel=0.05)
    assert ivs[1] / ivs[0] == pytest.approx(2.0, rel=0.05)


def test_coins_move_together(start_ns: Ns) -> None:
    """Correlation of returns around 0.8."""
    market = StochasticMarket(8, start_ns)
    pairs = []
    for step in range(1, 2001):
        market.advance(Ns(start_ns + step * 10 * NS_PER_S))
        pairs.append((market.index_usd("btc_usd"), market.index_usd("eth_usd")))

    assert 0.7 < statistics.correlation(_returns([p[0] for p in pairs]), _returns([p[1] for p in pairs])) < 0.9


def test_jumps_happen(start_ns: Ns) -> None:
    """In sixty days some minute moves more than six of its standard deviations."""
    returns = _returns(_walk(StochasticMarket(3, start_ns), start_ns, 60 * 1440, 60 * NS_PER_S))
    sd = statistics.pstdev(returns)

    assert 10 < sum(abs(r) > 6 * sd for r in returns) < 200


def test_the_smile_is_skewed_and_curved_and_moves_with_spot(start_ns: Ns) -> None:
    """Low strikes are dearer than high ones, both wings dearer than the middle of a symmetric smile."""
    market = StochasticMarket(1, start_ns)
    low, middle, high = (market.iv(_option(start_ns, strike)) or 0.0 for strike in (52000, 66000, 76000))
    _walk(market, start_ns, 3600, NS_PER_S)

    assert low > high
    assert (low + high) / 2 > middle
    assert market.iv(_option(start_ns, 52000)) != low


def test_forwards_are_above_the_index_and_further_with_time(start_ns: Ns) -> None:
    """A positive basis a year of a few percent."""
    market = StochasticMarket(1, start_ns)
    near, far = (market.forward_usd("BTC", Ns(start_ns + days * NS_PER_DAY)) for days in (1, 90))

    assert 65_000.0 < near < far
    assert 0.04 < math.log(far / 65_000.0) * 365 / 90 < 0.08
    assert market.forward_name("BTC", build_listing(start_ns)[2].expiry_ns or start_ns) == "BTC-24NOV26"


def test_the_premium_reverts(start_ns: Ns) -> None:
    """Centred near half a basis point, spread of about three, the same for both perpetuals."""
    market = StochasticMarket(1, start_ns)
    perpetual, linear = build_listing(start_ns)[:2]
    seen = []
    for step in range(1, 5000):
        market.advance(Ns(start_ns + step * 600 * NS_PER_S))
        seen.append(market.perp_premium(perpetual))

    assert market.perp_premium(perpetual) == market.perp_premium(linear)
    assert statistics.fmean(seen) == pytest.approx(5e-5, abs=3e-5)
    assert statistics.pstdev(seen) == pytest.approx(3e-4, rel=0.15)


def test_nothing_is_recorded(start_ns: Ns) -> None:
    """A drawn world has no rows and leaves the spread to the market maker."""
    market = StochasticMarket(1, start_ns)
    option = _option(start_ns, 64000)

    assert (market.is_recorded, market.recorded(option), market.perp_half_spread_usd(option)) == (False, None, None)


def test_pressure_moves_index_and_forwards_and_no_other_coin(start_ns: Ns) -> None:
    """From the next moment on, on top of the same path; without impact a press is nothing."""
    markets = [StochasticMarket(1, start_ns, impact=impact) for impact in (None, Impact(lasting_usd_per_coin=20.0))]
    expiry_ns = _option(start_ns, 64000).expiry_ns or start_ns
    for market in markets:
        market.press("BTC", 2.0)
        market.advance(Ns(start_ns + NS_PER_S))
    still, moved = markets

    assert moved.index_usd("btc_usd") == pytest.approx(still.index_usd("btc_usd") + 40.0)
    assert moved.forward_usd("BTC", expiry_ns) == pytest.approx(still.forward_usd("BTC", expiry_ns) + 40.0, abs=0.1)
    assert moved.index_usd("eth_usd") == still.index_usd("eth_usd")


def test_an_index_elsewhere_stays_near_and_moves_by_itself(start_ns: Ns) -> None:
    """A stablecoin's basis: a few basis points, drawn apart; the coin's own path is the same with it or without."""
    plain = StochasticMarket(1, start_ns)
    both = StochasticMarket(1, start_ns, elsewhere={"okx:btc_usdt": "BTC"})
    apart = []
    for step in range(1, 500):
        now_ns = Ns(start_ns + step * 60 * NS_PER_S)
        plain.advance(now_ns)
        both.advance(now_ns)
        apart.append(math.log(both.index_usd("okx:btc_usdt") / both.index_usd("btc_usd")))

    assert plain.index_usd("btc_usd") == both.index_usd("btc_usd")
    assert statistics.mean(apart) == pytest.approx(-3e-4, abs=2e-4)
    assert 1e-4 < statistics.stdev(apart) < 5e-4
