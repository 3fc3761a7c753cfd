"""Numbers for a book, from its greeks and a market that was seen: risk budget, band, limits, each with its reason.

Pure: facts in, proposals out. What is proposed is a start for an owner who will look at it; nothing is set by itself.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bot.hedging.band import risk_aversion_of_budget
from bot.hedging.bands.whalley_wilmott import half_width_coin

_DAYS: Final = 365.0
_STEP_YEARS: Final = 300.0 / (_DAYS * 86_400.0)
_GAP_MIN: Final = 0.02
"""A tape is short: no move smaller than this is the worst that can come between two orders."""
_GAP_SIGMAS: Final = 6.0
"""Nor one of fewer five-minute deviations (theory 6.3 calls 5 of a minute a jump)."""
_BUDGETS_PER_CUSHION: Final = 5.0
"""Days of the whole budget that the cushion must outlast, and so many worst hours as well."""
_RELATIVE: Final = 10.0
"""The default's risk aversion over what the options' coins are worth."""
_LIMIT_WIDTHS: Final = 3.0
"""Half widths at which the band has failed, whatever the reason."""
_ROOM: Final = 1.25
_RATE_MIN: Final = 10
_RATE_MAX: Final = 60
"""Orders in a minute: fewer hold a hedge back when it matters, more is a fault."""


class RungFact(Struct, frozen=True, kw_only=True):
    """The unhedged book at one move of spot, volatility unmoved or moved."""

    spot_share: float
    delta_coin_net: float
    pnl_usd: float


class Facts(Struct, frozen=True, kw_only=True):
    """What is known of the portfolio and of the market."""

    option_coin_gross: float
    gamma_coin_per_usd: float
    price_usd: float
    iv: float
    """Weighted by gamma."""
    tau_years: float
    cost_fraction: float
    """Fee and half the spread of taking the hedge."""
    lot_coin: float
    days_seen: float
    vol_per_root_year: float | None
    """Realised on the tape; None where it is too short."""
    worst_step_fraction: float
    """Largest move of the index in five minutes on the tape, unsigned."""
    worst_hour_fraction: float
    rungs: tuple[RungFact, ...]


class Wish(Struct, frozen=True, kw_only=True):
    """What the owner says; None is not said."""

    budget_usd_per_day: float | None = None
    equity_usd: float | None = None
    floor_usd: float | None = None

    @property
    def cushion_usd(self) -> float | None:
        """Equity above the floor."""
        return None if self.equity_usd is None or self.floor_usd is None else self.equity_usd - self.floor_usd


class Proposed(Struct, frozen=True, kw_only=True):
    """One number, under its key of `[books.COIN]`, or a figure that led to some (key empty)."""

    key: str
    name: str
    value: float
    unit: str
    reason: str


class Proposal(Struct, frozen=True, kw_only=True):
    """All of it."""

    numbers: tuple[Proposed, ...]
    warnings: tuple[str, ...]


def propose(facts: Facts, wish: Wish) -> Proposal:
    """Numbers for this book."""
    made = _Made(facts, wish)
    sigma = _volatility(made)
    gap = _gap(made, sigma)
    half = _band(made, _budget(made, sigma), sigma)
    limit = _delta_limit(made, half, gap)
    _order_limits(made, limit, half, gap)
    _ladder(made)
    _appetite(made)
    return Proposal(numbers=tuple(made.numbers), warnings=tuple(made.warnings))


class _Made:
    """What is known, wished and proposed so far."""

    def __init__(self, facts: Facts, wish: Wish) -> None:
        self.facts: Final = facts
        self.wish: Final = wish
        self.numbers: Final[list[Proposed]] = []
        self.warnings: Final[list[str]] = []

    def tell(self, key: str, name: str, value: float, unit: str, *, reason: str) -> float:
        self.numbers.append(Proposed(key=key, name=name, value=value, unit=unit, reason=" ".join(reason.split())))
        return value

    def warn(self, text: str) -> None:
        self.warnings.append(" ".join(text.split()))


def rounded(value: float, digits_count: int = 2) -> float:
    """To so many significant digits."""
    return float(f"{value:.{digits_count - 1}e}") if value else 0.0


def rounded_up(value: float) -> float:
    """To two significant digits, never below."""
    if value <= 0.0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return rounded(math.ceil(value / step - 1e-9) * step)


def rounded_down(value: float) -> float:
    """To two significant digits, never above."""
    if value <= 0.0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return rounded(math.floor(value / step + 1e-9) * step)


def _volatility(made: _Made) -> float:
    iv, seen = made.facts.iv, made.facts.vol_per_root_year
    words = "of the options; the tape is too short to have one of its own"
    if seen is not None:
        days = made.facts.days_seen
        words = f"the larger of the options' {iv:.1%} and {seen:.1%} realised in {days:.1f} days of the tape"
    return made.tell("", "volatility", max(iv, seen or 0.0), "per sqrt(year)", reason=words)


def _gap(made: _Made, sigma: float) -> float:
    usual, seen = _GAP_SIGMAS * sigma * math.sqrt(_STEP_YEARS), made.facts.worst_step_fraction
    words = f"""the largest of {seen:.2%} seen in five minutes, {_GAP_SIGMAS:g} deviations of them ({usual:.2%}), and
        {_GAP_MIN:.0%}: nothing is hedged on the way"""
    return made.tell("", "gap", max(seen, usual, _GAP_MIN), "of the price", reason=words)


def _budget(made: _Made, sigma: float) -> float:
    facts, wish, cushion = made.facts, made.wish, made.wish.cushion_usd
    if wish.budget_usd_per_day is not None:
        budget, words = wish.budget_usd_per_day, "given"
    elif cushion is not None:
        days = max(facts.worst_hour_fraction / (sigma / math.sqrt(_DAYS)), 1.0)
        budget = rounded(cushion / (_BUDGETS_PER_CUSHION * days))
        words = f"""the cushion of {cushion:,.0f} USD over {_BUDGETS_PER_CUSHION * days:.1f}: it outlasts
            {_BUDGETS_PER_CUSHION:g} of the worst hours seen, each {days:.1f} days of risk"""
    else:
        budget = rounded(2.0 * facts.option_coin_gross * facts.price_usd / _RELATIVE)
        words = f"what risk_aversion_relative = {_RELATIVE:g}, the default, comes to for this book"
    if cushion is not None and budget > cushion:
        made.warn(f"the daily budget of {budget:,.0f} USD is more than the cushion of {cushion:,.0f} USD")
    return made.tell("band.risk_budget_usd_per_day", "daily risk budget", budget, "USD", reason=words)


def _band(made: _Made, budget_usd: float, sigma: float) -> float:
    facts, aversion = made.facts, risk_aversion_of_budget(budget_usd)
    half = half_width_coin(
        gamma_coin_per_usd=facts.gamma_coin_per_usd,
        price_usd=facts.price_usd,
        cost_fraction=facts.cost_fraction,
        risk_aversion_per_usd=aversion,
        iv=facts.iv,
        tau_years=facts.tau_years,
    )
    words = "2 / budget: a day of that deviation counts as a loss of it"
    made.tell("", "risk aversion", aversion, "per USD", reason=words)
    words = f"sqrt(WW^2 + H0^2) at a cost of {1e4 * facts.cost_fraction:.2g} bp, now"
    made.tell("", "half width of the band", half, "coin", reason=words)
    residual = half / math.sqrt(3.0) * facts.price_usd * sigma / math.sqrt(_DAYS)
    made.tell("", "open risk", residual, "USD a day", reason="standard deviation of what the band leaves open")
    if residual > budget_usd:
        made.warn("the band leaves more open in a day than the budget: costs are high against it")
    variance = (facts.gamma_coin_per_usd * sigma * facts.price_usd) ** 2
    if half > 0.0:
        cost = facts.cost_fraction * facts.price_usd * variance / (2.0 * half) / _DAYS
        made.tell("", "expected cost", cost, "USD a day", reason="of trading back to the edge, while gamma stays")
        crossings = variance / half**2 / _DAYS
        made.tell("", "crossings of the half width", crossings, "a day", reason="how busy the band is")
    smallest = rounded(max(facts.lot_coin, half / 20.0))
    words = "a twentieth of the half width, one lot at least"
    made.tell("band.trade_coin_min", "smallest hedge", smallest, "coin", reason=words)
    return half


def _gap_coin(facts: Facts, gap: float) -> float:
    return abs(facts.gamma_coin_per_usd) * facts.price_usd * gap


def _delta_limit(made: _Made, half: float, gap: float) -> float:
    facts, cushion, gap_coin = made.facts, made.wish.cushion_usd, _gap_coin(made.facts, gap)
    limit = rounded_up(max(_LIMIT_WIDTHS * half, half + _ROOM * gap_coin, 2.0 * facts.lot_coin))
    words = f"""{_LIMIT_WIDTHS:g} half widths, or one and {_ROOM:g} times what gamma makes in the gap
        ({gap_coin:.3g} coin), whichever is more"""
    if cushion is not None:
        move_usd = facts.price_usd * gap
        convexity_usd = max(-facts.gamma_coin_per_usd, 0.0) * move_usd**2 / 2.0
        room = (cushion - convexity_usd) / move_usd
        if room < half:
            made.warn(
                f"""a gap of {gap:.1%} may cost {convexity_usd + half * move_usd:,.0f} USD, the cushion is
                {cushion:,.0f}: no hedge of the perpetual keeps the floor; hold less, or buy options against it"""
            )
        elif room < limit:
            limit, words = rounded_down(room), f"what the cushion of {cushion:,.0f} USD bears through the gap"
    return made.tell("limits.delta_coin_worst_max", "largest worst-case net delta", limit, "coin", reason=words)


def _order_limits(made: _Made, limit: float, half: float, gap: float) -> None:
    facts = made.facts
    largest = max(facts.rungs, key=lambda rung: abs(rung.delta_coin_net))
    position = _ROOM * abs(largest.delta_coin_net) * facts.price_usd * (1.0 + largest.spot_share)
    position = rounded_up(max(position, limit * facts.price_usd))
    words = f"""{_ROOM:g} times the hedge of the portfolio at its largest on the ladder, spot
        {100 * largest.spot_share:+.0f} %, or the delta limit"""
    made.tell("limits.hedge_position_usd_max", "largest hedge position", position, "USD", reason=words)
    order = rounded_up(max(2.0 * half, _gap_coin(facts, gap), facts.lot_coin) * facts.price_usd)
    words = "across the band, or what the gap makes at once"
    made.tell("limits.order_usd_max", "largest order", min(order, position), "USD", reason=words)
    variance = (facts.gamma_coin_per_usd * facts.iv * facts.price_usd) ** 2
    busy = 10.0 * variance / half**2 / (_DAYS * 1_440.0) if half > 0.0 else 0.0
    rate = float(min(max(math.ceil(busy), _RATE_MIN), _RATE_MAX))
    words = f"ten times the usual, {_RATE_MIN} to {_RATE_MAX}"
    made.tell("limits.orders_per_minute_max", "orders in a minute", rate, "orders", reason=words)


def _ladder(made: _Made) -> None:
    loss, cushion = -min(rung.pnl_usd for rung in made.facts.rungs), made.wish.cushion_usd
    if loss > 0.0:
        budget = next(item.value for item in made.numbers if item.key == "band.risk_budget_usd_per_day")
        most = rounded_up(max(1.1 * loss, budget))
        words = f"a tenth over the {loss:,.0f} USD that the worst rung loses now, or the daily budget"
        if cushion is not None and most > cushion:
            most, words = rounded_down(cushion), "the cushion"
        if cushion is not None and loss > cushion:
            made.warn(
                f"""unhedged, the worst rung of the ladder loses {loss:,.0f} USD, more than the cushion: if its hedge
                cannot trade on the way, the floor is lost"""
            )
        made.tell("ladder.loss_usd_max", "largest loss on the ladder", most, "USD", reason=words)
    made.tell("ladder.interval_s", "ladder measured every", 5.0, "s", reason="its limits need it")


def _appetite(made: _Made) -> None:
    cushion, floor = made.wish.cushion_usd, made.wish.floor_usd
    if cushion is None or floor is None:
        return
    made.tell("appetite.floor_usd", "floor", floor, "USD", reason="given")
    words = "equity above the floor now: from here down, budget and hard limit shrink in proportion"
    made.tell("appetite.full_cushion_usd", "full cushion", rounded(cushion, 3), "USD", reason=words)


def as_toml(proposal: Proposal, book: str) -> str:
    """The proposal as sections of a configuration file."""
    sections: dict[str, list[str]] = {}
    for item in proposal.numbers:
        section, _, key = item.key.partition(".")
        if section:
            sections.setdefault(section, []).append(f"{key} = {_number(item.value)}")
    sections["band"].insert(0, 'policy = "whalley_wilmott"')
    parts = [f"[books.{book.lower()}.{section}]\n" + "\n".join(lines) for section, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.6g}"


def realised_vol(closes: Sequence[float]) -> float | None:
    """Per root year, of prices five minutes apart; None for fewer than twelve moves."""
    moves = [math.log(later / before) for before, later in itertools.pairwise(closes)]
    if len(moves) < 12:
        return None
    return math.sqrt(sum(move * move for move in moves) / (len(moves) * _STEP_YEARS))


def worst_move(closes: Sequence[float], steps_count: int) -> float:
    """Largest move over so many steps or fewer, as a fraction, unsigned; 0.0 for a single price."""
    worst = 0.0
    for at in range(1, len(closes)):
        start = closes[max(at - steps_count, 0) : at]
        worst = max(worst, *(abs(closes[at] / before - 1.0) for before in start))
    return worst
