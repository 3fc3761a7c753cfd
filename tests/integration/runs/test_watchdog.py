"""The watchdog as a process beside a bot that is killed: its orders go, a stranger's stays, nothing is ever bought."""

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.localex.faults import Faults

_ASKED = {"public/auth", "public/get_time", "private/get_account_summaries"}
_MAY = {"private/get_open_orders", "private/cancel"}


def _settings(address: str, ledger: Path) -> dict[str, str]:
    return {
        "HEDGEBOT_VENUE__WS_URL": f"ws://{address}/ws/api/v2",
        "HEDGEBOT_VENUE__REST_URL": f"http://{address}",
        "HEDGEBOT_WATCHDOG__CLIENT_ID": "demo",
        "HEDGEBOT_WATCHDOG__CLIENT_SECRET": "demo",
        "HEDGEBOT_WATCHDOG__SILENCE_S": "2",
        "HEDGEBOT_STANDBY__LEASE_S": "3",
        "HEDGEBOT_LEDGER__URL": f"sqlite:///{ledger}",
    }


async def _rest(venue: Any, label: str) -> str:
    """An order far below the market, sent by hand: nothing takes it back."""
    ticker = await venue.ask("public/ticker", instrument_name="BTC-PERPETUAL")
    below = str(round(ticker["best_bid_price"] * 0.99 * 2) / 2)
    order = {"instrument_name": "BTC-PERPETUAL", "amount": "10", "price": below, "post_only": "true", "label": label}
    return str((await venue.ask("private/buy", **order))["order"]["order_id"])


@pytest.mark.asyncio
async def test_orders_of_a_killed_bot_are_cancelled(
    processes: Any, local_venue: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed and cancelled by the prefix; not one buy, sell or edit; calm once the bot is back; ends in order."""
    calls: Counter[str] = Counter()
    carry_out = Faults.take_refusal

    def seen(self: Faults, method: str, params: Any) -> Any:
        calls[method] += 1
        return carry_out(self, method, params)

    async with local_venue() as (_, venue):
        bot = processes.bot(venue.address, HEDGEBOT_STANDBY__LEASE_S="3")
        await bot.said("order.filled")
        dog = processes.start("watchdog", "--config", "config/testnet.toml", **_settings(venue.address, bot.ledger))
        await dog.said("watchdog.started")
        bot.send(signal.SIGKILL)
        assert await bot.ended() == -signal.SIGKILL
        ours, theirs = await _rest(venue, "hbbtcleft0000001"), await _rest(venue, "byhand")
        monkeypatch.setattr(Faults, "take_refusal", seen)
        await dog.said("watchdog.alarmed")
        await dog.said("watchdog.cancelled")

        assert [line["order_id"] for line in dog.events("watchdog.cancelled")] == [ours]
        assert set(calls) <= _ASKED | _MAY
        assert set(calls) >= _MAY
        monkeypatch.undo()
        assert [order["order_id"] for order in await venue.open_orders()] == [theirs]

        await venue.ask("private/cancel", order_id=theirs)
        back = processes.bot(venue.address, HEDGEBOT_STANDBY__LEASE_S="3")
        await back.said("lease.taken")
        await dog.said("watchdog.calmed")
        dog.send(signal.SIGTERM)
        assert await dog.ended() == 0, dog.text()[-4000:]
