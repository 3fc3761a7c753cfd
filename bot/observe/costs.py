"""What hedging cost: per hedge and in all, in parts that add up. Words of `hedgebot tca`, filled by `cost_audit`.

Costs are positive, gains negative, but for mark-outs: those are what the position made since its fill. Basis points are
of the money traded, None where nothing was.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from bot.domain.ids import InstrumentId, Label
from bot.domain.time import NS_PER_S, Ns

MARK_OUTS_NS = {"after_1_s": Ns(NS_PER_S), "after_10_s": Ns(10 * NS_PER_S), "after_60_s": Ns(60 * NS_PER_S)}
"""Name of a mark-out to the time after a fill."""


class Money(Struct, frozen=True, kw_only=True):
    """An amount and what it is of the money traded."""

    usd: float
    bps: float | None


class Costs(Struct, frozen=True, kw_only=True):
    """Of one hedge, or of all; `total` = half spread + waiting + beyond + fees."""

    traded_usd: float
    half_spread: Money
    """Half the spread at the decision: paid by what took, earned by what made."""
    waiting: Money
    """Move of the mid from the decision to the fill, against us."""
    beyond: Money
    """The rest of the way from the mid: depth, and a touch that had gone."""
    slippage: Money
    """The three above: against the mid at the decision."""
    fees: Money
    total: Money
    maker_share: float | None
    mark_outs: dict[str, Money | None]
    """From the fill price to the mid at the first decision at least so long after it; None where the run ended."""


class HedgeCosts(Struct, frozen=True, kw_only=True):
    """One order."""

    label: Label
    seq: int
    """Of its decision."""
    decided_ns: Ns
    at: str
    instrument: InstrumentId
    amount_native: Decimal
    """Asked for; signed: + buy."""
    filled_native: Decimal
    unit: str
    arrival_mid_usd: float
    price_usd: float | None
    """Mean of its fills."""
    costs: Costs


class CostReport(Struct, frozen=True, kw_only=True):
    """Of one book's run."""

    run_id: str
    mode: str
    book: str
    hedges: tuple[HedgeCosts, ...]
    totals: Costs
    maker_mark_outs: dict[str, Money | None]
    """Of the fills that rested, those that are known: negative is what the others knew. None without any."""
    fees_elsewhere_usd: float
    """Of fills that belong to no hedge of this run."""
    slippage_of_run_usd: float
    fees_of_run_usd: float
    """As the run counts its profit: gains are positive. The books above add up to them."""
    risk_usd: float | None
    """Risk aversion / 2 x variance of what was left open, over the run; None where no risk aversion is known."""
    cost_ratio: float | None
    """Costs of all hedges over `risk_usd`; 2 where the band is the best one."""
    compared: str
    problem: str
    """Why it does not add up; empty when it does."""


class Piece(Struct, frozen=True, kw_only=True):
    """What one fill came to."""

    traded_usd: float
    half_spread_usd: float
    waiting_usd: float
    beyond_usd: float
    fee_usd: float
    is_maker: bool
    mark_outs_usd: dict[str, float]
    """Those that are known."""


def maker_mark_outs(pieces: Sequence[Piece]) -> dict[str, Money | None]:
    """What the fills that rested have made since; basis points of the money of those that are known."""
    found: dict[str, Money | None] = {}
    for name in MARK_OUTS_NS:
        known = [piece for piece in pieces if piece.is_maker and name in piece.mark_outs_usd]
        traded_usd = sum(piece.traded_usd for piece in known)
        usd = sum(piece.mark_outs_usd[name] for piece in known)
        found[name] = Money(usd=usd, bps=1e4 * usd / traded_usd) if traded_usd > 0.0 else None
    return found


def added(pieces: Sequence[Piece]) -> Costs:
    """Costs of several fills; a mark-out only where each of them has it."""
    traded_usd = sum(piece.traded_usd for piece in pieces)

    def money(usd: float) -> Money:
        return Money(usd=usd, bps=1e4 * usd / traded_usd if traded_usd > 0.0 else None)

    half = sum(piece.half_spread_usd for piece in pieces)
    waiting = sum(piece.waiting_usd for piece in pieces)
    beyond = sum(piece.beyond_usd for piece in pieces)
    fees = sum(piece.fee_usd for piece in pieces)
    made_usd = sum(piece.traded_usd for piece in pieces if piece.is_maker)
    mark_outs: dict[str, Money | None] = {}
    for name in MARK_OUTS_NS:
        known = [piece.mark_outs_usd[name] for piece in pieces if name in piece.mark_outs_usd]
        mark_outs[name] = money(sum(known)) if pieces and len(known) == len(pieces) else None
    return Costs(
        traded_usd=traded_usd,
        half_spread=money(half),
        waiting=money(waiting),
        beyond=money(beyond),
        slippage=money(half + waiting + beyond),
        fees=money(fees),
        total=money(half + waiting + beyond + fees),
        maker_share=made_usd / traded_usd if traded_usd > 0.0 else None,
        mark_outs=mark_outs,
    )
