import math
from collections.abc import Callable
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.domain import events as ev
from bot.domain.commands import Command, PlaceOrder
from bot.domain.decided import NOTHING, Decided, Note, OrderMoved, Outcome, PhaseChanged
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.time import Ns
from bot.observe import metrics as metrics_module
from bot.observe.metrics import Metrics

Samples = dict[tuple[str, ...], float]


def _samples(metrics: Metrics) -> Samples:
    """(name, label values in order of label names) -> value, without the stamps of creation."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_every_event_is_counted(told_events: dict[str, ev.Event]) -> None:
    """By its kind; an event told to several books once."""
    metrics = Metrics(["BTC", "ETH"])
    for event in told_events.values():
        metrics.applied("BTC", event, NOTHING)
        metrics.applied("ETH", event, NOTHING)
    metrics.applied("BTC", ev.Ticked(now_ns=Ns(1)), NOTHING)
    samples = _samples(metrics)

    assert set(metrics_module._EVENT_KINDS) == set(get_args(ev.Event))
    assert samples["hedgebot_events_total", "StreamLost"] == 1
    assert samples["hedgebot_events_total", "Ticked"] == 1
    assert samples["hedgebot_events_total", "Quoted"] == 0
    assert samples["hedgebot_messages_malformed_total",] == 1
    names = ("acked", "refused", "unknown", "absent", "sent")
    assert [samples["hedgebot_orders_total", name] for name in names] == [1, 1, 1, 1, 0]


def test_decisions_are_counted_and_shown(decided: Callable[..., Decided]) -> None:
    """By action and reason; the figures of the last one as gauges, unknown ones as NaN and never as 0."""
    metrics = Metrics()
    metrics.applied("BTC", ev.Ticked(now_ns=Ns(1)), Outcome(decided=decided()))
    skip = decided(action=Action.SKIP, reason=Reason.INSIDE_BAND, delta_coin_net=None)
    metrics.applied("BTC", ev.Ticked(now_ns=Ns(2)), Outcome(decided=skip))
    metrics.applied("BTC", ev.Ticked(now_ns=Ns(3)), Outcome(decided=skip))
    samples = _samples(metrics)

    assert samples["hedgebot_decisions_total", "hedge", "BTC", "outside_band"] == 1
    assert samples["hedgebot_decisions_total", "skip", "BTC", "inside_band"] == 2
    assert samples["hedgebot_band_high_coin", "BTC"] == pytest.approx(0.1)
    assert math.isnan(samples["hedgebot_delta_coin_net", "BTC"])


def test_orders_fills_and_phases_are_counted(commands: dict[type[Command], Command], notes: dict[str, Note]) -> None:
    """What an operator alarms on."""
    metrics = Metrics(["BTC"])
    found = (notes["order.filled"], notes["trading.halted"])
    metrics.applied("BTC", ev.Ticked(now_ns=Ns(1)), Outcome(commands=(commands[PlaceOrder],), notes=found))
    samples = _samples(metrics)

    assert samples["hedgebot_orders_total", "sent"] == 1
    assert samples["hedgebot_fills_total", "BTC"] == 1
    assert (samples["hedgebot_is_halted", "BTC"], samples["hedgebot_is_running", "BTC"]) == (1, 0)


def test_running_again_ends_the_alarm() -> None:
    """The gauges follow the last phase."""
    metrics = Metrics(["BTC"])
    for phase in (Phase.HALTED, Phase.RUNNING):
        note = PhaseChanged(phase_before=Phase.RECONCILING, phase_after=phase, cause="", detail="")
        metrics.applied("BTC", ev.Ticked(now_ns=Ns(1)), Outcome(notes=(note,)))
    samples = _samples(metrics)

    assert (samples["hedgebot_is_halted", "BTC"], samples["hedgebot_is_running", "BTC"]) == (0, 1)


def test_figures_apart_are_counted_until_they_agree(notes: dict[str, Note]) -> None:
    """Two differ, one agrees again."""
    metrics = Metrics(["BTC"])
    for word in ("figure.differs", "figure.differs", "figure.agrees"):
        metrics.applied("BTC", ev.Ticked(now_ns=Ns(1)), Outcome(notes=(notes[word],)))

    assert _samples(metrics)["hedgebot_figures_apart", "BTC"] == 1


def test_unknown_orders_are_counted_in_and_out() -> None:
    """The gauge is the number that is unknown now."""
    metrics = Metrics(["BTC"])
    values = []
    for before, after in [("in_flight", "unknown"), ("open", "unknown"), ("unknown", "filled"), ("open", "filled")]:
        note = OrderMoved(label="l", order_id=None, instrument="i", state_before=before, state_after=after, cause="")
        metrics.applied("BTC", ev.Ticked(now_ns=Ns(1)), Outcome(notes=(note,)))
        values.append(_samples(metrics)["hedgebot_orders_unknown", "BTC"])

    assert values == [1, 2, 1, 1]


def test_times_and_stalls_are_measured() -> None:
    """The histogram is in seconds, as Prometheus wants it."""
    metrics = Metrics()
    metrics.stalled()
    metrics.event_to_decision(90_000)
    metrics.event_to_decision(3_000_000)
    samples = _samples(metrics)

    assert samples["hedgebot_ledger_stalls_total",] == 1
    assert samples["hedgebot_event_to_decision_seconds_bucket", "0.0001"] == 1
    assert samples["hedgebot_event_to_decision_seconds_sum",] == pytest.approx(0.00309)


def test_two_processes_in_one_interpreter_do_not_mix() -> None:
    """Each has its own registry."""
    first, second = Metrics(), Metrics()
    first.stalled()

    assert _samples(second)["hedgebot_ledger_stalls_total",] == 0
