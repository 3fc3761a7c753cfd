"""The virtual-clock driver: one run, its steps, its result."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.domain.portfolio import Holding, LegSpec, PortfolioSpec
from bot.domain.reasons import Reason, Rung
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns, ns_from_iso
from bot.drive import simulate
from bot.drive.replay import replay
from bot.drive.sim_venue import ACCOUNT
from bot.drive.simulate import SimulateParams, Simulation, seed_positions
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.risk.gap import GapParams
from bot.risk.ladder import LadderLimits
from bot.sim.exchange import Exchange
from bot.sim.history import HistoryRow, RecordedMarket
from bot.sim.recorded_listing import listed_from_rows
from bot.sim.valuation import value_and_delta
from bot.sim.world import build_exchange

_CALL = PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(2), kind="call", expiry="2nd", strike="atm"),))

_RECORDED_NS = ns_from_iso("2023-04-12T10:00:00Z")
_RECORDED_EXPIRY_NS = ns_from_iso("2023-04-14T08:00:00Z")
Start = Callable[..., Simulation]


@pytest.fixture
def start(make: Any, start_ns: Ns) -> Start:
    """A run of two calls for half a minute; parameters by keyword."""

    def begin(seed: int = 3, tape: Tape | None = None, **change: Any) -> Simulation:
        fields: dict[str, Any] = {
            "book": make.book(),
            "portfolio": _CALL,
            "span_ns": Ns(30 * NS_PER_S),
            "step_ns": Ns(NS_PER_S),
            "sample_every_ns": Ns(5 * NS_PER_S),
        }
        return Simulation(SimulateParams(**(fields | change)), build_exchange(seed, start_ns), tape=tape)

    return begin


def test_a_run_hedges_at_once_and_agrees_with_the_venue(start: Start) -> None:
    """Reconciled, hedged, positions as at the venue's own account, within the time asked for."""
    simulation = start()
    result = simulation.run("simulate")

    assert (result.mode, result.book, result.positions_match, result.violations) == ("simulate", "BTC", True, ())
    assert result.orders == result.hedges == len(simulation.tally.marks) >= 1
    assert 30.0 <= result.seconds <= 35.0
    assert result.trace_hash is not None
    assert (result.samples, result.var_ratio, result.var_ratio_delta) == (None, None, None)


def test_the_trace_depends_on_seed_and_parameters_and_nothing_else(start: Start) -> None:
    """Same seed and parameters, same hash; any of them changed, another."""
    hashes = [
        start().run("simulate").trace_hash,
        start().run("another name of the mode").trace_hash,
        start(seed=4).run("simulate").trace_hash,
        start(step_ns=Ns(2 * NS_PER_S)).run("simulate").trace_hash,
    ]

    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_flat_account_does_nothing(start: Start) -> None:
    """Nothing held, nothing hedged, nothing wrong."""
    result = start(portfolio=PortfolioSpec(legs=())).run("simulate")

    assert (result.orders, result.positions_match, result.net_delta_coin_final) == (0, True, 0.0)


def test_a_leg_that_cannot_be_found_is_named(start: Start) -> None:
    """ValueError before anything runs."""
    spec = PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(1), instrument="BTC-NOT-THERE"),))

    with pytest.raises(ValueError, match="BTC-NOT-THERE"):
        start(portfolio=spec).run("simulate")


def test_positions_the_venue_does_not_have_are_reported(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue's own word at the end: a difference is a violation, not a rounding."""
    simulation = start()
    monkeypatch.setattr(simulation._venue, "amounts", lambda: {InstrumentId("BTC-PERPETUAL"): Decimal(10)})
    result = simulation.run("simulate")

    assert result.positions_match is False
    assert "positions do not match the venue's" in result.violations


def test_portfolios_in_coins_become_native_amounts_on_the_lot(exchange: Exchange) -> None:
    """Options in coins; inverse perpetuals in USD, whole lots."""
    listed = {spec.id: spec for spec in exchange.instruments()}
    option = next(spec for spec in listed.values() if spec.is_option and spec.base == "BTC")
    perpetual = listed[InstrumentId("BTC-PERPETUAL")]
    holdings = [Holding(instrument=option, qty_coin=Decimal(-2)), Holding(instrument=perpetual, qty_coin=Decimal(1))]
    seed_positions(exchange, ACCOUNT, holdings)
    held = exchange.seeded_native(ACCOUNT)
    mark_usd = exchange.ticker(perpetual.id).mark_native

    assert held[option.id] == Decimal(-2)
    assert held[perpetual.id] % 10 == 0
    assert abs(held[perpetual.id] - Decimal(repr(mark_usd))) <= 5


@pytest.mark.parametrize(
    ("hedged", "unhedged", "expected"),
    [
        ([1.0, -1.0, 1.0, -1.0], [2.0, -2.0, 2.0, -2.0], 0.25),
        ([0.0, 0.0, 0.0], [1.0, -1.0, 1.0], 0.0),
        ([1.0], [2.0], None),
        ([], [], None),
        ([1.0, 2.0], [3.0, 3.0], None),
    ],
    ids=["half the size", "perfect", "one move", "none", "no movement"],
)
def test_the_variance_ratio_needs_movement(hedged: list[float], unhedged: list[float], expected: float | None) -> None:
    """Hedged over unhedged, absent where it would mean nothing."""
    assert simulate._variance_ratio(hedged, unhedged) == (None if expected is None else pytest.approx(expected))


def test_delta_profit_is_the_delta_before_times_the_move_after() -> None:
    """No look-ahead: the delta at the start of the step."""
    step = simulate.StepSample(
        total_usd=0.0, options_usd=0.0, index_usd=100.0, delta_coin_net=0.1, delta_coin_options=0.5
    )
    steps = [step, structs.replace(step, index_usd=110.0, delta_coin_net=9.0, delta_coin_options=9.0)]

    hedged, unhedged = simulate._delta_profits(steps)
    assert (hedged, unhedged) == ([pytest.approx(1.0)], [pytest.approx(5.0)])


@pytest.mark.realdata
def test_a_recorded_day_steps_from_row_to_row(make: Any, shared_data: Path) -> None:
    """An hour of a recorded day: samples follow the rows, the comparison is made, positions match."""
    from bot.journal.history_files import read_rows  # noqa: PLC0415 - reads files; one test needs it

    rows = list(read_rows(shared_data / "history" / "demo_deribit_2023-04-12", "BTC"))
    recorded = RecordedMarket(rows, listed_from_rows(rows))
    start_ns = rows[0].time_ns
    exchange = Exchange(seed=1, start_ns=start_ns, market=recorded, listed=listed_from_rows(rows), takers_scale=None)
    age_ns = Ns(660 * NS_PER_S)
    book = make.book(trust=make.trust(option_age_ns_max=age_ns, hedge_age_ns_max=age_ns))
    params = SimulateParams(
        book=book,
        portfolio=_CALL,
        span_ns=Ns(3600 * NS_PER_S),
        step_ns=Ns(NS_PER_S),
        sample_every_ns=Ns(60 * NS_PER_S),
    )
    result = Simulation(params, exchange, recorded).run("simulate")

    assert (result.positions_match, result.violations) == (True, ())
    assert result.samples is not None
    assert 10 <= result.samples <= 14
    assert result.orders > 0
    assert result.var_ratio_delta is not None
    assert result.var_ratio_delta < 0.25


def _quoted(strike_usd: int, at_ns: Ns, usd: float) -> HistoryRow:
    """A call that expires at 08:00 two days later."""
    tau = (_RECORDED_EXPIRY_NS - at_ns) / NS_PER_YEAR
    mark = value_and_delta(usd, strike_usd, 0.5, tau, is_call=True)[0] / usd
    return HistoryRow(
        instrument=f"BTC-14APR23-{strike_usd}-C",
        time_ns=at_ns,
        forward_usd=usd,
        forward_name="BTC-14APR23",
        index_usd=usd,
        mark_native=mark,
        iv_mark_percent=50.0,
        bid_native=mark - 0.0005,
        bid_amount_native=5.0,
        ask_native=mark + 0.0005,
        ask_amount_native=5.0,
    )


def _recorded(make: Any, minutes: Sequence[int]) -> Simulation:
    """Two options quoted at so many minutes, the index half a percent up or down; ages may be eleven minutes."""
    rows = [
        _quoted(strike, Ns(_RECORDED_NS + (minute * 60 + 5 * second) * NS_PER_S), 30_000.0 + 150.0 * (place % 3))
        for place, minute in enumerate(minutes)
        for second, strike in enumerate((30_000, 31_000, 30_000))
    ]
    listed, age_ns = listed_from_rows(rows), Ns(660 * NS_PER_S)
    recorded = RecordedMarket(rows, listed)
    exchange = Exchange(seed=1, start_ns=rows[0].time_ns, market=recorded, listed=listed, takers_scale=None)
    held = LegSpec(qty_coin=Decimal(20), instrument="BTC-14APR23-30000-C")
    params = SimulateParams(
        book=make.book(trust=make.trust(option_age_ns_max=age_ns, hedge_age_ns_max=age_ns)),
        portfolio=PortfolioSpec(legs=(held,)),
        span_ns=Ns(minutes[-1] * 60 * NS_PER_S),
        step_ns=Ns(NS_PER_S),
        sample_every_ns=Ns(60 * NS_PER_S),
    )
    return Simulation(params, exchange, recorded)


def test_nothing_is_traded_in_a_hole(make: Any) -> None:
    """The clock goes on, quotes get too old, the bot refuses; what was quoted every five minutes is tradable whole."""
    whole, holed = _recorded(make, range(0, 125, 5)), _recorded(make, [0, 5, 10, 15, 105, 110, 115, 120])
    results = [run.run("simulate") for run in (whole, holed)]
    hedged = {mark.time_ns // (60 * NS_PER_S) - _RECORDED_NS // (60 * NS_PER_S) for mark in holed.tally.marks}

    assert [result.violations for result in results] == [(), ()]
    assert results[0].tradable_share == pytest.approx(1.0, abs=0.001)
    assert results[1].tradable_share == pytest.approx(1.0 - (90 - 12) / 120, abs=0.01)
    assert set(holed.tradable.barred_ns) == {Reason.NOT_RECONCILED, Reason.HEDGE_QUOTE_DISTRUSTED}
    assert not hedged & set(range(16, 105))
    assert hedged & set(range(105, 121))


def test_the_ladder_is_part_of_the_run(make: Any, start: Start, tmp_path: Path) -> None:
    """Measured on virtual time: same run, same hash; its answers are on the tape, and a replay is equal."""
    limits = LadderLimits(loss_usd_max=1.0)
    book = make.book(gap=GapParams(interval_ns=Ns(5 * NS_PER_S), limits=limits))
    run = Manifest.of_this_process(
        run_id="r1", mode="simulate", started_ns=Ns(5), version="0.1", config_digest="abc", books=[book]
    )
    tape = Tape.open(tmp_path / "run", run)
    simulation = start(book=book, tape=tape)
    result = simulation.run("simulate")
    tape.close()
    measured = simulation._engine.status().ladder

    assert measured is not None
    assert [item.rung for item in measured.worst] == [Rung.LOSS, Rung.DELTA, Rung.MARGIN]
    replayed = replay(tmp_path / "run")
    assert replayed.is_equal, replayed
    assert replayed.commands_count > result.orders
    assert result.trace_hash == start(book=book).run("simulate").trace_hash
    assert result.trace_hash != start().run("simulate").trace_hash
