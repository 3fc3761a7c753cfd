"""Until when this process may trade: by the lease told last, never by what it believes of now."""

import pytest

from bot.domain.events import LeaseHeld
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.execution.tenure import LEFT_NS_MIN, Tenure, bounded


def _held(until_s: float) -> Tenure:
    tenure = Tenure()
    tenure.see(LeaseHeld(until_ns=Ns(round(until_s * NS_PER_S)), received_ns=Ns(0)))
    return tenure


def test_without_a_lease_nothing_is_bounded() -> None:
    """A simulation is alone in its world."""
    tenure = Tenure()

    assert tenure.blocked(Ns(10**18)) is None
    assert not tenure.is_over(Ns(10**18))
    assert bounded(Ns(5), tenure.until_ns) == 5


@pytest.mark.parametrize(
    ("now_s", "is_blocked", "is_over"),
    [(0.0, False, False), (9.0, False, False), (9.000000001, True, False), (10.0, True, True), (99.0, True, True)],
)
def test_the_last_second_of_a_lease_gives_no_order(now_s: float, *, is_blocked: bool, is_over: bool) -> None:
    """Over is later: until then nobody else trades, and what the account shows is ours."""
    tenure, now_ns = _held(10.0), Ns(round(now_s * NS_PER_S))

    refusal = tenure.blocked(now_ns)

    assert (refusal is not None, tenure.is_over(now_ns)) == (is_blocked, is_over)
    assert refusal is None or refusal[0] is Reason.NO_LEASE


def test_a_deadline_never_lies_beyond_the_lease() -> None:
    """The nearer of the two."""
    assert bounded(Ns(7), Ns(9)) == 7
    assert bounded(Ns(9), Ns(7)) == 7


def test_the_newest_word_holds() -> None:
    """A renewal moves the end, a shorter one too."""
    tenure = _held(10.0)
    tenure.see(LeaseHeld(until_ns=Ns(LEFT_NS_MIN), received_ns=Ns(0)))

    assert tenure.blocked(Ns(1)) is not None
