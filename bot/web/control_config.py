"""What the running bot was configured with, and the way to another configuration: over the loopback API, by token.

Shows the difference first and takes over only what was shown; whether a key may change at all, and how it is taken
over, is `app`'s word. No secret is told.
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, Protocol

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from bot.domain.errors import ConfigError, JournalError
from bot.web.control import Control, Text

_WAIT_S_MAX: Final = 5.0
_LOOK_EVERY_S: Final = 0.1


class Difference(Struct, frozen=True, kw_only=True):
    """One key that is not the same, as JSON; None: it is not set."""

    key: str
    before: str | None
    after: str | None
    may_change: bool
    """While a bot runs."""


class Running(Struct, frozen=True, kw_only=True):
    """Answer of `GET /control/config`."""

    run_id: str
    config_hash: str
    file: str
    """As the bot names it."""
    settings: dict[str, str]
    """By the path of the key, as JSON; defaults included, secrets not."""


class Offer(Struct, frozen=True, kw_only=True):
    """What the file says now, against what runs."""

    fingerprint: str
    """Of all of it, secrets included; says nothing about them."""
    config_hash: str
    differences: tuple[Difference, ...]


class AskedReload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /control/reload`."""

    reason: Text | None = None
    """None: only show what would change."""
    by: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\S")] = "operator"
    fingerprint: Annotated[str, Meta(max_length=64)] | None = None
    """Of the offer that is to be taken, as it was shown."""


class Reloaded(Struct, frozen=True, kw_only=True):
    """Answer of `POST /control/reload`, also of a refusal."""

    ok: bool
    reason: str
    """Why not; empty when it is shown, or taken."""
    is_taken: bool = False
    offer: Offer | None = None


class Configuring(Protocol):
    """Who knows the configuration of the run."""

    def running(self) -> Running:
        """What runs."""

    def offered(self) -> Offer:
        """Read the file again, in a thread; ConfigError where it would not do."""

    def unrest(self) -> str:
        """What has to come to its end first; empty when nothing has."""

    def take(self, fingerprint: str, *, by: str, reason: str) -> None:
        """Write it down and begin; ConfigError where it may not be, JournalError when it cannot be written."""


class ConfigPages:
    """Two addresses."""

    def __init__(self, control: Control, configuring: Configuring) -> None:
        """Behind the token of `control`."""
        self._control = control
        self._configuring = configuring
        self._is_busy = False

    def add_to(self, app: web.Application) -> None:
        """The routes; before those of acts."""
        app.router.add_get("/control/config", self._get)
        app.router.add_post("/control/reload", self._post)

    async def _get(self, request: web.Request) -> web.Response:
        refusal = self._control.stranger(request)
        if refusal is not None:
            return refusal
        return web.Response(body=msgspec.json.encode(self._configuring.running()), content_type="application/json")

    async def _post(self, request: web.Request) -> web.Response:
        body = await self._control.body_of(request)
        if isinstance(body, web.Response):
            return body
        try:
            asked = msgspec.json.decode(body, type=AskedReload)
        except msgspec.DecodeError as error:
            return _answer(400, f"not understood: {error}")
        if (asked.reason is None) != (asked.fingerprint is None):
            return _answer(400, "a reason and the fingerprint of what was shown belong together")
        if self._is_busy:
            return _answer(409, "another reload is under way")
        self._is_busy = True
        try:
            return await self._reloaded(asked)
        finally:
            self._is_busy = False

    async def _reloaded(self, asked: AskedReload) -> web.Response:
        configuring = self._configuring
        try:
            offer = await asyncio.to_thread(configuring.offered)
        except ConfigError as error:
            return _answer(422, f"the file would not do: {error}")
        refused = _refused(asked, offer)
        if refused or asked.reason is None:
            return _answer(409 if refused else 200, refused, offer)
        unrest = await _quiet(configuring.unrest)
        if unrest:
            return _answer(409, f"{unrest}; try again", offer)
        try:
            configuring.take(offer.fingerprint, by=asked.by, reason=asked.reason)
        except ConfigError as error:
            return _answer(409, str(error), offer)
        except JournalError as error:
            return _answer(503, f"it cannot be written down: {error}", offer)
        return _answer(200, "", offer, is_taken=True)


def _refused(asked: AskedReload, offer: Offer) -> str:
    """Why this offer cannot be taken; empty where nothing speaks against it, or it is only shown."""
    if not offer.differences:
        return "the file says what runs already"
    if asked.reason is None:
        return ""
    if asked.fingerprint != offer.fingerprint:
        return "the file was changed since it was shown; look again"
    barred = ", ".join(difference.key for difference in offer.differences if not difference.may_change)
    return f"{barred}: may not change while the bot runs; stop it, then start it" if barred else ""


async def _quiet(unrest: Callable[[], str]) -> str:
    """What is still under way after a bounded wait; empty when nothing is."""
    for _ in range(round(_WAIT_S_MAX / _LOOK_EVERY_S)):
        if not unrest():
            return ""
        await asyncio.sleep(_LOOK_EVERY_S)
    return unrest()


def _answer(code: int, reason: str, offer: Offer | None = None, *, is_taken: bool = False) -> web.Response:
    told = Reloaded(ok=code == 200, reason=reason, is_taken=is_taken, offer=offer)
    return web.Response(body=msgspec.json.encode(told), status=code, content_type="application/json")
