"""Planted errors in what the engine is fed or computes with: the venue's figures find each within a minute.

Nothing in the program knows of these tests: words on their way to the engine and pure functions are wrapped from here.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app import simulated
from bot.app.config import load
from bot.domain.decided import AlarmRaised, Decided, FigureCompared, Outcome
from bot.domain.events import AccountSeen, Event, Filled, SnapshotTaken
from bot.domain.market_events import OptionMarked
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.drive import sim_venue
from bot.drive.simulate import Simulation
from bot.pricing import black76, settlement_window
from bot.risk import conventions, exposure
from bot.venues import sim_codec

_NINE = "2026-11-22T09:00:00Z"
_IN_WINDOW = "2026-11-23T07:44:00Z"
_MINUTE_S = 60.0


class _Run:
    """A simulated run whose alarms are kept with the virtual second they came at."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._start_ns = simulation._exchange.now_ns
        self._count = simulation.tally.saw
        self.alarms: list[tuple[float, str]] = []
        self.figures: list[FigureCompared] = []
        self.last: Decided | None = None
        simulation.tally.saw = self._saw  # type: ignore[method-assign]

    def play(self) -> "_Run":
        """To the end."""
        self.result = self._simulation.run("planted")
        return self

    def _saw(self, event: Event, outcome: Outcome) -> None:
        self._count(event, outcome)
        self.last = outcome.decided or self.last
        now_ns = getattr(event, "now_ns", Ns(0))
        for note in outcome.notes:
            if isinstance(note, AlarmRaised) and note.name == "venue_disagrees":
                self.alarms.append(((now_ns - self._start_ns) / NS_PER_S, note.detail))
            elif isinstance(note, FigureCompared):
                self.figures.append(note)


Start = Callable[..., _Run]


@pytest.fixture
def start(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A run of a short strangle of the next expiry and a long straddle of the one after, from a moment on."""
    legs = [
        ("put", "1st", "atm-1%", -2),
        ("call", "1st", "atm-2%", 3),
        ("call", "2nd", "atm", 1),
        ("put", "2nd", "atm", 2),
    ]
    text = "".join(
        f'[[legs]]\nkind = "{kind}"\nexpiry = "{expiry}"\nstrike = "{strike}"\nqty_coin = "{qty}"\n'
        for kind, expiry, strike, qty in legs
    )
    (tmp_path / "portfolio.toml").write_text(text)

    def begin(at: str = _NINE, seconds: float = 90.0, convention: str = "coin", step_ms: int = 1_000) -> _Run:
        monkeypatch.setattr(simulated, "SIMULATION_START_NS", ns_from_iso(at))
        source = (repo_root / "config/simulate.toml").read_text().replace("options_only", convention)
        (tmp_path / "simulate.toml").write_text(source)
        config = load(tmp_path / "simulate.toml", {"portfolio": tmp_path / "portfolio.toml"}, run_tag="sim")
        options = simulated.SimulateOptions(seed=5, hours=seconds / 3600, step_ms=step_ms, tape=None, currency="BTC")
        return _Run(simulated.simulation_of(config, options))

    return begin


# --- what can be wrong ---------------------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def _formula(wrap: Callable[[black76.DeltaGamma], black76.DeltaGamma]) -> Plant:
    """Another formula of delta and gamma than the one a convention asks for."""
    honest = conventions.formula

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(conventions, "formula", lambda how: wrap(honest(how)))

    return plant


def _fed(change: Callable[[Any], Any], word: str) -> Plant:
    """Another word than the venue said; a list of them for a snapshot's event."""
    honest = getattr(sim_codec, word)

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sim_codec, word, lambda *told, **more: change(honest(*told, **more)))

    return plant


def _premium_again(forward: float, strike: float, tau: float, iv: float, is_call: bool) -> tuple[float, float]:
    one = black76.greeks_scalar(forward, strike, tau, iv, is_call)
    return one.pa_delta - one.coin_price, one.gamma


def _whole_days(forward: float, strike: float, tau: float, iv: float, is_call: bool) -> tuple[float, float]:
    return black76.pa_delta_gamma(forward, strike, max(1, int(tau * 365.0)) / 365.0, iv, is_call)


def _of_option(**change: Callable[[OptionMarked], Any]) -> Callable[[Any], Any]:
    def changed(marked: Any) -> Any:
        if not isinstance(marked, OptionMarked):
            return marked
        return structs.replace(marked, **{name: value(marked) for name, value in change.items()})

    return changed


def _undecayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window is not known: European to the last second."""
    honest = settlement_window.left_of
    monkeypatch.setattr(
        settlement_window, "left_of", lambda window, left_ns: honest(window, max(left_ns, window.length_ns))
    )


def _ten_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The amount of an inverse perpetual taken for its number of contracts of ten dollars, or the reverse."""
    honest = exposure.coin_from_amount
    monkeypatch.setattr(exposure, "coin_from_amount", lambda *told: 10.0 * honest(*told))


def _without_first_leg(taken: SnapshotTaken) -> SnapshotTaken:
    return structs.replace(taken, positions=taken.positions[1:])


def _missing_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue's list of positions lacks one, every time."""
    monkeypatch.setattr(sim_venue, "SnapshotTaken", lambda **fields: _without_first_leg(SnapshotTaken(**fields)))


def _stale_equity() -> Callable[[AccountSeen], AccountSeen]:
    first: list[AccountSeen] = []

    def frozen(seen: AccountSeen) -> AccountSeen:
        first.append(seen)
        return structs.replace(seen, equity_native=first[0].equity_native)

    return frozen


def _fee_in_dollars(fill: Filled) -> Filled:
    return structs.replace(fill, fee_native=fill.fee_native * Decimal(65_000))


PLANTED: dict[str, tuple[Plant, dict[str, Any], str]] = {
    "wrong sign": (_formula(lambda f: lambda *o: (-f(*o)[0], f(*o)[1])), {}, "options_delta"),
    "calls for puts": (_formula(lambda f: lambda a, b, c, d, e: f(a, b, c, d, not e)), {}, "options_delta"),
    "premium twice": (_formula(lambda f: _premium_again if f is black76.pa_delta_gamma else f), {}, "delta_total"),
    "whole days": (_formula(lambda _: _whole_days), {}, "options_delta"),
    "volatility in percent": (
        _fed(_of_option(iv_mark=lambda marked: 0.01 * (marked.iv_mark or 0.0)), "marked"),
        {},
        "options_vega",
    ),
    "forward two percent off": (
        _fed(_of_option(forward_usd=lambda marked: 1.02 * (marked.forward_usd or 0.0)), "marked"),
        {},
        "options_delta",
    ),
    "spot for forward": (
        _fed(_of_option(forward_usd=lambda marked: 0.995 * (marked.index_usd or 0.0)), "marked"),
        {},
        "options_delta",
    ),
    "inverse contract size": (_ten_times, {}, "delta_total"),
    "missing leg": (_missing_leg, {}, "options_delta"),
    "undecayed expiry": (_undecayed, {"at": _IN_WINDOW}, "expiring_delta"),
    "stale equity": (_fed(_stale_equity(), "account_seen"), {"convention": "usd"}, "equity"),
    "fee in dollars": (_fed(_fee_in_dollars, "filled"), {"convention": "usd"}, "equity"),
}
"""Name: how it is planted, the run it needs, and the figure it must show in."""


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_an_alarm_within_a_minute(start: Start, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Told by the figure it shows in, with both sides' numbers."""
    plant, needs, figure = PLANTED[name]
    plant(monkeypatch)
    run = start(**needs).play()

    assert run.alarms, f"{name}: no alarm in {run.result.seconds} s"
    assert run.alarms[0][0] <= _MINUTE_S, run.alarms
    assert figure in {note.figure for note in run.figures if note.is_apart}, run.figures


@pytest.mark.parametrize(
    ("convention", "at", "seconds"),
    [
        ("options_only", _NINE, 300.0),
        ("linear_usd", _NINE, 300.0),
        ("coin", _IN_WINDOW, 1_200.0),
        ("usd", _IN_WINDOW, 1_200.0),
    ],
)
def test_an_honest_run_has_no_alarm(start: Start, convention: str, at: str, seconds: float) -> None:
    """Hedging all the while, through the settlement window and a delivery."""
    run = start(at=at, seconds=seconds, convention=convention).play()

    assert (run.alarms, run.figures) == ([], [])
    assert run.result.hedges > 0


def test_thirty_hours_through_two_deliveries_have_no_alarm(start: Start) -> None:
    """From 05:00: the first expiry at 08:00, the second a day later."""
    run = start(at="2026-11-22T05:00:00Z", seconds=30.0 * 3_600.0, step_ms=30_000).play()

    assert (run.alarms, run.figures) == ([], [])
    assert run.result.violations == ()
    assert run.result.hedges > 50


def test_a_difference_that_lasts_stops_the_orders(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alarm after ten seconds, no order any more after a minute, and the leg is named."""
    _missing_leg(monkeypatch)
    run = start(seconds=180.0).play()
    decided = run.result

    assert "positions do not match the venue's" in decided.violations
    assert run.alarms[0][0] <= _MINUTE_S
    assert any("most of it in BTC-" in detail for _, detail in run.alarms)
    assert run.last is not None
    assert (run.last.action, run.last.reason) == (Action.REFUSE, Reason.VENUE_DISAGREES)
