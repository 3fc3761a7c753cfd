"""The drawn world, ready to trade: one call for drivers and servers."""

from collections.abc import Iterable, Sequence

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.sim.exchange import Exchange
from bot.sim.impact import Impact
from bot.sim.listing import build_listing, newly_listed
from bot.sim.paths import StochasticMarket

__all__ = ["build_exchange", "build_listing"]


def build_exchange(
    seed: int,
    start_ns: Ns,
    *,
    vol_scale: float = 1.0,
    takers_scale: float = 1.0,
    impact: Impact | None = None,
    elsewhere: Sequence[Instrument] = (),
) -> Exchange:
    """A venue with drawn prices and the full listing, from one seed.

    `takers_scale`: times the fitted intensity; `impact`: where clients' trades move prices; `elsewhere`: what other
    venues trade, each against an index of its own.
    """
    indices = {item.index_name: item.base for item in elsewhere}
    market = StochasticMarket(seed, start_ns, vol_scale=vol_scale, impact=impact, elsewhere=indices)

    def lister(now_ns: Ns, known: Iterable[Instrument]) -> Iterable[Instrument]:
        return newly_listed(now_ns, known, market.index_usd)

    listed = (*build_listing(start_ns), *elsewhere)
    return Exchange(
        seed=seed, start_ns=start_ns, market=market, listed=listed, takers_scale=takers_scale, lister=lister
    )
