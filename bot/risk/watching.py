"""What a book wants to see besides what it holds: only what its configuration needs, and bounded.

Knows positions arranged by expiry and what is listed; must not know subscriptions.
"""

from typing import Final

from bot.domain.ids import InstrumentId
from bot.market.view import MarketView
from bot.risk.forward import ForwardSource
from bot.risk.legs import Expiry, Legs
from bot.risk.sources import Sources

_EXPIRIES_MAX: Final = 8
_STRIKES_MAX: Final = 20
"""Of an expiry: two and a half standard deviations either way on most listed grids, where smiles are made."""
_BOTH_MAX: Final = 3
"""Strikes with call and put: what parity looks at."""


def wanted(view: MarketView, legs: Legs, sources: Sources) -> list[InstrumentId]:
    """Of held expiries: the future, where the forward is its; strikes around the money, where there is a surface."""
    names: dict[InstrumentId, None] = {}
    for expiry in legs.expiries:
        dated = view.dated.get((expiry.index_name, expiry.expiry_ns))
        if dated is not None and sources.forward is ForwardSource.FUTURE:
            names[dated] = None
    if sources.need_surface:
        for expiry in legs.expiries[:_EXPIRIES_MAX]:
            names |= dict.fromkeys(_around_the_money(view, expiry))
    return list(names)


def _around_the_money(view: MarketView, expiry: Expiry) -> list[InstrumentId]:
    """The option out of the money of each of the nearest strikes, both of the very nearest."""
    forward_usd = view.forward_usd(expiry.index_name, expiry.expiry_ns)
    if forward_usd is None or forward_usd <= 0.0:
        return []
    chain = [
        spec
        for spec in view.instruments.values()
        if spec.is_option
        and (spec.index_name, spec.expiry_ns) == (expiry.index_name, expiry.expiry_ns)
        and spec.is_inverse is expiry.is_inverse
    ]
    strikes = sorted({spec.strike_usd for spec in chain if spec.strike_usd}, key=lambda k: (abs(k - forward_usd), k))
    near, nearest = set(strikes[:_STRIKES_MAX]), set(strikes[:_BOTH_MAX])
    return [
        spec.id
        for spec in chain
        if spec.strike_usd in nearest or (spec.strike_usd in near and spec.is_call is (spec.strike_usd >= forward_usd))
    ]
