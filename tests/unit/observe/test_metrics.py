"""What a scrape answers: state as it is then, under the names of the table."""

import math
from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from bot.domain import events as ev
from bot.domain.decided import NOTHING, Decided, Note, Outcome
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.status import BookStatus, EquitySeen, ProfitUsd, VenueSeen
from bot.domain.stops import HEDGEBOT, Latch, StopKind
from bot.domain.time import NS_PER_S, Ns
from bot.observe.metric_names import METRICS
from bot.observe.metrics import Metrics

Samples = dict[tuple[str, ...], float]
_NOW_NS = Ns(1_774_598_401 * NS_PER_S)


def _metrics(
    *books: str, info: dict[str, str] | None = None, trade_coin_min: dict[str, float] | None = None
) -> Metrics:
    return Metrics(books or ["BTC"], now_ns=lambda: _NOW_NS, info=info, trade_coin_min=trade_coin_min)


def _samples(metrics: Metrics) -> Samples:
    """(name, label values in order of label names) -> value."""
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


@pytest.fixture
def status(decided: Callable[..., Decided]) -> BookStatus:
    """A BTC book that runs."""
    return BookStatus(
        book="BTC",
        convention="options_only",
        phase=Phase.RUNNING,
        phase_cause="reconciled",
        is_reconciled=True,
        now_ns=Ns(_NOW_NS - NS_PER_S // 2),
        decided=decided(doubtful=(InstrumentId("BTC-27MAR26-100000-C"),)),
        positions_native={InstrumentId("BTC-PERPETUAL"): Decimal(-6200)},
        orders_unknown=1,
        orders_live=2,
        profit_usd=ProfitUsd(total=6.0, options=10.0, hedge=-1.0, slippage=-2.0, fees=-1.5, funding=0.5),
        stops=(Latch(kind=StopKind.HALT, cause="triggered", since_ns=Ns(1), by=HEDGEBOT, detail="loss"),),
        venues=(VenueSeen(venue=VenueId("deribit"), is_market_up=True, is_account_up=False, is_awaited=False),),
        equity=(
            EquitySeen(
                currency="BTC", opening_native=Decimal(2), bot_native=Decimal("2.5"), venue_native=Decimal("2.25")
            ),
        ),
    )


def test_every_metric_of_the_table_is_told(status: BookStatus, told_events: dict[str, ev.Event]) -> None:
    """With its kind; a running book with an account leaves no gauge out."""
    metrics = _metrics(info={"version": "1.2.3", "mode": "paper"}, trade_coin_min={"BTC": 0.01})
    for event in told_events.values():
        metrics.applied("BTC", event, NOTHING)
    metrics.follow(lambda: (status,))
    metrics.meter("deribit", _Way())
    families = {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}
    told = {name: families.get(name.removesuffix("_total")) for name in METRICS}

    assert {name: family and family.type for name, family in told.items()} == {
        name: metric.kind.value for name, metric in METRICS.items()
    }
    assert [name for name, family in told.items() if family and not family.samples] == [
        *("hedgebot_alarms_total", "hedgebot_decisions_total")
    ]
    assert "process_resident_memory_bytes" in families


class _Way:
    order_credits_left = 12.5


def test_a_book_is_told_as_it_is_when_asked(status: BookStatus) -> None:
    """Ages against now; parts of the profit; equity by both sides; stops by kind; streams by venue."""
    metrics = _metrics()
    metrics.follow(lambda: (status,))
    metrics.meter("deribit", _Way())
    samples = _samples(metrics)

    expected = {
        ("hedgebot_delta_coin_net", "BTC"): 0.164,
        ("hedgebot_band_high_coin", "BTC"): 0.1,
        ("hedgebot_gamma_coin_per_usd", "BTC"): 1.5e-5,
        ("hedgebot_tick_age_seconds", "BTC"): 0.5,
        ("hedgebot_hedge_quote_age_seconds", "BTC"): 0.012,
        ("hedgebot_option_quote_age_seconds", "BTC"): 0.9,
        ("hedgebot_doubtful_legs", "BTC"): 1.0,
        ("hedgebot_is_running", "BTC"): 1.0,
        ("hedgebot_is_halted", "BTC"): 0.0,
        ("hedgebot_orders_unknown", "BTC"): 1.0,
        ("hedgebot_orders_live", "BTC"): 2.0,
        ("hedgebot_profit_usd", "BTC"): 6.0,
        ("hedgebot_profit_part_usd", "BTC", "slippage"): -2.0,
        ("hedgebot_profit_part_usd", "BTC", "fees"): -1.5,
        ("hedgebot_equity_native", "BTC", "BTC", "bot", "deribit"): 2.5,
        ("hedgebot_equity_native", "BTC", "BTC", "venue", "deribit"): 2.25,
        ("hedgebot_position_native", "BTC", "BTC-PERPETUAL"): -6200.0,
        ("hedgebot_stops", "BTC", "halt"): 1.0,
        ("hedgebot_stops", "BTC", "pause"): 0.0,
        ("hedgebot_stream_up", "market", "deribit"): 1.0,
        ("hedgebot_stream_up", "account", "deribit"): 0.0,
        ("hedgebot_order_credits_left", "deribit"): 12.5,
        ("hedgebot_book_info", "BTC", "options_only"): 1.0,
    }
    assert {key: samples[key] for key in expected} == pytest.approx(expected)
    parts = [value for (name, *_), value in samples.items() if name == "hedgebot_profit_part_usd"]
    assert sum(parts) == pytest.approx(samples["hedgebot_profit_usd", "BTC"])


def test_what_is_not_known_is_no_number(status: BookStatus, decided: Callable[..., Decided]) -> None:
    """NaN and never 0: of a figure of a decision, and of a book that has not decided."""
    seen = [
        structs.replace(status, decided=decided(delta_coin_net=None, hedge_age_ns=None)),
        structs.replace(status, book="ETH", decided=None, now_ns=Ns(0)),
    ]
    metrics = _metrics("BTC", "ETH")
    metrics.follow(lambda: seen)
    samples = _samples(metrics)

    for key in (
        *(("hedgebot_delta_coin_net", "BTC"), ("hedgebot_hedge_quote_age_seconds", "BTC")),
        *(("hedgebot_delta_coin_net", "ETH"), ("hedgebot_tick_age_seconds", "ETH"), ("hedgebot_doubtful_legs", "ETH")),
    ):
        assert math.isnan(samples[key])


@pytest.mark.parametrize(
    ("phase", "is_reconciled", "flags"),
    [
        (Phase.HALTED, True, (1, 0)),
        (Phase.RECONCILING, False, (0, 0)),
        (Phase.RUNNING, False, (0, 0)),
        (Phase.RUNNING, True, (0, 1)),
    ],
)
def test_halted_and_running_follow_the_book(
    status: BookStatus, phase: Phase, flags: tuple[int, int], *, is_reconciled: bool
) -> None:
    """As the pages of health have it."""
    metrics = _metrics()
    metrics.follow(lambda: (structs.replace(status, phase=phase, is_reconciled=is_reconciled),))
    samples = _samples(metrics)

    assert (samples["hedgebot_is_halted", "BTC"], samples["hedgebot_is_running", "BTC"]) == flags


@pytest.mark.parametrize(("equity_native", "ratio"), [(4.0, 0.25), (0.0, None), (-1.0, None)])
def test_margin_is_told_against_equity(
    told_events: dict[str, ev.Event], equity_native: float, ratio: float | None
) -> None:
    """By the venue's word; of no equity it is no number."""
    metrics = _metrics()
    seen = structs.replace(told_events["account.seen"], equity_native=equity_native, vega_usd_per_point_options=7.0)
    metrics.applied("BTC", seen, NOTHING)
    samples = _samples(metrics)

    told = samples["hedgebot_margin_used_ratio", "BTC", "deribit"]
    assert math.isnan(told) if ratio is None else told == pytest.approx(ratio)
    assert samples["hedgebot_vega_usd_per_point", "BTC", "deribit"] == 7.0
    assert math.isnan(samples["hedgebot_theta_usd_per_day", "BTC", "deribit"])


def test_counts_and_times_are_told(
    decided: Callable[..., Decided], notes: dict[str, Note], told_events: dict[str, ev.Event]
) -> None:
    """Counters under their names, a histogram that adds up, what is left of the lease."""
    metrics = _metrics()
    hedge = Outcome(decided=decided(), notes=(notes["trading.halted"],))
    metrics.applied("BTC", structs.replace(told_events["lease.held"], until_ns=Ns(_NOW_NS + 6 * NS_PER_S)), NOTHING)
    metrics.applied("BTC", ev.Ticked(now_ns=_NOW_NS), hedge)
    skip = Outcome(decided=decided(action=Action.SKIP, reason=Reason.INSIDE_BAND))
    metrics.applied("BTC", ev.Ticked(now_ns=_NOW_NS), skip)
    metrics.stalled()
    samples = _samples(metrics)

    assert samples["hedgebot_decisions_total", "hedge", "BTC", "outside_band"] == 1
    assert samples["hedgebot_decisions_total", "skip", "BTC", "inside_band"] == 1
    assert samples["hedgebot_halts_total", "BTC", "task_failed"] == 1
    assert samples["hedgebot_ledger_stalls_total",] == 1
    assert samples["hedgebot_lease_left_seconds",] == pytest.approx(6.0)
    assert samples["hedgebot_inbox_depth_events_bucket", "1.0"] == 2
    assert samples["hedgebot_inbox_depth_events_bucket", "+Inf"] == 2
    assert (samples["hedgebot_inbox_depth_events_count",], samples["hedgebot_inbox_depth_events_sum",]) == (2, 1)


def test_two_processes_in_one_interpreter_do_not_mix() -> None:
    """Each has its own registry."""
    first, second = _metrics(), _metrics()
    first.stalled()

    assert _samples(second)["hedgebot_ledger_stalls_total",] == 0


def test_a_series_of_no_table_is_a_bug() -> None:
    """What is documented is what is told."""
    metrics = _metrics()
    metrics._counts._add("hedgebot_secrets_total")

    with pytest.raises(AssertionError, match="hedgebot_secrets_total"):
        metrics.text()
