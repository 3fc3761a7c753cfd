"""`hedgebot why` of the bot that runs now; of runs that have ended it is tested with the tape (test_finished.py)."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.web import control_file
from bot.web.control_file import Access

Call = Callable[..., int]
_CALL = "config/portfolios/call.toml"
_NOT_HERE = "is not among those the running bot keeps, and its tape is not here; name the folder of its run"


class Bot:
    """Pages of a dashboard."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.books = ["BTC"]
        self.hedges = [[1_000, 12, 0.5, 1e5, 0.1], [2_000, 40, -0.5, 1e5, 0.1]]
        self.asked: list[str] = []
        self.config: dict[str, object] | None = None
        bot = self

        class _Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                bot.asked.append(self.path)
                code, body = 200, ""
                if self.path == "/status":
                    body = json.dumps([{"book": book, "phase": "running"} for book in bot.books])
                elif self.path.startswith("/history"):
                    body = json.dumps({"dots": [], "hedges": bot.hedges})
                elif self.path.endswith("seq=40"):
                    body = "why it hedged\n"
                elif self.path == "/control/config" and bot.config is not None:
                    assert self.headers["Authorization"] == "Bearer t0k"
                    body = json.dumps(bot.config)
                else:
                    code, body = 404, "not kept here; the tape has it: hedgebot why run-1 7\n"
                self.send_response(code)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), _Page)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        control_file.write(path, Access(host="127.0.0.1", port=self.server.server_port, token="t0k"))  # noqa: S106


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    """One book, two hedges."""
    running = Bot(tmp_path / "control.json")
    yield running
    running.server.shutdown()
    running.thread.join()
    running.server.server_close()


@pytest.mark.parametrize("seq", [(), ("40",)])
def test_the_running_bot_tells_in_its_own_words(
    call: Call, bot: Bot, capsys: pytest.CaptureFixture[str], seq: tuple[str, ...]
) -> None:
    """Of its last hedge, or of a decision by its number."""
    assert call("why", *seq, "--control", str(bot.path)) == 0
    assert (capsys.readouterr().out, bot.asked[-1]) == ("why it hedged\n", "/why?book=BTC&seq=40")


@pytest.mark.parametrize(
    ("arguments", "change", "line"),
    [
        (("7",), {}, f"hedgebot: why: decision 7 {_NOT_HERE}\n"),
        (("10:15",), {}, f"hedgebot: why: decision 10:15 {_NOT_HERE}\n"),
        (("--json",), {}, f"hedgebot: why: decision 40 {_NOT_HERE}\n"),
        ((), {"hedges": []}, "hedgebot: why: the running bot has not hedged BTC yet; name a decision by its seq\n"),
        ((), {"books": ["BTC", "ETH"]}, "hedgebot: --book: name one of BTC, ETH\n"),
        (("--book", "sol"), {}, "hedgebot: --book: sol is none of BTC\n"),
        ((), {"books": []}, "hedgebot: why: the running bot is only starting; ask again\n"),
    ],
)
def test_what_it_cannot_tell_is_one_line(
    call: Call,
    bot: Bot,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    change: dict[str, object],
    *,
    line: str,
) -> None:
    """Exit 2, with the next step."""
    for name, value in change.items():
        setattr(bot, name, value)

    assert call("why", *arguments, "--control", str(bot.path)) == 2
    assert capsys.readouterr().err == line


def test_what_it_no_longer_keeps_is_read_from_its_tape(
    call: Call, bot: Bot, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Found by the bot's own word on where it is: the same text as of a run that has ended, whichever moment."""
    folder = tmp_path / "kept" / "r1"
    assert call("simulate", "--hours", "0.03", "--seed", "3", "--portfolio", _CALL, "--tape-out", str(folder)) == 0
    bot.config = {"run_id": "r1", "config_hash": "c", "file": "c.toml"}
    bot.config["settings"] = {"tape.folder": json.dumps(str(tmp_path / "kept"))}
    capsys.readouterr()
    assert call("why", str(folder), "09:01") == 0
    of_the_run = capsys.readouterr().out
    assert call("why", "09:01", "--control", str(bot.path)) == 0

    assert capsys.readouterr().out == of_the_run
    assert call("why", "09:01", "--json", "--control", str(bot.path)) == 0
    assert json.loads(capsys.readouterr().out)["decided"]["book"] == "BTC"


def test_no_bot_and_no_such_run_are_said(call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no number is a run's."""
    assert call("why", "--control", str(tmp_path / "none.json")) == 2
    assert "is the bot running?" in capsys.readouterr().err
    assert call("why", "nowhere") == 2
    assert "why: there is no folder nowhere" in capsys.readouterr().err
