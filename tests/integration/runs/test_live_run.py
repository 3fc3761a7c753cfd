"""`config/live.toml` as a process, against an exchange that says it is production: hedges, or says why it must not."""

from collections.abc import Callable
from typing import Any

import pytest

_ACCOUNT = "private/get_account_summaries"


async def _account_id(venue: Any) -> str:
    return str((await venue.ask(_ACCOUNT, extended="true"))["id"])


@pytest.mark.asyncio
async def test_an_armed_run_hedges_on_the_account_it_is_meant_for(processes: Any) -> None:
    """Like testnet, under labels of its own; the ledger belongs to that account from then on."""
    venue = await processes.exchange("--vol-scale", "0.25", "--claim-production").listening()
    account_id = await _account_id(venue)
    yes = {"HEDGEBOT_LIVE__ARMED": "true", "HEDGEBOT_LIVE__ACCOUNT_ID": account_id}
    bot = processes.bot(venue.address, "--seconds", "8", mode="live", **yes)
    code = await bot.ended()
    result = bot.result()

    assert code == 0, bot.text()[-4000:]
    assert (result["mode"], result["phase"], result["positions_match"]) == ("live", "stopped", True)
    assert result["hedges"] >= 1
    assert result["band_low_coin"] - 0.005 <= result["net_delta_coin_final"] <= result["band_high_coin"] + 0.005
    assert {t["label"] for t in await venue.trades()} == {line["label"] for line in bot.events("order.sent")}

    test = processes.bot(venue.address, HEDGEBOT_VENUE__TESTNET="true")
    assert await test.ended() == 4, test.text()[-4000:]
    assert test.words()[0].endswith("belongs to mode live, this run is testnet: give another ledger.url")


_OBJECTIONS = [
    ({"HEDGEBOT_LIVE__ARMED": "false"}, "live.armed: is false; set it to true when"),
    ({"HEDGEBOT_LIVE__ACCOUNT_ID": "1"}, "live.account_id: 1 is expected, the key belongs to account"),
    ({"HEDGEBOT_VENUE__CLIENT_ID": "rich"}, "venue.client_id: the key may withdraw (wallet:read_write); create one"),
    ({"HEDGEBOT_VENUE__CLIENT_ID": "poor"}, "venue.client_id: the key may not trade; it needs trade:read_write"),
    (
        {"HEDGEBOT_VENUE__CLIENT_SECRET": "guess"},
        "venue.client_id: the key is refused with 13004; check key and secret",
    ),
    ({"HEDGEBOT_VENUE__TESTNET": "true"}, "venue.testnet: true is not for mode live; remove the key"),
]


@pytest.mark.asyncio
async def test_what_is_not_meant_is_refused_in_one_line_before_any_order(processes: Any) -> None:
    """Exit code 2, the key and the next step; the venue has seen no order."""
    keys = [
        "demo:demo",
        "rich:demo:trade:read_write account:read wallet:read_write",
        "poor:demo:trade:read account:read",
    ]
    arguments = [word for key in keys for word in ("--key", key)]
    venue = await processes.exchange("--claim-production", *arguments).listening()
    yes = {"HEDGEBOT_LIVE__ARMED": "true", "HEDGEBOT_LIVE__ACCOUNT_ID": await _account_id(venue)}
    for change, line in _OBJECTIONS:
        bot = processes.bot(venue.address, mode="live", **(yes | change))
        code = await bot.ended()

        assert code == 2, (change, bot.text()[-4000:])
        assert len(bot.words()) == 1, bot.text()[-4000:]
        assert bot.words()[0].startswith(f"hedgebot: {line}")
        assert bot.events("order.sent") == []
    assert await venue.trades() == []


@pytest.mark.asyncio
async def test_a_test_venue_is_refused(processes: Any) -> None:
    """Live orders are for production: what says `testnet: true` gets none."""
    venue = await processes.exchange().listening()
    yes = {"HEDGEBOT_LIVE__ARMED": "true", "HEDGEBOT_LIVE__ACCOUNT_ID": await _account_id(venue)}
    bot = processes.bot(venue.address, mode="live", **yes)

    assert await bot.ended() == 2, bot.text()[-4000:]
    (line,) = bot.words()
    assert line.startswith("hedgebot: venue.rest_url: a reply from there says testnet=True, expected is False;")
    assert await venue.trades() == []


@pytest.mark.asyncio
async def test_a_venue_that_changes_its_word_halts(processes: Any, local_venue: Callable[..., Any]) -> None:
    """Whatever stands behind the address now is not what was checked: no further order, exit code 2."""
    async with local_venue(testnet=False) as (local, venue):
        yes = {"HEDGEBOT_LIVE__ARMED": "true", "HEDGEBOT_LIVE__ACCOUNT_ID": await _account_id(venue)}
        bot = processes.bot(venue.address, mode="live", **yes)
        await bot.said("order.filled")
        local._envelope._testnet = True
        code = await bot.ended()

        assert code == 2, bot.text()[-4000:]
        (line,) = bot.words()
        assert "_url: a reply from there says testnet=True, expected is False;" in line
        (halt,) = bot.events("trading.halted")
        assert halt["cause"] == "task_failed"
        lines = [line["event"] for line in bot.lines() if "event" in line]
        assert "order.sent" not in lines[lines.index("trading.halted") :]
