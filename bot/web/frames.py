"""What the dashboard shows now, as bytes made once for all who look: status, desk, lists. Knows no viewer.

Each topic has a number that grows when it changes. Whoever lags behind is given the newest of each, never a backlog.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

import msgspec
from msgspec import Struct, structs

from bot import __version__
from bot.domain.events import LadderMeasured, SurfaceFitted
from bot.domain.status import BookStatus
from bot.domain.time import Ns
from bot.observe.board import Board, Told
from bot.observe.explained import Explained
from bot.observe.tail import Tail

REFRESH_S: Final = 0.25
"""Four looks a second: more than a human reads."""
_BEAT_S: Final = 1.0
"""Told at least so often, so that a page knows that it is not cut off."""
_DESK_S: Final = 1.0
_DESK_SHARE_MAX: Final = 0.005
"""Of the loop's time at most that goes into taking decisions apart: a book of many legs is looked at less often."""


class Scene(Protocol):
    """What there is to see."""

    board: Board

    def statuses(self) -> tuple[BookStatus, ...]:
        """Frozen pictures of all books."""

    def explained(self, status: BookStatus) -> Explained | None:
        """The decision of a status just taken, taken apart."""


class About(Struct, frozen=True, kw_only=True):
    """Of the run."""

    run_id: str
    mode: str
    version: str
    is_live: bool
    """False: the run has ended, nothing changes any more, and nobody can be asked to pause."""


class Now(Struct, frozen=True, kw_only=True):
    """Topic `now`: as `/status`, without ladder and surface."""

    at_ns: Ns
    run: About
    books: tuple[BookStatus, ...]


class Desk(Struct, frozen=True, kw_only=True):
    """Of topic `desk`, by book: positions, orders, limits, ladder and surface."""

    explained: Explained | None
    ladder: LadderMeasured | None
    surface: SurfaceFitted | None


class Lists(Struct, frozen=True, kw_only=True):
    """Topic `told`."""

    books: dict[str, Told]
    log: tuple[str, ...]


class Frame(NamedTuple):
    """One topic."""

    topic: str
    changes_count: int
    body: bytes


_encode: Final = msgspec.json.Encoder(decimal_format="string").encode


class Frames:
    """The newest of each topic."""

    def __init__(self, scene: Scene, tail: Tail, *, is_live: bool, now_ns: Callable[[], Ns]) -> None:
        """Nothing looked at yet."""
        self._scene = scene
        self._tail = tail
        board = scene.board
        self._about = About(run_id=board.run_id, mode=board.mode, version=__version__, is_live=is_live)
        self._now_ns = now_ns
        self._frames: dict[str, Frame] = {}
        self._due_s = self._beat_s = self._desk_s = float("-inf")
        self._books: tuple[BookStatus, ...] = ()
        self._told_counts = (-1, -1)

    def __iter__(self) -> Iterator[Frame]:
        """All topics."""
        return iter(self._frames.values())

    def refresh(self, clock_s: Callable[[], float]) -> None:
        """Look again, if it is time to; whoever asks first does it for all."""
        began_s = clock_s()
        if began_s < self._due_s:
            return
        self._due_s = began_s + REFRESH_S
        statuses = self._scene.statuses()
        slim = tuple(structs.replace(status, ladder=None, surface=None) for status in statuses)
        if slim != self._books or began_s >= self._beat_s:
            self._books, self._beat_s = slim, began_s + _BEAT_S
            self._put("now", Now(at_ns=self._now_ns(), run=self._about, books=slim))
        if began_s >= self._desk_s:
            self._put("desk", {status.book: self._desk(status) for status in statuses})
            self._desk_s = began_s + max(_DESK_S, (clock_s() - began_s) / _DESK_SHARE_MAX)
        counts = (self._scene.board.told_count, self._tail.told_count)
        if counts != self._told_counts:
            self._told_counts = counts
            self._put("told", Lists(books=self._scene.board.told(), log=self._tail.lines()))

    def _desk(self, status: BookStatus) -> Desk:
        return Desk(explained=self._scene.explained(status), ladder=status.ladder, surface=status.surface)

    def _put(self, topic: str, told: object) -> None:
        before = self._frames.get(topic)
        self._frames[topic] = Frame(topic, 1 if before is None else before.changes_count + 1, _encode(told))
