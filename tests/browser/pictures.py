"""The pictures of the README, made by the project itself: `make pictures` (needs a Chromium).

- `docs/images/terminal.svg`: a demo as it ran on a terminal, told again by the SVG alone;
- `docs/images/dashboard.png`: the dashboard's page of a simulated run, as a browser shows it.
"""

import asyncio
import contextlib
import importlib.util
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

_ROOT = Path(__file__).resolve().parents[2]
_IMAGES = _ROOT / "docs" / "images"

_DEMO_S = 40
_PROMPT = f'$ make demo ARGS="--seconds {_DEMO_S}"'
_COLUMNS, _ROWS = 124, 30
_CHARACTER_PX, _ROW_PX, _FONT_PX, _EDGE_PX, _BAR_PX = 7.22, 17, 12, 14, 30
"""A monospaced character is 0.6 of its font's height in nearly every font."""
_LINE_ROWS_MAX = 2
"""What a line has beyond that is left out."""
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_GAP_S_MAX, _END_S = 1.5, 6.0
"""Nobody waits longer for the next line; so long the last screen stands."""
_ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
_COLOURS = {"2": "#7d8590", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341"}
"""Of the log's own escapes."""

_RUN = ("--seed", "3", "--hours", "6", "--step-ms", "5000", "--start", "09:00")
_LOOK = {"width": 1280, "height": 864, "is_dark": False}
_SHOWN = "document.querySelectorAll('#positions td').length > 0 && document.querySelectorAll('svg').length > 0"
_BYTES_MAX = 300_000


class Row(NamedTuple):
    """A row of a terminal."""

    at_s: float
    """When it came."""
    colour: str
    """Empty: the terminal's own."""
    text: str


def rows_of(told: Sequence[tuple[float, str]], columns: int) -> list[Row]:
    """Lines with the moments they came, as a terminal of that width breaks them."""
    rows = []
    for at_s, line in told:
        codes = [code for code in _ESCAPE.findall(line) if code in _COLOURS]
        text = _ESCAPE.sub("", line)
        if len(text) > _LINE_ROWS_MAX * columns:
            text = f"{text[: _LINE_ROWS_MAX * columns - 2]} …"
        starts = range(0, max(len(text), 1), columns)
        rows += [Row(at_s, _COLOURS[codes[0]] if codes else "", text[start : start + columns]) for start in starts]
    return rows


def hurried(rows: Sequence[Row]) -> list[Row]:
    """The same rows, with no gap longer than a reader waits."""
    found, at_s, before_s = [], 0.0, 0.0
    for row in rows:
        at_s += min(row.at_s - before_s, _GAP_S_MAX)
        before_s = row.at_s
        found.append(row._replace(at_s=at_s))
    return found


def animation(rows: Sequence[Row], title: str) -> str:
    """An SVG that shows the rows one after the other and begins again; the last screen where nothing may move."""
    whole_s = rows[-1].at_s + _END_S
    count_at = {row.at_s: number for number, row in enumerate(rows, 1)}
    width, height = _COLUMNS * _CHARACTER_PX + 2 * _EDGE_PX, _ROWS * _ROW_PX + 2 * _EDGE_PX + _BAR_PX
    scrolls, covers = (
        "".join(
            f"{100 * at_s / whole_s:.2f}%{{transform:translateY({px(count)}px)}}" for at_s, count in count_at.items()
        )
        for px in (lambda count: -max(0, count - _ROWS) * _ROW_PX, lambda count: count * _ROW_PX)
    )
    last = len(rows)
    texts = "".join(
        f'<text y="{number * _ROW_PX + _FONT_PX}"{f" fill={chr(34)}{row.colour}{chr(34)}" if row.colour else ""}'
        f' xml:space="preserve">{escape(row.text)}</text>\n'
        for number, row in enumerate(rows)
    )
    dots = "".join(f'<circle cx="{20 + 18 * n}" cy="15" r="5.5" fill="#3d444d"/>' for n in range(3))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img"
 width="{width:.0f}" height="{height}" fill="#e6edf3" font-family="{_FONTS}" font-size="{_FONT_PX}"
 aria-label="{escape(title)}">
<style>
.scroll{{transform:translateY({-max(0, last - _ROWS) * _ROW_PX}px);animation:scroll {whole_s:.1f}s step-end infinite}}
.cover{{transform:translateY({last * _ROW_PX}px);animation:cover {whole_s:.1f}s step-end infinite}}
@keyframes scroll{{{scrolls}}}
@keyframes cover{{{covers}}}
@media (prefers-reduced-motion:reduce){{.scroll,.cover{{animation:none}}}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<rect width="100%" height="{_BAR_PX}" rx="8" fill="#161b22"/>{dots}
<text x="50%" y="19" text-anchor="middle">{escape(title)}</text>
<svg x="{_EDGE_PX}" y="{_BAR_PX + _EDGE_PX}" width="{width - 2 * _EDGE_PX:.0f}" height="{_ROWS * _ROW_PX}">
<g class="scroll">
{texts}<rect class="cover" width="100%" height="{(last + _ROWS) * _ROW_PX}" fill="#0d1117"/>
</g>
</svg>
</svg>
"""


def _recorded(words: Sequence[str], columns: int) -> Iterator[tuple[float, str]]:
    """Lines of a command that believes to be on a terminal, as they come, with seconds since the first."""
    ours, its = pty.openpty()
    environment = {
        **os.environ,
        "COLUMNS": str(columns),
        "TERM": "xterm-256color",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": "/var/tmp",  # noqa: S108 - shown in the picture: a name every machine has
    }
    process = subprocess.Popen(words, stdin=its, stdout=its, stderr=its, cwd=_ROOT, env=environment)
    os.close(its)
    first_s: float | None = None
    try:
        with os.fdopen(ours, encoding="utf-8", errors="replace") as lines, contextlib.suppress(OSError):
            for line in lines:  # a terminal whose program has gone is an error, not an end
                first_s = first_s or time.monotonic()
                yield time.monotonic() - first_s, line.rstrip("\r\n")
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()


def _terminal() -> None:
    words = (sys.executable, "-m", "bot", "demo", "--seconds", str(_DEMO_S), "--seed", "7")
    told = [(0.0, _PROMPT), *((1.0 + at_s, line) for at_s, line in _recorded(words, _COLUMNS))]
    rows = hurried(rows_of(told, _COLUMNS))
    _keep("terminal.svg", animation(rows, "hedgebot: a straddle being hedged, with reasons").encode())


async def _dashboard() -> None:
    spec = importlib.util.spec_from_file_location("browsing", Path(__file__).with_name("conftest.py"))
    assert spec is not None
    assert spec.loader is not None
    browsing: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(browsing)
    path = next((found for name in browsing._NAMES if (found := shutil.which(name))), None)
    if path is None:
        sys.exit("no Chromium on this machine: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        ours = (sys.executable, "-m", "bot")
        made = (*ours, "simulate", *_RUN, "--portfolio", "config/portfolios/demo.toml", "--tape-out", f"{folder}/run")
        await asyncio.to_thread(subprocess.run, made, cwd=_ROOT, check=True)
        served = await asyncio.create_subprocess_exec(
            *ours, "dashboard", f"{folder}/run", cwd=_ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert served.stdout is not None
        try:
            address = (await served.stdout.readline()).decode().strip()
            async with browsing.browser(path) as page:
                await page.looks(**_LOOK)
                await page.open(address)
                await page.until(_SHOWN)
                await asyncio.sleep(2.0)  # curves are drawn at the next frame
                shot = await page.ask("Page.captureScreenshot", format="png")
            _keep("dashboard.png", browsing.base64.b64decode(shot["data"]))
        finally:
            served.terminate()
            await served.wait()


def _keep(name: str, content: bytes) -> None:
    assert len(content) <= _BYTES_MAX, f"{name} has {len(content)} bytes: too many for a README"
    (_IMAGES / name).write_bytes(content)
    sys.stdout.write(f"{name}: {len(content):,} bytes\n")


if __name__ == "__main__":
    asyncio.run(_dashboard())
    _terminal()
