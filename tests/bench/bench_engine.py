"""Engine step cost: bursts of quotes with one decision each, and decisions alone. Asserts nothing.

At 20 legs; and decisions of a book of 200 by each smile rule.
"""

import json
import statistics
import sys
import time
from decimal import Decimal

from bot.book import BookParams
from bot.domain.events import InstrumentListed, SnapshotTaken, StreamName, StreamRestored, SurfaceFitted, Ticked
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.seen import PositionSeen
from bot.domain.surface import SmileSlice
from bot.domain.time import NS_PER_DAY, NS_PER_S, NS_PER_YEAR, Ns
from bot.engine import Engine
from bot.execution.tactics import cross
from bot.hedging.bands import fixed
from bot.hedging.modifiers import Modifiers
from bot.market.quality import TrustLimits
from bot.pricing.settlement_window import Window
from bot.pricing.smile import SmileDelta
from bot.risk.conventions import Convention
from bot.risk.limits import Limits
from bot.risk.sources import Sources

START_NS = Ns(1_790_000_000 * NS_PER_S)
EXPIRY_NS = Ns(START_NS + 20 * NS_PER_DAY)
_VENUES_OWN = Sources()
PERPETUAL = InstrumentId("BTC-PERPETUAL")


def instrument(name: str, *, strike_usd: float | None = None) -> Instrument:
    """A perpetual, or a call where a strike is given."""
    return Instrument(
        id=InstrumentId(name),
        venue=VenueId("deribit"),
        kind=Kind.PERPETUAL if strike_usd is None else Kind.OPTION,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=Decimal(10),
        lot_native=Decimal(10) if strike_usd is None else Decimal("0.1"),
        tick_native=Decimal("0.5"),
        fee_rate_maker=Decimal("0.00015"),
        fee_rate_taker=Decimal("0.00035"),
        expiry_ns=None if strike_usd is None else EXPIRY_NS,
        strike_usd=strike_usd,
        is_call=None if strike_usd is None else True,
    )


def book(sources: Sources = _VENUES_OWN) -> BookParams:
    """A BTC book with a band so wide that nothing is ever traded."""
    return BookParams(
        book="BTC",
        convention=Convention.OPTIONS_ONLY,
        hedge_instrument=PERPETUAL,
        label_prefix="hb",
        run_tag="bench",
        band=fixed.Params(low_coin=-1e6, high_coin=1e6),
        modifiers=Modifiers(),
        trade_coin_min=0.005,
        tactic=cross.Params(),
        trust=TrustLimits(
            option_age_ns_max=Ns(60 * NS_PER_S),
            hedge_age_ns_max=Ns(60 * NS_PER_S),
            clock_ahead_ns_max=Ns(NS_PER_S),
            spread_bps_max=20.0,
        ),
        window=Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)),
        sources=sources,
        limits=Limits(
            order_usd_max=1e6,
            hedge_position_usd_max=1e8,
            delta_coin_worst_max=1e7,
            orders_per_minute_max=60,
            refusals_in_a_row_max=5,
            unresolved_ns_max=60 * NS_PER_S,
        ),
        reconcile_interval_ns=Ns(3600 * NS_PER_S),
        adopts_positions=True,
    )


def option_marked(name: InstrumentId, now_ns: Ns, shift: int) -> OptionMarked:
    """A plain option ticker."""
    return OptionMarked(
        instrument=name,
        received_ns=now_ns,
        venue_ns=now_ns,
        bid_native=0.03,
        ask_native=0.031,
        bid_amount_native=10.0,
        ask_amount_native=10.0,
        mark_native=0.0305,
        iv_mark=0.55 + 1e-6 * shift,
        forward_usd=65000.0 + shift % 100,
        index_usd=64990.0,
        is_open=True,
    )


def future_marked(now_ns: Ns, shift: int) -> FutureMarked:
    """A plain perpetual ticker."""
    price = 65000.0 + shift % 100
    return FutureMarked(
        instrument=PERPETUAL,
        received_ns=now_ns,
        venue_ns=now_ns,
        bid_usd=price - 0.5,
        ask_usd=price + 0.5,
        bid_amount_native=1e5,
        ask_amount_native=1e5,
        mark_usd=price,
        index_usd=price,
        price_min_usd=price * 0.98,
        price_max_usd=price * 1.02,
        funding_rate_8h=0.0,
        is_open=True,
    )


def surface_fitted(now_ns: Ns) -> SurfaceFitted:
    """One skewed smile of the expiry."""
    tau_years = (EXPIRY_NS - now_ns) / NS_PER_YEAR
    smile = SmileSlice(
        index_name="btc_usd",
        expiry_ns=EXPIRY_NS,
        tau_years=tau_years,
        forward_usd=65_000.0,
        iv_atm=0.46797,
        skew_iv_per_k=-0.2925,
        curvature_iv_per_k2=1.0,
        svi=(0.002, 0.05, -0.3, 0.0, 0.2),
        kind="svi",
        quotes_count=20,
        rmse_iv=0.003,
    )
    return SurfaceFitted(
        book="BTC",
        as_of_ns=now_ns,
        received_ns=now_ns,
        slices=(smile,),
        ssr_ratio=1.5,
        mv_calls=(-0.1, 0.05, 0.02),
        mv_puts=(-0.1, 0.05, 0.02),
        verdicts=(),
        defect="",
    )


def decision_us_by_rule(legs: int) -> dict[str, float]:
    """Median microseconds of a decision of a book with so many legs, by smile rule; all options freshly seen."""
    costs: dict[str, float] = {}
    for rule in SmileDelta:
        engine, names = engine_with(legs, Sources(smile=rule))
        now_ns = Ns(START_NS + 2 * NS_PER_S)
        for at, name in enumerate(names):
            engine.apply(option_marked(name, now_ns, at))
        engine.apply(surface_fitted(now_ns))
        took_s: list[float] = []
        for n in range(2_000):
            tick = Ticked(now_ns=Ns(now_ns + n))
            began = time.perf_counter()
            engine.apply(tick)
            took_s.append(time.perf_counter() - began)
        costs[rule.value] = round(statistics.median(took_s) * 1e6, 1)
        assert engine.status().sources[0].smile == rule.value, "the bench must measure the rule"
    return costs


def engine_with(legs: int, sources: Sources = _VENUES_OWN) -> tuple[Engine, list[InstrumentId]]:
    """A reconciled engine holding one coin of each of `legs` options."""
    engine = Engine(book(sources))
    specs = [instrument(f"BTC-27MAR26-{50000 + 1000 * i}-C", strike_usd=50000.0 + 1000 * i) for i in range(legs)]
    for spec in (instrument("BTC-PERPETUAL"), *specs):
        engine.apply(InstrumentListed(instrument=spec, received_ns=START_NS))
    for stream in StreamName:
        engine.apply(StreamRestored(stream=stream, received_ns=START_NS))
    engine.apply(Ticked(now_ns=START_NS))
    positions = tuple(PositionSeen(instrument=spec.id, amount_native=Decimal(1)) for spec in specs)
    engine.apply(
        SnapshotTaken(
            positions=positions,
            open_orders=(),
            fills=(),
            requested_ns=START_NS,
            received_ns=Ns(START_NS + NS_PER_S),
        )
    )
    engine.apply(future_marked(Ns(START_NS + NS_PER_S), 0))
    assert engine.status().is_reconciled, "the bench must measure a trading engine"
    return engine, [spec.id for spec in specs]


def main() -> None:
    """Print one JSON object."""
    engine, names = engine_with(20)
    now_ns = Ns(START_NS + 2 * NS_PER_S)
    bursts = 5_000
    events = [[option_marked(name, Ns(now_ns + b * 1_000_000), b) for name in names] for b in range(bursts)]
    ticks = [Ticked(now_ns=Ns(now_ns + b * 1_000_000)) for b in range(bursts)]
    apply = engine.apply
    began = time.perf_counter()
    for burst, tick in zip(events, ticks, strict=True):
        for event in burst:
            apply(event)
        apply(tick)
    burst_s = time.perf_counter() - began
    decisions = [Ticked(now_ns=Ns(ticks[-1].now_ns + n)) for n in range(20_000)]
    began = time.perf_counter()
    for tick in decisions:
        apply(tick)
    decide_s = time.perf_counter() - began
    last = engine.status().decided
    sys.stdout.write(
        json.dumps(
            {
                "bench": "engine",
                "quotes_per_s_in_bursts_of_20": round(bursts * 20 / burst_s),
                "decisions_per_s_at_20_legs": round(len(decisions) / decide_s),
                "decision_us_at_200_legs": decision_us_by_rule(200),
                "quote_over_decision_cost": round((burst_s / bursts / 20) / (decide_s / len(decisions)), 3),
                "last_reason": None if last is None else last.reason.value,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
