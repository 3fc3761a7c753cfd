"""Each question about the account, against venues that would answer differently from the local one."""

from typing import Any

import pytest
from msgspec import structs

from bot.app.probe import account_questions
from bot.app.probe.question import Bench, Verdict
from bot.app.probe.wire import Heard
from bot.domain.time import NS_PER_S, Ns, ns_from_iso

_OPTION, _FUTURE = "BTC-27MAR26-60000-C", "BTC-27MAR26"


@pytest.mark.asyncio
async def test_token_lifetime(bench: Bench, road: Any) -> None:
    """What the venue says, and no token in the answer."""
    road.answers["public/auth"] = [{"expires_in": 900, "scope": "connection", "access_token": "hush"}]
    answer = await account_questions.token_lifetime(bench)

    assert (answer.verdict, answer.facts) == (Verdict.ANSWERED, {"expires_in_s": 900, "scope": "connection"})
    assert "hush" not in answer.observed
    assert road.sent("public/auth")[0]["grant_type"] == "client_signature"


@pytest.mark.asyncio
async def test_a_delivery_that_is_too_far_away_is_not_waited_for(bench: Bench, road: Any) -> None:
    """The log is looked at all the same."""
    road.answers["private/get_transaction_log"] = [{"logs": [{"instrument_name": _OPTION}]}, {"logs": []}]
    answer = await account_questions.delivery(bench)

    assert answer.verdict is Verdict.INCONCLUSIVE
    assert answer.observed == f"not waited for 2026-02-02T08:00:00.000000Z; deliveries in the log: {_OPTION}"
    assert answer.facts == {"log": [_OPTION]}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("told", "logged", "observed"),
    [
        ([_OPTION, _FUTURE], [_OPTION], f"user.changes told of {_OPTION}, {_FUTURE}; the log has {_OPTION}"),
        ([], [_OPTION, _FUTURE], f"user.changes told of none; the log has {_OPTION}, {_FUTURE}"),
        ([], [], "nothing was delivered: does the account hold an option that expires then?"),
    ],
)
async def test_a_delivery_is_listened_to(
    *, bench: Bench, road: Any, monkeypatch: pytest.MonkeyPatch, told: list[str], logged: list[str], observed: str
) -> None:
    """What comes at 08:00 UTC counts; what came seconds before, on the channel or in the log, does not."""
    monkeypatch.setattr(account_questions, "_AFTER_S", 0.0)
    due_ns = ns_from_iso("2026-02-02T08:00:00Z")
    road.now_ns = Ns(due_ns - 2_000_000)
    rows = [{"instrument_name": name, "timestamp": due_ns // 1_000_000} for name in logged]
    early = {"instrument_name": "BTC-26MAR26-1-C", "timestamp": due_ns // 1_000_000 - 5_000}
    road.answers["private/get_transaction_log"] = [{"logs": [*rows, early]}, {"logs": []}]
    heard = [(1, name) for name in told] + [(-5, "BTC-26MAR26-1-C")]
    road.told = [
        Heard(Ns(due_ns + after_s * NS_PER_S), "user.changes.any.any.raw", {"instrument_name": name})
        for after_s, name in heard
    ]
    answer = await account_questions.delivery(structs.replace(bench, delivery_wait_s=5.0))

    assert answer.observed == observed
    assert (answer.verdict is Verdict.ANSWERED) == bool(told or logged)


@pytest.mark.asyncio
async def test_a_channel_the_venue_does_not_take_is_told(bench: Bench, road: Any) -> None:
    """Instead of a silence that would look like an answer."""
    road.now_ns = Ns(ns_from_iso("2026-02-02T08:00:00Z") - 2_000_000)
    road.takes_channels = False
    answer = await account_questions.delivery(structs.replace(bench, delivery_wait_s=5.0))

    assert (answer.verdict, answer.observed) == (
        Verdict.INCONCLUSIVE,
        "the venue did not take user.changes.any.any.raw",
    )
