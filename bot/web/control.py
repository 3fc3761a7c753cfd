"""What an operator may ask of the running bot over HTTP: stop, and resume. Behind a token, on loopback only.

Checks who asks and that a reason is given; turns it into one event for the engines and tells what came of it.
Decides nothing.
"""

import asyncio
import hmac
import ipaddress
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from bot.domain.events import Event, OperatorActed
from bot.domain.status import BookStatus
from bot.domain.stops import Act, Latch
from bot.domain.time import NS_PER_S, Ns
from bot.risk.latches import told, words
from bot.web import control_file
from bot.web.control_file import Access

BODY_BYTES_MAX: Final = 1024
"""A name, a book and a reason."""
_BODY_S_MAX: Final = 5.0
_ACTS_MAX: Final = 30
"""With a right token in any minute: more is a loop gone wrong."""
_MINUTE_NS: Final = 60 * NS_PER_S
_WRONG_MAX: Final = 10
"""Wrong tokens in any minute that are told so; the right one is always heard."""
_OWN_SITES: Final = frozenset({"same-origin", "none"})
"""What a browser says of a request by the page itself, or by its user."""
Text = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"\S")]
"""Of a human: not empty, not endless."""

Sink = Callable[[Sequence[Event]], None]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /control/ACT`."""

    reason: Text
    by: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\S")] = "operator"
    book: Annotated[str, Meta(max_length=16)] | None = None
    """None: every book of the process."""


class BookAnswer(Struct, frozen=True, kw_only=True):
    """One book after an act."""

    book: str
    phase: str
    stops: tuple[str, ...]
    """Those that are on, in words."""
    lifted: tuple[str, ...] = ()
    latched: tuple[str, ...] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """Answer of `POST /control/ACT`, also of a refusal."""

    ok: bool
    reason: str
    """Why not; empty when it was done."""
    books: tuple[BookAnswer, ...] = ()


class Control:
    """The token of one run, and what may be done with it."""

    def __init__(self, file: Path, *, now_ns: Callable[[], Ns], token: str | None = None) -> None:
        """Nothing is answered until `follow`; the file is written by `listening`. `token` None: a new one."""
        self._file = file
        self._token = token or control_file.new_token()
        self._now_ns = now_ns
        self._statuses: Callable[[], tuple[BookStatus, ...]] = tuple
        self._sink: Sink | None = None
        self._acts_ns: deque[Ns] = deque()
        self._wrong_ns: deque[Ns] = deque()

    @property
    def file(self) -> Path:
        """Where the token is."""
        return self._file

    def follow(self, statuses: Callable[[], tuple[BookStatus, ...]], sink: Sink) -> None:
        """Act on these books from now on."""
        self._statuses, self._sink = statuses, sink

    def listening(self, host: str, port: int) -> None:
        """Tell the command line where; ConfigError when the file cannot be written."""
        control_file.write(self._file, Access(host=host, port=port, token=self._token))

    def gone(self) -> None:
        """Nobody answers any more."""
        control_file.remove(self._file, self._token)

    async def post(self, request: web.Request) -> web.Response:
        """`POST /control/ACT`."""
        body = await self.body_of(request)
        if isinstance(body, web.Response):
            return body
        try:
            act = Act(request.match_info["act"].replace("-", "_"))
        except ValueError:
            return _answer(404, f"no such act; there are {', '.join(Act)}")
        try:
            asked = msgspec.json.decode(body, type=Asked)
        except msgspec.DecodeError as error:
            return _answer(400, f"a reason is needed: {error}")
        return self._done(act, asked)

    def _done(self, act: Act, asked: Asked) -> web.Response:
        sink, before = self._sink, self._statuses()
        if sink is None or not before:
            return _answer(503, "starting: no book yet")
        book = None if asked.book is None else asked.book.upper()
        if book is not None and book not in {status.book for status in before}:
            return _answer(404, f"no book {book}; there are {', '.join(status.book for status in before)}")
        sink((OperatorActed(act=act, by=asked.by, reason=asked.reason, received_ns=self._now_ns(), book=book),))
        held = {status.book: status.stops for status in before}
        after = self._statuses()
        books = tuple(_told(status, held[status.book]) for status in after if book in {None, status.book})
        stay = [line for told in books for line in told.stops]
        if act is Act.RESUME and stay:
            return _answer(409, f"still stopped: {'; '.join(stay)}", books)
        return _answer(200, "", books)

    async def body_of(self, request: web.Request) -> bytes | web.Response:
        """What was sent by somebody who may act; else the answer that refuses it."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            async with asyncio.timeout(_BODY_S_MAX):
                return await request.read()
        except TimeoutError:
            return _answer(408, "the request did not come to its end")

    def stranger(self, request: web.Request) -> web.Response | None:
        """The refusal of whoever does not have the token; None of whoever does."""
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        now_ns = self._now_ns()
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            if not _has_room(self._wrong_ns, _WRONG_MAX, now_ns):
                return _answer(429, f"{_WRONG_MAX} wrong tokens in the last minute; wait")
            return _answer(401, "the token is missing or wrong", headers={"WWW-Authenticate": "Bearer"})
        return None

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why this request is not looked at, whatever it asks; None: it may be."""
        refusal = self.stranger(request)
        if refusal is not None:
            return refusal
        if request.content_type != "application/json":
            return _answer(415, "the body has to be application/json")
        if request.content_length is not None and request.content_length > BODY_BYTES_MAX:
            return _answer(413, f"the body is over {BODY_BYTES_MAX} bytes")
        if not _has_room(self._acts_ns, _ACTS_MAX, self._now_ns()):
            return _answer(429, f"{_ACTS_MAX} acts in the last minute; wait")
        return None


@web.middleware
async def same_site(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Only who means this machine is answered: no page of another site, no name that was bent to loopback."""
    host = request.headers.get("Host", "")
    if not is_loopback(_name_of(host)):
        return _answer(403, "this is not the host that was asked for")
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != host:
        return _answer(403, "asked by a page of another site")
    # A script or a picture of another page has no Origin. A link that is followed may lead here: nobody reads over it.
    is_followed = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.method == "GET"
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES and not is_followed:
        return _answer(403, "asked by a page of another site")
    return await handler(request)


def _has_room(times_ns: deque[Ns], count_max: int, now_ns: Ns) -> bool:
    """Whether one more fits into the last minute; it is counted then."""
    while times_ns and now_ns - times_ns[0] > _MINUTE_NS:
        times_ns.popleft()
    if len(times_ns) >= count_max:
        return False
    times_ns.append(now_ns)
    return True


def _name_of(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether a name or an address can mean this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _told(status: BookStatus, before: tuple[Latch, ...]) -> BookAnswer:
    return BookAnswer(
        book=status.book,
        phase=status.phase.value,
        stops=tuple(map(words, status.stops)),
        lifted=tuple(told(latch) for latch in before if latch not in status.stops),
        latched=tuple(words(latch) for latch in status.stops if latch not in before),
    )


def _answer(
    code: int, reason: str, books: tuple[BookAnswer, ...] = (), headers: dict[str, str] | None = None
) -> web.Response:
    body = msgspec.json.encode(Answer(ok=code == 200, reason=reason, books=books))
    return web.Response(body=body, status=code, content_type="application/json", headers=headers)
