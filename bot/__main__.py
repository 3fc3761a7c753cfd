"""The `hedgebot` command, also as `python -m bot`.

Stands before everything else that is imported: an end may be asked for while that still goes on.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final

_DAEMONS: Final = frozenset({"run", "demo", "exchange"})
"""Commands whose end is asked for by a signal; the others are cut short by one, and say so by dying of it."""


def _vanish(number: int, frame: FrameType | None) -> None:
    """Nothing has been opened: this is an orderly end. An exception in the middle of a C module's import may crash."""
    del number, frame
    os._exit(0)


def _leave(number: int, frame: FrameType | None) -> None:
    """Nothing has been sent: close what is open. The loop takes over later."""
    del number, frame
    raise SystemExit(0)


def main() -> None:
    """Entry point of the `hedgebot` command."""
    is_daemon = sys.argv[1:] and sys.argv[1] in _DAEMONS
    if is_daemon:
        _take_signals(_vanish)
    from bot.app.cli import main as run  # noqa: PLC0415 - takes a second, in which a signal may come

    if is_daemon:
        _take_signals(_leave)
    try:
        run()
    finally:
        if is_daemon:  # it has its exit code: a signal in the last moment must not replace it
            _take_signals(signal.SIG_IGN)


def _take_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


if __name__ == "__main__":
    main()
