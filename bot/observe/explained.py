"""A decision taken apart: what was held, what counted, how wide the band was, what stood in the way.

Words of `hedgebot why`; filled by `drive/why.py` from the engine itself, worded by `observe/explain.py`. Deltas in
coins, signed, in the convention of the decision; times of the run.
"""

from decimal import Decimal

from msgspec import Struct

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided
from bot.domain.events import AccountSeen
from bot.domain.ids import InstrumentId
from bot.domain.time import iso_utc
from bot.hedging.band import Band, BandInputs


class LegTold(Struct, frozen=True, kw_only=True):
    """One position, as the decision counted it."""

    instrument: InstrumentId
    amount_native: Decimal
    """Signed: + long."""
    unit: str
    """Of the amount: the coin, or USD for inverse futures."""
    price_usd: float | None
    """Forward of an option's expiry (the index inside its settlement window), mark of a future."""
    iv_mark: float | None
    """Of an option, fraction."""
    hours_left: float | None
    """To expiry; None for a perpetual."""
    delta_each_coin: float | None
    """Of one coin of option; None for futures, and where it cannot be counted."""
    delta_coin: float | None
    delta_coin_low: float | None
    delta_coin_high: float | None
    """What the leg can count for; apart from `delta_coin` only in doubt."""
    gamma_coin_per_usd: float | None
    age_s: float | None
    """Of its last market message; None without one."""
    trust: str
    """`trusted`, or the cause of distrust."""
    open_share: float
    """Part still open of its settlement average; 1 before the window, 0 after expiry."""


class BandTold(Struct, frozen=True, kw_only=True):
    """How the band came about, in the order it was made."""

    policy: str
    params: dict[str, str]
    inputs: BandInputs
    cost_fraction: float
    """Fee and half the spread of whoever takes, or what a maker's fill costs where there is a `taker`; of the price."""
    parts: dict[str, float]
    """Figures the policy's width is made of; units in their names."""
    of_policy: Band
    """As the policy alone gives it."""
    shaped: Band
    """With everything the owner laid over it, and as wide as the three below make it."""
    appetite_share: float
    """Of the configured daily risk budget and hard delta limit, by the equity above the floor."""
    guard_width_ratio: float
    """More than 1 while hedges took each other back a moment ago."""
    regime_width_ratio: float
    """By how wild the market is; 1 where nobody looks."""
    final: Band
    """Cut to the hard limit; the one that decided."""
    taker: Band | None
    """From where on it does not wait for a counterparty, where a maker's cost makes the band; None elsewhere."""
    modifiers: dict[str, str]
    """What the owner laid over the policy, by parameter; empty where nothing is."""
    pinned_to: InstrumentId | None
    """The option on whose strike the price sits, where the book minds that."""
    held_back: str
    """Reason for which a hedge that is due has to wait; empty where none has to."""
    trade_coin_min: float
    """The smallest hedge."""


class Gauge(Struct, frozen=True, kw_only=True):
    """A limit and how near it is."""

    name: str
    value: float | None
    value_max: float
    unit: str


class OrderUnderWay(Struct, frozen=True, kw_only=True):
    """An order that may still change the position."""

    label: str
    instrument: InstrumentId
    state: str
    open_native: Decimal
    """Signed; what may still fill."""
    unit: str
    age_s: float


class OrderSent(Struct, frozen=True, kw_only=True):
    """An order the decision led to."""

    order: PlaceOrder
    unit: str
    """Of its amount."""
    trade_coin: float
    touch_usd: float | None
    """What it would be filled at, at once."""


class Explained(Struct, frozen=True, kw_only=True):
    """One decision."""

    run_id: str
    mode: str
    at: str
    """ISO, UTC."""
    decided: Decided
    treasury_coin: float
    """Coins of the equity that are not this book's."""
    account: AccountSeen | None
    """The message the collateral was taken from."""
    legs: tuple[LegTold, ...]
    band: BandTold | None
    """None where the decision ended before a band was asked for."""
    bid_usd: float | None
    ask_usd: float | None
    hedge_trust: str
    tactic: str
    tactic_params: dict[str, str]
    orders: tuple[OrderUnderWay, ...]
    limits: tuple[Gauge, ...]
    sent: tuple[OrderSent, ...]
    """One of each instrument that was traded."""
    compared: str
    """How the decision made again was compared with the tape."""
    contradiction: str
    """Where it is another one than on the tape; empty when it is the same."""
    volume_usd_per_day_max: float | None = None
    """What the market's volume counts as at most, in tactic or guards; None where nothing counts with it."""


def of_record(decided: Decided, *, run_id: str, mode: str) -> Explained:
    """All that is left of a decision once the engine has gone on: its record."""
    return Explained(
        run_id=run_id,
        mode=mode,
        at=iso_utc(decided.now_ns),
        decided=decided,
        treasury_coin=0.0,
        account=None,
        legs=(),
        band=None,
        bid_usd=None,
        ask_usd=None,
        hedge_trust="",
        tactic="",
        tactic_params={},
        orders=(),
        limits=(),
        sent=(),
        compared="",
        contradiction="",
    )
