"""One book's run as a report shows it. Words of `hedgebot report`; filled by `drive`. Money in USD, + gain."""

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.ladder import LadderStep
from bot.domain.time import Ns
from bot.observe.charts import HedgeMark
from bot.observe.costs import CostReport
from bot.observe.profits import ProfitReport
from bot.observe.scalps import ScalpingReport


class Components(Struct, frozen=True, kw_only=True):
    """What was made since the start, by what made it; `total_usd` is their sum."""

    carry_usd: float
    """Gamma less time."""
    left_usd: float
    """What the delta left open made."""
    volatility_usd: float
    basis_usd: float
    costs_usd: float
    """Slippage and fees."""
    funding_usd: float
    other_usd: float
    """Third order, rounding of marks, settlement."""

    @property
    def total_usd(self) -> float:
        """All of them: the result without the coins that are merely held."""
        return sum((
            *(self.carry_usd, self.left_usd, self.volatility_usd, self.basis_usd),
            *(self.costs_usd, self.funding_usd, self.other_usd),
        ))  # fmt: skip


class Point(Struct, frozen=True, kw_only=True):
    """A moment of the run, about a minute after the one before."""

    at_ns: Ns
    index_usd: float
    made: Components
    realised_fraction: float | None
    """Volatility of the index over the last hour; None of the first minutes."""
    iv_fraction: float | None
    """Of the marks, weighted with dollar gamma, over the same time; None without gamma."""


class DeltaSeen(Struct, frozen=True, kw_only=True):
    """What a decision saw: once a minute, at each hedge, and after each fill."""

    at_ns: Ns
    delta_coin_net: float
    band_low_coin: float
    band_high_coin: float


class SmilePoint(Struct, frozen=True, kw_only=True):
    """An option as last seen."""

    instrument: InstrumentId
    expiry_ns: Ns
    strike_usd: float
    iv: float
    held_coin: float
    """Signed; 0.0 of one that is not held."""


class SmileCurve(Struct, frozen=True, kw_only=True):
    """The fitted smile of one expiry: strikes and volatilities."""

    expiry_ns: Ns
    strikes_usd: tuple[float, ...]
    ivs: tuple[float, ...]


class Report(Struct, frozen=True, kw_only=True):
    """Everything a report shows of one book's run."""

    run_id: str
    mode: str
    book: str
    convention: str
    start_ns: Ns
    end_ns: Ns
    points: tuple[Point, ...]
    deltas: tuple[DeltaSeen, ...]
    hedges: tuple[HedgeMark, ...]
    smile: tuple[SmilePoint, ...]
    """By expiry and strike."""
    curves: tuple[SmileCurve, ...]
    ladder: tuple[LadderStep, ...]
    """Of the book as it ended; empty where a leg had no price."""
    held_usd: float
    """What the price of coins that are held, and hedged by nothing, made: no part of the components."""
    refused_fraction: float | None
    """Of the run, the time in which hedging was refused; None of a run without a decision."""
    profit: ProfitReport
    costs: CostReport
    scalping: ScalpingReport

    @property
    def problem(self) -> str:
        """Why it does not add up; empty when it does."""
        return self.scalping.problem
