"""What a run came to: counts, time outside the band, samples for the picture, the result object."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from bot.domain import events as ev
from bot.domain.commands import Command, PlaceOrder
from bot.domain.decided import NOTHING, Decided, FillBooked, Note, Outcome, PhaseChanged, PositionMismatched
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, HaltCause, Phase, Reason
from bot.domain.status import BookStatus, EquitySeen, ProfitUsd
from bot.domain.time import NS_PER_S, Ns
from bot.observe import tally as tally_module
from bot.observe.tally import MISMATCH, RunResult, Tally

_PROFIT = ProfitUsd(total=1.0, options=5.0, hedge=-2.0, slippage=-1.0, fees=-1.5, funding=0.5)

Decide = Callable[..., Decided]


def _status(decided: Decided | None, **change: object) -> BookStatus:
    fields: dict[str, object] = {
        "book": "BTC",
        "convention": "options_only",
        "phase": Phase.RUNNING,
        "phase_cause": "reconciled",
        "is_reconciled": True,
        "now_ns": Ns(0) if decided is None else decided.now_ns,
        "decided": decided,
        "positions_native": {InstrumentId("BTC-PERPETUAL"): Decimal(-10)},
        "orders_unknown": 0,
        "orders_live": 0,
        "profit_usd": _PROFIT,
    }
    return BookStatus(**(fields | change))  # type: ignore[arg-type]


def _tally(sample_every_ns: int = NS_PER_S) -> Tally:
    return Tally(trade_coin_min=0.005, sample_every_ns=Ns(sample_every_ns))


def _tick(tally: Tally, seen: Decided, commands: tuple[Command, ...] = ()) -> None:
    tally.saw(ev.Ticked(now_ns=seen.now_ns), Outcome(decided=seen, commands=commands))


def _equity(currency: str, bot: str, venue: str) -> EquitySeen:
    return EquitySeen(
        currency=currency, opening_native=Decimal(10), bot_native=Decimal(bot), venue_native=Decimal(venue)
    )


def test_equity_and_profit_of_both_sides_are_in_the_result() -> None:
    """Of the coin and of USDC, to eight decimals, with the change since the books were opened; no other currency."""
    equity = (_equity("BTC", "10.1234567849", "10.12345679"), _equity("USDC", "9", "9"), _equity("USDT", "1", "1"))
    result = _tally().result(
        mode="m",
        status=_status(None, equity=equity),
        positions_match=True,
        violations=[],
        trace_hash=None,
        is_one_moment=True,
    )

    assert (result.equity_coin_bot, result.equity_coin_venue) == (Decimal("10.12345678"), Decimal("10.12345679"))
    assert (result.pnl_coin_bot, result.pnl_coin_venue) == (Decimal("0.12345678"), Decimal("0.12345679"))
    assert (result.equity_usdc_bot, result.pnl_usdc_venue) == (Decimal(9), Decimal(-1))
    assert (result.equity_match, result.violations) == (True, ())


def test_equity_that_differs_at_one_moment_is_a_violation() -> None:
    """Beyond the venue's rounding; at different moments the last comparison counts: it knows what timing explains."""
    status = _status(None, equity=(_equity("BTC", "10.00000002", "10"),), equity_agrees=True)
    seen = [
        _tally().result(
            mode="m", status=status, positions_match=True, violations=[], trace_hash=None, is_one_moment=is_one_moment
        )
        for is_one_moment in (True, False)
    ]

    said = "equity is 10.00000002 BTC by our books, 10 by the venue's"
    assert [(result.equity_match, result.violations) for result in seen] == [(False, (said,)), (True, ())]


def test_an_account_that_has_not_told_matches_nothing() -> None:
    """No figures, no word on them."""
    result = _tally().result(
        mode="m", status=_status(None), positions_match=True, violations=[], trace_hash=None, is_one_moment=True
    )

    assert (result.equity_match, result.equity_coin_bot, result.pnl_usdc_venue) == (None, None, None)


def _finish(tally: Tally, seen: Decided | None, *, matches: bool = True, **change: object) -> RunResult:
    return tally.result(
        mode="demo", status=_status(seen, **change), positions_match=matches, violations=[], trace_hash=None
    )


def test_events_decisions_orders_fills_and_refusals_are_counted(
    decided: Decide,
    commands: dict[type[Command], Command],
    notes: dict[str, Note],
    told_events: dict[str, ev.Event],
) -> None:
    """A hedge is a decision and an order; a fill counts where it was booked; strangers' fills do not count."""
    tally = _tally()
    _tick(tally, decided(), (commands[PlaceOrder],))
    tally.saw(told_events["fill.seen"], Outcome(notes=(notes["order.filled"],)))
    tally.saw(told_events["fill.seen"], NOTHING)
    booked = notes["order.filled"]
    assert isinstance(booked, FillBooked)
    tally.saw(told_events["fill.seen"], Outcome(notes=(msgspec.structs.replace(booked, label=None),)))
    tally.saw(told_events["order.refused"], Outcome())
    _tick(tally, decided(action=Action.SKIP, reason=Reason.INSIDE_BAND, now_ns=Ns(NS_PER_S)))

    counts = (tally.events, tally.decisions, tally.hedges, tally.orders, tally.fills, tally.refused)
    assert counts == (6, 2, 1, 1, 1, 1)


def test_events_that_led_to_nothing_are_events() -> None:
    """Told by their number, or one by one."""
    tally = _tally()
    tally.passed(3)
    tally.saw(ev.Ticked(now_ns=Ns(1)), NOTHING)

    assert (tally.events, tally.decisions) == (4, 0)


@pytest.mark.parametrize(
    ("net", "expected_s"),
    [(0.2, 3.0), (-0.2, 3.0), (0.104, 0.0), (0.105001, 3.0), (0.0, 0.0), (None, 0.0)],
)
def test_time_outside_the_band_counts_where_a_hedge_was_due(
    decided: Decide, net: float | None, expected_s: float
) -> None:
    """Beyond an edge by at least the smallest trade, until the next decision says otherwise."""
    tally = _tally()
    _tick(tally, decided(delta_coin_net=net))
    last = decided(delta_coin_net=0.0, now_ns=Ns(3 * NS_PER_S))
    _tick(tally, last)
    _tick(tally, decided(delta_coin_net=0.0, now_ns=Ns(9 * NS_PER_S)))

    assert _finish(tally, last).outside_band_s == expected_s


def test_a_sample_needs_a_reconciled_book_and_a_priced_market(decided: Decide) -> None:
    """Pictures begin with trading; what is not known is not drawn as zero."""
    tally = _tally()
    assert tally.wants_sample(Ns(0))
    for status in (
        _status(None),
        _status(decided(), is_reconciled=False),
        _status(decided(price_usd=None)),
        _status(decided(delta_coin_net=None)),
        _status(decided(band_low_coin=None)),
    ):
        tally.sample(status)
    assert tally.samples == []

    tally.sample(_status(decided()))
    assert [(sample.time_ns, sample.delta_coin_net) for sample in tally.samples] == [(0, 0.164)]
    assert (tally.wants_sample(Ns(NS_PER_S - 1)), tally.wants_sample(Ns(NS_PER_S))) == (False, True)


def test_samples_are_bounded_and_keep_the_whole_run(decided: Decide, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound every second one goes and the spacing doubles; the first one stays."""
    monkeypatch.setattr(tally_module, "_SAMPLES_MAX", 4)
    tally = _tally()
    for second in range(40):
        now_ns = Ns(second * NS_PER_S)
        if tally.wants_sample(now_ns):
            tally.sample(_status(decided(now_ns=now_ns)))

    times_s = [sample.time_ns // NS_PER_S for sample in tally.samples]
    assert len(times_s) <= 4
    assert (times_s[0], times_s == sorted(times_s), times_s[-1] >= 24) == (0, True, True)


def test_the_result_says_how_it_ended(decided: Decide) -> None:
    """Figures of the last decision, time between first and last, nothing wrong."""
    tally = _tally()
    _tick(tally, decided(now_ns=Ns(2 * NS_PER_S)))
    last = decided(now_ns=Ns(12 * NS_PER_S), delta_coin_net=0.05)
    _tick(tally, last)
    result = _finish(tally, last, orders_unknown=1)

    assert (result.mode, result.book, result.seconds, result.unknown_open) == ("demo", "BTC", 10.0, 1)
    assert (result.net_delta_coin_final, result.band_low_coin, result.band_high_coin) == (0.05, -0.1, 0.1)
    assert (result.violations, result.phase, result.pnl_usd) == ((), "running", _PROFIT)


def test_halts_and_differences_are_violations(decided: Decide) -> None:
    """Whoever reads the last line only must see that something is wrong."""
    tally = _tally()
    change = PhaseChanged(
        phase_before=Phase.RUNNING, phase_after=Phase.HALTED, cause=HaltCause.TASK_FAILED, detail="feed: boom"
    )
    tally.saw(ev.HaltRequested(received_ns=Ns(0), cause=HaltCause.TASK_FAILED, detail=""), Outcome(notes=(change,)))
    result = tally.result(
        mode="demo", status=_status(decided()), positions_match=False, violations=["label x twice"], trace_hash="ab"
    )

    assert result.violations == (
        "label x twice",
        "halted: task_failed feed: boom",
        "positions do not match the venue's",
    )
    assert result.trace_hash == "ab"


def test_a_run_without_a_decision_has_a_result() -> None:
    """Stopped before the first tick: zeros and unknowns."""
    result = _finish(_tally(), None)

    assert (result.seconds, result.decisions, result.net_delta_coin_final, result.band_low_coin) == (0.0, 0, None, None)


def test_the_result_as_json_has_the_keys_a_reader_relies_on(decided: Decide) -> None:
    """The last line of every mode; absent figures are null, not left out."""
    keys = set(msgspec.json.decode(msgspec.json.encode(_finish(_tally(), decided()))))

    assert keys >= {
        *(
            "mode",
            "book",
            "convention",
            "seconds",
            "events",
            "decisions",
            "hedges",
            "orders",
            "fills",
            "refused",
            "unknown_open",
        ),
        *("net_delta_coin_final", "band_low_coin", "band_high_coin", "gamma_coin_per_usd_final", "positions_match"),
        *("outside_band_s", "violations", "pnl_usd", "trace_hash", "var_ratio", "var_ratio_delta"),
    }


def test_a_silent_venue_is_not_a_mismatch() -> None:
    """Asked and not answered is told in its own words, and never as agreement."""
    tally = Tally(trade_coin_min=0.01, sample_every_ns=Ns(NS_PER_S))
    result = tally.result(mode="demo", status=_status(None), positions_match=None, violations=[], trace_hash=None)

    assert result.positions_match is False
    assert result.violations == ("the venue did not tell its positions at the end",)


def test_an_end_before_the_first_comparison_is_not_a_mismatch() -> None:
    """Nothing was known yet to disagree with; a difference that was seen is one, even without a run."""
    early, differs = _tally(), _tally()
    seen = PositionMismatched(
        instrument=InstrumentId("BTC-PERPETUAL"), ours_native=Decimal(0), venue_native=Decimal(10), is_final=False
    )
    differs.saw(ev.SnapshotFailed(received_ns=Ns(0), cause=""), Outcome(notes=(seen,)))
    end = {"mode": "demo", "status": _status(None), "positions_match": False, "violations": [], "trace_hash": None}

    assert early.result(**end).violations == ("the run ended before it had compared its positions",)  # type: ignore[arg-type]
    assert early.result(**end).positions_match is False  # type: ignore[arg-type]
    assert differs.result(**end).violations == (MISMATCH,)  # type: ignore[arg-type]
