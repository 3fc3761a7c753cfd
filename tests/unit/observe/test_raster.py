"""Pictures as PNG."""

import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bot.domain.errors import ConfigError
from bot.observe import raster
from bot.observe.plot import Axis, Drawing
from bot.observe.plot_file import Panel, Words, as_file
from bot.observe.raster import as_png, as_png_beside

_AXIS = Axis(0.0, 1.0, "USD")
_SVG = as_file(Words("A picture"), [Panel(Drawing(_AXIS, _AXIS), height=200)])
_PNG = b"\x89PNG\r\n\x1a\n"


class _Library(ModuleType):
    """Draws letters, or leaves them out as a machine without fonts does."""

    def __init__(self, *, has_fonts: bool) -> None:
        super().__init__("resvg_py")
        self.has_fonts = has_fonts
        self.asked: list[dict[str, object]] = []

    def svg_to_bytes(self, **asked: object) -> list[int]:
        """What was asked, as a list of bytes."""
        self.asked.append(asked)
        text = str(asked["svg_string"])
        return list((text if self.has_fonts else text.replace("A", "")).encode())


@pytest.fixture(autouse=True)
def _forget() -> None:
    raster._has_letters.cache_clear()


def test_a_picture_is_drawn_with_twice_its_pixels() -> None:
    """By the library itself, where it and a font are there."""
    pytest.importorskip("resvg_py", reason="the extra `research` is not installed")
    try:
        drawn = as_png(_SVG)
    except ConfigError as error:
        pytest.skip(str(error))
    width, height = struct.unpack(">II", drawn[16:24])

    assert drawn.startswith(_PNG)
    assert width == 2 * 1_180
    assert height > 2 * 200


def test_a_process_beside_draws_the_same() -> None:
    """No other thread has to wait for it."""
    try:
        drawn = as_png(_SVG)
    except ConfigError as error:
        pytest.skip(str(error))

    assert as_png_beside(_SVG) == drawn


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo PNG needs a font >&2; exit 1", "PNG needs a font"),
        ("kill -9 $$", "exit -9"),
        ("exit 0", "exit 0"),
        ("exec sleep 60", "timed out"),
        (None, "No such file"),
    ],
    ids=["refused", "killed", "nothing", "hangs", "gone"],
)
def test_what_the_process_beside_cannot_draw_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, said: str
) -> None:
    """Refused, killed, silent, hanging or not there: nobody waits for longer than the bound."""
    program = tmp_path / "python"
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(raster, "_BESIDE_S_MAX", 0.5 if "sleep" in (script or "") else 60.0)

    with pytest.raises(ConfigError, match=said) as caught:
        as_png_beside(_SVG)
    assert "\n" not in str(caught.value)


def test_the_picture_and_a_font_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for the letters, then only for pictures; bytes come back."""
    library = _Library(has_fonts=True)
    monkeypatch.setitem(sys.modules, "resvg_py", library)

    assert [as_png("<svg>A</svg>") for _ in range(2)] == [b"<svg>A</svg>"] * 2
    assert [asked["svg_string"] for asked in library.asked[2:]] == ["<svg>A</svg>"] * 2
    assert {asked["zoom"] for asked in library.asked} == {2.0}


def test_without_a_font_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Axes without numbers would say nothing, and nobody would be told."""
    monkeypatch.setitem(sys.modules, "resvg_py", _Library(has_fonts=False))

    with pytest.raises(ConfigError, match="fonts-dejavu-core"):
        as_png(_SVG)


def test_without_the_extra_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As wherever an extra is wanted."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)

    with pytest.raises(ConfigError, match=r"hedgebot\[research\]"):
        as_png(_SVG)
