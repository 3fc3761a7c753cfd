"""A socket through its connections, on virtual time: log-in, heartbeat, silence, loss, reconnecting."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from bot.domain.errors import ConfigError
from bot.domain.events import (
    Event,
    MessageMalformed,
    StreamRestored,
)
from bot.domain.ids import InstrumentId
from bot.venues.deribit_feed import AccountFeed, MarketFeed

PERP = InstrumentId("BTC-PERPETUAL")
Virtual = Callable[[Coroutine[object, object, None]], None]


def test_test_request_is_answered(stage: Any, virtual: Virtual) -> None:
    """Each test_request gets a public/test; a plain heartbeat none."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()))
        for word in ("heartbeat", "test_request", "test_request"):
            stage.connections[0].push({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": word}})
        await asyncio.sleep(0.01)
        assert stage.connections[0].methods().count("public/test") == 2
        await stage.stop()

    virtual(scene())


def test_silence_is_death(stage: Any, virtual: Virtual) -> None:
    """No frame of any kind for three heartbeat intervals: the socket is dropped."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()), 29.0)
        assert stage.lost() == []
        await asyncio.sleep(3.5)
        assert stage.lost() == ["silent for 31 s"]
        assert stage.connections[0].is_closed
        assert len(stage.of(StreamRestored)) == 2
        await stage.stop()

    virtual(scene())


def test_unreachable_venue_is_tried_ever_more_rarely(stage: Any, virtual: Virtual) -> None:
    """Waits double up to 30 s, with jitter from the seed; the loss is told once, not at each try."""

    async def scene() -> None:
        stage.is_reachable = False
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 200.0)
        waits = [after - before for before, after in zip(stage.tried_s, stage.tried_s[1:], strict=False)]
        rng = random.Random(1)
        expected = [min(30.0, 0.5 * 2.0**step) * (0.5 + 0.5 * rng.random()) for step in range(len(waits))]
        assert pytest.approx(expected) == waits
        assert stage.lost() == ["cannot connect: refused"]
        await stage.stop()

    virtual(scene())


def test_too_many_requests_waits_longer(stage: Any, virtual: Virtual) -> None:
    """10028: the session is gone and the credits with it; the next try comes after 2 s or more."""

    async def scene() -> None:
        stage.answer = lambda method, params: (
            {"error": {"code": 10028, "message": "too_many_requests"}}
            if method == "public/subscribe"
            else stage.accepts(method, params)
        )
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]), 5.0)
        assert stage.lost() == ["10028 too_many_requests to public/subscribe"]
        assert stage.tried_s[1] - stage.tried_s[0] >= 2.0
        await stage.stop()

    virtual(scene())


@pytest.mark.parametrize("code", [13004, 13021, 11042, 13403])
def test_refused_key_is_fatal(stage: Any, virtual: Virtual, code: int) -> None:
    """A key the venue does not take is a matter of configuration, not of trying again."""

    async def scene() -> None:
        stage.answer = lambda _method, _params: {"error": {"code": code, "message": "no"}}
        await stage.start(AccountFeed(stage.link()))
        assert stage.task is not None
        with pytest.raises(ConfigError, match=f"log-in refused with {code}"):
            await stage.task

    virtual(scene())


def test_wrong_world_is_fatal(stage: Any, virtual: Virtual) -> None:
    """A reply with the other testnet flag ends the feed: orders would go to the wrong place."""

    async def scene() -> None:
        stage.is_testnet = False
        await stage.start(AccountFeed(stage.link()))
        assert stage.task is not None
        with pytest.raises(ConfigError, match="testnet=False, expected is True"):
            await stage.task
        assert stage.connections[0].is_closed

    virtual(scene())


def test_token_is_refreshed_at_eighty_percent(stage: Any, virtual: Virtual) -> None:
    """`expires_in` as received decides, and the new reply decides the next refresh."""

    async def scene() -> None:
        stage.answer = lambda method, params: (
            {"access_token": "a", "refresh_token": "r1", "expires_in": 20, "scope": ""}
            if method == "public/auth"
            else stage.accepts(method, params)
        )
        await stage.start(AccountFeed(stage.link()), 15.9)
        assert stage.connections[0].methods().count("public/auth") == 1
        await asyncio.sleep(2.0)
        refresh = [r["params"] for r in stage.connections[0].sent if r["method"] == "public/auth"][1:]
        assert refresh == [{"grant_type": "refresh_token", "refresh_token": "r1"}]
        await stage.stop()

    virtual(scene())


def test_malformed_market_messages(stage: Any, virtual: Virtual) -> None:
    """Each is told with a sample; five in a row restart the stream, a good one between does not count."""

    async def scene() -> None:
        await stage.start(MarketFeed(stage.link(), hedges=[PERP]))
        for _ in range(3):
            for _ in range(4):
                stage.connections[0].push(b'{"jsonrpc":')
            stage.connections[0].notify("platform_state", {})
        await asyncio.sleep(0.01)
        assert len(stage.of(MessageMalformed)) == 12
        assert stage.of(MessageMalformed)[0].sample == '{"jsonrpc":'
        assert stage.lost() == []
        for _ in range(5):
            stage.connections[0].push(b"<html>")
        await asyncio.sleep(0.01)
        assert len(stage.lost()) == 1
        assert stage.lost()[0].startswith("5 malformed messages in a row")
        await stage.stop()

    virtual(scene())


def test_malformed_account_message(stage: Any, virtual: Virtual) -> None:
    """It may have been a fill: one is enough to start over, which reconciles; tokens are not shown."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()))
        stage.connections[0].push(b'{"access_token":"SECRET"')
        await asyncio.sleep(1.0)
        assert stage.of(MessageMalformed)[0].sample == "withheld"
        assert len(stage.connections) == 2
        await stage.stop()

    virtual(scene())


def test_error_that_belongs_to_no_request(stage: Any, virtual: Virtual) -> None:
    """The venue complains about something we cannot tell apart: the socket is not to be relied on."""

    async def scene() -> None:
        await stage.start(AccountFeed(stage.link()))
        stage.connections[0].push(
            {"jsonrpc": "2.0", "error": {"code": -32600, "message": "too large"}, "testnet": True}
        )
        await asyncio.sleep(0.01)
        assert stage.lost() == ["error -32600 too large belongs to no request"]
        await stage.stop()

    virtual(scene())


def test_unanswered_request(stage: Any, virtual: Virtual) -> None:
    """A venue that takes the connection but answers nothing is given up after 10 s."""

    async def scene() -> None:
        stage.answer = lambda _method, _params: None
        await stage.start(AccountFeed(stage.link()), 11.0)
        assert stage.lost() == ["public/auth: no answer for 10 s"]
        await stage.stop()

    virtual(scene())


def test_failing_sink_ends_the_feed(stage: Any, virtual: Virtual) -> None:
    """What the shell cannot take is not swallowed here: trading must halt."""

    async def scene() -> None:
        def sink(_events: Sequence[Event]) -> None:
            raise RuntimeError("ledger")

        with pytest.raises(RuntimeError, match="ledger"):
            await AccountFeed(stage.link()).run(sink)
        assert stage.connections[0].is_closed

    virtual(scene())


@pytest.mark.parametrize("breaks", [False, True])
def test_a_feed_cancelled_at_any_moment_leaves_no_socket_open(
    stage: Any, virtual: Virtual, cancelled_at_every_turn: Any, *, breaks: bool
) -> None:
    """While it opens, lives, or is closing a lost one already; cancelled once more meanwhile, as when a run ends."""

    def broken(method: str, params: dict[str, Any]) -> object:
        if breaks and method == "public/set_heartbeat":
            stage.connections[-1].break_down()
        return stage.accepts(method, params)

    async def scene() -> None:
        stage.answer = broken
        await cancelled_at_every_turn(lambda: AccountFeed(stage.link()).run(stage.sink), 30)
        assert stage.connections
        assert all(connection.is_closed for connection in stage.connections)

    virtual(scene())
