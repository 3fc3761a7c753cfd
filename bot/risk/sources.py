"""Where a book takes forward and volatility from. Chosen by configuration; the defaults are the venue's own words."""

from collections import Counter

from msgspec import Struct

from bot.domain.status import ExpirySources
from bot.domain.time import Ns
from bot.market.view import MarketView
from bot.risk import forward, volatility
from bot.risk.forward import ForwardSource
from bot.risk.legs import Legs
from bot.risk.volatility import VolatilitySource


class Sources(Struct, frozen=True, kw_only=True):
    """One book's choice; each has others that stand in for it."""

    forward: ForwardSource = ForwardSource.OPTIONS
    volatility: VolatilitySource = VolatilitySource.MARK

    @property
    def need_more(self) -> bool:
        """Whether they look at instruments that are not held."""
        return self.forward is ForwardSource.FUTURE


def origins(view: MarketView, legs: Legs, now_ns: Ns, sources: Sources) -> tuple[ExpirySources, ...]:
    """What each held expiry's forward and volatilities are from now, with the reason where one stands in."""
    found = []
    for index_name, expiry_ns, _, options in legs.expiries:
        seen = forward.chosen(view, index_name, expiry_ns, now_ns, sources.forward)
        counts: Counter[str] = Counter()
        for leg in options:
            marked = view.options.get(leg.name)
            used = None if marked is None else volatility.of(marked, sources.volatility)
            counts["none" if used is None else f"{used.source.value}: {used.because}".removesuffix(": ")] += 1
        found.append(
            ExpirySources(
                index_name=index_name,
                expiry_ns=expiry_ns,
                forward_usd=None if seen is None else seen.usd,
                forward_source=None if seen is None else seen.source.value,
                forward_age_ns=None if seen is None else Ns(now_ns - seen.received_ns),
                options_by_volatility=dict(sorted(counts.items())),
            )
        )
    return tuple(found)
