"""A world so small that everything about it is done in a moment, and two hours of a recorded day."""

import json
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_MS, NS_PER_S, NS_PER_YEAR, Ns, ns_from_iso
from bot.drive.simulate import SimulateParams, Simulation
from bot.research.backtest import Backtest, Look, backtest_of
from bot.research.contest import Contest, compete, rivals_of
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
