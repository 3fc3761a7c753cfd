"""The delta of a decision under a smile rule: Black-76's own and what the smile is expected to do to it.

Knows one option's numbers and the fitted surface; must not know positions. The correction is computed on the plain
delta and added to the convention's: a premium-adjusted delta is the plain one less the premium, which no rule touches.
"""

from bot.pricing import black76, smile
from bot.pricing.black76 import DeltaGamma
from bot.pricing.smile import MvBook, SmileDelta
from bot.risk.fitted_surface import Curve, Smiles


def aware(formula: DeltaGamma, smiles: Smiles | None, curve: Curve | None) -> DeltaGamma:
    """The formula with the rule's correction; itself where there is no surface, or none of the expiry it would need.

    Gamma stays Black-76's: bands and the next move look at it, and no rule says how the skew changes.
    """
    if smiles is None or smiles.rule is SmileDelta.STICKY_STRIKE:
        return formula
    if smiles.rule is SmileDelta.MINIMUM_VARIANCE:
        corrected = _by_fit(smiles.fitted)
    elif curve is not None:
        # With the skew at the option's own k sticky delta is a skew-stickiness of 0, to the bit.
        corrected = _by_skew(curve, 0.0 if smiles.rule is SmileDelta.STICKY_DELTA else smiles.ssr_ratio)
    else:
        return formula
    return corrected if formula is black76.delta_gamma else _adjusted(formula, corrected)


def _by_skew(curve: Curve, ratio: float) -> DeltaGamma:
    """Volatility moves along the skew. In the innermost loop of a decision: the skew of a strike is looked up."""
    plain_of, ssr_delta, skew_of = black76.delta_gamma, smile.ssr_delta, curve.skew_of

    def delta_gamma(
        forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool
    ) -> tuple[float, float]:
        plain, gamma = plain_of(forward_usd, strike_usd, tau_years, iv, is_call)
        if plain != plain:  # NaN: no ground for a formula  # noqa: PLR0124
            return plain, gamma
        vega = gamma * forward_usd * forward_usd * iv * tau_years
        delta = ssr_delta(plain, vega, skew_of(strike_usd), forward_usd, ratio)
        if 0.0 <= delta <= 1.0 if is_call else -1.0 <= delta <= 0.0:
            return delta, gamma
        return _bounded(delta, plain, is_call), gamma

    return delta_gamma


def _by_fit(fitted: MvBook) -> DeltaGamma:
    """Volatility moves as it hedged best so far."""

    def delta_gamma(
        forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool
    ) -> tuple[float, float]:
        plain, gamma = black76.delta_gamma(forward_usd, strike_usd, tau_years, iv, is_call)
        if plain != plain:  # NaN: no ground for a formula  # noqa: PLR0124
            return plain, gamma
        vega = gamma * forward_usd * forward_usd * iv * tau_years
        wing = fitted.calls if is_call else fitted.puts
        delta = smile.minimum_variance_delta(plain, vega, forward_usd, tau_years, wing)
        return _bounded(delta, plain, is_call), gamma

    return delta_gamma


def _bounded(delta: float, plain: float, is_call: bool) -> float:
    """No option moves by more than its coin, nor the other way: beyond that a correction is noise of the fit."""
    low, high = (0.0, 1.0) if is_call else (-1.0, 0.0)
    if low <= delta <= high:
        return delta
    return low if delta < low else high if delta > high else plain


def _adjusted(formula: DeltaGamma, corrected: DeltaGamma) -> DeltaGamma:
    """The same correction on a delta of another convention."""

    def delta_gamma(
        forward_usd: float, strike_usd: float, tau_years: float, iv: float, is_call: bool
    ) -> tuple[float, float]:
        base, gamma = formula(forward_usd, strike_usd, tau_years, iv, is_call)
        plain, _ = black76.delta_gamma(forward_usd, strike_usd, tau_years, iv, is_call)
        moved, _ = corrected(forward_usd, strike_usd, tau_years, iv, is_call)
        return base + (moved - plain), gamma

    return delta_gamma
