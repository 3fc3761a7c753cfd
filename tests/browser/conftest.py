"""A headless Chromium, spoken to in its own DevTools protocol: open a page, ask it, press keys, take pictures of it."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout
from websockets.asyncio.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_START_S_MAX = 60.0
_ANSWER_S_MAX = 60.0
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars"),
    *("--disable-component-update", "--disable-sync", "--no-proxy-server", "--font-render-hinting=none"),
)


_LOOKS: dict[str, dict[str, Any]] = {
    "desktop-light": {"width": 1280, "height": 900, "is_dark": False},
    "desktop-dark": {"width": 1280, "height": 900, "is_dark": True},
    "phone-light": {"width": 390, "height": 844, "is_dark": False, "is_phone": True},
    "phone-dark": {"width": 390, "height": 844, "is_dark": True, "is_phone": True},
}


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of this machine's browser; who asks for these tests wants them to run."""
    path = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if path is None:
        pytest.fail("no Chromium on this machine: apt-get install chromium")
    return path


@pytest.fixture
def open_browser(chromium: str) -> Callable[[], AbstractAsyncContextManager["Page"]]:
    """Opens a browser of this machine, and closes it when the block ends."""
    return partial(browser, chromium)


class Page:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self.told: list[dict[str, Any]] = []
        """Errors, exceptions and refused loads so far."""
        self.asked: list[str] = []
        """Every address it asked for so far."""

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One question; AssertionError when the browser objects."""
        number = next(self._numbers)
        await self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(_ANSWER_S_MAX):
            while True:
                answer = json.loads(await self._connection.recv())
                if answer.get("id") == number:
                    assert "error" not in answer, answer["error"]
                    return dict(answer["result"])
                if answer.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                    self.told.append(answer["params"])
                elif answer.get("method") == "Network.requestWillBeSent":
                    self.asked.append(answer["params"]["request"]["url"])

    async def open(self, address: str) -> None:
        """Go there."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.navigate", url=address)

    async def value(self, expression: str) -> Any:
        """What JavaScript says; promises are waited for."""
        answer = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 60.0) -> Any:
        """Ask until the answer is true; TimeoutError names the question."""
        deadline_s = asyncio.get_running_loop().time() + seconds
        while not (found := await self.value(expression)):
            if asyncio.get_running_loop().time() > deadline_s:
                raise TimeoutError(f"never true: {expression}")
            await asyncio.sleep(0.05)
        return found

    async def press(self, key: str) -> None:
        """One key, such as Enter or Tab."""
        codes = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, "")}
        code, text = codes[key]
        for kind in ("keyDown", "keyUp"):
            await self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text
            )

    async def write(self, text: str) -> None:
        """Into what has the focus."""
        await self.ask("Input.insertText", text=text)

    async def looks(self, *, width: int, height: int, is_dark: bool, is_phone: bool = False) -> None:
        """Size of the window, and what the reader's system prefers."""
        method, scale = "Emulation.setDeviceMetricsOverride", 2 if is_phone else 1
        await self.ask(method, width=width, height=height, deviceScaleFactor=scale, mobile=is_phone)
        scheme = "dark" if is_dark else "light"
        await self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def picture(self) -> bytes:
        """Of the page, from top to bottom, as PNG."""
        shot = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@pytest.fixture
def too_wide() -> Callable[..., Awaitable[list[str]]]:
    """Looks at a page as on a desktop and a phone, light and dark; those in which it overflows.

    Pictures go to the folder that `PICTURES` names, each after a pause for who looks at it.
    """
    wanted = os.environ.get("PICTURES")

    async def look(page: Page, name: str, pause_s: float = 0.0) -> list[str]:
        found = []
        for looks, look in _LOOKS.items():
            await page.looks(**look)
            if await page.value("document.documentElement.scrollWidth > innerWidth"):
                found.append(looks)
            if wanted is not None:
                await asyncio.sleep(pause_s)
                _keep(await page.picture(), Path(wanted), f"{name}-{looks}.png")
        return found

    return look


def _keep(picture: bytes, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(picture)


@contextlib.asynccontextmanager
async def browser(path: str) -> AsyncIterator[Page]:
    """A browser with one empty tab, and its end."""
    with tempfile.TemporaryDirectory(prefix="hedgebot-browser-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            *(path, *_FLAGS, f"--user-data-dir={folder}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with connect(await _tab(Path(folder)), max_size=64_000_000, proxy=None) as connection:
                yield Page(connection)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20.0)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _tab(folder: Path) -> str:
    """Address of the first tab, once the browser has written where it listens."""
    told = folder / "DevToolsActivePort"
    async with asyncio.timeout(_START_S_MAX), ClientSession(timeout=ClientTimeout(total=10)) as session:
        while True:
            if told.exists() and (lines := told.read_text().split()):
                async with session.get(f"http://127.0.0.1:{lines[0]}/json/list") as answer:
                    tabs = [tab for tab in await answer.json() if tab["type"] == "page"]
                if tabs:
                    return str(tabs[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
