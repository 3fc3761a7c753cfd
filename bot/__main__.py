"""The `hedgebot` command, also as `python -m bot`.

Stands before everything else that is imported: an end may be asked for while that still goes on.
"""

import signal
import sys
from types import FrameType
from typing import Final

_DAEMONS: Final = frozenset({"run", "demo", "exchange"})
"""Commands whose end is asked for by a signal; the others are cut short by one, and say so by dying of it."""


def _leave(number: int, frame: FrameType | None) -> None:
    """Nothing has been sent and nothing is held yet: the end asked for is an orderly one. The loop takes over later."""
    del number, frame
    raise SystemExit(0)


def main() -> None:
    """Entry point of the `hedgebot` command."""
    if sys.argv[1:] and sys.argv[1] in _DAEMONS:
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, _leave)
    from bot.app.cli import main as run  # noqa: PLC0415 - takes a second, in which a signal may come

    run()


if __name__ == "__main__":
    main()
