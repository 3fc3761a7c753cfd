"""The wire: both roads of one local exchange, and what it does when the venue is not what it should be."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from bot.app.probe.wire import Wire
from bot.domain.errors import ConfigError, VenueRefused, VenueUnreachable
from bot.domain.ids import VenueId
from bot.domain.time import Ns
from bot.venues.settings import Credentials, VenueSettings


def _now_ns() -> Ns:
    return Ns(time.time_ns())


@pytest.mark.asyncio
async def test_both_roads_answer_and_a_refusal_stands_in_its_place(local_exchange: Callable[..., Any]) -> None:
    """Over the socket, over HTTP, and several at once; the venue's clock is known."""
    async with local_exchange() as (_, settings):
        wire = Wire(settings, _now_ns, "n")
        await wire.open()
        try:
            assert await wire.ask("public/get_index_price_names", {}) == await wire.ask_http(
                "public/get_index_price_names", {}
            )
            answers = await wire.ask_at_once(
                ("private/get_open_orders", {}), ("private/cancel", {"order_id": "404"}), ("public/test", {})
            )
        finally:
            await wire.close()

    assert answers[0] == []
    assert isinstance(answers[1], VenueRefused)
    assert isinstance(answers[2], dict)
    assert abs(wire.venue_ms() - _now_ns() // 1_000_000) < 2_000


@pytest.mark.asyncio
async def test_what_the_venue_tells_is_kept_by_channel(local_exchange: Callable[..., Any]) -> None:
    """An order of one's own shows on `user.changes`; a channel that does not exist is not taken."""
    async with local_exchange() as (_, settings):
        wire = Wire(settings, _now_ns, "n")
        await wire.open()
        try:
            assert not await wire.subscribe("user.nothing")
            assert await wire.subscribe("user.changes.any.any.raw")
            buy = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "market"}
            await wire.ask("private/buy", buy)
            async with asyncio.timeout(60.0):
                while not wire.heard():
                    await wire.ask("public/test", {})
        finally:
            await wire.close()

    assert wire.heard()[0].channel == "user.changes.any.any.raw"
    assert "BTC-PERPETUAL" in str(wire.heard()[0].data)


@pytest.mark.asyncio
async def test_a_venue_that_is_no_test_venue_is_refused_at_once(local_exchange: Callable[..., Any]) -> None:
    """At the first reply, on the socket; and settings that do not ask for a test venue are a bug of the caller."""
    async with local_exchange(testnet=False) as (_, settings):
        wire = Wire(settings, _now_ns, "n")
        try:
            with pytest.raises(ConfigError, match="testnet=False"):
                await wire.open()
        finally:
            await wire.close()
        with pytest.raises(AssertionError, match="test venues only"):
            Wire(structs.replace(settings, is_testnet=False), _now_ns, "n")


@pytest.mark.asyncio
async def test_a_socket_that_breaks_is_told_to_whoever_waits(local_exchange: Callable[..., Any]) -> None:
    """Not after the time-out of the request: at once."""
    async with local_exchange() as (local, settings):
        wire = Wire(settings, _now_ns, "n")
        await wire.open()
        try:
            local.faults.lose_reply("public/test")
            asking = asyncio.create_task(wire.ask("public/test", {}))
            await asyncio.sleep(0)
            local._drop_sockets()
            with pytest.raises(VenueUnreachable, match="socket closed"):
                await asking
        finally:
            await wire.close()


@pytest.mark.asyncio
async def test_a_venue_that_is_not_there_is_told() -> None:
    """And closing what never opened is quiet."""
    settings = VenueSettings(
        venue=VenueId("deribit"),
        ws_url="ws://127.0.0.1:1/ws/api/v2",
        rest_url="http://127.0.0.1:1",
        is_testnet=True,
        credentials=Credentials("key", "secret"),
    )
    wire = Wire(settings, _now_ns, "n")
    with pytest.raises(VenueUnreachable, match="cannot connect"):
        await wire.open()
    await wire.close()
