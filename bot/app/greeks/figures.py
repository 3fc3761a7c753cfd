"""What `hedgebot greeks` tells, as plain records: every field names its unit, every delta its convention."""

from msgspec import Struct

from bot.domain.instruments import Settlement
from bot.pricing.smile import SmileDelta


class Deltas(Struct, frozen=True, kw_only=True):
    """What one coin of a leg counts for, coins, under each convention a book may hedge."""

    options_only_coin: float
    """Black-76 on the leg's own forward; the venue's `greeks.delta`."""
    usd_coin: float
    """By the spot, in dollars; the account's equity less its options' value is added once per account."""
    coin_coin: float
    """By the spot, in coins: the premium is taken off (the venue's net transaction delta)."""
    linear_usd_coin: float
    """As `options_only`, linear legs times forward over index."""


class SmileDeltas(Struct, frozen=True, kw_only=True):
    """Black-76 delta corrected for what volatility does when the forward moves; coins per coin of option."""

    iv_surface: float
    """Of the fitted curve at this strike."""
    skew_iv_per_log: float
    """Slope of volatility by ln(strike / forward)."""
    sticky_strike_coin: float
    sticky_delta_coin: float
    ssr_coin: float
    ssr_ratio: float
    minimum_variance_coin: float | None
    """None without evidence to fit it to."""


class OptionFigures(Struct, frozen=True, kw_only=True):
    """One option, per coin of option."""

    instrument: str
    qty_coin: float
    forward_usd: float
    index_usd: float | None
    strike_usd: float
    kind: str
    settlement: Settlement
    expiry: str
    hours_left: float
    age_s: float
    """Of the quote the figures come from."""
    iv: float
    iv_from: str
    price_usd: float
    premium_coin: float
    delta: Deltas
    gamma_coin_per_usd: float
    gamma_coin_per_percent: float
    open_share: float
    """Of the delivery average, 1 before the settlement window. Inside it price, delta and gamma are those of an option
    on the average, and the other greeks are not told."""
    vega_usd_per_percent: float | None
    theta_usd_per_day: float | None
    vanna_coin_per_iv: float | None
    volga_usd_per_iv: float | None
    charm_coin_per_day: float | None
    speed_coin_per_usd: float | None
    """Change of gamma per USD."""
    coin_gamma_per_usd: float | None
    """d2(V/F)/dF2."""
    smile: SmileDeltas | None


class FutureFigures(Struct, frozen=True, kw_only=True):
    """A perpetual or future."""

    instrument: str
    qty_coin: float
    price_usd: float
    settlement: Settlement
    delta: Deltas
    """Per coin."""


class Totals(Struct, frozen=True, kw_only=True):
    """The whole portfolio, quantities applied."""

    delta: Deltas
    """`usd` without the account's equity."""
    delta_usd_with_equity_coin: float | None
    """Equity, less what the coin-settled options are worth, plus `usd`; None where no equity was given."""
    gamma_coin_per_percent: float
    vega_usd_per_percent: float
    theta_usd_per_day: float
    premium_coin: float


class Rung(Struct, frozen=True, kw_only=True):
    """One point of the gap-risk ladder."""

    spot_share: float
    iv_move: float
    delta_coin_net: float
    gamma_coin_per_usd: float
    pnl_coin: float
    pnl_usd: float
    margin_coin: float


class Verdict(Struct, frozen=True, kw_only=True):
    """How one delta would have hedged, against `sticky_strike`, each step with what was known before it."""

    rule: SmileDelta
    variance_ratio: float | None
    """Of hedging errors: below 1 is better. None without a step."""
    chance_share: float | None
    """That it is so by chance (F-test)."""
    steps_count: int
    is_better: bool


class Sheet(Struct, frozen=True, kw_only=True):
    """Everything `hedgebot greeks` tells."""

    source: str
    at: str
    options: tuple[OptionFigures, ...]
    futures: tuple[FutureFigures, ...]
    unvalued: dict[str, str]
    """Legs without numbers, and why. Totals are without them: a bound, not the truth."""
    totals: Totals
    ladder: tuple[Rung, ...]
    evidence: tuple[Verdict, ...] = ()
