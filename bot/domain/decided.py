"""One decision with all that mattered for it, and the facts the engine wants narrated."""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.commands import Command
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, Regime
from bot.domain.stops import Latch, LossCount
from bot.domain.time import NS_PER_S, Ns


class ForwardUsed(Struct, frozen=True, kw_only=True, array_like=True):
    """What the options of one held expiry were priced on."""

    index_name: str
    expiry_ns: Ns
    forward_usd: float | None
    """None: no formula could be used."""
    source: str
    """`options`, `future`, `parity`; inside the settlement window `average`: of the index; `none` without one."""
    age_ns: Ns | None


class LegSplit(Struct, frozen=True, kw_only=True, array_like=True):
    """What one hedge instrument got of a hedge that was due, where a book names several."""

    instrument: InstrumentId
    trade_coin: float
    """Signed; 0.0 of one that got nothing."""
    cost_fraction: float
    """Fee and half the spread of one coin."""
    carry_fraction: float
    """What one coin more in this direction pays to the horizon; negative: receives."""
    why: str
    """`closes`, `cheapest`, `shares`; or why it got nothing."""


class Decided(Struct, frozen=True, kw_only=True, tag=True):
    """The canonical record of one decision. Deltas in coins, signed, in the named convention."""

    seq: int
    now_ns: Ns
    book: str
    convention: str
    action: Action
    reason: Reason
    delta_coin_net: float | None
    """Best estimate; None when nothing is known."""
    delta_coin_low: float | None
    delta_coin_high: float | None
    """Interval of possible net deltas: doubtful legs, unknown orders."""
    delta_coin_options: float | None
    delta_coin_futures: float | None
    delta_coin_collateral: float | None
    """Of the account, where the convention counts it; net = options + futures + this + delivered."""
    delta_coin_expiring: float | None
    """Of the net delta: what is inside its settlement window, by what is still open of the average."""
    delta_coin_surviving: float | None
    """The rest of it, the hedge included."""
    delta_coin_delivered: float | None
    """Of the surviving: coins delivered outside the bot, against which a hedge was kept (`expiry.hedge = "keep"`)."""
    gamma_coin_per_usd: float | None
    gamma_coin_per_hour: float | None
    """One standard deviation of what gamma moves the delta by in an hour: gamma x price x iv x root of an hour."""
    band_low_coin: float | None
    band_high_coin: float | None
    """From where on a hedge is due."""
    target_coin: float | None
    """Net delta aimed at by this trade; None when nothing is traded."""
    trade_coin: float
    """Signed size of the hedge in coins; 0.0 without one."""
    price_usd: float | None
    """Price of the hedge instrument coins are counted at."""
    index_usd: float | None
    hedge_instrument: InstrumentId
    """Where a book has several: the first of them that could be traded on, at whose price and costs it was decided."""
    hedge_age_ns: Ns | None
    option_age_ns_max: Ns | None
    doubtful: tuple[InstrumentId, ...]
    detail: str
    """The limit or datum in the way, in words; empty when there is none."""
    band_taker_low_coin: float | None = None
    band_taker_high_coin: float | None = None
    """From where on it does not wait for a counterparty, with a tactic that has two bands; None with any other."""
    forwards: tuple[ForwardUsed, ...] = ()
    """Of the expiries held; empty where nothing was measured."""
    features: "Features | None" = None
    """What it went by beside delta and costs; None where that was nothing."""
    volume_usd_per_day: float | None = None
    """Of the hedge instrument, as the venue told it; caps on our part in it count with this, or the configured one."""
    split: tuple[LegSplit, ...] = ()
    """Over which instruments a hedge that was due was split; empty where a book has one, or nothing was due."""


class Features(Struct, frozen=True, kw_only=True):
    """How the market, and our own part in it, looked to a decision. None: not known, or not asked for."""

    loop_gain_ratio: float | None = None
    """Impact of an own coin times |gamma|, as far as it is surely there."""
    width_ratio: float = 1.0
    """Times the width of the band, by guards and regime."""
    regime: Regime | None = None
    vol_ratio: float | None = None
    """Volatility of the last minutes over the day's, each hour by its own measure."""
    cusum_ratio: float | None = None
    """Excess variance added up, in minutes of the usual."""
    jump_test_sigmas: float | None = None
    """Of the last hour: standard normal where nothing jumps."""
    hour_ratio: float | None = None
    """Volatility usual at this hour over the day's."""
    has_jumped: bool = False
    """The price has jumped a moment ago."""


class TrustChanged(Struct, frozen=True, kw_only=True, tag=True):
    """An instrument became trusted (cause None) or distrusted."""

    instrument: InstrumentId
    cause: DistrustCause | None


class OrderMoved(Struct, frozen=True, kw_only=True, tag=True):
    """A working order changed its state."""

    label: Label
    order_id: OrderId | None
    instrument: InstrumentId
    state_before: str
    state_after: str
    cause: str


class FillBooked(Struct, frozen=True, kw_only=True, tag=True):
    """A fill changed a position; told once per fill id."""

    fill_id: str
    label: Label | None
    instrument: InstrumentId
    amount_native: Decimal
    price_native: Decimal
    fee_native: Decimal
    fee_currency: str
    position_native: Decimal
    """After the fill."""
    slippage_usd: float
    """Signed: positive is a gain against the mid at the decision."""


class PositionMismatched(Struct, frozen=True, kw_only=True, tag=True):
    """The venue's position is not the sum of what we saw."""

    instrument: InstrumentId
    ours_native: Decimal
    venue_native: Decimal
    is_final: bool
    """False: will be asked again before anything is concluded."""


class PhaseChanged(Struct, frozen=True, kw_only=True, tag=True):
    """The engine entered another phase."""

    phase_before: Phase
    phase_after: Phase
    cause: HaltCause | str
    detail: str


class VenueAgreed(Struct, frozen=True, kw_only=True, tag=True):
    """The first agreement of a venue, while the book waits for another one; the last is told by the phase."""

    venue: VenueId


class StrangerSeen(Struct, frozen=True, kw_only=True, tag=True):
    """An open order that is not ours on this account."""

    order_id: OrderId
    label: Label | None
    instrument: InstrumentId


class AlarmRaised(Struct, frozen=True, kw_only=True, tag=True):
    """A human should look; `deadline_ns` says by when."""

    name: str
    detail: str
    deadline_ns: Ns | None


class FigureCompared(Struct, frozen=True, kw_only=True, tag=True):
    """A figure of the account that lastingly differs from the venue's, or agrees again; in its own unit."""

    figure: str
    """`options_delta`, `delta_total`, `delta_total_map.INDEX`, `options_gamma`, `options_vega`, `options_theta`,
    `expiring_delta`, `equity`."""
    ours_native: float
    venue_native: float
    tolerance_native: float
    """What timing and rounding explain."""
    instrument: InstrumentId | None
    """The leg that differs most, once the venue has told its positions."""
    is_apart: bool


class RegimeChanged(Struct, frozen=True, kw_only=True, tag=True):
    """The market has become wilder or calmer."""

    regime_before: Regime
    regime_after: Regime
    vol_ratio: float
    cusum_ratio: float
    hour_ratio: float


class PriceJumped(Struct, frozen=True, kw_only=True, tag=True):
    """The price of the hedge instrument has jumped."""

    detail: str


class GuardMoved(Struct, frozen=True, kw_only=True, tag=True):
    """A guard against our own impact stepped in, or lets go again where `detail` is empty."""

    guard: Reason
    """`loop_gain`, `oscillates` or `runaway`."""
    detail: str
    until_ns: Ns | None
    """When it lets go by itself; None: when its cause is gone."""


class StopLatched(Struct, frozen=True, kw_only=True, tag=True):
    """A stop is on from now until an operator lifts it, over restarts; durable before anything else follows."""

    latch: Latch


class StopLifted(Struct, frozen=True, kw_only=True, tag=True):
    """An operator lifted a stop, or put another one of his own in its place; durable likewise."""

    latch: Latch
    by: str
    reason: str
    at_ns: Ns


class LossesCounted(Struct, frozen=True, kw_only=True, tag=True):
    """How far losses have come, for the ledger alone; now and then, where a limit counts them."""

    count: LossCount


Note = (
    TrustChanged
    | OrderMoved
    | FillBooked
    | PositionMismatched
    | PhaseChanged
    | VenueAgreed
    | StrangerSeen
    | AlarmRaised
    | FigureCompared
    | GuardMoved
    | RegimeChanged
    | PriceJumped
    | StopLatched
    | StopLifted
    | LossesCounted
)


class Outcome(Struct, frozen=True, kw_only=True):
    """All that one event led to."""

    commands: tuple[Command, ...] = ()
    decided: Decided | None = None
    notes: tuple[Note, ...] = ()


NOTHING = Outcome()

TOLD_AGAIN_AFTER_NS: Final = 60 * NS_PER_S
"""A decision that does not change is written down once a minute (conventions 6.5)."""


def is_repeat(decided: Decided, told: Decided | None) -> bool:
    """Whether `decided` says nothing new against the one written down last; a hedge is always new."""
    return (
        told is not None
        and decided.action is not Action.HEDGE
        and decided.action is told.action
        and decided.reason is told.reason
        and decided.now_ns - told.now_ns < TOLD_AGAIN_AFTER_NS
    )
