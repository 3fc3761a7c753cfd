"""The operator's commands: where they ask, what they print, how they fail."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.web import control_file
from bot.web.control_file import Access

_PAUSE = "pause since 2026-03-01T10:00:00.000000Z by ann: lunch; lift it: hedgebot resume --reason"
_DONE = {"ok": True, "reason": "", "books": [{"book": "BTC", "phase": "running", "stops": [_PAUSE]}]}
_RESUMED = {"ok": True, "reason": "", "books": [{"book": "BTC", "phase": "running", "stops": [], "lifted": [_PAUSE]}]}


class Bot:
    """What a running bot would answer, and what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[tuple[str, str, str | None, Any]] = []
        self.code, self.answer = 200, json.dumps(_DONE)

        bot = self

        class _Page(http.server.BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                said = json.loads(body) if body else None
                bot.asked.append((self.command, self.path, self.headers.get("Authorization"), said))
                self.send_response(bot.code)
                self.end_headers()
                self.wfile.write(bot.answer.encode())

            do_GET = do_POST = _take  # noqa: N815 - names of the library

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), _Page)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        control_file.write(path, Access(host="127.0.0.1", port=self.server.server_port, token="t0k"))  # noqa: S106

    def stop(self) -> None:
        """Answer no more."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    """One that listens."""
    running = Bot(tmp_path / "control.json")
    yield running
    if running.thread.is_alive():
        running.stop()


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("pause", "pause"),
        ("reduce-only", "reduce_only"),
        ("cancel-all", "cancel_all"),
        ("flatten", "flatten_hedges"),
        ("resume", "resume"),
    ],
)
def test_each_command_asks_with_token_name_and_reason(
    call: Callable[..., int], bot: Bot, capsys: pytest.CaptureFixture[str], command: str, path: str
) -> None:
    """Exit 0, and what is on now."""
    code = call(command, "--reason", "lunch", "--by", "ann", "--book", "BTC", "--control", str(bot.path))

    body = {"reason": "lunch", "by": "ann", "book": "BTC"}
    assert (code, bot.asked) == (0, [("POST", f"/control/{path}", "Bearer t0k", body)])
    assert capsys.readouterr().out == f"BTC: on: {_PAUSE}\n"


def test_the_only_bot_of_a_folder_is_found_and_of_two_neither_is_asked(
    call: Callable[..., int], bot: Bot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its ledger is called; a command that names its own run needs none."""
    monkeypatch.setattr(control_file, "_FOLDER", bot.path.parent)
    monkeypatch.delenv("HEDGEBOT_CONTROL__FILE", raising=False)
    bot.path.rename(bot.path.with_name("paper.control.json"))
    assert call("pause", "--reason", "lunch") == 0

    bot.path.with_name("desk.control.json").touch()
    codes = [call(*words) for words in (("resume", "--reason", "back"), ("why",), ("dashboard",), ("config", "diff"))]
    assert codes == [2, 2, 2, 2]
    assert [path for _, path, _, _ in bot.asked] == ["/control/pause"]
    assert capsys.readouterr().err.count("control: 2 bots have a file here") == 4
    files = ("config/paper.toml", "config/paper.toml")
    assert call("config", "diff", *files) == 0


def test_what_was_lifted_is_listed(call: Callable[..., int], bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """The name of this shell's user stands for whoever gives none."""
    bot.answer = json.dumps(_RESUMED)
    code = call("resume", "--reason", "back", "--control", str(bot.path))

    assert (code, bool(bot.asked[0][3]["by"])) == (0, True)
    assert capsys.readouterr().out == f"BTC: lifted: {_PAUSE}\nBTC: running, no stop is on\n"


def test_the_answer_can_be_had_as_json(
    call: Callable[..., int], bot: Bot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file may be named by the environment; a proxy of the environment is never asked."""
    monkeypatch.setenv("HEDGEBOT_CONTROL__FILE", str(bot.path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert call("pause", "--reason", "x", "--json") == 0
    assert json.loads(capsys.readouterr().out) == _DONE


@pytest.mark.parametrize("command", ["pause", "resume", "flatten"])
def test_without_a_reason_nothing_is_asked(
    call: Callable[..., int], bot: Bot, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A human has to say why."""
    assert call(command, "--control", str(bot.path)) == 2
    assert bot.asked == []
    assert "--reason" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((401, '{"ok":false,"reason":"the token is missing or wrong"}'), "control: the token is missing or wrong"),
        ((409, '{"ok":false,"reason":"still stopped: halt"}'), "control: still stopped: halt"),
        ((500, "Internal Server Error"), "control: the bot answered 500"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_2(
    call: Callable[..., int], bot: Bot, capsys: pytest.CaptureFixture[str], reply: tuple[int, str], words: str
) -> None:
    """Never a traceback."""
    bot.code, bot.answer = reply

    assert call("pause", "--reason", "x", "--control", str(bot.path)) == 2
    assert words in capsys.readouterr().err


def test_a_bot_that_is_gone_is_said(
    call: Callable[..., int], bot: Bot, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Killed, so that its file is still there; or never started."""
    bot.stop()
    codes = [call("status", "--control", str(path)) for path in (bot.path, tmp_path / "none.json")]
    err = capsys.readouterr().err

    assert codes == [2, 2]
    assert "nobody answers at 127.0.0.1:" in err
    assert "is the bot running?" in err


def test_status_tells_how_each_book_stands_and_what_stops_it(
    call: Callable[..., int], bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a book, one a stop; no token is sent."""
    latch = {"kind": "pause", "cause": "operator", "since_ns": 0, "by": "ann", "detail": "lunch"}
    decided = {
        "action": "refuse",
        "reason": "paused",
        "convention": "options_only",
        "delta_coin_net": 0.25,
        "band_low_coin": -0.1,
        "band_high_coin": 0.1,
    }
    books = [
        {"book": "BTC", "phase": "running", "phase_cause": "reconciled", "decided": decided, "orders_live": 0}
        | {"stops": [latch]},
        {"book": "ETH", "phase": "reconciling", "phase_cause": "start", "decided": None, "orders_live": 0},
    ]
    bot.answer = json.dumps(books)

    assert call("status", "--control", str(bot.path)) == 0
    btc, stop, eth = capsys.readouterr().out.splitlines()
    assert btc == (
        "BTC: running (reconciled); net delta (options_only) +0.2500, band -0.1 to 0.1; 0 orders live; "
        "last decision refuse: paused"
    )
    assert stop.startswith("  stopped: pause since 1970")
    assert eth == "ETH: reconciling (start), nothing decided yet"
    assert bot.asked == [("GET", "/status", None, None)]
    assert call("status", "--json", "--control", str(bot.path)) == 0
    assert json.loads(capsys.readouterr().out) == books
