"""A picture as PNG, for where no SVG is shown: a chat, a mail, a slide.

Knows the library of the extra `research` that draws one, and when it cannot: not installed, or no font to write with.
Takes tens of milliseconds of a core: not for the loop of a daemon.
"""

from functools import cache
from types import ModuleType
from typing import Final

from bot.domain.errors import ConfigError

_ZOOM: Final = 2.0
"""Twice the pixels: letters of 12 stay readable on a phone's screen."""
_FAMILY: Final = "DejaVu Sans"
_PROBE: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="15">{}</text></svg>'


def as_png(svg: str) -> bytes:
    """The picture; ConfigError, with the next step, where it cannot be drawn."""
    library = _library()
    if not _has_letters():
        raise ConfigError("PNG needs a font, and there is none here: apt-get install fonts-dejavu-core")
    return _drawn(library, svg)


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
