"""`hedgebot run --config config/paper.toml` against `hedgebot exchange`: hedges, comes back, and sends no order."""

import json
import re
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parents[3]
_ORDER_CALL = re.compile(r"private/(buy|sell|edit|cancel|close_position)")
_KEYLESS = {"HEDGEBOT_VENUE__CLIENT_ID": "", "HEDGEBOT_VENUE__CLIENT_SECRET": "", "HEDGEBOT_VENUE__HOSTS": "local"}


def _log_of_calls(local: Any) -> list[str]:
    """Every method the exchange is asked for from now on, by whatever road."""
    seen: list[str] = []
    carry_out = local._dispatch._carry_out

    def noted(session: Any, request: Any) -> object:
        seen.append(request.method)
        return carry_out(session, request)

    local._dispatch._carry_out = noted
    return seen


def _kept(bot: Any) -> dict[str, Decimal]:
    """Positions of the paper account as it stands on disk."""
    account = json.loads(Path(f"{bot.ledger}.paper").read_text())
    return {item["instrument"]["id"]: Decimal(item["amount_native"]) for item in account["holdings"]}


def _without_portfolio(folder: Path) -> Path:
    """The shipped file without its portfolio."""
    config = folder / "paper.toml"
    config.write_text(re.sub(r"(?m)^portfolio = .*$", "", (_ROOT / "config/paper.toml").read_text()))
    return config


async def _replays(processes: Any, runs: int) -> None:
    folders = sorted((processes.folder / "runs").iterdir())
    assert len(folders) == runs
    for folder in folders:
        replay = processes.start("replay", str(folder), "--json")
        assert await replay.ended() == 0, replay.text()
        assert replay.result()["is_equal"], replay.text()


@pytest.mark.asyncio
async def test_it_hedges_is_killed_and_stopped_and_has_the_same_book(
    processes: Any, local_venue: Callable[..., Any]
) -> None:
    """Without a key: fills of our own, three processes one book, every tape replays, the exchange saw no order."""
    async with local_venue() as (local, venue):
        calls = _log_of_calls(local)
        first = processes.bot(venue.address, mode="paper", **_KEYLESS)
        await first.said("order.filled")
        first.send(signal.SIGKILL)
        assert await first.ended() == -signal.SIGKILL
        after_kill = _kept(first)
        assert after_kill["BTC-PERPETUAL"] < 0
        assert len(after_kill) == 2

        second = processes.bot(venue.address, mode="paper", **_KEYLESS)
        await second.said("book.reconciled")
        second.send(signal.SIGTERM)
        assert await second.ended() == 0, second.text()[-4000:]
        result = second.result()
        assert (result["mode"], result["positions_match"], result["unknown_open"]) == ("paper", True, 0)
        hedged = sum((Decimal(line["amount_native"]) for line in second.events("order.filled")), Decimal(0))
        assert _kept(second) == after_kill | {"BTC-PERPETUAL": after_kill["BTC-PERPETUAL"] + hedged}
        assert second.events("ledger.restored")

        third = processes.bot(venue.address, "--seconds", "8", mode="paper", **_KEYLESS)
        assert await third.ended() == 0, third.text()[-4000:]
        result = third.result()
        assert (result["positions_match"], result["violations"], result["phase"]) == (True, [], "stopped")
        assert result["band_low_coin"] - 0.005 <= result["net_delta_coin_final"] <= result["band_high_coin"] + 0.005

        await _replays(processes, 3)
        assert [method for method in calls if method.startswith("private/")] == []
        assert len(calls) > 10
        assert (await venue.positions()).keys() == local._venue.exchange.seeded_native("demo").keys()


@pytest.mark.asyncio
async def test_with_a_key_it_starts_from_the_account(processes: Any, local_venue: Callable[..., Any]) -> None:
    """No portfolio: the key's positions and money, read with questions; hedged on paper, untouched at the venue."""
    config = _without_portfolio(processes.folder)
    async with local_venue() as (local, venue):
        calls, held = _log_of_calls(local), await venue.positions()
        bot = processes.bot(venue.address, "--config", str(config))
        await bot.said("order.filled")
        bot.send(signal.SIGTERM)
        assert await bot.ended() == 0, bot.text()[-4000:]

        assert bot.result()["positions_match"] is True
        assert {name: amount for name, amount in _kept(bot).items() if name in held} == held
        assert _kept(bot).keys() - held.keys() == {"BTC-PERPETUAL"}
        assert {"private/get_positions", "private/get_account_summaries"} <= set(calls)
        assert [method for method in calls if _ORDER_CALL.match(method)] == []
        assert (await venue.positions(), await venue.trades()) == (held, [])


@pytest.mark.asyncio
async def test_with_neither_it_says_so(processes: Any, local_venue: Callable[..., Any]) -> None:
    """Exit 2 and one line that names the key."""
    config = _without_portfolio(processes.folder)
    async with local_venue() as (_, venue):
        bot = processes.bot(venue.address, "--config", str(config), **_KEYLESS)
        assert await bot.ended() == 2, bot.text()[-4000:]
    assert bot.text().splitlines()[-1].startswith("hedgebot: portfolio: is missing; paper needs")


@pytest.mark.asyncio
async def test_a_market_that_is_cut_off_stops_fills_and_comes_back(
    processes: Any, local_venue: Callable[..., Any]
) -> None:
    """Sockets dropped: no order while the stream is down; afterwards it goes on with the same account."""
    async with local_venue() as (local, venue):
        bot = processes.bot(venue.address, mode="paper", **_KEYLESS)
        await bot.said("order.filled")
        assert local.faults.drop_sockets() == 1
        await bot.said("stream.lost")
        await bot.said("stream.restored", 3)
        await bot.said("hedge.skipped")
        bot.send(signal.SIGTERM)
        assert await bot.ended() == 0, bot.text()[-4000:]

        assert bot.result()["positions_match"] is True
        lost = next(line["ts_ns"] for line in bot.events("stream.lost"))
        back = bot.events("stream.restored")[-1]["ts_ns"]
        assert [line for line in bot.events("order.filled") if lost < line["ts_ns"] < back] == []


@pytest.mark.asyncio
async def test_a_look_before_it(processes: Any, local_venue: Callable[..., Any]) -> None:
    """`hedgebot check` tests feed, listing, ledger and what there is to hold, without a key and without a trace."""
    async with local_venue() as (local, venue):
        calls = _log_of_calls(local)
        look = processes.bot(venue.address, command="check", mode="paper", **_KEYLESS)
        assert await look.ended() == 0, look.text()
        nothing = processes.bot(
            venue.address, "--config", str(_without_portfolio(processes.folder)), command="check", **_KEYLESS
        )
        assert await nothing.ended() == 2, nothing.text()

    report = look.result()
    assert (report["ok"], report["would_run"]["mode"], report["would_run"]["key"]) == (True, "paper", "none")
    names = {check["name"] for check in report["checks"]}
    assert names >= {"something to hold", "http", "hedge BTC", "market data", "ledger"}
    failed = [check["name"] for check in nothing.result()["checks"] if check["status"] == "FAILED"]
    assert failed == ["something to hold"]
    assert [method for method in calls if method.startswith("private/")] == []
    assert not look.ledger.exists()
