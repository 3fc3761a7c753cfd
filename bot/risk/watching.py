"""What a book wants to see besides what it holds: only what its configuration needs, and bounded.

Knows positions arranged by expiry and what is listed; must not know subscriptions.
"""

from bot.domain.ids import InstrumentId
from bot.market.view import MarketView
from bot.risk.forward import ForwardSource
from bot.risk.legs import Legs
from bot.risk.sources import Sources


def wanted(view: MarketView, legs: Legs, sources: Sources) -> list[InstrumentId]:
    """The futures of held expiries, where the forward is theirs."""
    if sources.forward is not ForwardSource.FUTURE:
        return []
    dated = (view.dated.get((expiry.index_name, expiry.expiry_ns)) for expiry in legs.expiries)
    return list(dict.fromkeys(name for name in dated if name is not None))
