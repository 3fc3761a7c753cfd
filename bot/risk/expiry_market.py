"""What the options of one expiry share at one moment: forward, time left, formula; and how a book is measured.

Inside the venue's settlement window an option is one on the average (theory 1.5). Knows the market view and the book's
sources; must not know quantities.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from bot.domain.decided import ForwardUsed
from bot.domain.market_events import OptionMarked
from bot.domain.time import NS_PER_YEAR, Ns
from bot.market.view import MarketView
from bot.pricing import settlement_window
from bot.pricing.black76 import DeltaGamma
from bot.pricing.settlement_window import Average, Window
from bot.risk import conventions, smile_delta, volatility
from bot.risk import forward as forwards
from bot.risk.conventions import NO_COLLATERAL, Collateral, Convention, Weighing
from bot.risk.fitted_surface import Curve, Smiles
from bot.risk.legs import Expiry
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource

_DELIVERY_OFF_MAX: Final = 0.1
"""Of an expected delivery price from the index: what the half hour averaged would have had to move."""

_AVERAGE: Final = "average"
_NO_SOURCE: Final = "none"
_FIXING_SHARE: Final = 1e-3
"""Of the index: fixings made between two messages, the grid's step, and an index and estimate of two moments."""


class Terms(Struct, frozen=True, kw_only=True):
    """How a book is measured."""

    convention: Convention
    window: Window
    collateral: Collateral = NO_COLLATERAL
    price_usd: float | None = None
    """Of the hedge; counts inverse futures whose own mark is not here."""
    index_usd: float | None = None
    """Index now: how far it has moved since a leg was last seen."""
    sources: Sources = Sources()
    """Where forward and volatility are from, outside the settlement window."""
    smiles: Smiles | None = None
    """Of the fitted surface, while it is fresh and used."""


class ExpiryMarket(Struct, frozen=True, kw_only=True):
    """All that the options of one expiry share now."""

    now_ns: Ns
    forward_usd: float | None
    """None: not known well enough for any formula."""
    forward_now_usd: float | None
    """The same, moved with the index since it was seen; None where the index or the average is not known."""
    index_usd: float | None
    price_usd: float | None
    tau_years: float
    share: float
    """Part of the settlement window still open."""
    is_expiring: bool
    delta_gamma: DeltaGamma
    how: Weighing
    forward: ForwardUsed
    """The same for the record."""
    iv_of: Callable[[OptionMarked, float], float | None] | None = None
    """Where the volatility is not the mark's."""


def market_of(view: MarketView, expiry: Expiry, now_ns: Ns, terms: Terms) -> ExpiryMarket | None:
    """None after expiry: an expired option has paid, what it was is money, not delta."""
    left_ns = expiry.expiry_ns - now_ns
    if left_ns <= 0:
        return None
    if left_ns < terms.window.length_ns:
        return _expiring(view, expiry, now_ns, terms)
    seen = forwards.chosen(view, expiry.index_name, expiry.expiry_ns, now_ns, terms.sources.forward)
    forward = None if seen is None else seen.usd
    index = None if seen is None else seen.index_usd
    ratio = 1.0
    if forward is not None and terms.convention is not Convention.OPTIONS_ONLY:
        spot = index or terms.index_usd or terms.price_usd
        assert spot is not None, "measured without any price"
        ratio = forward / spot
        forward = forward if index is not None else None
    how = conventions.weighing(terms.convention, is_inverse=expiry.is_inverse, basis_ratio=ratio)
    curve = None if terms.smiles is None else terms.smiles.curves.get((expiry.index_name, expiry.expiry_ns))
    forward_now = None
    if forward is not None and index is not None and terms.index_usd is not None:
        forward_now = forward * (terms.index_usd / index)
    return ExpiryMarket(
        now_ns=now_ns,
        forward_usd=forward,
        forward=_used(expiry, forward, None if seen is None else (seen.source, now_ns - seen.received_ns)),
        forward_now_usd=forward_now,
        index_usd=terms.index_usd,
        price_usd=terms.price_usd,
        tau_years=left_ns / NS_PER_YEAR,
        share=1.0,
        is_expiring=False,
        delta_gamma=smile_delta.aware(conventions.formula(how), terms.smiles, curve),
        how=how,
        iv_of=_iv_by(terms.sources.volatility, curve),
    )


def _used(expiry: Expiry, forward_usd: float | None, seen: tuple[str, int] | None) -> ForwardUsed:
    """For the record; `seen` is (source, age)."""
    source, age_ns = seen or (_NO_SOURCE, None)
    return ForwardUsed(
        index_name=expiry.index_name,
        expiry_ns=expiry.expiry_ns,
        forward_usd=forward_usd,
        source=source,
        age_ns=None if age_ns is None else Ns(age_ns),
    )


def _iv_by(source: VolatilitySource, curve: Curve | None) -> Callable[[OptionMarked, float], float | None] | None:
    """Volatility of a ticker and its strike; None where it is the mark's."""
    if source is VolatilitySource.MARK:
        return None

    def iv_of(marked: OptionMarked, strike_usd: float) -> float | None:
        found = volatility.of(marked, source, None if curve is None else curve.iv(strike_usd))
        return None if found is None else found.iv

    return iv_of


def _is_likely(delivery_usd: float, index_usd: float, share: float, mean_usd: tuple[float, float] | None) -> bool:
    """Whether an expected delivery price can be one: the open share at the index, the rest at our own mean of it."""
    low, high = ((1.0 - _DELIVERY_OFF_MAX) * index_usd, (1.0 + _DELIVERY_OFF_MAX) * index_usd)
    if mean_usd is not None:
        low = max(low, share * index_usd + (1.0 - share) * mean_usd[0])
        high = min(high, share * index_usd + (1.0 - share) * mean_usd[1])
    return low - _FIXING_SHARE * index_usd <= delivery_usd <= high + _FIXING_SHARE * index_usd


def _expiring(view: MarketView, expiry: Expiry, now_ns: Ns, terms: Terms) -> ExpiryMarket:
    """Options inside their settlement window, on the index and the average so far.

    Without an expected delivery price the average so far is not known: then each leg can have any delta of what is
    open. Index and expected price come from one message; its age is judged leg by leg like that of a forward.
    """
    newest = view.newest_of(expiry.index_name, expiry.expiry_ns)
    left_ns = expiry.expiry_ns - now_ns
    left = settlement_window.left_of(terms.window, left_ns)
    how = conventions.weighing(terms.convention, is_inverse=expiry.is_inverse, basis_ratio=1.0)
    index_usd: float | None = None
    delta_gamma = conventions.formula(how)
    if newest is not None and newest.index_usd is not None and newest.delivery_usd is not None:
        opened_ns = expiry.expiry_ns - terms.window.length_ns
        mean = view.paths[expiry.index_name].mean_between(opened_ns, newest.received_ns)
        if _is_likely(newest.delivery_usd, newest.index_usd, left.share, mean):
            index_usd = newest.index_usd
            average = settlement_window.average_of(left, index_usd, newest.delivery_usd)
            delta_gamma = _on(average, terms.convention, expiry.is_inverse)
    return ExpiryMarket(
        now_ns=now_ns,
        forward_usd=index_usd,
        forward=_used(
            expiry, index_usd, None if newest is None or index_usd is None else (_AVERAGE, now_ns - newest.received_ns)
        ),
        forward_now_usd=None,
        index_usd=terms.index_usd,
        price_usd=terms.price_usd,
        tau_years=left_ns / NS_PER_YEAR,
        share=left.share,
        is_expiring=True,
        delta_gamma=delta_gamma,
        how=how,
    )


def _on(average: Average, convention: Convention, is_inverse: bool) -> DeltaGamma:
    """Greeks of options on one average; it has its own index and times."""

    def delta_gamma(
        index_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool
    ) -> tuple[float, float]:
        del index_usd, tau_years
        found = settlement_window.worth(average, strike_usd, iv, is_call)
        return conventions.delta_on_average(convention, found, is_inverse=is_inverse), found.gamma

    return delta_gamma
