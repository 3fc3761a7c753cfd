"""One websocket: a bounded outbox, a writer, heartbeats. Knows frames as text and nothing of their meaning.

A reader that is too slow is cut instead of buffered without end (`connection_too_slow`, exchange facts 1.4).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohttp import WSMsgType, web

from bot.localex.rpc import heartbeat

OUTBOX_FRAMES_MAX: Final = 20_000
OUTBOX_BYTES_MAX: Final = 16 * 1024 * 1024
"""A whole chain's get_instruments is about 5 MB."""
FRAME_BYTES_READ_MAX: Final = 1024 * 1024
"""Up to here a frame that is too large gets an error reply; beyond, the socket is closed with 1009."""
CLOSE_TIMEOUT_S: Final = 2.0
HEARTBEAT_CLOSE_CODE: Final = 4000
HEARTBEAT_CLOSE_REASON: Final = "heartbeat close"


class Connection:
    """Sends and receives on one websocket."""

    def __init__(self, websocket: web.WebSocketResponse, abort: Callable[[], None]) -> None:
        """Take a prepared websocket and what cuts it without ceremony."""
        self._websocket = websocket
        self._abort = abort
        self._outbox: deque[str] = deque()
        self._outbox_bytes = 0
        self._is_waiting = asyncio.Event()
        self._is_cut = False
        self._is_ending = False
        self._frames_sent = 0
        self._is_answered = asyncio.Event()
        self._heart: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def send(self, frame: str) -> None:
        """Queue a frame; a connection whose outbox is full is cut."""
        if self._is_cut:
            return
        if len(self._outbox) >= OUTBOX_FRAMES_MAX or self._outbox_bytes + len(frame) > OUTBOX_BYTES_MAX:
            self.cut()
            return
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        self._frames_sent += 1
        self._is_waiting.set()

    def cut(self) -> None:
        """Drop the connection without a close frame."""
        self._is_cut = True
        self._outbox.clear()
        self._outbox_bytes = 0
        self._abort()

    def start_heartbeat(self, interval_s: float) -> None:
        """Send heartbeats and test requests; replaces an earlier rhythm."""
        if self._heart is not None:
            self._heart.cancel()
        self._heart = asyncio.get_running_loop().create_task(self._beat(interval_s))

    def stop_heartbeat(self) -> None:
        """Send none any more."""
        if self._heart is not None:
            self._heart.cancel()

    def hang_up(self) -> None:
        """Close with a frame once everything queued is sent, and what the caller still queues at once."""
        self._is_ending = True
        self._is_waiting.set()

    def note_test(self) -> None:
        """The client answered a test request."""
        self._is_answered.set()

    async def run(self, on_frame: Callable[[str | bytes], None]) -> None:
        """Read until the peer or a fault ends the connection."""
        writer = asyncio.get_running_loop().create_task(self._write())
        try:
            async for message in self._websocket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY) and not self._is_ending:
                    on_frame(message.data)
        finally:
            self._is_cut = True
            for task in (writer, self._heart):
                if task is not None:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
            if self._closing is not None:
                await self._closing

    async def close(self, code: int, reason: str) -> None:
        """Close with a frame; a peer that does not answer is cut after a bounded time."""
        await self._websocket.close(code=code, message=reason.encode())

    async def _write(self) -> None:
        while True:
            await self._is_waiting.wait()
            self._is_waiting.clear()
            while self._outbox:
                frame = self._outbox.popleft()
                self._outbox_bytes -= len(frame)
                try:
                    await self._websocket.send_str(frame)
                except ConnectionResetError:
                    return  # the reading side sees the end and cleans up
            if self._is_ending:
                self._closing = asyncio.get_running_loop().create_task(self.close(1000, ""))
                return

    async def _beat(self, interval_s: float) -> None:
        """Test requests always, heartbeats when the socket was quiet; unanswered closes (exchange facts 1.3).

        The venue waited 10.0 s for an answer at the one interval tried, 10 s: taken to be the interval.
        """
        while True:
            frames_before = self._frames_sent
            await asyncio.sleep(interval_s)
            if self._frames_sent == frames_before:
                self.send(heartbeat("heartbeat"))
            self._is_answered.clear()
            self.send(heartbeat("test_request"))
            try:
                async with asyncio.timeout(interval_s):
                    await self._is_answered.wait()
            except TimeoutError:
                await self.close(HEARTBEAT_CLOSE_CODE, HEARTBEAT_CLOSE_REASON)
                return
