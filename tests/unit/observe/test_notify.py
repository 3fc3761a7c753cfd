"""Alerts on their way: gathered, tried again, given up; whoever posts never waits."""

import base64
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from bot.domain.errors import ConfigError
from bot.observe import notify
from bot.observe.alerts import Alert, Picture, Severity
from bot.observe.notify import QUEUE_MAX, AppriseChannel, File, Notifier, message

_WAIT_S = 60.0


class Told:
    """What became of messages."""

    def __init__(self) -> None:
        self.words: list[tuple[str, str, int]] = []
        self._news = threading.Condition()

    def __call__(self, word: str, channel: str, count: int) -> None:
        """From any thread."""
        with self._news:
            self.words.append((word, channel, count))
            self._news.notify_all()

    def wait(self, count: int) -> None:
        """Until so many were told."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.words) >= count, _WAIT_S), self.words


class Channel:
    """Fails a few times, then takes what comes; may be held up."""

    def __init__(self, name: str = "fake", *, failures: int = 0) -> None:
        self.name = name
        self.taken: list[tuple[Severity, str, str]] = []
        self.files: list[File] = []
        self.failures = failures
        self.is_open = threading.Event()
        self.is_open.set()
        self.is_called = threading.Event()

    def send(self, severity: Severity, title: str, body: str, files: Sequence[File]) -> bool:
        """As told."""
        self.is_called.set()
        assert self.is_open.wait(_WAIT_S)
        if self.failures:
            self.failures -= 1
            return False
        self.taken.append((severity, title, body))
        self.files += files
        return True


def _alert(text: str, severity: Severity = Severity.CRITICAL) -> Alert:
    return Alert(severity=severity, text=text)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the sake of waiting."""
    monkeypatch.setattr(notify, "_PAUSES_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(notify, "_GATHER_S", dict.fromkeys(Severity, 0.0))


def test_an_alert_reaches_every_channel() -> None:
    """With its severity; one that is away for a moment takes the next try, and holds nobody up."""
    told, good, slow = Told(), Channel("good"), Channel("slow", failures=3)
    notifier = Notifier([slow, good], told)
    notifier.post(_alert("BTC halted"))
    told.wait(2)
    notifier.close(_WAIT_S)

    assert good.taken == slow.taken == [(Severity.CRITICAL, "hedgebot critical", "critical: BTC halted")]
    assert told.words == [("alert.sent", "good", 1), ("alert.sent", "slow", 1)]
    assert not notifier._thread.is_alive()


def test_a_channel_that_takes_nothing_is_given_up_and_tried_with_the_next_alert() -> None:
    """After four tries."""
    told, channel = Told(), Channel(failures=4)
    notifier = Notifier([channel], told)
    notifier.post(_alert("first"))
    told.wait(1)
    notifier.post(_alert("second"))
    told.wait(2)
    notifier.close(_WAIT_S)

    assert told.words == [("alert.failed", "fake", 1), ("alert.sent", "fake", 1)]
    assert [body for _, _, body in channel.taken] == ["critical: second"]


def test_whoever_posts_never_waits() -> None:
    """A channel that hangs: the queue fills, what does not fit is dropped and told; the end is bounded."""
    told, channel = Told(), Channel()
    channel.is_open.clear()
    notifier = Notifier([channel], told)
    notifier.post(_alert("first"))
    assert channel.is_called.wait(_WAIT_S)
    for number in range(QUEUE_MAX + 3):
        notifier.post(_alert(str(number)))
    assert told.words == [("alert.dropped", "", 1)] * 3
    notifier.close(0.01)
    assert notifier._thread.is_alive()

    channel.is_open.set()
    notifier._thread.join(_WAIT_S)
    assert [count for word, _, count in told.words if word == "alert.sent"] == [1, QUEUE_MAX]


def test_what_waits_at_the_end_is_sent() -> None:
    """Without a second try."""
    told, channel = Told(), Channel()
    channel.is_open.clear()
    notifier = Notifier([channel], told)
    notifier.post(_alert("first"))
    assert channel.is_called.wait(_WAIT_S)
    notifier.post(_alert("second", Severity.INFO))
    channel.is_open.set()
    notifier.close(_WAIT_S)

    assert [body for _, _, body in channel.taken] == ["critical: first", "info: second"]


def test_a_message_begins_with_the_gravest() -> None:
    """Its severity is the title's; of many only the first twenty are lines."""
    title, body = message([_alert(str(n), Severity.INFO) for n in range(30)] + [_alert("grave")])

    assert title == "hedgebot critical (+30)"
    assert body.splitlines()[0] == "critical: grave"
    assert body.splitlines()[-1] == "and 11 more: see the log"
    assert len(body.splitlines()) == 21


@pytest.fixture
def posted() -> Iterator[tuple[str, list[bytes]]]:
    """An address for apprise, and what it was sent."""
    bodies: list[bytes] = []

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"json://127.0.0.1:{server.server_address[1]}/", bodies
        server.shutdown()
        thread.join(_WAIT_S)


def test_apprise_delivers(posted: tuple[str, list[bytes]]) -> None:
    """To a real endpoint; where nobody listens it says so and raises nothing."""
    url, bodies = posted
    channel = AppriseChannel(url)

    assert channel.name == "json"
    assert channel.send(Severity.CRITICAL, "hedgebot critical", "BTC halted") is True
    assert b"BTC halted" in bodies[0]
    assert b'"failure"' in bodies[0]
    assert AppriseChannel("json://127.0.0.1:9/").send(Severity.INFO, "t", "b") is False


def _no_png(svg: str) -> bytes:
    raise ConfigError(f"no font for {svg}")


@pytest.mark.parametrize(
    ("as_png", "name", "content"),
    [
        (lambda svg: f"PNG of {svg}".encode(), "hedgebot-BTC.png", b"PNG of <svg/>"),
        (_no_png, "hedgebot-BTC.svg", b"<svg/>"),
    ],
    ids=["png", "svg"],
)
def test_a_chart_goes_with_its_words(
    posted: tuple[str, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    as_png: Callable[[str], bytes],
    name: str,
    content: bytes,
) -> None:
    """Drawn by the sender's thread, attached where files are taken; PNG if it can be. One that fails costs no words."""
    monkeypatch.setattr(notify, "as_png_beside", as_png)

    def broken() -> str | None:
        message = "no such font"
        raise OSError(message)

    told, (url, bodies) = Told(), posted
    notifier = Notifier([AppriseChannel(url)], told)
    for draw in (lambda: "<svg/>", lambda: None, broken):
        picture = Picture(name="hedgebot-BTC", draw=draw)
        notifier.post(Alert(severity=Severity.INFO, text="the day", picture=picture))
    told.wait(1)
    notifier.close(_WAIT_S)

    found = [file for body in bodies for file in json.loads(body)["attachments"]]
    assert [(file["filename"], base64.b64decode(file["base64"])) for file in found] == [(name, content)]
    assert [file["mimetype"] for file in found] == ["image/png" if name.endswith("png") else "image/svg+xml"]
    assert b"".join(bodies).count(b"the day") == 3


def test_an_address_nobody_understands_is_refused_without_showing_it() -> None:
    """One line; the address may be a secret."""
    with pytest.raises(ConfigError, match="apprise does not understand an address of kind nowhere") as caught:
        AppriseChannel("nowhere://token-of-mine/")

    assert "token-of-mine" not in str(caught.value)
