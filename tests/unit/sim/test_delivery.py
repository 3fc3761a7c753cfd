"""The daily stops and the average in between."""

import pytest

from bot.domain.time import NS_PER_S, Ns, iso_utc, ns_from_iso
from bot.sim.delivery import DeliveryAverage, is_in_window, is_settlement, next_stop_ns, settlement_after_ns


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-24T00:00:00Z", "2026-11-24T07:30:00.000000Z"),
        ("2026-11-24T07:30:00Z", "2026-11-24T07:31:00.000000Z"),
        ("2026-11-24T07:59:30Z", "2026-11-24T08:00:00.000000Z"),
        ("2026-11-24T08:00:00Z", "2026-11-25T07:30:00.000000Z"),
        ("2026-11-24T23:59:59Z", "2026-11-25T07:30:00.000000Z"),
    ],
)
def test_steps_end_where_something_happens(now: str, expected: str) -> None:
    """At 07:30, every minute until 08:00, at 08:00."""
    assert iso_utc(next_stop_ns(ns_from_iso(now), ns_from_iso("2026-12-01T00:00:00Z"))) == expected


def test_steps_do_not_pass_the_target() -> None:
    """A target before the next stop is the stop."""
    now = ns_from_iso("2026-11-24T01:00:00Z")

    assert next_stop_ns(now, Ns(now + 5)) == now + 5


@pytest.mark.parametrize(
    ("now", "in_window", "settles"),
    [
        ("2026-11-24T07:30:00Z", False, False),
        ("2026-11-24T07:30:01Z", True, False),
        ("2026-11-24T08:00:00Z", True, True),
        ("2026-11-24T08:00:01Z", False, False),
    ],
)
def test_window_and_settlement(now: str, *, in_window: bool, settles: bool) -> None:
    """Steps that end after 07:30 and by 08:00 count."""
    moment = ns_from_iso(now)

    assert (is_in_window(moment), is_settlement(moment)) == (in_window, settles)


def test_the_average_is_weighted_by_time() -> None:
    """Ten minutes at 100, then five on the way to 130: (10×100 + 5×115) / 15."""
    average = DeliveryAverage()
    average.observe("btc_usd", 100.0, 100.0, 600 * NS_PER_S)
    average.observe("btc_usd", 100.0, 130.0, 300 * NS_PER_S)

    assert average.delivery_usd("btc_usd", 130.0) == pytest.approx(105.0)
    assert average.estimate_usd("btc_usd", 130.0, 900 * NS_PER_S) == pytest.approx(117.5)
    assert average.delivery_usd("eth_usd", 7.0) == 7.0
    average.reset()
    assert average.delivery_usd("btc_usd", 130.0) == 130.0


def test_the_estimate_is_the_index_before_the_window() -> None:
    """Nothing is fixed yet."""
    assert DeliveryAverage().estimate_usd("btc_usd", 5.0, 1800 * NS_PER_S) == 5.0


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"),
        ("2026-11-23T23:00:00Z", "2026-11-24T08:00:00Z"),
    ],
)
def test_the_next_settlement_is_strictly_later(now: str, expected: str) -> None:
    """08:00 UTC itself belongs to the day before."""
    assert settlement_after_ns(ns_from_iso(now)) == ns_from_iso(expected)
