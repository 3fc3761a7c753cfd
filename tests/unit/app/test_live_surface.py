"""Surfaces are fitted beside the loop and come in through the inbox."""

import asyncio
import threading
from typing import Any

import pytest
from msgspec import structs

from bot.app import live
from bot.domain.events import SurfaceFitted
from bot.domain.reasons import Phase
from bot.domain.time import Ns
from bot.engine import Engine
from bot.pricing.smile import SmileDelta
from bot.risk.smile_study import Picture
from bot.risk.sources import Sources

_OFTEN = Sources(smile=SmileDelta.SSR, fit_every_ns=Ns(1_000_000))


def _with(shell: Any, sources: Sources) -> None:
    shell.engines["BTC"] = Engine(shell.make.book(sources=sources))
    shell.live = shell.driver()


def _fits(shell: Any) -> list[SurfaceFitted]:
    return [event for _, _, event, _ in shell.witness.told if isinstance(event, SurfaceFitted)]


@pytest.mark.asyncio
async def test_a_fit_reaches_the_engine_and_the_witness(
    shell: Any, surface: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worked in another thread, stamped when it came in; the loop turns meanwhile."""
    threads: list[str] = []
    turning = threading.Event()

    class Study:
        def work(self, picture: Picture) -> SurfaceFitted:
            assert turning.wait(60.0), "the loop stood still during a fit"
            threads.append(threading.current_thread().name)
            fitted: SurfaceFitted = surface(as_of_ns=picture.now_ns, received_ns=Ns(0))
            return fitted

    monkeypatch.setattr(live, "SmileStudy", Study)
    _with(shell, _OFTEN)
    async with shell.running():
        asyncio.get_running_loop().call_later(0.01, turning.set)
        await shell.until(lambda: bool(_fits(shell)) and shell.status().surface is not None)

    assert threading.current_thread().name not in threads
    assert _fits(shell)[0].received_ns == shell.make.now_ns
    assert shell.status().phase is Phase.STOPPED


@pytest.mark.asyncio
async def test_a_market_without_quotes_is_a_defect_not_a_halt(shell: Any) -> None:
    """One option makes no smile the bot could not do without."""
    _with(shell, structs.replace(_OFTEN, compares=True))
    async with shell.running():
        await shell.until(lambda: bool(_fits(shell)))
        assert shell.status().phase is not Phase.HALTED


@pytest.mark.asyncio
async def test_nothing_is_fitted_by_default(shell: Any) -> None:
    """No thread, no event."""
    async with shell.running():
        await shell.until(lambda: bool(shell.gateway.placed))
        await asyncio.sleep(0.05)

    assert _fits(shell) == []
