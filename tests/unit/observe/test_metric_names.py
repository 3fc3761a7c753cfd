"""Names as Prometheus wants them: a prefix, words, the unit at the end; counters are totals."""

import re

import pytest

from bot.observe.metric_names import METRICS, Kind, Metric

_UNITS = (
    *("seconds", "usd", "coin", "coin_net", "coin_low", "coin_high", "coin_min", "coin_per_usd", "usd_per_point"),
    *("usd_per_day", "native", "ratio", "events", "credits_left"),
)
_COUNTED = ("orders_live", "orders_unknown", "doubtful_legs", "figures_apart", "stops")
"""Plain numbers of things: the thing is the unit."""
_FLAGS = ("is_running", "is_halted", "stream_up", "build_info", "book_info")


def wrong_name(name: str, metric: Metric) -> str | None:
    """What is wrong with a name; None when nothing is."""
    if not re.fullmatch(r"hedgebot(_[a-z]+)+", name):
        return "is not hedgebot_words"
    word = name.removeprefix("hedgebot_")
    if (metric.kind is Kind.COUNTER) != word.endswith("_total"):
        return "a counter, and nothing else, ends in _total"
    if metric.kind is not Kind.COUNTER and not word.endswith(_UNITS) and word not in (*_COUNTED, *_FLAGS):
        return "has no unit"
    return None


@pytest.mark.parametrize("name", METRICS)
def test_a_name_says_its_unit_and_kind(name: str) -> None:
    """Labels are words; buckets rise, and only a histogram has them; the meaning is a sentence."""
    metric = METRICS[name]

    assert wrong_name(name, metric) is None
    assert all(re.fullmatch(r"[a-z]+", label) for label in metric.labels)
    assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.meaning.endswith(".")


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("hedgebot_Age_seconds", Kind.GAUGE, "is not hedgebot_words"),
        ("age_seconds", Kind.GAUGE, "is not hedgebot_words"),
        ("hedgebot_fills", Kind.COUNTER, "a counter, and nothing else, ends in _total"),
        ("hedgebot_net_total", Kind.GAUGE, "a counter, and nothing else, ends in _total"),
        ("hedgebot_tick_age", Kind.GAUGE, "has no unit"),
    ],
)
def test_a_wrong_name_is_found(name: str, kind: Kind, why: str) -> None:
    """The rule can fail."""
    assert wrong_name(name, Metric(kind=kind, meaning="")) == why
