"""`hedgebot dashboard`: the address of a running bot's page with its token, and the page of a run that has ended."""

from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.app.dashboard import Past
from bot.app.exit_codes import ExitCode
from bot.domain.reasons import Action
from bot.web import control_file
from bot.web.control_file import Access

Call = Callable[..., int]


def test_the_address_of_a_running_bot_brings_its_token_along(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind the `#`: no browser sends that anywhere."""
    file = tmp_path / "control.json"
    control_file.write(file, Access(host="127.0.0.1", port=8642, token="t0k"))  # noqa: S106

    assert call("dashboard", "--control", str(file)) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:8642/#token=t0k\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("nowhere",), "dashboard: there is no folder nowhere"), (("--control", "nowhere.json"), "is the bot running?")],
)
def test_what_is_not_there_is_said_in_a_line(
    call: Call, capsys: pytest.CaptureFixture[str], *, arguments: tuple[str, ...], said: str
) -> None:
    """Exit 2."""
    assert call("dashboard", *arguments) == ExitCode.CONFIG
    assert said in capsys.readouterr().err


@pytest.mark.asyncio
async def test_a_run_that_has_ended_is_shown_as_it_ended(call: Call, tmp_path: Path) -> None:
    """Curves, decisions and their explanations from its tape; there is nobody to ask to pause."""
    folder = tmp_path / "r1"
    assert call("simulate", "--hours", "0.15", "--seed", "3", "--tape-out", str(folder)) == 0
    past = Past(folder)
    status = past.lookout.statuses()[0]
    history = past.lookout.board.history("BTC", "run")
    hedges = [each for each in past.lookout.board.told()["BTC"].decisions if each.action is Action.HEDGE]
    server = past.server(0)
    port = await server.start()
    try:
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/history?book=BTC&span=run") as response:
                shown = await response.json()
            async with session.post(f"http://127.0.0.1:{port}/control/pause", json={"reason": "x"}) as response:
                refused = response.status
    finally:
        await server.stop()

    assert status.decided is not None
    assert past.now_ns >= status.decided.now_ns
    assert history is not None
    assert (len(shown["dots"]), refused) == (len(history.dots), 404)
    assert history.dots[-1].delta_coin_net == pytest.approx(status.decided.delta_coin_net, abs=0.2)
    assert hedges
    assert past.lookout.board.explained("BTC", hedges[0].seq) is not None
    assert any("hedge.decided" in line for line in past.tail.lines())
