"""The configuration over the loopback API: who may see it, what is shown before it is taken, and what is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec import structs

from bot.domain.errors import ConfigError, JournalError
from bot.domain.time import Ns
from bot.observe.metrics import Metrics
from bot.web import control_config, control_file
from bot.web.control import BODY_BYTES_MAX, Control
from bot.web.control_config import ConfigPages, Difference, Offer, Running
from bot.web.server import HealthServer

_WIDER = Difference(key="books.btc.band.high_coin", before="0.1", after="0.2", may_change=True)
_MOVED = Difference(key="venue.hosts", before='"testnet"', after='"production"', may_change=False)


class _Desk:
    """A run whose file says something else, and a server that asks it."""

    def __init__(self, folder: Path) -> None:
        self.offer = Offer(fingerprint="f1", config_hash="c2", differences=(_WIDER,))
        self.rests: list[str] = []
        self.fails: Exception | None = None
        self.taken: list[tuple[str, str, str]] = []
        self.control = Control(folder / "control.json", now_ns=lambda: Ns(10**18))
        self.control.listening("127.0.0.1", 1)
        self.token = control_file.read(self.control.file).token

    def running(self) -> Running:
        return Running(run_id="r1", config_hash="c1", file="c.toml", settings={"mode": '"paper"'})

    def offered(self) -> Offer:
        if isinstance(self.fails, ConfigError):
            raise self.fails
        return self.offer

    def unrest(self) -> str:
        return self.rests.pop(0) if self.rests else ""

    def take(self, fingerprint: str, *, by: str, reason: str) -> None:
        if self.fails is not None:
            raise self.fails
        self.taken.append((fingerprint, by, reason))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[Any, Any]]:
        server = HealthServer(
            host="127.0.0.1",
            port=0,
            metrics=Metrics(now_ns=lambda: Ns(1)),
            now_ns=lambda: Ns(1),
            control=self.control,
            config=ConfigPages(self.control, self),
        )
        async with TestClient(TestServer(server.app())) as client:
            yield client

    async def post(self, body: bytes = b'{"reason":"calm","by":"ann","fingerprint":"f1"}', **headers: Any) -> Any:
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"} | headers
        kept = {name: value for name, value in given.items() if value is not None}
        async with self.client() as client, client.post("/control/reload", data=body, headers=kept) as response:
            return response.status, await response.json()


@pytest.fixture
def desk(tmp_path: Path) -> _Desk:
    """One difference, which may be taken over."""
    return _Desk(tmp_path)


@pytest.mark.asyncio
async def test_what_runs_is_told_to_whoever_has_the_token(desk: _Desk) -> None:
    """Run, hash, file and settings; nothing without the token."""
    async with desk.client() as client:
        async with client.get("/control/config", headers={"Authorization": f"Bearer {desk.token}"}) as response:
            told = await response.json()
        async with client.get("/control/config") as response:
            missing = response.status, await response.text()
        async with client.get("/control/config", headers={"Authorization": "Bearer wrong"}) as response:
            wrong = response.status

    assert told == {"run_id": "r1", "config_hash": "c1", "file": "c.toml", "settings": {"mode": '"paper"'}}
    assert (missing[0], wrong) == (401, 401)
    assert "paper" not in missing[1]


@pytest.mark.asyncio
async def test_it_is_shown_first_and_then_taken_as_it_was_shown(desk: _Desk) -> None:
    """With who and why; what was only shown is not taken."""
    shown, offer = await desk.post(b"{}")
    before = list(desk.taken)
    code, told = await desk.post()

    assert (shown, offer["is_taken"], before) == (200, False, [])
    assert offer["offer"]["differences"] == [structs.asdict(_WIDER)]
    assert (code, told["ok"], told["is_taken"], desk.taken) == (200, True, True, [("f1", "ann", "calm")])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("offer", "code", "reason"),
    [
        ({"fingerprint": "f9"}, 409, "the file was changed since it was shown; look again"),
        ({"differences": ()}, 409, "the file says what runs already"),
        (
            {"differences": (_WIDER, _MOVED)},
            409,
            "venue.hosts: may not change while the bot runs; stop it, then start it",
        ),
    ],
)
async def test_what_may_not_be_taken_is_refused(desk: _Desk, offer: Any, code: int, reason: str) -> None:
    """The answer says why, and shows what the file says now."""
    desk.offer = structs.replace(desk.offer, **offer)
    found, told = await desk.post()

    assert (found, told["reason"], told["ok"], desk.taken) == (code, reason, False, [])
    assert told["offer"]["config_hash"] == "c2"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fails", "code", "reason"),
    [
        (ConfigError("mode: is missing; add it"), 422, "the file would not do: mode: is missing; add it"),
        (JournalError("the disk is full"), 503, "it cannot be written down: the disk is full"),
    ],
)
async def test_a_file_that_would_not_do_and_a_ledger_that_cannot_be_written(
    desk: _Desk, fails: Exception, code: int, reason: str
) -> None:
    """The run goes on as it is."""
    desk.fails = fails
    found, told = await desk.post()

    assert (found, told["reason"], desk.taken) == (code, reason, [])


@pytest.mark.asyncio
async def test_it_waits_a_moment_for_quiet_and_no_longer(desk: _Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order whose fate is told meanwhile is waited for; one whose fate stays open is not."""
    monkeypatch.setattr(control_config, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(control_config, "_WAIT_S_MAX", 0.05)
    desk.rests = ["BTC: the fate of 1 orders is not known"] * 2
    soon, _ = await desk.post()
    desk.rests = ["BTC is reconciling"] * 50
    late, told = await desk.post()

    assert (soon, late, told["reason"], len(desk.taken)) == (200, 409, "BTC is reconciling; try again", 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{}", {"Authorization": None}, 401),
        (b"{}", {"Authorization": "Bearer wrong"}, 401),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Origin": "https://evil.example"}, 403),
        (b"{}", {"Host": "evil.example"}, 403),
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'{"reason":"x"}', {}, 400),
        (b'{"fingerprint":"f1"}', {}, 400),
        (b'{"reason":" ","fingerprint":"f1"}', {}, 400),
        (b'{"reason":"x","fingerprint":"f1","file":"/etc/passwd"}', {}, 400),
        (b'{"reason":"' + b"x" * BODY_BYTES_MAX + b'"}', {}, 413),
    ],
)
async def test_what_is_not_right_in_everything_reaches_nobody(
    desk: _Desk, body: bytes, headers: dict[str, Any], code: int
) -> None:
    """No token, another site, no file of the asker's choice, too much of anything."""
    found, told = await desk.post(body, **headers)

    assert (found, told["ok"], desk.taken) == (code, False, [])


@pytest.mark.asyncio
async def test_a_run_without_a_file_has_no_such_page(desk: _Desk) -> None:
    """`reload` is then no act either."""
    server = HealthServer(
        host="127.0.0.1", port=0, metrics=Metrics(now_ns=lambda: Ns(1)), now_ns=lambda: Ns(1), control=desk.control
    )
    headers = {"Authorization": f"Bearer {desk.token}", "Content-Type": "application/json"}
    async with (
        TestClient(TestServer(server.app())) as client,
        client.post("/control/reload", data=b'{"reason":"x"}', headers=headers) as response,
    ):
        assert response.status == 404
