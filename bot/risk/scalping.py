"""What gamma scalping earned, what it might have, and how much of that was chance (theory 5.1).

Knows steps of one book in USD; must not know legs, instruments, or where the steps are from. Money is signed, + gain:
what long gamma gains is positive, what it pays for it is negative, and short gamma the other way about. Variances are
of a year of 365 days, volatilities their roots, both fractions.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns

BLOCK_NS: Final = Ns(15 * 60 * NS_PER_S)
"""Moves over this are set against those of the steps: what they have not is noise that went back again."""
BLOCKS_MIN: Final = 4
"""With fewer of them nothing can be said of noise."""
_STEPS_A_BLOCK_MIN: Final = 3
_ERRORS_MIN: Final = 2.0
"""Standard errors from none: nearer, a share of noise is none."""
_HOUR_YEARS: Final = 3_600.0 * NS_PER_S / NS_PER_YEAR


class Gamma(NamedTuple):
    """Options of one sign over some time."""

    usd_years: float = 0.0
    """Dollar gamma, Gamma F^2, times time: USD per unit of variance, twice."""
    gained_usd: float = 0.0
    """Gamma F^2 r^2 / 2."""
    paid_usd: float = 0.0
    """- Gamma F^2 iv^2 dt / 2: the time, at the volatility of the marks."""

    def plus(self, other: "Gamma") -> "Gamma":
        """Both."""
        return Gamma(*(one + two for one, two in zip(self, other, strict=True)))

    @staticmethod
    def of(parts: "Sequence[Gamma]") -> "Gamma":
        """All, compensated."""
        return Gamma(*(math.fsum(column) for column in zip(Gamma(), *parts, strict=True)))


class Step(NamedTuple):
    """A book between two looks."""

    start_ns: Ns
    end_ns: Ns
    move_share: float
    """Of the index; a fraction."""
    bought: Gamma
    """Of what is held."""
    sold: Gamma
    """Of what is owed."""
    left_usd: float
    """What the delta left open made: all that options' delta, gamma, theta and the hedge made, less gained and paid."""
    left_usd2_years: float
    """That delta in USD, squared, times time: times a variance it is the variance of `left_usd`."""
    cost_usd: float
    """Slippage and fees; negative is a cost."""
    half_band_usd: float | None = None
    """Half the width of the band at its start; None where there was none."""

    @property
    def years(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / NS_PER_YEAR

    @property
    def all(self) -> Gamma:
        """Of both signs."""
        return self.bought.plus(self.sold)


class Side(Struct, frozen=True, kw_only=True):
    """Gamma of one sign over the run."""

    gamma_usd: float
    """Mean dollar gamma, Gamma F^2: a move of 1 % changes the delta by a hundredth of it, USD."""
    iv_paid: float
    """What the marks asked for its time, weighted with dollar gamma."""
    realised_vol_fraction: float
    """What it met, weighted with dollar gamma: what is earned (theory 5.1)."""
    gained_usd: float
    paid_usd: float


class Break(Struct, frozen=True, kw_only=True):
    """What a move must be to pay for the time; fractions."""

    iv: float
    """Of the whole book: of both signs, weighted with the size of dollar gamma."""
    per_hour: float
    per_day: float
    iv_with_costs: float | None
    """Volatility that has to be met so that costs are paid too; at most it may be, where gamma is short. None: no
    volatility pays them."""


class Captured(Struct, frozen=True, kw_only=True):
    """The money of the moves: available - elsewhere - reverting - sampling - costs, each signed, = captured. USD."""

    available_usd: float
    """Plain realised variance times mean dollar gamma."""
    elsewhere_usd: float
    """Gamma was not where the moves were (cause 4): dollar-gamma-weighted less plain variance."""
    reverting_usd: float
    """Moves that went back before they were hedged (cause 3); 0.0 where they are not told from chance."""
    sampling_usd: float
    """The rest of what the delta left open made: hedging at a band keeps the mean and adds variance (cause 1)."""
    cost_usd: float
    """The haircut (cause 2)."""
    captured_usd: float
    inefficiency_fraction: float | None
    """1 - captured / available; above 0 is money lost, whatever the sign of gamma. None: nothing was available."""
    reverting_share: float | None
    """1 - variance of 15 minutes / variance of steps; None: too few of either."""
    reverting_share_error: float | None


class Haircut(Struct, frozen=True, kw_only=True):
    """Part of the variance that costs took; fractions."""

    paid_fraction: float | None
    """Costs over what gamma gained."""
    expected_fraction: float | None
    """Cost rate over the log-move that spans half the band, lam / m (theory 5.1)."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What the decisions were worth and what chance made of them, were volatility as given. USD."""

    expected_usd: float
    """Gamma held at that volatility less the time paid, and the costs as they were."""
    chance_usd: float
    """What it came to, less that: moves other than usual, gamma elsewhere, delta left open."""
    error_usd: float
    """One standard deviation of chance."""
    sigmas: float | None
    """Chance over it; None where there was none."""


class Span(Struct, frozen=True, kw_only=True):
    """Between two hedges, or an hour."""

    start_ns: Ns
    end_ns: Ns
    move_share: float
    """Of the index, from end to end; a fraction."""
    break_even_share: float | None
    """What it had to be to pay for the time; None without gamma."""
    gained_usd: float
    paid_usd: float
    left_usd: float
    cost_usd: float
    net_usd: float


class Scalping(Struct, frozen=True, kw_only=True):
    """Of a run."""

    realised_vol_fraction: float
    """Plain, of the steps."""
    bought: Side | None
    """None: nothing was held."""
    sold: Side | None
    gained_usd: float
    paid_usd: float
    left_usd: float
    cost_usd: float
    net_usd: float
    """The four together: the scalping."""
    break_even: Break | None
    captured: Captured
    haircut: Haircut
    at_implied: Outcome
    """Against the marks: whether the run beat what options cost."""
    at_realised: Outcome
    """Had the volatility of the run been known: what is left is luck of path, no merit of the decisions."""


def scalping(steps: Sequence[Step], traded_usd: float) -> Scalping | None:
    """Of a run's steps in order and what its hedges traded; None without a step that took time."""
    years = math.fsum(step.years for step in steps)
    if years <= 0.0:
        return None
    bought, sold = (Gamma.of([getattr(step, side) for step in steps]) for side in ("bought", "sold"))
    both = bought.plus(sold)
    variance = math.fsum(step.move_share**2 for step in steps) / years
    left, cost = (math.fsum(getattr(step, part) for step in steps) for part in ("left_usd", "cost_usd"))
    haircut = Haircut(
        paid_fraction=-cost / abs(both.gained_usd) if both.gained_usd else None,
        expected_fraction=_haircut(steps, -cost, traded_usd),
    )
    return Scalping(
        realised_vol_fraction=math.sqrt(variance),
        bought=_side(bought, years),
        sold=_side(sold, years),
        gained_usd=both.gained_usd,
        paid_usd=both.paid_usd,
        left_usd=left,
        cost_usd=cost,
        net_usd=math.fsum((both.gained_usd, both.paid_usd, left, cost)),
        break_even=_break(bought, sold, haircut.paid_fraction),
        captured=_captured(steps, both, variance, left, cost),
        haircut=haircut,
        at_implied=_at_implied(steps, both, left, cost),
        at_realised=_at_realised(steps, both, variance, left, cost),
    )


def spans(steps: Sequence[Step], ends_ns: Sequence[Ns]) -> tuple[Span, ...]:
    """The steps gathered up to each end, in order; what is after the last end is a span of its own."""
    found: list[Span] = []
    ends = [*ends_ns]
    gathered: list[Step] = []
    for step in steps:
        while ends and step.start_ns >= ends[0]:
            ends.pop(0)
            if gathered:
                found.append(_span(gathered))
                gathered = []
        gathered.append(step)
    return (*found, _span(gathered)) if gathered else tuple(found)


def move_of(iv: float, years: float) -> float:
    """What a move must be to pay for that time: iv sqrt(dt)."""
    return iv * math.sqrt(years)


def _side(side: Gamma, years: float) -> Side | None:
    if not side.usd_years:
        return None
    return Side(
        gamma_usd=side.usd_years / years,
        iv_paid=math.sqrt(max(-2.0 * side.paid_usd / side.usd_years, 0.0)),
        realised_vol_fraction=math.sqrt(max(2.0 * side.gained_usd / side.usd_years, 0.0)),
        gained_usd=side.gained_usd,
        paid_usd=side.paid_usd,
    )


def iv_of(bought: Gamma, sold: Gamma) -> float | None:
    """Volatility of the marks, weighted with the size of dollar gamma; None without any."""
    weight = bought.usd_years - sold.usd_years
    return math.sqrt(max(2.0 * (sold.paid_usd - bought.paid_usd) / weight, 0.0)) if weight > 0.0 else None


def _break(bought: Gamma, sold: Gamma, haircut: float | None) -> Break | None:
    """Long: realised^2 (1 - phi) >= iv^2; short: iv^2 >= realised^2 (1 + phi)."""
    iv = iv_of(bought, sold)
    if iv is None:
        return None
    phi, is_long = haircut or 0.0, bought.usd_years + sold.usd_years >= 0.0
    kept = 1.0 - phi if is_long else 1.0 + phi
    return Break(
        iv=iv,
        per_hour=move_of(iv, _HOUR_YEARS),
        per_day=move_of(iv, 24.0 * _HOUR_YEARS),
        iv_with_costs=iv / math.sqrt(kept) if kept > 0.0 else None,
    )


def _haircut(steps: Sequence[Step], cost_usd: float, traded_usd: float) -> float | None:
    """Cost rate times S Gamma / h, dollar gamma over half the band in USD; weighted with the size of dollar gamma."""
    if traded_usd <= 0.0:
        return None
    weighed = [(abs(step.all.usd_years), step.years, step.half_band_usd) for step in steps if step.years > 0.0]
    known = [(weight, weight / years / half) for weight, years, half in weighed if half]
    weights = math.fsum(weight for weight, _ in known)
    if not weights:
        return None
    return cost_usd / traded_usd * math.fsum(weight * rate for weight, rate in known) / weights


def _captured(steps: Sequence[Step], both: Gamma, variance: float, left_usd: float, cost_usd: float) -> Captured:
    available = 0.5 * both.usd_years * variance
    share, error = _reverting(steps)
    is_told = share is not None and error is not None and abs(share) > _ERRORS_MIN * error
    reverting = -both.gained_usd * share if is_told and share is not None else 0.0
    captured = math.fsum((both.gained_usd, left_usd, cost_usd))
    return Captured(
        available_usd=available,
        elsewhere_usd=both.gained_usd - available,
        reverting_usd=reverting,
        sampling_usd=left_usd - reverting,
        cost_usd=cost_usd,
        captured_usd=captured,
        inefficiency_fraction=(available - captured) / abs(available) if available else None,
        reverting_share=share,
        reverting_share_error=error,
    )


def _reverting(steps: Sequence[Step]) -> tuple[float | None, float | None]:
    """(1 - variance ratio, its standard error sqrt(2 (q - 1) / n) with q of n steps in a block; Lo, MacKinlay 1988)."""
    blocks: list[float] = []
    gathered: list[float] = []
    fine, fine_count, start_ns = 0.0, 0, steps[0].start_ns
    for step in steps:
        if step.years <= 0.0:
            continue
        gathered.append(math.log1p(step.move_share))
        if step.end_ns - start_ns >= BLOCK_NS:
            blocks.append(math.fsum(gathered))
            fine += math.fsum(move**2 for move in gathered)
            fine_count += len(gathered)
            gathered, start_ns = [], step.end_ns
    if len(blocks) < BLOCKS_MIN or fine_count < _STEPS_A_BLOCK_MIN * len(blocks) or not fine:
        return None, None
    ratio = math.fsum(move**2 for move in blocks) / fine
    return 1.0 - ratio, math.sqrt(2.0 * (fine_count / len(blocks) - 1.0) / fine_count)


def _at_implied(steps: Sequence[Step], both: Gamma, left_usd: float, cost_usd: float) -> Outcome:
    """Each moment at the volatility of its marks: nothing is expected but the costs.

    Variance of a step: gamma's is Gamma^2 F^4 iv^4 dt^2 / 2 = 2 paid^2; delta's is its square times iv^2 dt.
    """
    spread = math.fsum(
        2.0 * step.all.paid_usd**2 + step.left_usd2_years * (iv_of(step.bought, step.sold) or 0.0) ** 2
        for step in steps
    )
    return _outcome(cost_usd, both.gained_usd + both.paid_usd + left_usd, spread)


def _at_realised(steps: Sequence[Step], both: Gamma, variance: float, left_usd: float, cost_usd: float) -> Outcome:
    """At the run's own variance, which its moves have told already: only gamma off its mean is chance still."""
    years = math.fsum(step.years for step in steps)
    mean = both.usd_years / years
    spread = math.fsum(
        0.5 * ((step.all.usd_years - mean * step.years) * variance) ** 2 + step.left_usd2_years * variance
        for step in steps
    )
    earned = 0.5 * both.usd_years * variance
    return _outcome(earned + both.paid_usd + cost_usd, both.gained_usd - earned + left_usd, spread)


def _outcome(expected_usd: float, chance_usd: float, spread_usd2: float) -> Outcome:
    error = math.sqrt(spread_usd2)
    return Outcome(
        expected_usd=expected_usd,
        chance_usd=chance_usd,
        error_usd=error,
        sigmas=chance_usd / error if error > 0.0 else None,
    )


def _span(steps: Sequence[Step]) -> Span:
    bought, sold = (Gamma.of([getattr(step, side) for step in steps]) for side in ("bought", "sold"))
    both, iv = bought.plus(sold), iv_of(bought, sold)
    left, cost = (math.fsum(getattr(step, part) for step in steps) for part in ("left_usd", "cost_usd"))
    return Span(
        start_ns=steps[0].start_ns,
        end_ns=steps[-1].end_ns,
        move_share=math.expm1(math.fsum(math.log1p(step.move_share) for step in steps)),
        break_even_share=None if iv is None else move_of(iv, math.fsum(step.years for step in steps)),
        gained_usd=both.gained_usd,
        paid_usd=both.paid_usd,
        left_usd=left,
        cost_usd=cost,
        net_usd=math.fsum((both.gained_usd, both.paid_usd, left, cost)),
    )
