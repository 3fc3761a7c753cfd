"""The dashboard: its files, the stream of what is now, curves, and one decision taken apart. Read-only.

Whoever looks is bounded in number and in what is kept for them. Knows HTTP; what is shown is `frames`' word.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from importlib import resources
from typing import Final

import msgspec
from aiohttp import web

from bot.domain.time import Ns
from bot.observe import explain
from bot.observe.explained import of_record
from bot.observe.tail import Tail
from bot.web.frames import REFRESH_S, Frame, Frames, Scene

VIEWERS_MAX: Final = 32
_WRITE_S_MAX: Final = 20.0
"""A reader that takes nothing for so long is let go; its browser comes back by itself."""
_UNREAD_BYTES_MAX: Final = 65_536
"""What the system, and we, hold for a reader that takes nothing: seconds of news. By itself it would be megabytes."""
_SEQ_DIGITS_MAX: Final = 18
_TYPES: Final = {
    "dashboard.css": "text/css",
    "icon.svg": "image/svg+xml",
    "acts.js": "text/javascript",
    "charts.js": "text/javascript",
    "dashboard.js": "text/javascript",
    "panels.js": "text/javascript",
    "words.js": "text/javascript",
}
_PAGE: Final = "dashboard.html"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer: nothing but our own files runs, and nobody frames or keeps what is shown."""


class Dashboard:
    """One page for one run."""

    def __init__(
        self,
        scene: Scene,
        tail: Tail,
        *,
        is_live: bool,
        now_ns: Callable[[], Ns],
        write_s_max: float = _WRITE_S_MAX,
        refresh_s: float = REFRESH_S,
    ) -> None:
        """Reads its files; OSError where the package lost them."""
        self._scene = scene
        self._frames = Frames(scene, tail, is_live=is_live, now_ns=now_ns)
        self._write_s_max = write_s_max
        self._refresh_s = refresh_s
        folder = resources.files("bot.web").joinpath("page")
        self._files = {name: folder.joinpath(name).read_bytes() for name in (_PAGE, *_TYPES)}
        self._words = asyncio.Semaphore(1)
        self._viewers_count = 0
        self._is_over = False

    @property
    def viewers_count(self) -> int:
        """Streams that are open."""
        return self._viewers_count

    def add_to(self, app: web.Application) -> None:
        """The routes."""
        app.router.add_get("/", self._page)
        app.router.add_get("/page/{name}", self._file)
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/history", self._history)
        app.router.add_get("/why", self._why)
        app.on_shutdown.append(self._end)

    async def _end(self, app: web.Application) -> None:
        """Streams end with the server, not after it."""
        del app
        self._is_over = True

    async def _page(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self._files[_PAGE], content_type="text/html", charset="utf-8", headers=HEADERS)

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        kind = _TYPES.get(name)
        if kind is None:
            return _refused(404, "there is no such file")
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8", headers=HEADERS)

    async def _history(self, request: web.Request) -> web.Response:
        book, span = request.query.get("book", ""), request.query.get("span", "recent")
        found = self._scene.board.history(book, span)
        if found is None:
            return _refused(404, "there is no such book or span")
        return web.Response(body=msgspec.json.encode(found), content_type="application/json", headers=HEADERS)

    async def _why(self, request: web.Request) -> web.Response:
        """The words of `hedgebot why`, made in a thread: the loop has ticks to answer.

        With `or=record`, what was recorded of a decision that could not be taken apart while it was the newest.
        """
        book, seq = request.query.get("book", ""), request.query.get("seq", "")
        if not (seq.isascii() and seq.isdecimal() and len(seq) <= _SEQ_DIGITS_MAX):
            return _refused(400, "seq has to be the number of a decision")
        board = self._scene.board
        run_id = request.query.get("run", board.run_id)
        told = board.explained(book, int(seq)) if run_id == board.run_id else None
        if told is not None:
            words = partial(explain.as_text, told)
        elif request.query.get("or") == "record" and (record := board.recorded(book, run_id, int(seq))) is not None:
            words = partial(explain.record_as_text, of_record(record, run_id=run_id, mode=board.mode))
        else:
            return _refused(404, f"not kept here; the tape has it: hedgebot why {run_id[:40]} {seq}")
        async with self._words:
            text = await asyncio.to_thread(words)
        return web.Response(text=text, headers=HEADERS)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events, the newest of each topic as it changes."""
        if self._viewers_count >= VIEWERS_MAX:
            return _refused(503, f"{VIEWERS_MAX} pages are open already; close one")
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        self._viewers_count += 1
        try:
            await response.prepare(request)
            _hold_little(request.transport)
            await self._feed(response)
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # what is still in its buffer is for nobody
        finally:
            self._viewers_count -= 1
        return response

    async def _feed(self, response: web.StreamResponse) -> None:
        sent: dict[str, int] = {}
        clock_s = asyncio.get_running_loop().time
        while not self._is_over:
            self._frames.refresh(clock_s)
            news = [frame for frame in self._frames if sent.get(frame.topic) != frame.changes_count]
            if news:
                sent |= {frame.topic: frame.changes_count for frame in news}
                async with asyncio.timeout(self._write_s_max):
                    await response.write(b"".join(map(_event, news)))
            await asyncio.sleep(self._refresh_s)


def _hold_little(transport: asyncio.Transport | None) -> None:
    """A tab that sleeps for a day must wake up to the present, not to what was kept for it."""
    if transport is not None:
        transport.set_write_buffer_limits(_UNREAD_BYTES_MAX)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES_MAX)


def _event(frame: Frame) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (frame.topic.encode(), frame.body)


def _refused(code: int, reason: str) -> web.Response:
    return web.Response(text=f"{reason}\n", status=code, headers=HEADERS)
