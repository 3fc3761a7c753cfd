"""Greeks of what is held at one moment, each number named by what it means. Pure: numbers in, numbers out.

Knows the formulas of `pricing` and which convention counts a leg how (theory 1.3, 1.4); must not know where the
market comes from nor how a sheet is shown. A leg that cannot be valued is told with its reason, never left out.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct, structs

from bot.app.greeks.figures import (
    Deltas,
    FutureFigures,
    OptionFigures,
    Rung,
    Sheet,
    SmileDeltas,
    Totals,
    Verdict,
)
from bot.app.greeks.smiles import chain_of, surfaces_of
from bot.app.greeks.snapshot import Quote, Snapshot
from bot.domain.instruments import Instrument, Settlement
from bot.domain.portfolio import Holding
from bot.domain.time import NS_PER_S, Ns, iso_utc, tau_years
from bot.domain.units import float_from_decimal
from bot.pricing import black76, settlement_window, smile
from bot.pricing.settlement_window import Window
from bot.pricing.smile import MvBook
from bot.pricing.smile_evidence import SmileEvidence
from bot.pricing.surface import Surface
from bot.risk import ladder as gap
from bot.risk.conventions import Convention, delta_on_average, future_scale, weighing


class Choices(Struct, frozen=True, kw_only=True):
    """How a sheet is wanted."""

    ssr_ratio: float = 1.0
    evidence: SmileEvidence | None = None
    """Gives the coefficients of minimum variance, and the verdicts."""
    equity_coin: float | None = None
    with_ladder: bool = False
    iv_from: str = "mark"
    window: Window | None = None
    """The venue's settlement window; None: none."""


def sheet(snapshot: Snapshot, held: Sequence[Holding], choices: Choices) -> Sheet:
    """Figures of `held` in the market of `snapshot`; inside the settlement window on its average."""
    fitted = None if choices.evidence is None else choices.evidence.coefficients()
    window = choices.window
    surfaces = surfaces_of(snapshot, [item.instrument for item in held if item.instrument.is_option])
    options: list[OptionFigures] = []
    futures: list[FutureFigures] = []
    unvalued: dict[str, str] = {}
    for item in held:
        spec, qty_coin = item.instrument, float_from_decimal(item.qty_coin)
        quote = snapshot.quotes.get(spec.id)
        objection = _objection(spec, quote, snapshot.now_ns, window)
        if quote is None or objection is not None:
            unvalued[spec.id] = objection or "nothing was seen of it"
        elif not spec.is_option:
            futures.append(_future(spec, qty_coin, quote))
        else:
            how = _How(surfaces.get(chain_of(spec)), choices.ssr_ratio, fitted, choices.iv_from, window)
            options.append(_option(spec, qty_coin, quote, snapshot.now_ns, how))
    return Sheet(
        source=snapshot.source,
        at=iso_utc(snapshot.now_ns),
        options=tuple(options),
        futures=tuple(futures),
        unvalued=unvalued,
        totals=_totals(options, futures, choices.equity_coin),
        ladder=_ladder(options, futures) if choices.with_ladder else (),
        evidence=() if choices.evidence is None else _verdicts(choices.evidence),
    )


class _How(NamedTuple):
    """What all options of a sheet are valued with."""

    surface: Surface | None
    ssr_ratio: float
    fitted: MvBook | None
    iv_from: str
    window: Window | None


def _is_averaging(spec: Instrument, now_ns: Ns, window: Window | None) -> bool:
    return window is not None and spec.expiry_ns is not None and spec.expiry_ns - now_ns < window.length_ns


def _objection(spec: Instrument, quote: Quote | None, now_ns: Ns, window: Window | None) -> str | None:
    """Why a leg cannot be valued; None when it can."""
    if quote is None:
        return "nothing was seen of it"
    if quote.forward_usd is None or not 0.0 < quote.forward_usd < math.inf:
        return "it has no forward" if spec.is_option else "it has no mark"
    if spec.is_option and spec.expiry_ns is not None and spec.expiry_ns <= now_ns:
        return "it has expired"
    if spec.is_option and (quote.iv is None or not 0.0 < quote.iv < math.inf):
        return "it has no volatility"
    if spec.is_option and _is_averaging(spec, now_ns, window) and (quote.delivery_usd is None or not quote.index_usd):
        return "it is inside its settlement window, and the average so far is not known"
    return None


# --- legs ----------------------------------------------------------------------------------------------------


def _future(spec: Instrument, qty_coin: float, quote: Quote) -> FutureFigures:
    assert quote.forward_usd is not None, "objected to before"
    basis = 1.0 if spec.is_inverse or not quote.index_usd else quote.forward_usd / quote.index_usd
    counted = {f"{word}_coin": future_scale(word, basis_ratio=basis) for word in Convention}
    return FutureFigures(
        instrument=spec.id,
        qty_coin=qty_coin,
        price_usd=quote.forward_usd,
        settlement=spec.settlement,
        delta=Deltas(**counted),
    )


def _option(spec: Instrument, qty_coin: float, quote: Quote, now_ns: Ns, how: _How) -> OptionFigures:
    assert quote.forward_usd is not None, "objected to before"
    assert quote.iv is not None, "objected to before"
    assert spec.strike_usd is not None, f"option {spec.id} has no strike"
    assert spec.expiry_ns is not None, f"option {spec.id} has no expiry"
    forward, tau = quote.forward_usd, tau_years(now_ns, spec.expiry_ns)
    greeks = black76.greeks_scalar(forward, spec.strike_usd, tau, quote.iv, spec.is_call is True)
    basis = 1.0 if not quote.index_usd else forward / quote.index_usd
    figures = OptionFigures(
        instrument=spec.id,
        qty_coin=qty_coin,
        forward_usd=forward,
        index_usd=quote.index_usd,
        strike_usd=spec.strike_usd,
        kind="call" if spec.is_call else "put",
        settlement=spec.settlement,
        expiry=iso_utc(spec.expiry_ns),
        hours_left=tau * 365.0 * 24.0,
        age_s=(now_ns - quote.time_ns) / NS_PER_S,
        iv=quote.iv,
        iv_from=how.iv_from,
        price_usd=greeks.price,
        premium_coin=greeks.coin_price,
        delta=_deltas(greeks, basis, is_inverse=spec.is_inverse),
        gamma_coin_per_usd=greeks.gamma,
        gamma_coin_per_percent=greeks.gamma * forward * 0.01,
        open_share=1.0,
        vega_usd_per_percent=greeks.vega * 0.01,
        theta_usd_per_day=greeks.theta / 365.0,
        vanna_coin_per_iv=greeks.vanna,
        volga_usd_per_iv=greeks.volga,
        charm_coin_per_day=greeks.charm / 365.0,
        speed_coin_per_usd=greeks.speed,
        coin_gamma_per_usd=greeks.coin_gamma,
        smile=_smile(spec.strike_usd, forward, tau, greeks, how),
    )
    return _on_average(figures, spec, quote, now_ns, how.window) if _is_averaging(spec, now_ns, how.window) else figures


def _on_average(
    figures: OptionFigures, spec: Instrument, quote: Quote, now_ns: Ns, window: Window | None
) -> OptionFigures:
    """The same option as one on what is still open of the average (theory 1.5)."""
    assert window is not None, "averaging without a window"
    assert spec.expiry_ns is not None, f"option {spec.id} has no expiry"
    assert quote.index_usd is not None, "objected to before"
    assert quote.delivery_usd is not None, "objected to before"
    left = settlement_window.left_of(window, spec.expiry_ns - now_ns)
    average = settlement_window.average_of(left, quote.index_usd, quote.delivery_usd)
    worth = settlement_window.worth(average, figures.strike_usd, figures.iv, spec.is_call is True)
    delta = Deltas(**{f"{word}_coin": delta_on_average(word, worth, is_inverse=spec.is_inverse) for word in Convention})
    nothing = dict.fromkeys(_NOT_TOLD_ON_AVERAGE)
    return structs.replace(
        figures,
        price_usd=worth.price,
        premium_coin=worth.coin_price,
        delta=delta,
        gamma_coin_per_usd=worth.gamma,
        gamma_coin_per_percent=worth.gamma * quote.index_usd * 0.01,
        open_share=left.share,
        **nothing,
    )


_NOT_TOLD_ON_AVERAGE: Final = (
    *("vega_usd_per_percent", "theta_usd_per_day", "vanna_coin_per_iv", "volga_usd_per_iv"),
    *("charm_coin_per_day", "speed_coin_per_usd", "coin_gamma_per_usd", "smile"),
)


def _deltas(greeks: black76.Greeks[float], basis: float, *, is_inverse: bool) -> Deltas:
    """As `risk.conventions` counts an option for a book."""
    counted = {}
    for convention in Convention:
        how = weighing(convention, is_inverse=is_inverse, basis_ratio=basis)
        plain = greeks.pa_delta if how.is_premium_adjusted else greeks.delta
        counted[f"{convention}_coin"] = how.delta_scale * plain
    return Deltas(**counted)


def _smile(
    strike_usd: float, forward_usd: float, years: float, greeks: black76.Greeks[float], how: _How
) -> SmileDeltas | None:
    if how.surface is None:
        return None
    k = math.log(strike_usd / forward_usd)
    skew = how.surface.skew(k, years)
    wing = None if how.fitted is None else how.fitted.calls if greeks.delta > 0.0 else how.fitted.puts
    at = (greeks.delta, greeks.vega)
    return SmileDeltas(
        iv_surface=how.surface.iv(k, years),
        skew_iv_per_log=skew,
        sticky_strike_coin=greeks.delta,
        sticky_delta_coin=smile.sticky_delta(*at, skew, forward_usd),
        ssr_coin=smile.ssr_delta(*at, skew, forward_usd, how.ssr_ratio),
        ssr_ratio=how.ssr_ratio,
        minimum_variance_coin=None if wing is None else smile.minimum_variance_delta(*at, forward_usd, years, wing),
    )


def _verdicts(evidence: SmileEvidence) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(
            rule=rule,
            variance_ratio=found.ratio if math.isfinite(found.ratio) else None,
            chance_share=found.p if math.isfinite(found.p) else None,
            steps_count=found.steps,
            is_better=found.is_better,
        )
        for rule, found in evidence.verdicts().items()
    )


# --- the whole -----------------------------------------------------------------------------------------------


def _totals(options: Sequence[OptionFigures], futures: Sequence[FutureFigures], equity_coin: float | None) -> Totals:
    legs = [(item.qty_coin, item.delta) for item in options] + [(item.qty_coin, item.delta) for item in futures]
    sums = {
        name: math.fsum(qty_coin * getattr(delta, name) for qty_coin, delta in legs)
        for name in Deltas.__struct_fields__
    }
    worth = math.fsum(item.qty_coin * item.premium_coin for item in options if item.settlement is Settlement.COIN)
    return Totals(
        delta=Deltas(**sums),
        delta_usd_with_equity_coin=None if equity_coin is None else equity_coin - worth + sums["usd_coin"],
        gamma_coin_per_percent=math.fsum(item.qty_coin * item.gamma_coin_per_percent for item in options),
        vega_usd_per_percent=math.fsum(item.qty_coin * (item.vega_usd_per_percent or 0.0) for item in options),
        theta_usd_per_day=math.fsum(item.qty_coin * (item.theta_usd_per_day or 0.0) for item in options),
        premium_coin=math.fsum(item.qty_coin * item.premium_coin for item in options),
    )


def _ladder(options: Sequence[OptionFigures], futures: Sequence[FutureFigures]) -> tuple[Rung, ...]:
    """Every move of spot and volatility; spot is the index, or a forward where none is known."""
    known = [item.index_usd for item in options if item.index_usd] + [item.price_usd for item in futures]
    spot_usd = (known or [item.forward_usd for item in options] or [math.nan])[0]
    rows = gap.OptionRows(
        np.array([item.qty_coin for item in options], dtype=np.float64),
        np.array([item.forward_usd for item in options], dtype=np.float64),
        np.array([item.strike_usd for item in options], dtype=np.float64),
        np.array([item.hours_left / (365.0 * 24.0) for item in options], dtype=np.float64),
        np.array([item.iv for item in options], dtype=np.float64),
        np.array([item.kind == "call" for item in options], dtype=np.bool_),
        np.array([item.settlement is Settlement.COIN for item in options], dtype=np.bool_),
    )
    is_inverse = np.array([item.settlement is Settlement.COIN for item in futures], dtype=np.bool_)
    price = np.array([item.price_usd for item in futures], dtype=np.float64)
    coins = np.array([item.qty_coin for item in futures], dtype=np.float64)
    found = gap.ladder(rows, gap.FutureRows(np.where(is_inverse, coins * price, coins), price, is_inverse), spot_usd)
    columns = found[2:]
    return tuple(
        Rung(
            spot_share=float(share),
            iv_move=float(move),
            **{name: float(item[row, column]) for name, item in zip(gap.Ladder._fields[2:], columns, strict=True)},
        )
        for row, share in enumerate(found.spot_share)
        for column, move in enumerate(found.iv_move)
    )
