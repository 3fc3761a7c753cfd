"""Everything that decides how one book is hedged, and what each side of the engine needs of it.

Plain parameters; reads no configuration (`app` does) and decides nothing.
"""

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.time import Ns
from bot.execution.account_params import AccountParams
from bot.execution.audit import AuditParams
from bot.execution.tactic_table import TacticParams
from bot.execution.tactics import auto
from bot.hedging.appetite import AppetiteParams
from bot.hedging.expiry import ExpiryParams
from bot.hedging.hedger import HedgeParams
from bot.hedging.modifiers import Modifiers
from bot.hedging.policies import BandParams
from bot.hedging.regime import RegimeParams
from bot.hedging.sides import Sides
from bot.hedging.stability import StabilityParams
from bot.market.quality import TrustLimits
from bot.pricing.settlement_window import Window
from bot.risk.collateral import FiguresParams
from bot.risk.conventions import Convention
from bot.risk.cross_check import CheckParams
from bot.risk.gap import GapParams
from bot.risk.limits import Limits
from bot.risk.sources import Sources
from bot.risk.triggers import StopParams


class BookParams(Struct, frozen=True, kw_only=True):
    """Everything that decides how one book is hedged; part of what makes a run replayable."""

    book: str
    """Currency of the book: `BTC`."""
    convention: Convention
    """Which delta is hedged."""
    treasury_coin: float = 0.0
    """Convention `usd`: coins of the equity that are somebody else's to hedge."""
    counts_usdc: bool = False
    """Convention `coin`: the USDC equity counts as short coins."""
    hedge_instrument: InstrumentId
    """The price and the index of this one count, whatever is traded."""
    hedges_long: tuple[InstrumentId, ...] = ()
    """What hedges may be bought with, the preferred one first; none: `hedge_instrument`."""
    hedges_short: tuple[InstrumentId, ...] = ()
    """The same of what they may be sold with."""
    hedge_open_until_ns: Ns = Ns(0)
    """With several instruments: nothing is opened in what expires sooner."""
    label_prefix: str
    run_tag: str
    """Unique per run; with the prefix and a counter it makes labels unique."""
    band: BandParams
    modifiers: Modifiers
    trade_coin_min: float
    tactic: TacticParams
    trust: TrustLimits
    window: Window
    """The venue's, before delivery."""
    expiry: ExpiryParams = ExpiryParams()
    sources: Sources = Sources()
    """Of forward, volatility and the smile's part of the delta."""
    limits: Limits
    appetite: AppetiteParams | None = None
    """None: band and limits stay as they are, whatever the equity."""
    stability: StabilityParams = StabilityParams()
    regime: RegimeParams | None = None
    """None: regimes are not looked at."""
    gap: GapParams | None = None
    """None: no ladder is measured."""
    stops: StopParams = StopParams()
    """What stops it by itself."""
    reconcile_interval_ns: Ns
    adopts_positions: bool
    """Take the venue's positions at the start even where the ledger says otherwise."""


def sides_of(params: BookParams) -> Sides:
    """What hedges are bought and sold with."""
    first = (params.hedge_instrument,)
    return Sides(buying=params.hedges_long or first, selling=params.hedges_short or first)


def hedges_of(params: BookParams) -> tuple[InstrumentId, ...]:
    """All instruments hedges are made with, the one whose price counts first."""
    return tuple(dict.fromkeys((params.hedge_instrument, *sides_of(params).opened)))


def hedge_params_of(params: BookParams) -> HedgeParams:
    """What the hedging side needs of them."""
    hedges = hedges_of(params)
    return HedgeParams(
        convention=params.convention,
        hedges=hedges,
        sides=None if len(hedges) == 1 else sides_of(params),
        open_until_ns=params.hedge_open_until_ns,
        modifiers=params.modifiers,
        trade_coin_min=params.trade_coin_min,
        spread_bps_max=params.trust.spread_bps_max,
        window=params.window,
        expiry=params.expiry,
        limits=params.limits,
        stability=params.stability,
        regime=params.regime,
        sources=params.sources,
        appetite=params.appetite,
        maker_cost_fraction=params.tactic.adverse_bps * 1e-4 if isinstance(params.tactic, auto.Params) else None,
    )


def account_params_of(params: BookParams) -> AccountParams:
    """What the account side needs of them."""
    figures = FiguresParams(
        convention=params.convention,
        coin=params.book,
        treasury_coin=params.treasury_coin,
        counts_usdc=params.counts_usdc,
        age_ns_max=params.trust.account_age_ns_max,
        window_ns=params.window.length_ns,
    )
    return AccountParams(
        book=params.book,
        hedges=hedges_of(params),
        label_prefix=params.label_prefix,
        limits=params.limits,
        reconcile_interval_ns=params.reconcile_interval_ns,
        adopts_positions=params.adopts_positions,
        figures=figures,
    )


def audit_params_of(params: BookParams) -> AuditParams:
    """What the comparison with the venue's figures needs of them."""
    check = CheckParams(
        coin=params.book,
        alarm_after_ns=params.trust.differs_alarm_ns,
        refuse_after_ns=params.trust.differs_refuse_ns,
        refuses_on_equity=params.convention is Convention.USD,
    )
    return AuditParams(book=params.book, hedge_instrument=params.hedge_instrument, window=params.window, check=check)
