"""The dashboard in a real browser, over a real demo: `make web-test`, never in `make test`.

What the page shows is what the bot says of itself; pause stops hedging and resume starts it again; nothing overflows,
nothing is refused by the page's own policy, nothing throws. Pictures are left in the folder `PICTURES` names.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.web import control_file

pytestmark = pytest.mark.browser

_START_S_MAX = 180.0
_END_S_MAX = 60.0
_WAIT_S_MAX = 180.0
_SHOWN = (
    "document.querySelectorAll('#figures .figure').length > 0 && document.querySelectorAll('#positions td').length > 0"
)
_ASLEEP = """(() => {
    const hide = (value) => {
        Object.defineProperty(document, "hidden", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    };
    const now = Date.now;
    hide(true);
    Date.now = () => now() + 86400000;
    hide(false);
    return true;
})()"""
"""Hidden, a day later seen again; without a timer in between, as in a tab that was frozen."""
_NOW = """new Promise((resolve) => {
    const stream = new EventSource("/stream");
    stream.addEventListener("now", (event) => { stream.close(); resolve(event.data); });
})"""


@contextlib.asynccontextmanager
async def _demo(folder: Path, repo_root: Path) -> AsyncIterator[control_file.Access]:
    """`hedgebot demo` until the block ends; its control file says where it listens."""
    told = folder / "control.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--seed", "7", "--runs", str(folder / "runs")),
        cwd=repo_root,
        env={**os.environ, "HEDGEBOT_CONTROL__FILE": str(told)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_START_S_MAX):
            while not told.exists():
                assert process.returncode is None, "the demo ended before it listened"
                await asyncio.sleep(0.1)
        yield control_file.read(told)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_S_MAX)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _book(address: str) -> dict[str, Any]:
    async with ClientSession() as session, session.get(f"{address}/status") as response:
        return dict(json.loads(await response.read())[0])


async def _act(page: Any, act: str, reason: str) -> None:
    """Press a button, type a reason, press Enter: as a user of the keyboard does."""
    await page.value(f"document.querySelector('[data-act=\"{act}\"]').click()")
    await page.until("document.getElementById('act').open")
    await page.write(reason)
    await page.press("Enter")
    await page.until("!document.getElementById('act').open", _WAIT_S_MAX)


async def _positions(page: Any) -> dict[str, str]:
    """As the page shows them, in plain figures."""
    rows = await page.value(
        "[...document.querySelectorAll('#positions tbody tr')].map((row) => [...row.cells].map((it) => it.innerText))"
    )
    return {row[0]: row[1].split()[0].replace(",", "").replace("−", "-").lstrip("+") for row in rows}


async def _same_positions(page: Any, address: str) -> None:
    """What the page shows and what the bot says, until a hedge is no longer between the two looks."""
    async with asyncio.timeout(_WAIT_S_MAX):
        while True:
            said = (await _book(address))["positions_native"]
            if {name: float(amount) for name, amount in (await _positions(page)).items()} == {
                name: float(amount) for name, amount in said.items()
            }:
                return
            await asyncio.sleep(0.2)


@pytest.mark.asyncio
async def test_the_page_shows_what_the_bot_says_and_does_what_it_is_told(
    tmp_path: Path, repo_root: Path, open_browser: Any, too_wide: Any
) -> None:
    """One demo, one browser, from the first figure to the last button."""
    async with _demo(tmp_path, repo_root) as access, open_browser() as page:
        address = f"http://{access.host}:{access.port}"
        await page.open(f"{address}/#token={access.token}")
        await page.until(_SHOWN, _WAIT_S_MAX)
        await page.until("document.getElementById('link').textContent === 'live'", _WAIT_S_MAX)
        assert access.token not in await page.value("location.href + document.documentElement.outerHTML")

        await _act(page, "pause", "looked at from a browser")
        await page.until(
            "document.getElementById('stops').textContent.includes('looked at from a browser')", _WAIT_S_MAX
        )
        await page.until("document.getElementById('decided').textContent.includes('paused')", _WAIT_S_MAX)
        paused = await _book(address)
        await _same_positions(page, address)
        told = json.loads(await page.value(_NOW))["books"][0]
        later = await _book(address)
        assert (paused["stops"][0]["kind"], later["decided"]["reason"], told["decided"]["reason"]) == (
            *("pause", "paused", "paused"),
        )
        assert later["positions_native"] == paused["positions_native"], "paused, and hedged all the same"
        shown = await page.value("document.querySelector('#figures strong').textContent")
        assert shown.endswith(" BTC")

        await _act(page, "resume", "seen enough")
        await page.until("document.getElementById('stops').textContent === ''", _WAIT_S_MAX)
        await page.until(
            "document.querySelectorAll('#decisions .what.up, #decisions .what.down').length > 0", _WAIT_S_MAX
        )
        await _same_positions(page, address)

        streams = sum(asked.endswith("/stream") for asked in page.asked)
        await page.value(_ASLEEP)
        await page.until("document.getElementById('link').textContent === 'live'", _WAIT_S_MAX)
        await _same_positions(page, address)
        again = sum(asked.endswith("/stream") for asked in page.asked)
        assert again == streams + 1, "a tab that slept for a day asks for what is now"

        await page.value("document.querySelector('#decisions button').click()")
        await page.until("document.getElementById('why-text').textContent.length > 40", _WAIT_S_MAX)
        await page.press("Escape")
        overflows = await too_wide(page, "dashboard", 1.0)  # a curve is drawn at the next sample
        problems = page.told

        asked_elsewhere = [asked for asked in page.asked if not asked.startswith(f"{address}/")]

    assert (overflows, problems, asked_elsewhere) == ([], [], [])
