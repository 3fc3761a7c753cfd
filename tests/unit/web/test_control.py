"""Who may act, on what words, and what reaches the engines: one event, or nothing at all."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec import structs

from bot.domain.events import Event, OperatorActed
from bot.domain.reasons import Phase
from bot.domain.status import BookStatus, ProfitUsd
from bot.domain.stops import HEDGEBOT, Act, Latch, StopKind
from bot.domain.time import NS_PER_S, Ns
from bot.observe.metrics import Metrics
from bot.web import control_file
from bot.web.control import BODY_BYTES_MAX, Control
from bot.web.server import HealthServer

_NOW = Ns(1_000 * NS_PER_S)
_LATCH = Latch(kind=StopKind.PAUSE, cause="operator", since_ns=_NOW, by="ann", detail="lunch")
_HALT = Latch(kind=StopKind.HALT, cause="task_failed", since_ns=_NOW, by=HEDGEBOT, detail="boom")


def _status(book: str = "BTC", *stops: Latch) -> BookStatus:
    return BookStatus(
        book=book,
        convention="options_only",
        phase=Phase.RUNNING,
        phase_cause="reconciled",
        is_reconciled=True,
        now_ns=_NOW,
        decided=None,
        positions_native={},
        orders_unknown=0,
        orders_live=0,
        profit_usd=ProfitUsd(total=0.0, options=0.0, hedge=0.0, slippage=0.0, fees=0.0, funding=0.0),
        stops=stops,
    )


class _Desk:
    """A bot that does what it is told, over a server that asks it."""

    def __init__(self, folder: Path) -> None:
        self.statuses: tuple[BookStatus, ...] = (_status("BTC"), _status("ETH"))
        self.told: list[OperatorActed] = []
        self.does: Any = lambda status: structs.replace(status, stops=(_LATCH,))
        self.now_ns = _NOW
        self.control = Control(folder / "control.json", now_ns=lambda: self.now_ns)
        self.control.listening("127.0.0.1", 1)
        self.token = control_file.read(self.control.file).token
        self.follows = True

    def sink(self, events: Sequence[Event]) -> None:
        for event in events:
            assert isinstance(event, OperatorActed)
            self.told.append(event)
            self.statuses = tuple(
                self.does(status) if event.book in {None, status.book} else status for status in self.statuses
            )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[Any, Any]]:
        server = HealthServer(
            host="127.0.0.1",
            port=0,
            metrics=Metrics(now_ns=lambda: self.now_ns),
            now_ns=lambda: self.now_ns,
            control=self.control,
        )
        if self.follows:
            server.follow(lambda: self.statuses, self.sink)
        async with TestClient(TestServer(server.app())) as client:
            yield client

    async def post(self, act: str = "pause", **change: Any) -> tuple[int, Any]:
        """One request, right in everything but the changes."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        headers |= change.get("headers", {})
        body = change.get("body", b'{"reason":"lunch","by":"ann"}')
        kept = {name: value for name, value in headers.items() if value is not None}
        async with self.client() as client, client.post(f"/control/{act}", data=body, headers=kept) as response:
            told = await response.json() if response.content_type == "application/json" else None
            return response.status, told


@pytest.fixture
def desk(tmp_path: Path) -> _Desk:
    """Two books without a stop."""
    return _Desk(tmp_path)


@pytest.mark.asyncio
async def test_an_act_becomes_one_event_and_the_answer_tells_what_is_on(desk: _Desk) -> None:
    """For every book, stamped by the bot's clock."""
    code, told = await desk.post()

    assert desk.told == [OperatorActed(act=Act.PAUSE, by="ann", reason="lunch", received_ns=_NOW, book=None)]
    assert (code, told["ok"], [book["book"] for book in told["books"]]) == (200, True, ["BTC", "ETH"])
    assert told["books"][0]["latched"] == told["books"][0]["stops"]
    assert told["books"][0]["stops"][0].startswith("pause since ")


@pytest.mark.asyncio
@pytest.mark.parametrize("act", [*Act, "reduce-only", "cancel-all", "flatten-hedges"])
async def test_every_act_has_its_address(desk: _Desk, act: str) -> None:
    """With the dash of the command line as well."""
    desk.does = lambda status: status
    code, _ = await desk.post(act)

    assert (code, [event.act for event in desk.told]) == (200, [Act(act.replace("-", "_"))])


@pytest.mark.asyncio
async def test_one_book_can_be_meant(desk: _Desk) -> None:
    """The answer is about that one only."""
    code, told = await desk.post(body=b'{"reason":"x","book":"eth"}')

    assert (code, desk.told[0].book, [book["book"] for book in told["books"]]) == (200, "ETH", ["ETH"])
    assert (await desk.post(body=b'{"reason":"x","book":"SOL"}'))[0] == 404
    assert len(desk.told) == 1


@pytest.mark.asyncio
async def test_what_a_resume_lifts_is_listed_and_what_stays_is_an_error(desk: _Desk) -> None:
    """A halt of a broken process stays until a restart."""
    desk.statuses = (_status("BTC", _LATCH),)
    desk.does = lambda status: structs.replace(status, stops=())
    code, told = await desk.post("resume")
    desk.statuses = (_status("BTC", _HALT),)
    desk.does = lambda status: status
    stays, why = await desk.post("resume")

    assert (code, told["books"][0]["stops"]) == (200, [])
    (lifted,) = told["books"][0]["lifted"]
    assert lifted.startswith("pause since ")
    assert "lift it" not in lifted
    assert (stays, why["ok"]) == (409, False)
    assert why["reason"].startswith("still stopped: halt (task_failed) since ")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"headers": {"Authorization": None}}, 401),
        ({"headers": {"Authorization": "Bearer wrong"}}, 401),
        ({"headers": {"Authorization": "Basic ZGVtbzpkZW1v"}}, 401),
        ({"headers": {"Authorization": "bearer "}}, 401),
        ({"headers": {"Authorization": "Bearer \xff\xfe"}}, 401),
        ({"headers": {"Content-Type": "text/plain"}}, 415),
        ({"headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415),
        ({"headers": {"Origin": "https://evil.example"}}, 403),
        ({"headers": {"Origin": "null"}}, 403),
        ({"headers": {"Origin": "http://127.0.0.1:1"}}, 403),
        ({"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ({"headers": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}}, 403),
        ({"headers": {"Host": "evil.example"}}, 403),
        ({"headers": {"Host": "evil.example:8642"}}, 403),
        ({"headers": {"Host": "127.0.0.1.evil.example"}}, 403),
        ({"headers": {"Host": "[::2]:8642"}}, 403),
        ({"headers": {"Host": "10.0.0.1:8642"}}, 403),
        ({"body": b""}, 400),
        ({"body": b"{}"}, 400),
        ({"body": b'{"reason":""}'}, 400),
        ({"body": b'{"reason":"  "}'}, 400),
        ({"body": b'{"reason":5}'}, 400),
        ({"body": b'{"reason":"x","force":true}'}, 400),
        ({"body": b'{"reason":"x","by":""}'}, 400),
        ({"body": b'{"reason":"' + b"x" * 301 + b'"}'}, 400),
        ({"body": b"\xff\xfe"}, 400),
        ({"body": b"[" * 1000}, 400),
        ({"body": b'{"reason":"' + b"x" * BODY_BYTES_MAX + b'"}'}, 413),
        ({"act": "close_options"}, 404),
        ({"act": "halt"}, 404),
    ],
)
async def test_what_is_not_right_in_everything_reaches_nobody(desk: _Desk, change: dict[str, Any], code: int) -> None:
    """No token, a page of another site, a bent name, no reason, too much of anything."""
    found, _ = await desk.post(**change)

    assert (found, desk.told) == (code, [])


@pytest.mark.asyncio
async def test_the_own_page_may_ask(desk: _Desk) -> None:
    """Origin and host are the same."""
    code, _ = await desk.post(headers={"Origin": "http://localhost:9000", "Host": "localhost:9000"})

    assert code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.2:8642", "[::1]:8642", "[::1]"])
async def test_any_address_of_loopback_may_be_configured_and_asked(desk: _Desk, host: str) -> None:
    """`health.host = "127.0.0.2"` is allowed: else nobody could stop that bot."""
    code, _ = await desk.post(headers={"Host": host})

    assert code == 200


@pytest.mark.asyncio
async def test_a_body_of_unknown_length_is_bounded_too(desk: _Desk) -> None:
    """Sent in chunks, no length is told beforehand."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 1024

    code, _ = await desk.post(body=chunks())

    assert (code, desk.told) == (413, [])


@pytest.mark.asyncio
async def test_pages_to_read_ask_for_no_token_but_for_the_right_host(desk: _Desk) -> None:
    """A name bent to loopback reads no positions; there is no way to act by GET."""
    async with desk.client() as client:
        codes = [
            (await client.get("/status")).status,
            (await client.get("/status", headers={"Host": "evil.example"})).status,
            (await client.get("/control/pause")).status,
        ]

    assert codes == [200, 403, 405]


@pytest.mark.asyncio
async def test_before_there_is_a_book_nothing_can_be_asked(desk: _Desk) -> None:
    """The venue has not answered yet."""
    desk.follows = False

    assert (await desk.post())[0] == 503


@pytest.mark.asyncio
async def test_a_loop_gone_wrong_is_slowed_down(desk: _Desk) -> None:
    """Thirty acts a minute; a wrong token uses none of them."""
    desk.does = lambda status: status
    await desk.post(headers={"Authorization": "Bearer wrong"})
    codes = [(await desk.post())[0] for _ in range(31)]
    desk.now_ns = Ns(_NOW + 61 * NS_PER_S)

    assert codes == [200] * 30 + [429]
    assert (await desk.post())[0] == 200


@pytest.mark.asyncio
async def test_guessing_is_slowed_down_and_the_right_token_is_always_heard(desk: _Desk) -> None:
    """Ten wrong ones a minute are answered; nobody locks the operator out."""
    wrong = [(await desk.post(headers={"Authorization": f"Bearer {number}"}))[0] for number in range(12)]
    right, _ = await desk.post()
    desk.now_ns = Ns(_NOW + 61 * NS_PER_S)
    later, _ = await desk.post(headers={"Authorization": "Bearer wrong"})

    assert wrong == [401] * 10 + [429] * 2
    assert (right, later) == (200, 401)


def test_the_file_is_gone_when_nobody_answers_any_more(desk: _Desk) -> None:
    """The command line then says that no bot runs."""
    desk.control.gone()

    assert not desk.control.file.exists()
