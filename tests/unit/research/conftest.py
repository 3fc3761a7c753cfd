"""A world so small that everything about it is done in a moment, and two hours of a recorded day."""

import json
import math
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.book import BookParams
from bot.domain.events import InstrumentListed
from bot.domain.market_events import MarketEvent
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_MS, NS_PER_S, NS_PER_YEAR, Ns, ns_from_iso
from bot.drive.simulate import SimulateParams, Simulation
from bot.research.backtest import Backtest, Look, backtest_of
from bot.research.contest import Contest, compete, rivals_of
from bot.research.ideal import Look as MomentLook
from bot.research.ideal import Looks
from bot.research.sampled import Grid
from bot.research.tapes.history import open_history
from bot.research.world import World
from bot.sim.exchange import Exchange
from bot.sim.history import RecordedMarket
from bot.sim.valuation import value_and_delta

_START_NS = ns_from_iso("2023-04-12T10:00:00Z")
_EXPIRY_NS = ns_from_iso("2023-04-14T08:00:00Z")


@pytest.fixture(scope="session")
def small() -> World:
    """A day in half hours."""
    return World(
        name="small",
        iv=0.8,
        tau_years=1.0 / 365.0,
        cost_fraction=0.0005,
        risk_aversion_per_usd=0.1,
        steps_count=48,
    )


@pytest.fixture(scope="session")
def grid(small: World) -> Grid:
    """Its inputs."""
    return Grid(small)


@pytest.fixture(scope="session")
def small_contest(grid: Grid) -> Contest:
    """The default and three others, on few paths."""
    rivals = [
        rival for rival in rivals_of(grid.world) if rival.name in {"whalley_wilmott, plain", "fixed", "time_based"}
    ]
    return compete(grid, rivals, seeds=range(1, 41), tuning_seeds=range(101, 111))


@pytest.fixture(scope="session")
def backtested(tmp_path_factory: pytest.TempPathFactory, make: Any) -> Backtest:
    """A call of twenty coins on two hours of a recorded day with an hour's hole, quoted every five minutes."""
    path = tmp_path_factory.mktemp("day") / "a.jsonl"
    minutes = [*range(0, 31, 5), *range(90, 121, 5)]
    with path.open("w") as file:
        for place, minute in enumerate(minutes):
            for second, strike in ((0, 30_000), (3, 31_000), (6, 30_000)):
                file.write(json.dumps({"result": _book(strike, 60 * minute + second, 150.0 * (place % 3))}) + "\n")
    age_ns = Ns(660 * NS_PER_S)
    history = open_history([path], "BTC", age_ns)
    params = SimulateParams(
        book=make.book(trust=make.trust(option_age_ns_max=age_ns, hedge_age_ns_max=age_ns)),
        portfolio=PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(20), instrument="BTC-14APR23-30000-C"),)),
        span_ns=Ns(history.end_ns - history.start_ns),
        step_ns=Ns(NS_PER_S),
        sample_every_ns=Ns(60 * NS_PER_S),
    )
    recorded = RecordedMarket(history.rows(), history.listed, history.index_usd)
    exchange = Exchange(seed=1, start_ns=history.start_ns, market=recorded, listed=history.listed, takers_scale=None)
    look = Look(params.book)
    simulation = Simulation(params, exchange, recorded, audits=(look,))
    return backtest_of(params.book, simulation, look, history, "backtest")


def _book(strike_usd: int, after_s: int, up_usd: float) -> dict[str, Any]:
    """A call that expires at 08:00 two days later, quoted as its model values it."""
    at_ns, usd = Ns(_START_NS + after_s * NS_PER_S), 30_000.0 + up_usd
    tau = (_EXPIRY_NS - at_ns) / NS_PER_YEAR
    value_usd, delta = value_and_delta(usd, strike_usd, 0.5, tau, is_call=True)
    return {
        "instrument_name": f"BTC-14APR23-{strike_usd}-C",
        "timestamp": at_ns // NS_PER_MS,
        "underlying_price": usd,
        "underlying_index": "BTC-14APR23",
        "index_price": usd,
        "mark_price": value_usd / usd,
        "mark_iv": 50.0,
        "best_bid_price": round(value_usd / usd, 4) - 0.0005,
        "best_bid_amount": 5.0,
        "best_ask_price": round(value_usd / usd, 4) + 0.0005,
        "best_ask_amount": 5.0,
        "greeks": {"delta": delta},
    }


def _walk(make: Any, seed: int, book: BookParams, looks_count: int = 80) -> Looks:
    """A stormy market looked at again and again: quotes late, one-sided or crossed, volatility missing at times."""
    dice = random.Random(seed)
    is_linear = book.hedge_instrument != "BTC-PERPETUAL"
    pair = "BTC_USDC" if is_linear else "BTC"
    call, put = f"{pair}-27MAR26-100000-C", f"{pair}-27MAR26-102000-P"
    perpetual = make.linear_perpetual() if is_linear else make.perpetual()
    seen = Looks(book)
    seen.listed = [
        InstrumentListed(instrument=spec, received_ns=make.now_ns)
        for spec in (perpetual, make.option(call), make.option(put))
    ]
    held = make.snapshot({call: "1.5", put: str(dice.choice([-2, 1, 3]))})
    seen.positions = held.positions
    now_ns, price = make.now_ns, 100_000.0
    for at in range(looks_count):
        now_ns += dice.choice([100_000_000, 1_000_000_000, 1_000_000_000, 5_000_000_000, 90_000_000_000])
        price *= math.exp(dice.gauss(0.0, 0.003))
        fresh: list[MarketEvent] = []
        at_ns = {"received_ns": Ns(now_ns), "index_usd": price}
        for name in (call, put):
            if at == 0 or dice.random() < 0.9:
                iv = None if at and dice.random() < 0.03 else dice.uniform(0.4, 0.8)
                figures = {"iv_mark": iv, "forward_usd": price * 1.002, "mark_native": dice.uniform(0.05, 0.07)}
                fresh.append(make.option_marked(name, **at_ns, **figures))
        if at == 0 or dice.random() < 0.95:
            half = dice.choice([0.5, 0.5, 5.0, 200.0, -1.0])
            mark = price * dice.uniform(0.9999, 1.0001)
            ways = {"bid_usd": None if dice.random() < 0.03 else price - half, "ask_usd": price + half}
            ways |= {"price_min_usd": 1_000.0, "price_max_usd": 1e6, "mark_usd": mark}
            rate = dice.choice([None, 1e-4, -1e-3])
            event = make.future_marked(perpetual.id, **at_ns, **ways, funding_rate_8h=rate)
            fresh.append(structs.replace(event, bid_amount_native=1e12, ask_amount_native=1e12))
        seen.looks.append(MomentLook(Ns(now_ns), tuple(fresh)))
    return seen


@pytest.fixture(scope="session")
def walk(make: Any) -> Callable[..., Looks]:
    """Looks of a book at a market of a seed."""
    return lambda seed, book, **named: _walk(make, seed, book, **named)
