"""Answers: a verdict, a line for people, the same for programs."""

import pytest

from bot.app.probe.question import Verdict, answered, inconclusive


@pytest.mark.parametrize(("make", "verdict"), [(answered, Verdict.ANSWERED), (inconclusive, Verdict.INCONCLUSIVE)])
def test_an_answer_keeps_what_was_seen(make: object, verdict: Verdict) -> None:
    """Under its verdict, with its facts."""
    answer = (answered if make is answered else inconclusive)("seen", code=7)

    assert (answer.verdict, answer.observed, answer.facts) == (verdict, "seen", {"code": 7})
