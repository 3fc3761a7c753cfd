"""Timers, threads, clocks and real clients and servers on virtual time."""

import asyncio
import random
import time
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

import aiohttp
import pytest
from aiohttp import web

from bot.app.wire_loop import WireLoop
from bot.domain.errors import VenueUnreachable
from bot.domain.time import NS_PER_S
from bot.venues import stream

_T = TypeVar("_T")


def _run(main: Coroutine[Any, Any, _T], loop: WireLoop | None = None) -> _T:
    with asyncio.Runner(loop_factory=lambda: loop or WireLoop()) as runner:
        return runner.run(main)


def test_a_day_of_sleep_takes_no_time_and_ends_exactly_then() -> None:
    """The clock jumps to the timer."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await asyncio.sleep(86_400.0)
        return loop.time() - began_s

    began_s = time.perf_counter()
    assert _run(main()) == 86_400.0
    assert time.perf_counter() - began_s < 3_600.0


def test_timers_run_in_the_order_of_their_moments() -> None:
    """Whatever order they were set in."""

    async def main() -> list[int]:
        heard: list[int] = []

        async def say(number: int, after_s: float) -> None:
            await asyncio.sleep(after_s)
            heard.append(number)

        await asyncio.gather(say(3, 3.0), say(1, 1.0), say(2, 2.0))
        return heard

    assert _run(main()) == [1, 2, 3]


def test_every_clock_of_the_process_reads_virtual_time_while_the_loop_runs_and_none_after() -> None:
    """Ccxt stamps with one, throttles wait by another."""
    loop = WireLoop()

    async def main() -> list[float]:
        before = [time.time(), time.monotonic(), time.perf_counter(), time.time_ns() / 1e9, time.monotonic_ns() / 1e9]
        await asyncio.sleep(100.0)
        after = [time.time(), time.monotonic(), time.perf_counter(), time.time_ns() / 1e9, time.monotonic_ns() / 1e9]
        return [later - earlier for earlier, later in zip(before, after, strict=True)]

    real = (time.time, time.time_ns, time.monotonic, time.perf_counter)
    began_ns = loop.now_ns()
    assert _run(main(), loop) == pytest.approx([100.0] * 5, abs=1e-5)
    assert (time.time, time.time_ns, time.monotonic, time.perf_counter) == real
    assert loop.now_ns() - began_ns == 100 * NS_PER_S


def test_work_for_a_thread_is_done_at_once_in_this_one() -> None:
    """What it raises is the awaiter's."""

    async def main() -> tuple[int, str]:
        answer = await asyncio.to_thread(lambda: 41 + 1)
        try:
            await asyncio.to_thread(int, "no number")
        except ValueError as error:
            return answer, str(error)
        return answer, ""

    answer, error = _run(main())
    assert answer == 42
    assert "no number" in error


def test_a_loop_where_nothing_can_happen_any_more_says_so() -> None:
    """Instead of waiting for ever."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing can run"):
        _run(main())


def test_a_loop_that_turns_without_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of hanging."""
    monkeypatch.setattr("bot.app.wire_loop._TURNS_MAX", 100)

    async def main() -> None:
        for _ in range(1_000):
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="without any time passing"):
        _run(main())


def test_a_stall_moves_the_clock_in_the_middle_of_a_step() -> None:
    """As a slow disk does."""
    loop = WireLoop()

    async def main() -> float:
        began_s = time.perf_counter()
        loop.stall(3.0)
        return time.perf_counter() - began_s

    assert _run(main(), loop) == pytest.approx(3.0)


def test_signals_are_heard_by_who_listens() -> None:
    """And by nobody afterwards."""
    loop = WireLoop()
    heard: list[str] = []
    loop.add_signal_handler(15, heard.append, "stop")
    loop.signal(15)
    loop.signal(2)
    assert loop.remove_signal_handler(15)
    assert not loop.remove_signal_handler(15)
    loop.signal(15)
    loop.close()
    assert heard == ["stop"]


class _Served:
    """An aiohttp server with a greeting and a websocket that echoes."""

    def __init__(self) -> None:
        app = web.Application()
        app.router.add_get("/hello", self._hello)
        app.router.add_get("/ws", self._echo)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        self.port = 0

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _hello(self, request: web.Request) -> web.Response:
        return web.Response(text=f"hello {request.query.get('name')}")

    async def _echo(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{message.data} again")
        return socket


def test_an_http_client_and_an_http_server_meet_on_it() -> None:
    """Unmodified aiohttp on both sides, the second request on the connection of the first."""

    async def main() -> list[str]:
        async with _Served() as served, aiohttp.ClientSession() as http:
            answers = []
            for name in ("one", "two"):
                async with http.get(f"http://localhost:{served.port}/hello", params={"name": name}) as response:
                    answers.append(await response.text())
            return answers

    assert _run(main()) == ["hello one", "hello two"]


def test_the_bots_websocket_works_on_it_and_pings_for_an_hour() -> None:
    """Unmodified `websockets` against unmodified aiohttp."""

    async def main() -> list[bytes]:
        async with _Served() as served:
            connection = await stream.connect(f"ws://127.0.0.1:{served.port}/ws")
            heard: list[bytes] = []
            reading = asyncio.create_task(connection.read(heard.append))
            connection.write(b"once")
            await asyncio.sleep(3600.0)
            connection.write(b"later")
            await asyncio.sleep(1.0)
            await connection.close()
            with pytest.raises(VenueUnreachable):
                await reading
            return heard

    assert _run(main()) == [b"once again", b"later again"]


def test_nobody_listening_is_a_refused_connection_for_all_kinds_of_clients() -> None:
    """As on a real machine."""

    async def main() -> None:
        with pytest.raises(VenueUnreachable, match="ConnectionRefusedError"):
            await stream.connect("ws://127.0.0.1:9/ws")
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.get("http://127.0.0.1:9/hello")

    _run(main())


def test_the_same_seed_takes_the_same_time_and_another_does_not() -> None:
    """To the last digit."""

    async def main() -> float:
        async with _Served() as served, aiohttp.ClientSession() as http:
            for _ in range(5):
                async with http.get(f"http://127.0.0.1:{served.port}/hello") as response:
                    await response.read()
            return asyncio.get_running_loop().time()

    random.seed()
    assert _run(main(), WireLoop(seed=1)) == _run(main(), WireLoop(seed=1))
    assert _run(main(), WireLoop(seed=1)) != _run(main(), WireLoop(seed=2))
