"""The page and its addresses: what they answer, to whom, and what they refuse; readers that are slow or too many."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec import structs
from yarl import URL

from bot.observe.board import Earlier
from bot.observe.explain import as_text, record_as_text
from bot.observe.explained import of_record
from bot.observe.metrics import Metrics
from bot.web import dashboard as module
from bot.web.dashboard import VIEWERS_MAX, Dashboard
from bot.web.server import HealthServer

_FAST_S = 0.001


class _Site:
    """The pages of one run, served."""

    def __init__(self, scene: Any, write_s_max: float = 60.0) -> None:
        self.scene = scene
        self.dashboard = Dashboard(
            *(scene.lookout, scene.tail),
            is_live=True,
            now_ns=lambda: scene.now_ns,
            write_s_max=write_s_max,
            refresh_s=_FAST_S,
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[Any, Any]]:
        now_ns = lambda: self.scene.now_ns  # noqa: E731
        server = HealthServer(
            host="127.0.0.1", port=0, metrics=Metrics(now_ns=now_ns), now_ns=now_ns, dashboard=self.dashboard
        )
        async with TestClient(TestServer(server.app())) as client:
            yield client

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        async with self.client() as client, client.get(URL(path, encoded=True), headers=headers) as response:
            return response.status, await response.text(), response.headers


@pytest.fixture
def site(scene: Any) -> _Site:
    """One decision made."""
    scene.tick()
    return _Site(scene)


async def _event(response: Any) -> tuple[str, Any]:
    """The next event of a stream."""
    async with asyncio.timeout(60.0):
        topic = (await response.content.readuntil(b"\n")).decode().removeprefix("event: ").strip()
        body = (await response.content.readuntil(b"\n\n")).decode().removeprefix("data: ")
    return topic, json.loads(body)


async def _until(holds: Any) -> None:
    async with asyncio.timeout(60.0):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), *((f"/page/{name}", kind) for name, kind in module._TYPES.items())],
)
async def test_every_file_of_the_page_is_served(site: _Site, path: str, kind: str) -> None:
    """With a policy under which nothing but these files runs, and no other site frames or reads them."""
    code, text, headers = await site.get(path)

    assert (code, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
    assert len(text) > 100
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert (headers["X-Content-Type-Options"], headers["Cross-Origin-Resource-Policy"]) == ("nosniff", "same-origin")


def test_the_page_asks_nobody_else() -> None:
    """No address of another machine, no markup made of text, no style or script inside the page."""
    files = {name: (body.decode()) for name, body in _files().items()}
    page = files["dashboard.html"]
    named = {word.split('"')[0] for word in page.replace("'", '"').split('="/page/')[1:]}

    assert [name for name, text in files.items() if "://" in text.replace("http://www.w3.org/", "")] == []
    assert [name for name, text in files.items() if "innerHTML" in text or "insertAdjacentHTML" in text] == []
    assert (" style=" in page, "<style" in page, "onclick=" in page) == (False, False, False)
    assert named <= set(files)


def _files() -> dict[str, bytes]:
    folder = module.resources.files("bot.web").joinpath("page")
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/page/secret.js", 404),
        ("/page/..%2Fserver.py", 404),
        ("/page/", 404),
        ("/history?book=ETH", 404),
        ("/history?book=BTC&span=week", 404),
        ("/history", 404),
        ("/why?book=BTC", 400),
        ("/why?book=BTC&seq=-1", 400),
        ("/why?book=BTC&seq=1e3", 400),
        ("/why?book=BTC&seq=%D9%A1", 400),
        ("/why?book=BTC&seq=" + "9" * 19, 400),
        ("/why?book=BTC&seq=7", 404),
        ("/why?book=ETH&seq=7", 404),
        ("/history?book=" + "B" * 9_000, 400),
    ],
)
async def test_what_is_not_there_is_refused_in_a_line(site: _Site, path: str, code: int) -> None:
    """Typed by hand, or by somebody who tries."""
    found, text, _ = await site.get(path)

    assert found == code
    assert "Traceback" not in text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/stream", "/history?book=BTC", "/why?book=BTC&seq=1", "/status"])
async def test_a_page_of_another_site_reads_nothing(site: _Site, path: str, headers: dict[str, str]) -> None:
    """Neither by asking nor by including it; a name bent to loopback is no better."""
    code, text, _ = await site.get(path, **headers)

    assert code == 403
    assert "delta" not in text


@pytest.mark.asyncio
async def test_a_link_may_be_followed_to_the_page(site: _Site) -> None:
    """From a mail or a chat: who follows it reads it, who wrote it does not."""
    code, _, _ = await site.get("/", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})

    assert code == 200


@pytest.mark.asyncio
async def test_curves_are_the_engines_figures(site: _Site) -> None:
    """One sample so far: time, price, net delta with its interval, band, profit."""
    code, text, _ = await site.get("/history?book=BTC&span=recent")
    decided = site.scene.play.engine.status().decided

    assert code == 200
    assert json.loads(text)["dots"] == [
        [
            *(decided.now_ns // 1_000_000, decided.price_usd, decided.delta_coin_net),
            *(decided.delta_coin_low, decided.delta_coin_high, decided.band_low_coin, decided.band_high_coin, 0.0),
        ]
    ]


@pytest.mark.asyncio
async def test_a_decision_is_told_in_the_words_of_why(site: _Site) -> None:
    """The same text as on the command line; where it comes from is said."""
    seq = site.scene.play.engine.seq
    code, text, _ = await site.get(f"/why?book=BTC&seq={seq}")
    told = site.scene.lookout.board.explained("BTC", seq)

    assert (code, text) == (200, as_text(told))
    assert f"told by the running bot; hedgebot why run-1 {seq} makes it again from the tape" in text


@pytest.mark.asyncio
async def test_a_decision_the_bot_had_no_time_for_is_told_from_its_record(site: _Site) -> None:
    """Where it is asked for; of another run, too, whose numbers are others."""
    board, seq = site.scene.lookout.board, site.scene.play.engine.seq
    decided = site.scene.play.engine.status().decided
    board._books["BTC"].explained.clear()
    board.recall(
        "BTC",
        Earlier(decisions=[("run-0", structs.replace(decided, seq=7))], dots=[], hedges=[], fills=[], parts_usd={}),
    )
    asked = (f"seq={seq}", f"seq={seq}&or=record", f"run=run-1&seq={seq}&or=record", "run=run-0&seq=7&or=record")
    told = [await site.get(f"/why?book=BTC&{query}") for query in (*asked, "run=run-0&seq=8&or=record")]

    assert [code for code, _, _ in told] == [404, 200, 200, 200, 404]
    assert told[1][1] == told[2][1] == record_as_text(of_record(decided, run_id="run-1", mode="demo"))
    assert told[3][1].startswith("run-0 (demo), book BTC, decision 7 at ")
    assert "hedgebot why run-0 8" in told[4][1]


@pytest.mark.asyncio
async def test_the_stream_tells_all_topics_and_then_what_changes(site: _Site) -> None:
    """Server-sent events: the newest of each, no backlog."""
    async with site.client() as client, client.get("/stream") as response:
        first = dict([await _event(response) for _ in range(3)])
        site.scene.tick(after_s=2.0)
        site.dashboard._frames._due_s = float("-inf")  # as if a quarter of a second were over
        topic, body = await _event(response)

    assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
    assert set(first) == {"now", "desk", "told"}
    assert (topic, body["books"][0]["now_ns"]) == ("now", site.scene.now_ns)


@pytest.mark.asyncio
async def test_a_reader_that_goes_makes_room(site: _Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many pages, and not one more; a closed one is noticed."""
    monkeypatch.setattr(module, "VIEWERS_MAX", 2)
    async with site.client() as client:
        opened = [await client.get("/stream") for _ in range(2)]
        refused = await client.get("/stream")
        code, text = refused.status, await refused.text()
        for response in opened:
            response.close()
        site.scene.tick(after_s=1.0)
        await _until(lambda: site.dashboard.viewers_count == 0)
        again = await client.get("/stream")
        found = again.status
        again.close()

    assert (code, found) == (503, 200)
    assert text.startswith("2 pages are open already")
    assert VIEWERS_MAX == 32


@pytest.mark.asyncio
async def test_a_slow_reader_is_let_go_and_holds_nobody_up(scene: Any) -> None:
    """It takes nothing: what waits for it is bounded, and its place is free again."""
    scene.tick()
    site = _Site(scene, write_s_max=0.05)
    site.dashboard._frames = _Endless()  # type: ignore[assignment]
    async with site.client() as client:
        slow = await client.get("/stream")
        await _until(lambda: site.dashboard.viewers_count == 0)
        quick = (await client.get("/")).status
        slow.close()

    assert quick == 200


class _Endless:
    """News at every look, a megabyte of it unless told otherwise."""

    def __init__(self, bytes_count: int = 1_000_000) -> None:
        self.number = 0
        self._body = b"x" * bytes_count

    def refresh(self, clock_s: Any) -> None:
        del clock_s
        self.number += 1

    def __iter__(self) -> Any:
        return iter([module.Frame("now", self.number, self._body)])


@pytest.mark.asyncio
async def test_a_tab_that_slept_wakes_up_to_the_present(scene: Any) -> None:
    """It takes nothing for a day: little is held for it, then it is let go; coming back it is shown what is now."""
    scene.tick()
    site = _Site(scene, write_s_max=0.2)
    frames, endless = site.dashboard._frames, _Endless(10_000)
    site.dashboard._frames = endless  # type: ignore[assignment]
    async with site.client() as client:
        with socket.socket() as asleep:
            asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            asleep.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(asleep, (client.host, client.port))
            await loop.sock_sendall(asleep, b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await _until(lambda: endless.number)
            await _until(lambda: site.dashboard.viewers_count == 0)
        site.dashboard._frames = frames
        for step in range(1, 50):
            scene.tick(after_s=60.0 * step)
        async with client.get("/stream") as response:
            first = dict([await _event(response) for _ in range(3)])

    assert endless.number * 10_000 < 1_000_000
    assert first["now"]["books"][0]["now_ns"] == scene.now_ns
    assert first["told"]["books"]["BTC"]["decisions"][0]["now_ns"] == scene.now_ns
    assert set(first) == {"now", "desk", "told"}


@pytest.mark.asyncio
async def test_open_pages_do_not_hold_up_the_end(site: _Site) -> None:
    """A bot that is told to stop closes its streams first."""
    async with site.client() as client:
        response = await client.get("/stream")
        await _event(response)
        await site.dashboard._end(client.app)
        async with asyncio.timeout(60.0):
            rest = await response.content.read()

    assert rest.count(b"event: ") <= 3
    assert site.dashboard.viewers_count == 0
