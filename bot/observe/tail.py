"""The newest lines of the log, kept for a page. A processor of `open_log`: sees what was redacted already."""

from collections import deque
from collections.abc import MutableMapping
from typing import Final

from bot.observe.console import Renderer

_LINES_MAX: Final = 80


class Tail:
    """Bounded; lines become text when somebody looks, not when they are told."""

    def __init__(self) -> None:
        """Nothing told."""
        self._told: deque[MutableMapping[str, object]] = deque(maxlen=_LINES_MAX)
        self._lines: deque[str] = deque(maxlen=_LINES_MAX)
        self._renders = Renderer(in_colour=False)
        self.told_count = 0
        """Of all lines so far: says whether there is a new one."""

    def __call__(self, logger: object, level: str, fields: MutableMapping[str, object]) -> MutableMapping[str, object]:
        """Keep one line and hand it on."""
        del logger, level
        self._told.append(fields)
        self.told_count += 1
        return fields

    def lines(self) -> tuple[str, ...]:
        """As on a terminal, oldest first."""
        while self._told:
            fields = self._told.popleft()
            self._lines.append(self._renders(None, str(fields.get("level", "")), fields))
        return tuple(self._lines)
