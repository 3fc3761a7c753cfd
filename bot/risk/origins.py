"""What the greeks of each held expiry are from, in words for people; decisions do not look at it."""

from collections import Counter

from bot.domain.status import ExpirySources
from bot.domain.time import Ns
from bot.market.view import MarketView
from bot.pricing.smile import SmileDelta
from bot.risk import forward, volatility
from bot.risk.fitted_surface import Curve, FittedSurface, Smiles
from bot.risk.legs import Legs
from bot.risk.sources import Sources


def origins(
    view: MarketView, legs: Legs, now_ns: Ns, sources: Sources, surface: FittedSurface
) -> tuple[ExpirySources, ...]:
    """What each held expiry's forward and volatilities are from now, with the reason where one stands in."""
    found = []
    smiles, why = surface.at(now_ns), surface.because(now_ns)
    for index_name, expiry_ns, _, options in legs.expiries:
        seen = forward.chosen(view, index_name, expiry_ns, now_ns, sources.forward)
        curve = None if smiles is None else smiles.curves.get((index_name, expiry_ns))
        counts: Counter[str] = Counter()
        for leg in options:
            marked = view.options.get(leg.name)
            used = (
                None
                if marked is None
                else volatility.of(marked, sources.volatility, None if curve is None else curve.iv(leg.strike_usd))
            )
            counts["none" if used is None else f"{used.source.value}: {used.because}".removesuffix(": ")] += 1
        found.append(
            ExpirySources(
                index_name=index_name,
                expiry_ns=expiry_ns,
                forward_usd=None if seen is None else seen.usd,
                forward_source=None if seen is None else seen.source.value,
                forward_age_ns=None if seen is None else Ns(now_ns - seen.received_ns),
                options_by_volatility=dict(sorted(counts.items())),
                smile=_rule(sources.smile, smiles, curve, why),
            )
        )
    return tuple(found)


def _rule(wanted: SmileDelta, smiles: Smiles | None, curve: Curve | None, why: str) -> str:
    """The rule used, and why it is not the one wanted."""
    if wanted is SmileDelta.STICKY_STRIKE:
        return wanted.value
    if smiles is None:
        return f"{SmileDelta.STICKY_STRIKE.value}: {why}"
    if curve is None and wanted is not SmileDelta.MINIMUM_VARIANCE:
        return f"{SmileDelta.STICKY_STRIKE.value}: no curve"
    return wanted.value
