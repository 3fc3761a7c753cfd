"""Why: the figures are the engine's own, whatever it decided; another decision than the tape's is a contradiction."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import Decided
from bot.domain.ids import InstrumentId
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.drive.moment import Sought
from bot.drive.simulate import SimulateParams, Simulation
from bot.drive.why import Strayed, why
from bot.engine import Engine
from bot.execution.tactics import auto
from bot.hedging.bands import whalley_wilmott
from bot.hedging.expiry import ExpiryParams, PinRule
from bot.hedging.modifiers import Modifiers
from bot.hedging.stability import StabilityParams
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Began, Recorder, Taken, Tape, frame
from bot.journal.tape_reader import TapeReader
from bot.observe.explain import as_json, as_text
from bot.observe.explained import Explained
from bot.risk.conventions import Convention
from bot.sim.world import build_exchange

Record = Callable[..., Path]
CALL, PERPETUAL = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-PERPETUAL")


def _run(**change: Any) -> Manifest:
    """The manifest of a run here."""
    run = Manifest.of_this_process(
        run_id="r1", mode="demo", started_ns=Ns(5), version="0.1", config_digest="abc", books=change.pop("books")
    )
    return structs.replace(run, **change)


@pytest.fixture
def record(make: Any, tmp_path: Path) -> Record:
    """The folder of a run whose engine saw these events, after start, market and reconciliation."""

    def write(
        *events: ev.Event, positions: dict[str, str] | None = None, of_run: dict[str, Any] | None = None, **change: Any
    ) -> Path:
        params = make.book(**change)
        tape = Tape.open(tmp_path / "run", _run(books=[params], **(of_run or {})))
        engine = Engine(params)
        now = make.now_ns
        first: Sequence[ev.Event] = (
            *(ev.StreamRestored(stream=stream, received_ns=Ns(now - NS_PER_S)) for stream in ev.StreamName),
            ev.InstrumentListed(instrument=make.perpetual(), received_ns=now),
            ev.InstrumentListed(instrument=make.option(), received_ns=now),
            make.account_seen(),
            ev.Ticked(now_ns=Ns(now - 1)),
            make.snapshot({CALL: "2"} if positions is None else positions),
            make.option_marked(),
            make.future_marked(),
        )
        for event in (*first, *events):
            outcome = engine.apply(event)
            tape.take("BTC", engine.seq, event, outcome)
        tape.close()
        return tmp_path / "run"

    return write


def _told(folder: Path, seq: int | None = None) -> Explained:
    found = why(folder, Sought() if seq is None else Sought(seq=seq), None)
    assert isinstance(found, Explained), found
    return found


def _last(folder: Path) -> Explained:
    """The last decision on the tape."""
    _, digest = manifest.read(folder)
    ticks = [
        read.record.seq for read in TapeReader(folder, digest).records() if isinstance(read.record.event, ev.Ticked)
    ]
    return _told(folder, ticks[-1])


def _tick(make: Any, after_s: float = 0.0) -> ev.Ticked:
    return ev.Ticked(now_ns=Ns(make.now_ns + round(after_s * NS_PER_S)))


def test_a_hedge_is_told_with_the_engines_own_figures(record: Record, make: Any) -> None:
    """Legs sum to the parts of the decision, the order is the one on the tape, and the decision is the same."""
    told = _told(record(_tick(make), positions={CALL: "2", PERPETUAL: "-1000"}))
    decided = told.decided

    assert (decided.action, decided.reason, told.contradiction) == (Action.HEDGE, Reason.OUTSIDE_BAND, "")
    assert told.compared == "to the last bit"
    call, perpetual = told.legs
    assert told.volume_usd_per_day_max is None
    assert (call.instrument, call.amount_native, call.unit, call.trust) == (CALL, Decimal(2), "BTC", "trusted")
    assert (perpetual.amount_native, perpetual.unit, perpetual.delta_coin) == (Decimal(-1000), "USD", -0.01)
    assert call.delta_coin == decided.delta_coin_options
    assert call.delta_each_coin == pytest.approx(decided.delta_coin_options / 2)
    assert call.gamma_coin_per_usd == decided.gamma_coin_per_usd
    assert (call.iv_mark, call.price_usd, call.age_s) == (0.6, 100_000.0, 0.0)
    assert call.hours_left == pytest.approx(25 * 24 + 22)
    (sent,) = told.sent
    assert (sent.order.decided_seq, sent.trade_coin, sent.unit) == (decided.seq, decided.trade_coin, "USD")
    assert told.orders == ()
    assert told.band is not None
    assert told.band.final.high_coin == decided.band_high_coin == 0.1
    assert (told.bid_usd, told.ask_usd, told.hedge_trust, told.tactic) == (99_999.5, 100_000.5, "trusted", "cross")
    assert told.tactic_params == {"slippage_bps_max": "10.0", "valid_for_ns": "2 s"}


def test_the_default_policy_shows_what_its_width_is_made_of(record: Record, make: Any) -> None:
    """Cost, risk aversion and both widths: their root of squares is the band; modifiers and the cut come after it."""
    folder = record(
        _tick(make),
        band=whalley_wilmott.Params(risk_aversion_per_usd=1e-5),
        modifiers=Modifiers(width_ratio_long_gamma=2.0, interval_ns_min=Ns(60 * NS_PER_S)),
        limits=make.limits(delta_coin_worst_max=0.5),
    )
    band = _told(folder).band
    assert band is not None

    assert band.cost_fraction == band.parts["cost_fraction"] == pytest.approx(0.00035 + 0.5 / 100_000)
    half = (band.parts["gamma_half_coin"] ** 2 + band.parts["dead_half_coin"] ** 2) ** 0.5
    assert band.of_policy.high_coin == pytest.approx(half)
    assert band.shaped.high_coin == pytest.approx(2 * half)
    assert band.final.high_coin == min(band.shaped.high_coin, 0.5)
    assert band.modifiers == {"width_ratio_long_gamma": "2.0", "interval_ns_min": "60 s"}


def test_two_bands_are_told_where_a_makers_cost_makes_the_first(record: Record, make: Any) -> None:
    """Inputs are those the band was made with; beyond the taker's nothing waits."""
    of = whalley_wilmott.Params(risk_aversion_per_usd=1e-5)
    guards = StabilityParams(volume_usd_per_day=2e9)
    told = _told(record(_tick(make), band=of, tactic=auto.Params(), stability=guards))
    band = told.band
    assert band is not None
    assert band.taker is not None

    assert band.cost_fraction == pytest.approx(0.00015 + 0.00005)
    assert band.shaped.high_coin == pytest.approx(told.decided.band_high_coin)
    assert band.taker.high_coin == told.decided.band_taker_high_coin
    assert band.taker.high_coin > band.final.high_coin
    assert (told.tactic, told.tactic_params["adverse_bps"]) == ("auto", "0.5")
    assert told.volume_usd_per_day_max == 2e9


def test_limits_say_how_near_they_are(record: Record, make: Any) -> None:
    """With the order of this very decision counted."""
    told = _told(record(_tick(make), limits=make.limits(hedge_position_usd_max=200_000.0)))
    at = {gauge.name: gauge for gauge in told.limits}
    trade_usd = abs(told.decided.trade_coin) * 100_000.0

    assert at["hedge position"].value == pytest.approx(trade_usd)
    assert at["hedge position"].value_max == 200_000.0
    assert at["order"].value == pytest.approx(trade_usd)
    assert (at["worst-case net delta"].value, at["worst-case net delta"].unit) == (told.decided.delta_coin_net, "BTC")
    assert at["spread"].value == pytest.approx(0.1)
    assert (at["orders in the last minute"].value, at["refusals in a row"].value) == (0, 0)


def _stream_lost(make: Any) -> list[ev.Event]:
    return [ev.StreamLost(stream=ev.StreamName.MARKET, cause="closed", received_ns=make.now_ns), _tick(make)]


def _stale(make: Any) -> list[ev.Event]:
    return [_tick(make, 3.0)]


def _pending(make: Any) -> list[ev.Event]:
    return [_tick(make), _tick(make, 0.1)]


def _stopping(make: Any) -> list[ev.Event]:
    return [ev.StopRequested(cause="asked", received_ns=make.now_ns), _tick(make)]


def _wide(make: Any) -> list[ev.Event]:
    return [make.quoted(bid_native=99_000.0), _tick(make)]


CASES: list[tuple[Callable[[Any], list[ev.Event]], dict[str, Any], Action, Reason]] = [
    (lambda make: [_tick(make)], {"positions": {}}, Action.SKIP, Reason.NO_OPTIONS),
    (lambda make: [_tick(make)], {"positions": {CALL: "2", PERPETUAL: "-104000"}}, Action.SKIP, Reason.INSIDE_BAND),
    (_pending, {}, Action.SKIP, Reason.ORDER_PENDING),
    (_stream_lost, {}, Action.REFUSE, Reason.STREAM_LOST),
    (_stale, {}, Action.REFUSE, Reason.HEDGE_QUOTE_DISTRUSTED),
    (_wide, {}, Action.REFUSE, Reason.SPREAD_TOO_WIDE),
    (_stopping, {}, Action.REFUSE, Reason.STOPPING),
    (lambda make: [_tick(make)], {"trade_coin_min": 50.0}, Action.SKIP, Reason.BELOW_TRADE_MIN),
]


@pytest.mark.parametrize(("events", "change", "action", "reason"), CASES, ids=[str(case[3]) for case in CASES])
def test_skips_and_refusals_are_explained(
    *,
    record: Record,
    make: Any,
    events: Callable[[Any], list[ev.Event]],
    change: dict[str, Any],
    action: Action,
    reason: Reason,
) -> None:
    """Whatever came of it: the same decision again, no order, and text and JSON that say it."""
    told = _last(record(*events(make), **change))

    assert (told.decided.action, told.decided.reason, told.contradiction, told.sent) == (action, reason, "", ())
    assert as_text(told).splitlines()[-1].startswith(("No hedge because", "Hedging refused because"))
    assert f'"reason":"{reason}"' in as_json(told)


def test_an_order_under_way_is_shown_with_what_it_may_still_do(record: Record, make: Any) -> None:
    """It makes the net delta an interval."""
    told = _last(record(*_pending(make)))
    (order,) = told.orders

    assert (order.state, order.instrument, order.age_s) == ("in_flight", PERPETUAL, pytest.approx(0.1))
    low, high = told.decided.delta_coin_low, told.decided.delta_coin_high
    assert low is not None
    assert high is not None
    assert float(order.open_native) / 100_000.0 == pytest.approx(low - high)


def test_a_doubtful_leg_shows_its_interval_and_the_cause(record: Record, make: Any) -> None:
    """Without a mark volatility it can be anything a call can be."""
    told = _last(record(make.option_marked(iv_mark=None, venue_ns=Ns(make.now_ns + 1)), _tick(make, 0.5)))
    (call,) = told.legs

    assert call.trust == "no_greeks"
    assert call.delta_coin_low is not None
    assert call.delta_coin_high is not None
    assert call.delta_coin_low < call.delta_coin_high
    assert (call.delta_coin_low, call.delta_coin_high) == (told.decided.delta_coin_low, told.decided.delta_coin_high)


def test_the_account_is_shown_where_the_convention_counts_it(record: Record, make: Any) -> None:
    """Equity, options and treasury make the collateral; elsewhere nothing of it is shown."""
    told = _last(
        record(
            make.account_seen(equity_native=11.5, options_value_native=1.5),
            _tick(make),
            convention=Convention.USD,
            treasury_coin=2.0,
        )
    )

    assert told.account is not None
    assert (told.account.equity_native, told.treasury_coin, told.decided.delta_coin_collateral) == (11.5, 2.0, 8.0)
    assert "age of the account figures" in [gauge.name for gauge in told.limits]


def test_an_unknown_equity_leaves_the_legs_but_no_band(record: Record, make: Any) -> None:
    """What can be measured is shown."""
    told = _last(record(make.account_seen(options_value_native=None), _tick(make), convention=Convention.USD))

    assert (told.decided.reason, told.band) == (Reason.EQUITY_UNKNOWN, None)
    assert told.legs[0].delta_coin is not None


def test_a_pin_is_named(record: Record, make: Any) -> None:
    """The price sits on a strike that expires soon."""
    now = Ns(make.option().expiry_ns - 1800 * NS_PER_S - NS_PER_S)
    fresh = [
        make.option_marked(received_ns=now),
        make.future_marked(received_ns=now),
        make.account_seen(received_ns=now),
    ]
    told = _last(record(*fresh, ev.Ticked(now_ns=now), expiry=ExpiryParams(pin=PinRule.STOP)))

    assert told.decided.reason is Reason.PIN_STOP
    assert told.band is not None
    assert (told.band.pinned_to, told.band.held_back) == (CALL, "pin_stop")


def test_a_position_without_a_specification_is_shown_as_it_is(record: Record, make: Any) -> None:
    """It cannot be counted, and the leg says so."""
    told = _last(record(_tick(make), positions={CALL: "2", "BTC-27MAR26-1-C": "1"}))
    leg = next(leg for leg in told.legs if leg.instrument != CALL)

    assert (leg.trust, leg.delta_coin) == ("no specification", None)
    assert "anything" in as_text(told)


# --- against the tape --------------------------------------------------------------------------------------


def _rewritten(folder: Path, change: Callable[[Taken], Taken]) -> Path:
    """The same run with records changed by somebody who knows how to make checksums."""
    run, digest = manifest.read(folder)
    data = frame(Recorder().payload(Began(digest)))
    for read in TapeReader(folder, digest).records():
        data += frame(Recorder().payload(change(read.record)))
    forged = folder.parent / "forged"
    manifest.write(forged, run)
    (forged / "tape-000001.bin").write_bytes(data)
    return forged


def _with_decided(**change: Any) -> Callable[[Taken], Taken]:
    def changed(record: Taken) -> Taken:
        decided = record.decided
        if not record.commands or decided is None or decided.action is not Action.HEDGE:
            return record
        return structs.replace(record, decided=structs.replace(decided, **change))

    return changed


def test_another_decision_on_the_tape_is_a_contradiction(record: Record, make: Any) -> None:
    """The field is named, with both values; what was recomputed is shown all the same."""
    told = _told(_rewritten(record(_tick(make)), _with_decided(delta_coin_net=9.0)))

    assert told.contradiction.startswith("decided.delta_coin_net: ours 1.0")
    assert told.contradiction.endswith("recorded 9.0")
    assert "CONTRADICTION" in as_text(told)


def test_on_other_code_the_last_bit_may_differ_but_not_the_reason(record: Record, make: Any) -> None:
    """There, action, reason and order are what is compared."""
    folder = record(_tick(make), of_run={"code_hash": "other"})
    told = _told(_rewritten(folder, _with_decided(delta_coin_net=9.0)))
    assert told.contradiction == ""
    assert told.compared.startswith("in action, reason and order; code was other")

    (folder.parent / "forged" / "manifest.json").unlink()
    other = _told(_rewritten(folder, _with_decided(reason=Reason.OUTSIDE_BAND_SURELY)))
    assert other.contradiction == "ours hedge because of outside_band, recorded hedge because of outside_band_surely"


def test_a_tape_that_parts_from_the_engine_earlier_explains_nothing(record: Record, make: Any) -> None:
    """What the run saw is not known then: the place is named instead."""

    def other_detail(record: Taken) -> Taken:
        decided = record.decided
        if decided is None or decided.action is Action.HEDGE:
            return record
        return structs.replace(record, decided=structs.replace(decided, detail="not what it was"))

    found = why(_rewritten(record(_tick(make)), other_detail), Sought(), None)

    assert isinstance(found, Strayed)
    assert "NOT EQUAL: book BTC, seq" in found.sentence
    assert "\n" not in found.sentence


@pytest.fixture
def simulated(make: Any, start_ns: Ns, tmp_path: Path) -> Path:
    """A simulated minute with its tape."""
    portfolio = PortfolioSpec(legs=(LegSpec(qty_coin=ZERO + 2, kind="call", expiry="2nd", strike="atm"),))
    book = make.book()
    params = SimulateParams(
        book=book,
        portfolio=portfolio,
        span_ns=Ns(60 * NS_PER_S),
        step_ns=Ns(NS_PER_S),
        sample_every_ns=Ns(5 * NS_PER_S),
    )
    tape = Tape.open(tmp_path / "sim", _run(books=[book]))
    Simulation(params, build_exchange(3, start_ns), tape=tape).run("simulate")
    tape.close()
    return tmp_path / "sim"


def _decisions(folder: Path) -> list[tuple[int, Decided | None]]:
    _, digest = manifest.read(folder)
    records = [read.record for read in TapeReader(folder, digest).records()]
    return [(record.seq, record.decided) for record in records if isinstance(record.event, ev.Ticked)]


def test_every_decision_of_a_simulated_run_can_be_asked_about(simulated: Path) -> None:
    """All of them the same again, the repeats as well; each as text."""
    asked = [_told(simulated, seq) for seq, _ in _decisions(simulated)[::7]]

    assert {told.contradiction for told in asked} == {""}
    assert len({told.decided.reason for told in asked}) > 1
    assert all(as_text(told) for told in asked)
    legs = [sum(leg.delta_coin or 0.0 for leg in told.legs) for told in asked if told.band is not None]
    nets = [told.decided.delta_coin_net for told in asked if told.band is not None]
    assert legs == pytest.approx(nets, abs=1e-12)


def test_a_killed_run_can_be_asked_about_what_it_left(simulated: Path) -> None:
    """The tape ends inside a record: the last whole hedge is explained."""
    segment = simulated / "tape-000001.bin"
    segment.write_bytes(segment.read_bytes()[:-33])

    assert _told(simulated).decided.action is Action.HEDGE
