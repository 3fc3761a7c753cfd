"""Buckets of requests: what is in them, what fills them, who shares them."""

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.localex.credits import VENUE_LIMITS, Credits, Limits

_NOW = Ns(1_000 * NS_PER_S)


def _spent(purse: Credits, method: str, account: str | None = "demo", now_ns: Ns = _NOW) -> int:
    """Requests until the first is refused."""
    return next(number for number in range(5_000) if not purse.take(account, method, now_ns))


@pytest.mark.parametrize(
    ("method", "burst", "after_a_second"),
    [
        # 50,000 credits at 500 a request, 10,000 a second; subscribing 3,000 of 30,000 (exchange facts 1.4, 3.4).
        ("public/ticker", 100, 20),
        ("private/get_positions", 100, 20),
        ("private/buy", 20, 5),
        ("private/cancel_by_label", 20, 5),
        ("private/cancel_all", 20, 5),
        ("private/subscribe", 10, 3),
    ],
)
def test_the_venues_own_limits(method: str, burst: int, after_a_second: int) -> None:
    """A burst, then the steady rate; a long rest fills the bucket and no more."""
    purse = Credits(VENUE_LIMITS)

    assert _spent(purse, method) == burst
    assert _spent(purse, method, now_ns=Ns(_NOW + NS_PER_S)) == after_a_second
    assert _spent(purse, method, now_ns=Ns(_NOW + 3_600 * NS_PER_S)) == burst


def test_accounts_and_classes_do_not_share() -> None:
    """One account's haste is not another's; orders do not pay for questions; callers without an account share."""
    purse = Credits(VENUE_LIMITS)
    _spent(purse, "private/buy")

    assert purse.take("other", "private/buy", _NOW)
    assert purse.take("demo", "private/cancel_all", _NOW)
    assert purse.take("demo", "public/ticker", _NOW)
    assert _spent(purse, "public/ticker", None) == 100


def test_a_clock_that_goes_back_fills_nothing() -> None:
    """And takes nothing."""
    purse = Credits(VENUE_LIMITS)
    _spent(purse, "private/buy")

    assert not purse.take("demo", "private/buy", Ns(_NOW - NS_PER_S))


def test_the_summary_tells_the_limits() -> None:
    """In the words of the venue's example."""
    assert VENUE_LIMITS.wire()["non_matching_engine"] == {"burst": 100, "rate": 20}
    assert Limits().wire()["matching_engine"] == {
        "trading": {"total": {"burst": 200, "rate": 50}},
        "cancel_all": {"burst": 200, "rate": 50},
    }
