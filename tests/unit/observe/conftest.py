"""A log one can read back, and one of each thing that is narrated."""

import io
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, Command, LookUpOrder, MeasureLadder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.decided import (
    AlarmRaised,
    Decided,
    FigureCompared,
    FillBooked,
    GuardMoved,
    Note,
    OrderMoved,
    PhaseChanged,
    PositionMismatched,
    PriceJumped,
    RegimeChanged,
    StrangerSeen,
    TrustChanged,
    VenueAgreed,
)
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, RefusalKind, Regime
from bot.domain.seen import VenueOrderState
from bot.domain.time import Ns
from bot.hedging.band import Band, BandInputs
from bot.observe.explained import BandTold, Explained, Gauge, LegTold, OrderSent
from bot.observe.logs import Level, Log, open_log

NOW_NS = Ns(1_774_598_400_123_456_789)  # 2026-03-27T08:00:00.123456789Z
PERPETUAL, LABEL = InstrumentId("BTC-PERPETUAL"), Label("hbbtcr1000001")
ORDER_ID = OrderId("BTC-7")
_SPEC = Instrument(
    id=PERPETUAL,
    venue=VenueId("deribit"),
    kind=Kind.PERPETUAL,
    base="BTC",
    settlement=Settlement.COIN,
    settlement_currency="BTC",
    index_name="btc_usd",
    contract_size_native=Decimal(10),
    lot_native=Decimal(10),
    tick_native=Decimal("0.5"),
    fee_rate_maker=Decimal(0),
    fee_rate_taker=Decimal("0.0005"),
)
_FILL = ev.Filled(
    fill_id=FillId("BTC-77"),
    order_id=ORDER_ID,
    label=LABEL,
    instrument=PERPETUAL,
    amount_native=Decimal(-6200),
    price_native=Decimal("96951.0"),
    fee_native=Decimal("0.00002237"),
    fee_currency="BTC",
    is_maker=False,
    received_ns=NOW_NS,
    venue_ns=NOW_NS,
)
_MONEY = ("equity_native", "balance_native", "margin_initial_native", "margin_maintenance_native", "available_native")
_SEEN = ev.AccountSeen(
    currency="BTC", delta_coin_total=0.2, delta_coin_options=0.1, received_ns=NOW_NS, **dict.fromkeys(_MONEY, 1.0)
)


class Terminal(io.StringIO):
    """Text that claims to be a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Heard:
    """A log and what was written to it."""

    def __init__(self, *, level: Level = Level.DEBUG, style: str = "json", stream: io.StringIO | None = None) -> None:
        self.stream = stream or io.StringIO()
        self.log: Log = open_log(now_ns=lambda: NOW_NS, level=level, style=style, stream=self.stream)

    @property
    def lines(self) -> list[dict[str, object]]:
        """Lines of JSON so far."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def events(self) -> list[object]:
        """Names of the lines so far."""
        return [line["event"] for line in self.lines]


@pytest.fixture
def heard() -> Heard:
    """Everything, as JSON."""
    return Heard()


@pytest.fixture
def make_heard() -> type[Heard]:
    """A log of another kind."""
    return Heard


@pytest.fixture
def terminal() -> Terminal:
    """A stream that is a terminal."""
    return Terminal()


@pytest.fixture
def decided() -> Callable[..., Decided]:
    """A sale of 0.064 BTC; fields by keyword."""
    first = Decided(
        seq=12,
        now_ns=Ns(0),
        book="BTC",
        convention="options_only",
        action=Action.HEDGE,
        reason=Reason.OUTSIDE_BAND,
        delta_coin_net=0.164,
        delta_coin_low=0.164,
        delta_coin_high=0.164,
        delta_coin_options=0.5,
        delta_coin_futures=-0.336,
        delta_coin_collateral=0.0,
        delta_coin_expiring=0.0,
        delta_coin_surviving=0.164,
        delta_coin_delivered=0.0,
        gamma_coin_per_usd=1.5e-5,
        gamma_coin_per_hour=0.009,
        band_low_coin=-0.1,
        band_high_coin=0.1,
        target_coin=0.1,
        trade_coin=-0.064,
        price_usd=97_000.5,
        index_usd=97_001.25,
        hedge_instrument=PERPETUAL,
        hedge_age_ns=Ns(12_000_000),
        option_age_ns_max=Ns(900_000_000),
        doubtful=(),
        detail="",
    )
    return lambda **changes: structs.replace(first, **changes)


@pytest.fixture
def commands() -> dict[type[Command], Command]:
    """One of each."""
    found: list[Command] = [
        PlaceOrder(
            label=LABEL,
            instrument=PERPETUAL,
            amount_native=Decimal(-6200),
            price_native=Decimal("96950.5"),
            arrival_mid_native=97_000.25,
            valid_until_ns=Ns(3),
            decided_seq=12,
        ),
        CancelOrder(label=LABEL, order_id=ORDER_ID, instrument=PERPETUAL),
        LookUpOrder(label=LABEL, instrument=PERPETUAL, order_id=None, not_before_ns=Ns(1), valid_until_ns=Ns(3)),
        TakeSnapshot(cause="start"),
        Watch(instruments=(PERPETUAL,)),
        MeasureLadder(
            instrument=PERPETUAL, asked_ns=NOW_NS, spot_usd=97_000.0, options=(), futures=(), equity_coin=None
        ),
    ]
    return {type(item): item for item in found}


@pytest.fixture
def notes() -> dict[str, Note]:
    """One of each, by the line it makes."""
    booked = FillBooked(
        fill_id="BTC-77",
        label=LABEL,
        instrument=PERPETUAL,
        amount_native=Decimal(-6200),
        price_native=Decimal("96951.0"),
        fee_native=Decimal("0.00002237"),
        fee_currency="BTC",
        position_native=Decimal(-36_200),
        slippage_usd=-3.25,
    )

    def moved(after: str) -> OrderMoved:
        return OrderMoved(
            label=LABEL, order_id=ORDER_ID, instrument=PERPETUAL, state_before="open", state_after=after, cause="seen"
        )

    def phase(after: Phase) -> PhaseChanged:
        return PhaseChanged(phase_before=Phase.RUNNING, phase_after=after, cause=HaltCause.TASK_FAILED, detail="x")

    return {
        "market.trusted": TrustChanged(instrument=PERPETUAL, cause=None),
        "market.distrusted": TrustChanged(instrument=PERPETUAL, cause=DistrustCause.STALE),
        "order.moved": moved("filled"),
        "order.cancelled": moved("cancelled"),
        "order.filled": booked,
        "position.mismatched": PositionMismatched(
            instrument=PERPETUAL, ours_native=Decimal(1), venue_native=Decimal(2), is_final=True
        ),
        "book.reconciling": phase(Phase.RECONCILING),
        "book.reconciled": phase(Phase.RUNNING),
        "trading.stopping": phase(Phase.STOPPING),
        "trading.stopped": phase(Phase.STOPPED),
        "trading.halted": phase(Phase.HALTED),
        "venue.agreed": VenueAgreed(venue="deribit"),
        "stranger.seen": StrangerSeen(order_id=ORDER_ID, label=None, instrument=PERPETUAL),
        "alarm.raised": AlarmRaised(name="stream_lost", detail="", deadline_ns=Ns(9)),
        "guard.raised": GuardMoved(guard=Reason.OSCILLATES, detail="2 times the width", until_ns=Ns(9)),
        "guard.lifted": GuardMoved(guard=Reason.LOOP_GAIN, detail="", until_ns=None),
        "regime.changed": RegimeChanged(
            regime_before=Regime.NORMAL, regime_after=Regime.HOT, vol_ratio=1.6, cusum_ratio=2.0, hour_ratio=1.0
        ),
        "price.jumped": PriceJumped(detail="+0.5 %"),
        "figure.differs": _compared(is_apart=True),
        "figure.agrees": _compared(is_apart=False),
    }


@pytest.fixture
def told_events(surface: Callable[..., ev.SurfaceFitted]) -> dict[str, ev.Event]:
    """One of each event that is told, by the line it makes."""
    account = ev.StreamName.ACCOUNT
    updated = ev.OrderUpdated(
        label=LABEL,
        order_id=ORDER_ID,
        instrument=PERPETUAL,
        state=VenueOrderState.OPEN,
        filled_native=Decimal(0),
        received_ns=NOW_NS,
        venue_ns=NOW_NS,
    )
    intent = ev.IntentRestored(
        label=LABEL,
        instrument=PERPETUAL,
        amount_native=Decimal(-6200),
        price_native=Decimal(9),
        valid_until_ns=Ns(3),
        received_ns=NOW_NS,
    )
    return {
        "stream.lost": ev.StreamLost(stream=account, received_ns=NOW_NS, cause="closed"),
        "stream.restored": ev.StreamRestored(stream=account, received_ns=NOW_NS),
        "message.malformed": ev.MessageMalformed(stream=account, received_ns=NOW_NS, cause="not JSON", sample="{"),
        "quote.distrusted": ev.QuoteDistrusted(instrument=PERPETUAL, received_ns=NOW_NS, cause=DistrustCause.BOOK_GAP),
        "instrument.listed": ev.InstrumentListed(instrument=_SPEC, received_ns=NOW_NS),
        "order.acked": ev.OrderAcked(label=LABEL, order_id=ORDER_ID, received_ns=NOW_NS),
        "order.refused": ev.OrderRefused(
            label=LABEL, received_ns=NOW_NS, code=10009, name="not_enough_funds", kind=RefusalKind.NO_FUNDS
        ),
        "order.unknown": ev.OrderUnknown(label=LABEL, received_ns=NOW_NS, cause="timeout"),
        "order.updated": updated,
        "order.absent": ev.OrderAbsent(label=LABEL, received_ns=NOW_NS),
        "order.lookup_failed": ev.LookUpFailed(label=LABEL, received_ns=NOW_NS, cause="timeout"),
        "fill.seen": _FILL,
        "intent.restored": intent,
        "account.seen": _SEEN,
        "snapshot.taken": ev.SnapshotTaken(
            positions=(), open_orders=(), fills=(_FILL,), requested_ns=NOW_NS, received_ns=NOW_NS
        ),
        "position.settled": ev.Settled(
            instrument=InstrumentId("BTC-27MAR26-100000-C"),
            delivery_usd=Decimal("97000.25"),
            funding_native=Decimal(0),
            received_ns=NOW_NS,
            venue_ns=NOW_NS,
        ),
        "ladder.measured": ev.LadderMeasured(instrument=PERPETUAL, received_ns=NOW_NS, worst=(), steps=()),
        "snapshot.failed": ev.SnapshotFailed(received_ns=NOW_NS, cause="timeout"),
        "ledger.restored": ev.LedgerRestored(positions=(), fill_ids=(FillId("BTC-77"),), received_ns=NOW_NS),
        "surface.fitted": surface(slices=(), defect="no_quotes"),
        "lease.held": ev.LeaseHeld(until_ns=Ns(NOW_NS + 6_000_000_000), received_ns=NOW_NS),
        "stop.requested": ev.StopRequested(received_ns=NOW_NS, cause="SIGTERM"),
        "halt.requested": ev.HaltRequested(received_ns=NOW_NS, cause=HaltCause.TASK_FAILED, detail="feed"),
    }


def _compared(*, is_apart: bool) -> FigureCompared:
    return FigureCompared(
        figure="options_delta",
        ours_native=0.5,
        venue_native=0.4,
        tolerance_native=0.01,
        instrument=InstrumentId("BTC-27MAR26-100000-C"),
        is_apart=is_apart,
    )


def _explained_band() -> BandTold:
    around = Band(low_coin=-0.1, high_coin=0.1, target_coin=0.0)
    return BandTold(
        policy="whalley_wilmott",
        params={"risk_aversion_per_usd": "1e-5"},
        inputs=BandInputs(
            delta_coin_net=1.05,
            delta_coin_options=1.05,
            gamma_coin_per_usd=2.1e-5,
            vanna_coin_per_vol=0.0,
            option_coin_gross=2.0,
            price_usd=100_000.0,
            iv_mark=0.6,
            tau_years=7.0 / 365.0,
            fee_rate_taker=0.00035,
            half_spread_usd=0.5,
            funding_rate_8h=0.0,
            since_hedge_ns=Ns(60_000_000_000),
            price_at_hedge_usd=99_000.0,
            now_ns=Ns(1_774_598_400_000_000_000),
        ),
        cost_fraction=0.000355,
        parts={"cost_fraction": 0.000355, "risk_aversion_per_usd": 1e-5, "gamma_half_coin": 0.1},
        of_policy=around,
        shaped=around,
        appetite_share=1.0,
        guard_width_ratio=1.0,
        regime_width_ratio=1.0,
        final=around,
        taker=None,
        modifiers={},
        pinned_to=None,
        held_back="",
        trade_coin_min=0.005,
    )


_TAKEN_APART: dict[str, object] = {
    "seq": 17,
    "now_ns": Ns(1_774_598_400_000_000_000),
    "price_usd": 100_000.0,
    "trade_coin": -0.95,
    "delta_coin_net": 1.05,
    "delta_coin_low": 1.05,
    "delta_coin_high": 1.05,
    "delta_coin_options": 1.05,
}


_ORDERED: dict[str, object] = {
    "amount_native": Decimal(-95_000),
    "price_native": Decimal("99900.0"),
    "arrival_mid_native": 100_000.0,
    "valid_until_ns": Ns(1_774_598_402_000_000_000),
}


@pytest.fixture
def explained(decided: Callable[..., Decided], commands: dict[type[Command], Command]) -> Callable[..., Explained]:
    """A hedge taken apart: two calls sold off; fields of its decision by keyword."""
    leg = LegTold(
        instrument=InstrumentId("BTC-3APR26-100000-C"),
        amount_native=Decimal(2),
        unit="BTC",
        price_usd=100_000.0,
        iv_mark=0.6,
        hours_left=168.0,
        delta_each_coin=0.525,
        delta_coin=1.05,
        delta_coin_low=1.05,
        delta_coin_high=1.05,
        gamma_coin_per_usd=2.1e-5,
        age_s=0.25,
        trust="trusted",
        open_share=1.0,
    )

    def of(**change: object) -> Explained:
        made = decided(**(_TAKEN_APART | change))
        order = structs.replace(commands[PlaceOrder], **_ORDERED)
        sent = OrderSent(order=order, unit="USD", trade_coin=made.trade_coin, touch_usd=99_999.5)
        return Explained(
            run_id="run-1",
            mode="demo",
            at="2026-03-27T08:00:00.000000Z",
            decided=made,
            treasury_coin=0.0,
            account=None,
            legs=(leg,),
            band=_explained_band(),
            bid_usd=99_999.5,
            ask_usd=100_000.5,
            hedge_trust="trusted",
            tactic="cross",
            tactic_params={"slippage_bps_max": "10"},
            orders=(),
            limits=(Gauge(name="spread", value=0.5, value_max=20.0, unit="bps"),),
            sent=(sent,) if made.action is Action.HEDGE else (),
            compared="to the last bit",
            contradiction="",
        )

    return of
