"""A refusal is told at once, a flood of them once a minute; what was asked for is never repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.domain.time import NS_PER_S, Ns
from bot.observe.metrics import Metrics
from bot.web.control import Control
from bot.web.refusals import Refusals
from bot.web.server import HealthServer

_WRONG_TOKEN = "the token is missing or wrong"  # noqa: S105 - words of the log


class _Door:
    """A server, a clock by hand, and what was told."""

    def __init__(self, folder: Path) -> None:
        self.now_ns = Ns(1_000 * NS_PER_S)
        self.told: list[tuple[str, int]] = []
        self._control = Control(folder / "control.json", now_ns=lambda: self.now_ns)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[Any, Any]]:
        server = HealthServer(
            host="127.0.0.1",
            port=0,
            metrics=Metrics(now_ns=lambda: self.now_ns),
            now_ns=lambda: self.now_ns,
            control=self._control,
        )
        server.tell_refusals(lambda cause, repeats: self.told.append((cause, repeats)))
        async with TestClient(TestServer(server.app())) as client:
            yield client


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "headers", "cause"),
    [
        ("/control/pause", {}, _WRONG_TOKEN),
        ("/control/pause", {"Authorization": "Bearer wrong"}, _WRONG_TOKEN),
        ("/control/pause", {"Origin": "https://evil.example"}, "another host was meant, or the page of another"),
        ("/control/pause", {"Host": "evil.example"}, "another host was meant, or the page of another"),
    ],
)
async def test_whoever_is_turned_away_is_told(tmp_path: Path, path: str, headers: dict[str, str], cause: str) -> None:
    """Once, with its cause; neither address nor header is in it."""
    door = _Door(tmp_path)
    async with door.client() as client:
        await client.post(path, headers=headers)

    ((told, repeats),) = door.told
    assert (told.startswith(cause), repeats) == (True, 1)


@pytest.mark.asyncio
async def test_what_is_answered_or_not_there_is_no_refusal(tmp_path: Path) -> None:
    """A scraper, a health check that is not well, an address mistyped."""
    door = _Door(tmp_path)
    async with door.client() as client:
        codes = [(await client.get(path)).status for path in ("/metrics", "/healthz", "/nowhere")]

    assert (codes, door.told) == ([200, 503, 404], [])


@pytest.mark.asyncio
async def test_a_flood_is_a_line_a_minute(tmp_path: Path) -> None:
    """The next line says how many there were; past ten wrong tokens a minute the cause is another one."""
    door = _Door(tmp_path)
    async with door.client() as client:
        codes = [(await client.post("/control/pause")).status for _ in range(30)]
        door.now_ns = Ns(door.now_ns + 61 * NS_PER_S)
        await client.post("/control/pause")

    assert codes == [401] * 10 + [429] * 20
    assert door.told == [
        (_WRONG_TOKEN, 1),
        ("too many acts, or wrong tokens, in a minute", 1),
        (_WRONG_TOKEN, 10),
    ]


def test_without_a_listener_nothing_is_kept() -> None:
    """A server of a test, or of a finished run."""
    Refusals(lambda: Ns(0)).count("anything")
