"""`hedgebot demo`: one command, two processes, a hedge over real sockets, and nothing left behind."""

import re
import signal
from typing import Any

import pytest


@pytest.mark.asyncio
async def test_the_demo_hedges_ends_by_itself_and_draws(processes: Any) -> None:
    """Exit 0, the result as its last line, positions match, a picture when it was asked for."""
    picture = processes.folder / "run.svg"
    demo = processes.start("demo", "--seconds", "3", "--json", "--picture", str(picture))
    assert await demo.ended() == 0, demo.text()[-4000:]

    result = demo.result()
    assert (result["mode"], result["positions_match"], result["violations"]) == ("demo", True, [])
    assert (result["unknown_open"], result["phase"]) == (0, "stopped")
    assert result["decisions"] > 0
    assert picture.read_text().startswith("<svg")


@pytest.mark.asyncio
async def test_the_exchange_of_an_interrupted_demo_ends_with_it(processes: Any) -> None:
    """Control-C: exit 0, and nobody listens any more where the demo's exchange was."""
    demo = processes.start("demo", "--json")
    await demo.said("book.reconciled")
    port = int(re.findall(r"127\.0\.0\.1:(\d+)/ws", demo.text())[0])
    demo.send(signal.SIGINT)
    assert await demo.ended() == 0, demo.text()[-4000:]

    assert not processes.is_listening(port)
