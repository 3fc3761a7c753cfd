"""`hedgebot check` as a process against an exchange whose calls are written down."""

from collections.abc import Callable
from typing import Any

import pytest

_TRADES = ("buy", "sell", "edit", "cancel", "close_position", "withdraw", "transfer", "mass_quote")


def _calls_of(local: Any) -> list[str]:
    """Every method asked for from now on, over both transports."""
    calls: list[str] = []
    answer = local._dispatch.answer

    def noted(session: Any, request: Any, us_in: int) -> Any:
        calls.append(request.method)
        return answer(session, request, us_in)

    local._dispatch.answer = noted
    return calls


@pytest.mark.asyncio
async def test_a_look_finds_what_a_run_needs_and_sends_no_order(
    processes: Any, local_venue: Callable[..., Any], order_way: dict[str, str]
) -> None:
    """All is well: exit 0, every check by name, and not one order among the calls."""
    async with local_venue(testnet=False) as (local, venue):
        account_id = str((await venue.ask("private/get_account_summaries", extended="true"))["id"])
        calls = _calls_of(local)
        yes = {"HEDGEBOT_LIVE__ARMED": "true", "HEDGEBOT_LIVE__ACCOUNT_ID": account_id}
        look = processes.bot(venue.address, command="check", mode="live", **yes, **order_way)
        code = await look.ended()
        report = look.result()

    assert code == 0, look.text()
    assert (report["ok"], report["would_run"]["mode"]) == (True, "live")
    assert {check["status"] for check in report["checks"]} == {"ok"}
    names = {check["name"] for check in report["checks"]}
    assert names >= {
        "http",
        "clock",
        "key",
        "account",
        "orders",
        "hedge BTC",
        "positions",
        "market data",
        "account data",
        "limits BTC",
        "ledger",
    }
    assert {"public/subscribe", "private/subscribe", "private/get_positions"} <= set(calls)
    assert [call for call in calls if call.rpartition("/")[2].startswith(_TRADES)] == []
    assert not look.ledger.exists()


@pytest.mark.asyncio
async def test_a_look_tells_everything_that_is_wrong_at_once(processes: Any, local_venue: Callable[..., Any]) -> None:
    """Unarmed, for another account: both are told, with the code a run would end with."""
    async with local_venue(testnet=False) as (_, venue):
        look = processes.bot(venue.address, command="check", mode="live", HEDGEBOT_LIVE__ACCOUNT_ID="1")
        code = await look.ended()

    failed = {check["name"]: check["detail"] for check in look.result()["checks"] if check["status"] == "FAILED"}
    assert code == 2
    assert failed.keys() == {"armed", "account"}
    assert failed["account"].startswith("live.account_id: 1 is expected, the key belongs to account")
