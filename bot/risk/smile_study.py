"""Fits the surface of a book's expiries and judges the smile rules: beside the decisions, on a picture of the market.

Knows tickers and the fits; must not know when or in which thread it works. One study per book; one picture at a time.
"""

from collections import defaultdict
from typing import Final, NamedTuple

import numpy as np

from bot.domain.events import SurfaceFitted
from bot.domain.instruments import Instrument
from bot.domain.market_events import OptionMarked
from bot.domain.surface import SmileSlice, SmileVerdict
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.market.forwards import Expiry
from bot.market.view import MarketView
from bot.pricing import surface_fit
from bot.pricing.chain_quotes import Chain
from bot.pricing.settlement_window import Window
from bot.pricing.smile_evidence import Seen, SmileEvidence
from bot.pricing.surface import ExpiryFit, Surface
from bot.pricing.surface_fit import FitDefect
from bot.pricing.surface_smooth import Smoother
from bot.risk.legs import Legs

_STEP_NS: Final = Ns(300 * NS_PER_S)
"""The rules are judged over five minutes (theory 2)."""
_STEPS_MAX: Final = 8640
"""Thirty days."""
_OPTIONS_MAX: Final = 60
"""Of the regression: rows kept are this many a step."""


class Picture(NamedTuple):
    """The options of held expiries at one moment."""

    book: str
    now_ns: Ns
    rows: tuple[tuple[Instrument, OptionMarked], ...]


def picture_of(book: str, view: MarketView, legs: Legs, now_ns: Ns, window: Window) -> Picture:
    """What is trusted now of the expiries held, those inside their settlement window left out."""
    held = {
        (expiry.index_name, expiry.expiry_ns, expiry.is_inverse)
        for expiry in legs.expiries
        if expiry.expiry_ns - now_ns > window.length_ns
    }
    rows = []
    for name, marked in view.options.items():
        spec = view.instruments[name]
        key = (spec.index_name, spec.expiry_ns, spec.is_inverse)
        if key in held and view.option_verdict(marked, now_ns) is None:
            rows.append((spec, marked))
    return Picture(book, now_ns, tuple(rows))


class SmileStudy:
    """Mutable: the surface before, for expiries about to end, what is smoothed, and the evidence so far."""

    def __init__(self) -> None:
        """Nothing seen."""
        self._before: dict[str, Surface] = {}
        self._smoothers: dict[str, Smoother] = defaultdict(Smoother)
        self._evidence = SmileEvidence(_STEPS_MAX, _OPTIONS_MAX)
        self._step_due_ns = Ns(0)

    def work(self, picture: Picture) -> SurfaceFitted:
        """Fit and judge; some hundred milliseconds. A fit whose numbers fail is a surface that is missing."""
        slices: list[SmileSlice] = []
        defect = ""
        try:
            slices = self._fitted(picture)
            if picture.now_ns >= self._step_due_ns:
                self._step_due_ns = Ns(picture.now_ns + _STEP_NS)
                self._evidence.step(_seen(picture))
        except (ArithmeticError, ValueError) as error:  # a number nobody foresaw must cost the smile, not the hedge
            slices, defect = [], f"{type(error).__name__} {error}"
        if not slices and not defect:
            defect = FitDefect.NO_QUOTES.value
        coefficients = self._evidence.coefficients()
        return SurfaceFitted(
            book=picture.book,
            as_of_ns=picture.now_ns,
            received_ns=picture.now_ns,
            slices=tuple(slices),
            ssr_ratio=self._evidence.ssr(),
            mv_calls=(coefficients.calls.a, coefficients.calls.b, coefficients.calls.c),
            mv_puts=(coefficients.puts.a, coefficients.puts.b, coefficients.puts.c),
            verdicts=self._verdicts(),
            defect=defect,
        )

    def _fitted(self, picture: Picture) -> list[SmileSlice]:
        """One surface per index: expiries of one money share a forward curve."""
        by_index: dict[str, dict[Expiry, list[tuple[Instrument, OptionMarked]]]] = defaultdict(dict)
        for spec, marked in picture.rows:
            assert spec.expiry_ns is not None, f"option {spec.id} has no expiry"
            by_index[spec.index_name].setdefault((spec.index_name, spec.expiry_ns), []).append((spec, marked))
        slices: list[SmileSlice] = []
        for index_name, expiries in by_index.items():
            keys = {_name(expiry): expiry for expiry in expiries}
            chains = [_chain(expiry, rows, picture.now_ns) for expiry, rows in expiries.items()]
            found = surface_fit.fit(chains, self._before.get(index_name))
            if isinstance(found, Surface):
                self._before[index_name] = found
                used = self._smoothers[index_name].smoothed(found, picture.now_ns / NS_PER_S)
                slices += [_slice(keys[item.expiry], item) for item in used.expiries]
        return slices

    def _verdicts(self) -> tuple[SmileVerdict, ...]:
        return tuple(
            SmileVerdict(
                rule=rule.value,
                variance_ratio=_number(found.ratio),
                chance_fraction=_number(found.p),
                steps_count=found.steps,
                is_better=found.is_better,
            )
            for rule, found in self._evidence.verdicts().items()
        )


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _name(expiry: Expiry) -> str:
    return f"{expiry[0]} {expiry[1]}"


def _chain(expiry: Expiry, rows: list[tuple[Instrument, OptionMarked]], now_ns: Ns) -> Chain:
    """Prices in USD per coin of option, each by the forward of its own message; 0 for an empty side."""
    forward = np.array([marked.forward_usd or np.nan for _, marked in rows])
    unit = np.where([spec.price_is_in_coin for spec, _ in rows], forward, 1.0)
    return Chain(
        expiry=_name(expiry),
        tau_years=(expiry[1] - now_ns) / NS_PER_YEAR,
        forward=forward,
        strike=np.array([spec.strike_usd or np.nan for spec, _ in rows]),
        is_call=np.array([spec.is_call is True for spec, _ in rows]),
        bid=unit * [marked.bid_native or 0.0 for _, marked in rows],
        ask=unit * [marked.ask_native or 0.0 for _, marked in rows],
    )


def _slice(expiry: Expiry, item: ExpiryFit) -> SmileSlice:
    """The curve with level, slope and curvature at the money: σ = sqrt(w/T), σ' = w'/2σT, σ'' = w''/2σT - σ'^2/σ."""
    svi, tau = item.svi, item.tau_years
    iv = (svi.w(0.0) / tau) ** 0.5
    slope = svi.w_slope(0.0) / (2.0 * iv * tau)
    bend = svi.b * svi.sigma**2 / (svi.m**2 + svi.sigma**2) ** 1.5
    return SmileSlice(
        index_name=expiry[0],
        expiry_ns=expiry[1],
        tau_years=tau,
        forward_usd=item.forward,
        iv_atm=iv,
        skew_iv_per_k=slope,
        curvature_iv_per_k2=bend / (2.0 * iv * tau) - slope * slope / iv,
        svi=(svi.a, svi.b, svi.rho, svi.m, svi.sigma),
        kind=item.kind.value,
        quotes_count=item.quotes_count,
        rmse_iv=item.rmse_iv,
    )


def _seen(picture: Picture) -> list[Seen]:
    """Mark volatilities on their own forwards, in one order whatever came first."""
    return [
        Seen(
            name=spec.id,
            expiry=f"{spec.index_name} {spec.expiry_ns}",
            forward=marked.forward_usd or 0.0,
            strike=spec.strike_usd or 0.0,
            tau_years=((spec.expiry_ns or picture.now_ns) - picture.now_ns) / NS_PER_YEAR,
            iv=marked.iv_mark or 0.0,
            is_call=spec.is_call is True,
        )
        for spec, marked in picture.rows
    ]
