"""Who is turned away by the pages is told: each cause at once, then once a minute with how many there were.

Knows the causes by the answer; never what was asked, which is the asker's own text.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from msgspec import Struct

from bot.domain.time import NS_PER_S, Ns

_EVERY_NS: Final = 60 * NS_PER_S
_CAUSES: Final = {
    HTTPStatus.UNAUTHORIZED: "the token is missing or wrong",
    HTTPStatus.FORBIDDEN: "another host was meant, or the page of another site asked",
    HTTPStatus.REQUEST_TIMEOUT: "the request did not come to its end",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.TOO_MANY_REQUESTS: "too many acts, or wrong tokens, in a minute",
}
NO_ROOM: Final = "too many connections"

Tell = Callable[[str, int], None]
"""A cause, and how often since it was told last."""


class _Count(Struct):
    told_ns: Ns
    since: int = 0


class Refusals:
    """Counts and tells; a flood of them costs one line a minute and cause."""

    def __init__(self, now_ns: Callable[[], Ns]) -> None:
        """Nobody listens yet."""
        self.tell: Tell | None = None
        self._now_ns: Final = now_ns
        self._counts: Final[dict[str, _Count]] = {}

    def count(self, cause: str) -> None:
        """One more; causes are of a fixed few."""
        if self.tell is None:
            return
        now_ns, count = self._now_ns(), self._counts.get(cause)
        if count is None:
            count = self._counts[cause] = _Count(told_ns=Ns(now_ns - _EVERY_NS))
        count.since += 1
        if now_ns - count.told_ns >= _EVERY_NS:
            count.told_ns, repeats, count.since = now_ns, count.since, 0
            self.tell(cause, repeats)

    @web.middleware
    async def watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """The outermost middleware: sees every answer."""
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            self._see(refusal.status)
            raise
        self._see(response.status)
        return response

    def _see(self, status: int) -> None:
        cause = _CAUSES.get(HTTPStatus(status))
        if cause is not None:
            self.count(cause)
