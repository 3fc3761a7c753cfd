"""A picture as PNG, for where no SVG is shown: a chat, a mail, a slide.

Knows the library that draws one (extras `alerts` and `research`), and when it cannot: not installed, or no font to
write with. It takes a quarter of a second and lets no other thread run meanwhile: in a daemon a process beside draws.
"""

import subprocess
import sys
from functools import cache
from types import ModuleType
from typing import Final

from bot.domain.errors import ConfigError

_ZOOM: Final = 2.0
"""Twice the pixels: letters of 12 stay readable on a phone's screen."""
_FAMILY: Final = "DejaVu Sans"
_BESIDE_S_MAX: Final = 20.0
"""For a start of Python and a picture, on a machine with other things to do."""
_PROBE: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="15">{}</text></svg>'


def as_png(svg: str) -> bytes:
    """The picture; ConfigError, with the next step, where it cannot be drawn."""
    library = _library()
    if not _has_letters():
        raise ConfigError("PNG needs a font, and there is none here: apt-get install fonts-dejavu-core")
    return _drawn(library, svg)


def as_png_beside(svg: str) -> bytes:
    """The same by a process of its own: only the caller's thread waits. ConfigError where it cannot be drawn."""
    words = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(words, input=svg.encode(), capture_output=True, timeout=_BESIDE_S_MAX, check=False)  # noqa: S603 - ourselves
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"PNG could not be drawn: {error}") from None
    if done.returncode != 0 or not done.stdout:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ConfigError(last or f"PNG could not be drawn: exit {done.returncode}")
    return done.stdout


def _library() -> ModuleType:
    try:
        import resvg_py  # noqa: PLC0415 - of an extra: who wants no PNG needs none
    except ImportError:
        raise ConfigError("PNG needs the extra `research`: pip install 'hedgebot[research]'") from None
    return resvg_py


@cache
def _has_letters() -> bool:
    """Whether a letter leaves a trace: without any font text is left out, and nothing says so."""
    library = _library()
    return _drawn(library, _PROBE.format("A")) != _drawn(library, _PROBE.format(""))


def _drawn(library: ModuleType, svg: str) -> bytes:
    return bytes(library.svg_to_bytes(svg_string=svg, zoom=_ZOOM, font_family=_FAMILY, sans_serif_family=_FAMILY))


def _main() -> None:
    try:
        sys.stdout.buffer.write(as_png(sys.stdin.buffer.read().decode()))
    except ConfigError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _main()
