"""Health, readiness, status and metrics over HTTP, and the way to `control`; on this machine only.

Knows the frozen status of the books and the clock; changes nothing itself, and serves nobody beyond loopback.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from bot.domain.errors import ConfigError
from bot.domain.reasons import Phase
from bot.domain.status import BookStatus
from bot.domain.time import NS_PER_S, Ns
from bot.observe.metrics import CONTENT_TYPE, Metrics
from bot.web.control import BODY_BYTES_MAX, Control, Sink, is_loopback, same_site
from bot.web.control_config import ConfigPages
from bot.web.dashboard import Dashboard
from bot.web.door import listening
from bot.web.refusals import NO_ROOM, Refusals, Tell

TICK_AGE_NS_MAX: Final = Ns(15 * NS_PER_S)
"""No decision for longer means that the process does not get on; the longest tick interval is 5 s."""

_STOP_S_MAX: Final = 1.0


class Health(Struct, frozen=True, kw_only=True):
    """Answer of `/healthz` and `/readyz`."""

    ok: bool
    reason: str
    """Empty when all is well."""


class HealthServer:
    """One listening socket on loopback. Call `follow` when there is something to tell of."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        metrics: Metrics,
        now_ns: Callable[[], Ns],
        control: Control | None = None,
        config: ConfigPages | None = None,
        dashboard: Dashboard | None = None,
    ) -> None:
        """Nothing listens until `start`; port 0 takes any free one. ConfigError unless `host` is loopback.

        Without `control` nobody can be asked to act, without `config` to reload; without `dashboard` there is no page.
        """
        if not is_loopback(host):
            raise ConfigError(f"health.host: {host} is not loopback; use 127.0.0.1 or ::1")
        self.host = host
        self._port = port
        self._metrics = metrics
        self._now_ns = now_ns
        self._control = control
        self._config = config
        self._dashboard = dashboard
        self._refusals = Refusals(now_ns)
        self._statuses: Callable[[], tuple[BookStatus, ...]] = tuple
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    def tell_refusals(self, tell: Tell) -> None:
        """Tell of whoever is turned away from now on."""
        self._refusals.tell = tell

    def follow(self, statuses: Callable[[], tuple[BookStatus, ...]], sink: Sink | None = None) -> None:
        """Tell of these books from now on; what an operator asks for goes into `sink`, without one nowhere."""
        self._statuses = statuses
        self._metrics.follow(statuses)
        if self._control is not None and sink is not None:
            self._control.follow(statuses, sink)

    async def start(self) -> int:
        """Listen; the port that was taken. ConfigError when it is in use."""
        assert self._runner is None, "already listening"
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=_STOP_S_MAX)
        await runner.setup()
        try:
            turned_away = partial(self._refusals.count, NO_ROOM)
            server = await listening(runner, self.host, self._port, turned_away)
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(
                f"health.port: cannot listen on {self.host}:{self._port} ({error.strerror}); "
                f"take another, 0 for any, or health.enabled = false"
            ) from error
        self._runner, self._server = runner, server
        port = int(server.sockets[0].getsockname()[1])
        if self._control is not None:
            try:
                self._control.listening(self.host, port)
            except ConfigError:
                await self.stop()
                raise
        return port

    async def stop(self) -> None:
        """Close the socket; harmless when nothing listens."""
        runner, self._runner = self._runner, None
        server, self._server = self._server, None
        if runner is not None and server is not None:
            if self._control is not None:
                self._control.gone()
            server.close()
            await runner.cleanup()

    def app(self) -> web.Application:
        """The pages."""
        app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[self._refusals.watch, same_site])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/status", self._status)
        app.router.add_get("/metrics", self._metrics_page)
        if self._config is not None:
            self._config.add_to(app)
        if self._control is not None:
            app.router.add_post("/control/{act}", self._control.post)
        if self._dashboard is not None:
            self._dashboard.add_to(app)
        return app

    def health(self) -> Health:
        """Whether every book still decides."""
        statuses = self._statuses()
        if not statuses:
            return Health(ok=False, reason="starting: no book yet")
        now_ns = self._now_ns()
        for status in statuses:
            if status.decided is None:
                return Health(ok=False, reason=f"{status.book}: no decision yet")
            age_ns = now_ns - status.now_ns
            if age_ns > TICK_AGE_NS_MAX:
                return Health(ok=False, reason=f"{status.book}: no decision for {age_ns / NS_PER_S:.1f} s")
        return Health(ok=True, reason="")

    def readiness(self) -> Health:
        """Whether every book agrees with the venue and may trade."""
        health = self.health()
        if not health.ok:
            return health
        for status in self._statuses():
            if status.phase is not Phase.RUNNING or not status.is_reconciled:
                return Health(ok=False, reason=f"{status.book}: {status.phase.value}: {status.phase_cause}")
        return health

    async def _healthz(self, request: web.Request) -> web.Response:
        del request
        return _answer(self.health())

    async def _readyz(self, request: web.Request) -> web.Response:
        del request
        return _answer(self.readiness())

    async def _status(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=msgspec.json.encode(self._statuses()), content_type="application/json")

    async def _metrics_page(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _answer(health: Health) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(health), status=200 if health.ok else 503, content_type="application/json"
    )
