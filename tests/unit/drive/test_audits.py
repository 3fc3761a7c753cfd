"""What hedges cost, taken from a tape: parts that add up to the run's own slippage and fees."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.ids import InstrumentId
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.domain.units import ZERO
from bot.drive.audits import costs
from bot.drive.simulate import SimulateParams, Simulation
from bot.drive.why import Strayed
from bot.engine import Engine
from bot.hedging.bands import whalley_wilmott
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.observe.costs import CostReport
from bot.observe.tally import RunResult
from bot.sim.world import build_exchange

CALL, PERPETUAL = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-PERPETUAL")


def _tape(folder: Path, book: Any) -> Tape:
    run = Manifest.of_this_process(
        run_id="r1", mode="demo", started_ns=Ns(5), version="0.1", config_digest="abc", books=[book]
    )
    return Tape.open(folder, run)


class Taping:
    """An engine on a tape, ready to hedge two calls."""

    def __init__(self, make: Any, folder: Path, **change: Any) -> None:
        self.folder = folder
        self._make = make
        params = make.book(**change)
        self._tape, self._engine = _tape(folder, params), Engine(params)
        self.take(
            *(ev.StreamRestored(stream=stream, received_ns=Ns(make.now_ns - NS_PER_S)) for stream in ev.StreamName),
            ev.InstrumentListed(instrument=make.perpetual(), received_ns=make.now_ns),
            ev.InstrumentListed(instrument=make.option(), received_ns=make.now_ns),
            ev.Ticked(now_ns=Ns(make.now_ns - 1)),
            make.snapshot({CALL: "2"}),
        )
        self.market(100_000.0)

    def take(self, *events: ev.Event) -> list[Any]:
        """Apply and record; the commands they led to."""
        commands: list[Any] = []
        for event in events:
            outcome = self._engine.apply(event)
            self._tape.take("BTC", self._engine.seq, event, outcome)
            commands += outcome.commands
        return commands

    def market(self, mid_usd: float, after_s: float = 0.0) -> None:
        """Tickers of both, two dollars wide."""
        at = Ns(self._make.now_ns + round(after_s * NS_PER_S))
        quote = {"bid_usd": mid_usd - 1.0, "ask_usd": mid_usd + 1.0, "mark_usd": mid_usd}
        self.take(
            self._make.option_marked(received_ns=at),
            self._make.future_marked(received_ns=at, index_usd=mid_usd, **quote),
        )

    def tick(self, after_s: float = 0.0) -> Any:
        """The order of a decision, if it made one."""
        commands = self.take(ev.Ticked(now_ns=Ns(self._make.now_ns + round(after_s * NS_PER_S))))
        return next((command for command in commands if hasattr(command, "price_native")), None)

    def fill(self, order: Any, price: str, amount: str | None = None, **change: Any) -> None:
        """The venue's word that it filled."""
        number = change.pop("fill_id", "f1")
        fields = {"price_native": Decimal(price), "instrument": PERPETUAL, "fee_native": Decimal("0.0001")}
        self.take(self._make.fill(number, amount or str(order.amount_native), order.label, **(fields | change)))

    def report(self) -> CostReport:
        """What the tape says."""
        self._tape.close()
        found = costs(self.folder, None)
        assert isinstance(found, CostReport), found
        return found


@pytest.fixture
def taping(make: Any, tmp_path: Path) -> Callable[..., Taping]:
    """Begin a tape; parameters of the book by keyword."""
    return lambda **change: Taping(make, tmp_path / "run", **change)


def test_a_hedge_is_taken_apart(taping: Callable[..., Taping]) -> None:
    """Sold 104,000 USD at 99,940: the mid was 100,000, fell to 99,950 by the fill; 1 of spread, 50 waited, 9 beyond."""
    run = taping()
    order = run.tick()
    run.market(99_950.0, 0.5)
    run.fill(order, "99940")
    run.market(99_900.0, 1.2)
    run.tick(1.2)
    report = run.report()
    (hedge,) = report.hedges
    told, coin = hedge.costs, abs(float(order.amount_native)) / 99_940.0

    assert (hedge.arrival_mid_usd, hedge.price_usd, hedge.unit) == (100_000.0, 99_940.0, "USD")
    assert told.traded_usd == pytest.approx(abs(float(order.amount_native)))
    assert told.half_spread.usd == pytest.approx(1.0 * coin)
    assert told.beyond.usd == pytest.approx(9.0 * coin, rel=1e-3)
    assert told.waiting.usd == pytest.approx(50.0 * coin, rel=1e-3)
    assert told.slippage.usd == pytest.approx(-report.slippage_of_run_usd)
    assert told.slippage.bps == pytest.approx(60.0 / 99_940.0 * 1e4, rel=1e-3)
    assert told.fees.usd == pytest.approx(0.0001 * 99_950.0)
    assert told.total.usd == pytest.approx(told.slippage.usd + told.fees.usd)
    assert told.maker_share == 0.0
    # sold at 99,940, now 99,900: the sale has made 40 a coin
    one = told.mark_outs["after_1_s"]
    assert one is not None
    assert one.usd == pytest.approx(40.0 * coin, rel=1e-3)
    assert told.mark_outs["after_10_s"] is None
    assert (report.problem, report.cost_ratio) == ("", None)


def test_a_maker_earns_the_spread(taping: Callable[..., Taping]) -> None:
    """Half the spread is a gain then; partial fills add up to the order, at their mean price."""
    run = taping()
    order = run.tick()
    half = int(order.amount_native) // 20 * 10
    run.fill(order, "100001", str(half), is_maker=True)
    run.fill(order, "99999", str(int(order.amount_native) - half), fill_id="f2")
    report = run.report()
    (hedge,) = report.hedges

    assert hedge.filled_native == order.amount_native
    assert hedge.price_usd == pytest.approx(100_000.0, abs=0.01)
    assert hedge.costs.maker_share == pytest.approx(0.5, abs=1e-3)
    assert hedge.costs.half_spread.usd == pytest.approx(0.0, abs=1e-2)
    assert hedge.costs.beyond.usd == pytest.approx(0.0, abs=1e-2)
    assert report.problem == ""


def test_what_is_no_hedge_of_this_run_is_apart(taping: Callable[..., Taping], make: Any) -> None:
    """Somebody's trade on the account pays fees that no hedge paid; an unfilled order costs nothing."""
    run = taping()
    run.tick()
    run.take(make.fill("s1", "100", None, fee_native=Decimal("0.0002")))
    report = run.report()

    assert report.fees_elsewhere_usd == pytest.approx(20.0) == pytest.approx(-report.fees_of_run_usd)
    assert report.hedges[0].costs.traded_usd == 0.0
    assert report.hedges[0].costs.total.bps is None
    assert (report.hedges[0].price_usd, report.totals.total.usd, report.problem) == (None, 0.0, "")


def test_fills_found_by_a_snapshot_count_once(taping: Callable[..., Taping], make: Any) -> None:
    """A fill told late, twice: its fee and slippage are in once."""
    run = taping()
    order = run.tick()
    fill = make.fill(
        "f1", str(order.amount_native), order.label, price_native=Decimal(99_999), fee_native=Decimal("0.0001")
    )
    run.take(make.snapshot({CALL: "2", PERPETUAL: str(order.amount_native)}, fills=(fill,)), fill)
    report = run.report()

    assert report.totals.fees.usd == pytest.approx(10.0) == pytest.approx(-report.fees_of_run_usd)
    assert (report.hedges[0].filled_native, report.problem) == (order.amount_native, "")


def test_risk_is_what_was_open_at_the_books_volatility(taping: Callable[..., Taping]) -> None:
    """Ra / 2 x (x S sigma)^2 x time, from decision to decision; costs over it."""
    aversion = 1e-6
    run = taping(band=whalley_wilmott.Params(risk_aversion_per_usd=aversion))
    order = run.tick()
    run.fill(order, "99999")
    decided = run._engine.status().decided
    assert decided is not None
    net = decided.delta_coin_net
    assert net is not None
    run.tick(1.0)
    report = run.report()

    assert report.risk_usd == pytest.approx(0.5 * aversion * (net * 100_000.0 * 0.6) ** 2 * NS_PER_S / NS_PER_YEAR)
    assert report.cost_ratio == pytest.approx(report.totals.total.usd / report.risk_usd)


def _simulated(make: Any, folder: Path, start_ns: Ns, seconds: int) -> RunResult:
    book = make.book(band=whalley_wilmott.Params(risk_aversion_per_usd=100.0))
    params = SimulateParams(
        book=book,
        portfolio=PortfolioSpec(legs=(LegSpec(qty_coin=ZERO + 2, kind="call", expiry="2nd", strike="atm"),)),
        span_ns=Ns(seconds * NS_PER_S),
        step_ns=Ns(NS_PER_S),
        sample_every_ns=Ns(5 * NS_PER_S),
    )
    tape = _tape(folder, book)
    result = Simulation(params, build_exchange(3, start_ns), tape=tape).run("simulate")
    tape.close()
    return result


def test_the_hedges_of_a_run_add_up_to_its_result(make: Any, start_ns: Ns, tmp_path: Path) -> None:
    """Slippage and fees of the result object, to a hundredth of a cent."""
    result = _simulated(make, tmp_path / "sim", start_ns, 240)
    report = costs(tmp_path / "sim", "BTC")

    assert isinstance(report, CostReport)
    assert len(report.hedges) == result.hedges > 2
    assert report.totals.slippage.usd == pytest.approx(-result.pnl_usd.slippage, abs=1e-4)
    assert report.totals.fees.usd == pytest.approx(-result.pnl_usd.fees, abs=1e-4)
    assert sum(hedge.costs.total.usd for hedge in report.hedges) == pytest.approx(report.totals.total.usd)
    assert report.cost_ratio is not None
    assert report.problem == ""


def test_a_torn_tape_gives_what_it_holds(make: Any, start_ns: Ns, tmp_path: Path) -> None:
    """A killed run."""
    _simulated(make, tmp_path / "sim", start_ns, 60)
    segment = tmp_path / "sim" / "tape-000001.bin"
    segment.write_bytes(segment.read_bytes()[:-33])

    assert isinstance(costs(tmp_path / "sim", None), CostReport)


def test_a_tape_that_is_not_made_again_has_no_costs(
    make: Any, start_ns: Ns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first difference is named instead: figures of another run would be worse than none."""
    _simulated(make, tmp_path / "sim", start_ns, 60)
    monkeypatch.setattr("bot.hedging.decide._POINT_COIN", -1.0)
    found = costs(tmp_path / "sim", None)

    assert isinstance(found, Strayed)
    assert "NOT EQUAL: book BTC, seq" in found.sentence
