"""Structured logs: one line per event, JSON for machines, sentences for a terminal.

Knows structlog, the catalogue and what must never be printed; not what happened or why. Times are given as
nanoseconds by the caller's clock and turned into text only on a terminal.
"""

import functools
import re
import sys
from collections.abc import Callable, MutableMapping
from decimal import Decimal
from typing import Final, TextIO

import msgspec
import structlog

from bot.domain.ids import DERIBIT, InstrumentId, venue_of
from bot.domain.time import Ns
from bot.observe import console
from bot.observe.catalogue import ALWAYS, CATALOGUE, Level

__all__ = ["REDACTED", "Level", "Log", "open_log", "redact"]

REDACTED: Final = "[redacted]"

_SECRET_KEY: Final = re.compile(
    r"secret|token|passw|authori[sz]ation|signature|api_?key|private_?key|credential", re.IGNORECASE
)
_SECRET_TEXT: Final = re.compile(
    r"""(?ix) (["']? [\w-]* (?:secret|token|passw\w*|authori[sz]ation|signature|api_?key) ["']? \s* [:=] \s*)
    (?: "[^"]*"? | '[^']*'? | (?:bearer\s+|basic\s+)? [^\s,&"'}]+ )"""
)
"""`"access_token":"..."`, `client_secret=...`, `Authorization: bearer ...` inside free text."""
_SHORT: Final = 12
"""No name of a secret with its value fits into fewer characters."""
_DEPTH_MAX: Final = 4
_PLAIN: Final = frozenset({int, float, bool, type(None), Decimal})
"""Types that can hold no secret."""

_Fields = MutableMapping[str, object]


class Log:
    """The one door to the log. Lines that cannot be written are counted, never raised: trading goes on."""

    def __init__(self, logger: structlog.typing.FilteringBoundLogger, *, level: Level) -> None:
        """Use `open_log`."""
        self._logger = logger
        self._level = level
        self.lines_lost_count = 0

    def tell(self, event: str, **fields: object) -> None:
        """Write one event of the catalogue at the level it has there; AssertionError for words it does not know."""
        entry = CATALOGUE.get(event)
        assert entry is not None, f"log event {event!r} is not in the catalogue"
        unknown = fields.keys() - ALWAYS - set(entry.fields)
        assert not unknown, f"log event {event!r} has no fields {sorted(unknown)}"
        name = fields.get("instrument")
        if isinstance(name, str) and (venue := venue_of(InstrumentId(name))) != DERIBIT:
            fields.setdefault("venue", venue)
        if entry.level < self._level:
            return
        try:
            self._logger.log(entry.level, event, **fields)
        except OSError:
            self.lines_lost_count += 1

    def is_told(self, event: str) -> bool:
        """Whether lines of this event are written at the configured level."""
        return CATALOGUE[event].level >= self._level

    def bind(self, **fields: object) -> "Log":
        """The same log with fields on every line."""
        unknown = fields.keys() - ALWAYS
        assert not unknown, f"{sorted(unknown)} cannot be on every line"
        return Log(self._logger.bind(**fields), level=self._level)


def open_log(
    *,
    now_ns: Callable[[], Ns],
    level: Level = Level.INFO,
    style: str = "auto",
    stream: TextIO | None = None,
    tail: structlog.typing.Processor | None = None,
) -> Log:
    """A log on `stream` (standard output): `json`, `console`, or `auto` = console on a terminal.

    `tail` is shown each line as it is printed, redacted. Nothing global is configured; two logs do not know each other.
    """
    assert style in {"auto", "json", "console"}, f"log style {style!r}"
    target = sys.stdout if stream is None else stream
    is_terminal = target.isatty()
    is_console = style == "console" or (style == "auto" and is_terminal)
    renders = console.Renderer(in_colour=is_terminal) if is_console else _render_json
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(target),
        processors=[_stamp(now_ns), redact, *([] if tail is None else [tail]), renders],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return Log(logger.bind(), level=level)


def _stamp(now_ns: Callable[[], Ns]) -> structlog.typing.Processor:
    def stamp(logger: object, level: str, fields: _Fields) -> _Fields:
        del logger
        return {"ts_ns": now_ns(), "level": level, **fields}

    return stamp


def redact(logger: object, level: str, fields: _Fields) -> _Fields:
    """Second line of defence: values under secret-sounding keys, and secrets inside text, are never printed."""
    del logger, level
    return {key: _redacted(key, value, _DEPTH_MAX) for key, value in fields.items()}


@functools.lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _redacted(key: str, value: object, depth: int) -> object:
    if _is_secret(key):
        return REDACTED
    if value.__class__ in _PLAIN:
        return value
    if isinstance(value, str):
        # The quick look first: almost no text holds such a word, and the careful one costs ten times as much.
        if len(value) <= _SHORT or _SECRET_KEY.search(value) is None:
            return value
        return _SECRET_TEXT.sub(lambda found: f"{found[1]}{REDACTED}", value)
    if isinstance(value, dict):
        return {str(k): _redacted(str(k), v, depth - 1) for k, v in value.items()} if depth else REDACTED
    if isinstance(value, list | tuple):
        return [_redacted("", item, depth - 1) for item in value] if depth else REDACTED
    return value


def _render_json(logger: object, level: str, fields: _Fields) -> str:
    del logger, level
    return msgspec.json.encode(fields, enc_hook=str).decode()
