"""`hedgebot config diff|reload` as their user: what differs, what is agreed to, and when it is done."""

import http.server
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app import config_command
from bot.app.config import load
from bot.web import control_file
from bot.web.control_file import Access

Call = Callable[..., int]
_WIDER = {"key": "books.btc.band.high_coin", "before": "0.1", "after": "0.2", "may_change": True}
_MOVED = {"key": "mode", "before": '"paper"', "after": '"live"', "may_change": False}
_WORDS = "books.btc.band.high_coin: 0.1 -> 0.2\n"


class Bot:
    """A running bot's pages, by script."""

    def __init__(self, path: Path, settings: dict[str, str]) -> None:
        self.path = path
        self.run_ids = ["run-1"]
        """Told one after the other; the last one for ever."""
        self.hash = "c2"
        self.settings = settings
        self.differences: list[dict[str, Any]] = [_WIDER]
        self.refusal: tuple[int, str] | None = None
        self.asked: list[Any] = []
        bot = self

        class _Page(http.server.BaseHTTPRequestHandler):
            def _say(self, code: int, body: object) -> None:
                self.send_response(code)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def do_GET(self) -> None:
                assert (self.path, self.headers["Authorization"]) == ("/control/config", "Bearer t0k")
                name = bot.run_ids.pop(0) if len(bot.run_ids) > 1 else bot.run_ids[0]
                told = {"run_id": name, "config_hash": bot.hash, "file": "c.toml", "settings": bot.settings}
                self._say(200, told)

            def do_POST(self) -> None:
                assert (self.path, self.headers["Authorization"]) == ("/control/reload", "Bearer t0k")
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                bot.asked.append(said)
                offer = {"fingerprint": "f1", "config_hash": "c2", "differences": bot.differences}
                code, reason = bot.refusal or (200, "")
                if not bot.differences:
                    code, reason = 409, "the file says what runs already"
                if code == 200 and said["reason"] is not None:
                    bot.run_ids = ["run-1", "run-2"]
                self._say(code, {"ok": code == 200, "reason": reason, "offer": None if code == 422 else offer})

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), _Page)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        control_file.write(path, Access(host="127.0.0.1", port=self.server.server_port, token="t0k"))  # noqa: S106


@pytest.fixture
def bot(tmp_path: Path, repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bot]:
    """One that runs config/testnet.toml."""
    monkeypatch.setattr(config_command, "_LOOK_EVERY_S", 0.01)
    plain = load(repo_root / "config/testnet.toml", {}, run_tag="t").plain
    running = Bot(tmp_path / "control.json", dict(plain))
    yield running
    running.server.shutdown()
    running.thread.join()
    running.server.server_close()


def _reload(call: Call, bot: Bot, *more: str) -> int:
    return call("config", "reload", "--reason", "calm", "--by", "ann", "--control", str(bot.path), *more)


def test_two_files_are_compared_without_any_bot(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a key; exit 1, as of diff; keys that take a restart say so."""
    assert call("config", "diff", "config/testnet.toml", "config/live.toml") == 1
    told = capsys.readouterr().out.splitlines()

    assert 'mode: "testnet" -> "live"  (needs a restart)' in told
    assert call("config", "diff", "config/live.toml", "config/live.toml") == 0
    assert capsys.readouterr().out == "no difference\n"


def test_a_file_is_compared_with_the_bot_that_runs(
    call: Call, bot: Bot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of this shell counts, as in a start from here; --json for programs."""
    monkeypatch.setenv("HEDGEBOT_BOOKS__BTC__BAND__TRADE_TO", "target")
    code = call("config", "diff", "config/testnet.toml", "--control", str(bot.path), "--json")

    assert code == 1
    assert json.loads(capsys.readouterr().out) == [
        {"key": "books.btc.band.trade_to", "before": '"edge"', "after": '"target"', "may_change": True}
    ]


def test_without_a_file_it_is_the_bot_s_own(call: Call, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """As the bot reads it, with its environment; only shown."""
    bot.differences = [_WIDER, _MOVED]
    code = call("config", "diff", "--control", str(bot.path))

    assert (code, bot.asked) == (1, [{"reason": None, "by": "operator", "fingerprint": None}])
    assert capsys.readouterr().out == f'{_WORDS}mode: "paper" -> "live"  (needs a restart)\n'
    bot.differences = []
    assert call("config", "diff", "--control", str(bot.path)) == 0


def test_a_reload_shows_then_asks_for_what_it_showed_and_waits_for_the_next_run(
    call: Call, bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    """With who and why; done once another run answers."""
    assert _reload(call, bot, "--yes") == 0
    assert bot.asked[1] == {"reason": "calm", "by": "ann", "fingerprint": "f1"}
    assert capsys.readouterr().out == f"{_WORDS}run-2 runs with it now, config_hash c2; run-1 has ended\n"


def test_whoever_sits_there_has_to_agree(
    call: Call, bot: Bot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a word; anything else changes nothing. Without a terminal only --yes does."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    codes = []
    for stdin in (io.StringIO("reload\n"), Terminal("yes\n"), Terminal("reload\n")):
        monkeypatch.setattr(sys, "stdin", stdin)
        codes.append(_reload(call, bot))

    assert codes == [2, 2, 0]
    assert [asked["fingerprint"] for asked in bot.asked] == [None, None, None, "f1"]
    assert "--yes: is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"differences": []}, "config reload: the file says what runs already"),
        (
            {"differences": [_WIDER, _MOVED]},
            "config reload: mode: may not change while the bot runs; stop it, then start",
        ),
        (
            {"refusal": (422, "the file would not do: mode: is missing")},
            "control: the file would not do: mode: is miss",
        ),
        ({"refusal": (401, "the token is missing or wrong")}, "control: the token is missing or wrong"),
        ({"hash": "c1"}, "config reload: the bot went back to c1; its log says why"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_come_about_is_one_line_and_exit_code_2(
    call: Call, bot: Bot, capsys: pytest.CaptureFixture[str], change: dict[str, Any], line: str
) -> None:
    """Nothing to do, not allowed, a file that would not do, a wrong token, a start that fell back."""
    for name, value in change.items():
        setattr(bot, name, value)

    assert _reload(call, bot, "--yes") == 2
    assert f"hedgebot: {line}" in capsys.readouterr().err


def test_a_run_that_never_comes_is_not_waited_for_without_end(
    call: Call, bot: Bot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it says where to look."""
    monkeypatch.setattr(config_command, "_BACK_S_MAX", 0.2)
    monkeypatch.setattr(config_command, "_LOOK_EVERY_S", 0.3)

    assert _reload(call, bot, "--yes") == 2
    assert "no run followed run-1 within 0 s; see the bot's log" in capsys.readouterr().err
