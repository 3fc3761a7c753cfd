"""A reload from end to end: two runs of one process over a fake venue, asked for by the commands of a shell."""

import asyncio
import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app import clock, compose, config_command, operate
from bot.app.config import Config, load
from bot.app.reload import Reloads
from bot.domain.errors import ConfigError
from bot.domain.time import Ns
from bot.drive.replay import replay
from bot.journal import manifest
from bot.web import control_file

_WAIT_S_MAX = 60.0
_FILE = """
mode = "testnet"
[venue]
client_id = "me"
client_secret = "s"
[books.btc]
convention = "options_only"
[books.btc.band]
low_coin_per_option_coin = -0.05
high_coin_per_option_coin = 0.05
[books.btc.limits]
order_usd_max = 250_000
hedge_position_usd_max = 2_000_000
delta_coin_worst_max = 20
orders_per_minute_max = 60
[ledger]
url = "sqlite:///{folder}/l.db"
[tape]
folder = "{folder}/runs"
[health]
port = 0
"""


class _Operator:
    """Who sits at another terminal: types once the bot trades, and ends it afterwards."""

    def __init__(self, folder: Path) -> None:
        self.file, self.control = folder / "c.toml", folder / "l.control.json"
        self.said: list[str] = []
        self.codes: list[int] = []
        self.tokens: set[str] = set()
        self.runs: list[tuple[str, asyncio.AbstractEventLoop, Reloads]] = []
        self.thread = threading.Thread(target=self._act)

    def _act(self) -> None:
        try:
            self._wait()
            self._type(lambda: config_command.diff(control=self.control))
            self.file.write_text(self.file.read_text().replace("= 0.05", "= 0.2"))
            self._type(lambda: config_command.diff(control=self.control))
            self._type(lambda: config_command.reload("wider", yes=True, by="ann", control=self.control))
            self._type(lambda: config_command.diff(self.file, control=self.control))
        finally:
            _, loop, reloads = self.runs[-1]
            with contextlib.suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(lambda: reloads._trader.request_stop("the test is over"))  # type: ignore[union-attr]

    def _wait(self) -> None:
        """Until the first run has hedged."""
        for _ in range(round(_WAIT_S_MAX / 0.05)):
            with contextlib.suppress(ConfigError):
                _, body = operate.ask(self.control, "GET", "/status")
                if [(book["phase"], book["orders_live"]) for book in json.loads(body)] == [("running", 0)]:
                    return
            threading.Event().wait(0.05)

    def _type(self, command: Callable[[], None]) -> None:
        self.tokens.add(control_file.read(self.control).token)
        try:
            command()
            self.codes.append(0)
        except SystemExit as ended:
            self.codes.append(int(ended.code or 0))
        except ConfigError as error:
            self.codes.append(2)
            self.said.append(str(error))


def test_the_next_run_goes_on_where_the_first_ended_with_what_was_agreed_to(
    shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now_ns: Ns
) -> None:
    """Ordered end, ledger row, second tape with other parameters; both replay equal; nothing is hedged twice."""
    operator = _Operator(tmp_path)
    operator.file.write_text(_FILE.format(folder=tmp_path))
    begun = compose._live

    async def live(config: Config, run_id: str, seconds: float | None, tape: Any, reloads: Reloads) -> Any:
        operator.runs.append((run_id, asyncio.get_running_loop(), reloads))
        return await begun(config, run_id, seconds, tape, reloads)

    monkeypatch.setattr(clock, "now_ns", lambda: now_ns)
    monkeypatch.setattr(compose, "_edges", lambda config, now: shell.edges())  # noqa: ARG005
    monkeypatch.setattr(compose, "_live", live)
    monkeypatch.setattr(config_command, "_LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(config_command.typer, "echo", lambda text, **_: operator.said.append(text))
    operator.thread.start()
    try:
        config = load(operator.file, {}, run_tag="t1")
        results, _ = compose.run_live(config, "run-t1", seconds=4.0 * _WAIT_S_MAX, file=operator.file)
    finally:
        operator.thread.join()
    folders = [tmp_path / "runs" / name for name, *_ in operator.runs]
    bands = [manifest.read(folder)[0].books[0].band for folder in folders]

    assert operator.codes == [0, 1, 0, 0], operator.said
    assert operator.said[1] == operator.said[2] == "books.btc.band.high_coin_per_option_coin: 0.05 -> 0.2"
    assert len(operator.tokens) == 1
    assert [replay(folder).is_equal for folder in folders] == [True, True]
    assert [(band.low_coin_per_option_coin, band.high_coin_per_option_coin) for band in bands] == [  # type: ignore[union-attr]
        (-0.05, 0.05),
        (-0.05, 0.2),
    ]
    assert (len(shell.gateway.placed), results[0].positions_match) == (1, True)
    with contextlib.closing(sqlite3.connect(tmp_path / "l.db")) as ledger:
        (row,) = ledger.execute("SELECT run_id, by, reason, changes FROM reloads").fetchall()
    assert row[:3] == ("run-t1", "ann", "wider")
    assert json.loads(row[3]) == ["books.btc.band.high_coin_per_option_coin: 0.05 -> 0.2"]
