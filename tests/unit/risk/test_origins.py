"""What the greeks of an expiry are from is told with its reasons."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.status import ExpirySources
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.pricing.smile import SmileDelta
from bot.risk.fitted_surface import FittedSurface
from bot.risk.legs import arrange
from bot.risk.origins import origins
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource

_NAMES = tuple(InstrumentId(f"BTC-27MAR26-{strike}-C") for strike in (90_000, 100_000, 110_000))


def test_options_are_counted_by_where_their_volatility_is_from(make: Any) -> None:
    """One by its quotes, one by the mark and why, one not at all; the forward with its age."""
    view = MarketView(make.trust())
    for name in _NAMES:
        view.list_instrument(make.option(name))
    legs = arrange(dict.fromkeys(_NAMES, Decimal(1)), view.instruments)
    sources = Sources(volatility=VolatilitySource.MID)
    expiry = legs.expiries[0]
    before = ExpirySources(
        index_name=expiry.index_name,
        expiry_ns=expiry.expiry_ns,
        forward_usd=None,
        forward_source=None,
        forward_age_ns=None,
        options_by_volatility={"none": 3},
        smile="sticky_strike",
    )
    assert origins(view, legs, make.now_ns, sources, FittedSurface(sources)) == (before,)

    view.see_option(make.option_marked(_NAMES[0], iv_bid=0.5, iv_ask=0.6))
    view.see_option(make.option_marked(_NAMES[1], iv_ask=0.6))

    (found,) = origins(view, legs, Ns(make.now_ns + NS_PER_S), sources, FittedSurface(sources))
    assert found.options_by_volatility == {"mark: one_sided": 1, "mid": 1, "none": 1}
    assert (found.forward_usd, found.forward_source, found.forward_age_ns) == (100_000.0, "options", NS_PER_S)


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (None, ("sticky_strike: no surface yet", {"mark: no_surface": 1})),
        ({}, ("ssr", {"surface": 1})),
        ({"slices": ()}, ("sticky_strike: no curve", {"mark: no_surface": 1})),
        ({"slices": (), "defect": "no_quotes"}, ("sticky_strike: no_quotes", {"mark: no_surface": 1})),
    ],
)
def test_the_rule_in_use_is_told_with_what_it_misses(
    make: Any, surface: Any, fit: dict[str, Any] | None, words: tuple[str, dict[str, int]]
) -> None:
    """Sticky strike and the mark stand in, each with the reason."""
    view = MarketView(make.trust())
    view.list_instrument(make.option(_NAMES[1]))
    view.see_option(make.option_marked(_NAMES[1]))
    sources = Sources(smile=SmileDelta.SSR, volatility=VolatilitySource.SURFACE)
    held = FittedSurface(sources)
    if fit is not None:
        held.see(surface(**fit))

    (found,) = origins(view, arrange({_NAMES[1]: Decimal(1)}, view.instruments), make.now_ns, sources, held)

    assert (found.smile, found.options_by_volatility) == words
