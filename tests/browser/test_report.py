"""A report opened in a browser: at the widths of a screen and of a phone, nothing is asked for and nothing overlaps."""

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.observe.report_page import as_html
from bot.observe.reported import Report

pytestmark = pytest.mark.browser

_WIDTHS = (1280, 390)
_END_S_MAX = 120.0
_FOUND = re.compile(r'<pre id="found">(.*?)</pre>', re.DOTALL)
_LOOK = """
const found = [];
for (const frame of document.querySelectorAll("iframe")) {
  const page = frame.contentDocument, boxes = [];
  for (const text of page.querySelectorAll("svg text")) {
    const box = text.getBoundingClientRect(), svg = text.closest("svg").getBoundingClientRect();
    if (!box.width) continue;
    boxes.push({svg: text.closest("svg"), text: text.textContent, box});
    if (box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1)
      found.push([frame.width, "outside", text.textContent]);
  }
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length && boxes[j].svg === boxes[i].svg; j++) {
    const a = boxes[i].box, b = boxes[j].box;
    if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2)
      found.push([frame.width, "overlap", boxes[i].text + " | " + boxes[j].text]);
  }
  if (page.documentElement.scrollWidth > frame.clientWidth) found.push([frame.width, "too wide", ""]);
  const small = boxes.filter(one => one.box.height < 9).length;
  found.push([frame.width, "texts", boxes.length], [frame.width, "small", small]);
}
document.getElementById("found").textContent = JSON.stringify(found);
"""


def _seen(page: str, folder: Path, chromium: str) -> tuple[list[list[Any]], str]:
    """What a look at the page in frames of both widths finds, and what the browser complained of."""
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{html.escape(page)}"></iframe>' for width in _WIDTHS
    )
    look = f'<!doctype html>{frames}<pre id="found"></pre><script>onload = () => {{{_LOOK}}}</script>'
    (folder / "look.html").write_text(look, encoding="utf-8")
    quiet = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
    alone = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    profile, log = f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr"
    ended = subprocess.run(
        [chromium, *quiet, *alone, profile, log, "--dump-dom", (folder / "look.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=_END_S_MAX,
        check=True,
    )
    match = _FOUND.search(ended.stdout)
    assert match is not None, ended.stderr[-4000:]
    return json.loads(html.unescape(match[1])), "\n".join(re.findall(r".*CONSOLE.*", ended.stderr))


def test_a_report_is_readable_on_a_screen_and_on_a_phone(run_report: Report, tmp_path: Path, chromium: str) -> None:
    """No word in the console, so no request either: the page forbids them all. Labels apart, inside, and not tiny."""
    found, complaints = _seen(as_html(run_report), tmp_path, chromium)

    assert complaints == ""
    counts = {(int(width), what): count for width, what, count in found if what in {"texts", "small"}}
    assert [row for row in found if row[1] not in {"texts", "small"}] == []
    for width in _WIDTHS:
        assert counts[width, "texts"] > 40
        assert counts[width, "small"] == 0


@pytest.mark.asyncio
async def test_a_report_is_whole_by_itself(
    run_report: Report, tmp_path: Path, open_browser: Any, too_wide: Any
) -> None:
    """Opened as a file, on a screen and on a phone, light and dark: it asks for itself only, and nothing overflows."""
    file = tmp_path / "report.html"
    file.write_text(as_html(run_report), encoding="utf-8")
    async with open_browser() as page:
        await page.open(file.as_uri())
        await page.until("document.readyState === 'complete' && document.querySelectorAll('svg').length > 0")
        overflows = await too_wide(page, "report")
        asked, told = list(page.asked), list(page.told)

    assert (overflows, asked, told) == ([], [file.as_uri()], [])
