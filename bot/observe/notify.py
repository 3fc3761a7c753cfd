"""Carries alerts to people, from a thread of its own behind a bounded queue: whoever posts never waits.

Knows how to gather, try again and give up; an address is a secret and stays in its channel.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from bot.domain.errors import ConfigError
from bot.observe.alerts import Alert, Severity
from bot.observe.raster import as_png_beside

QUEUE_MAX: Final = 100
"""Alerts waiting; more than that nobody reads."""
_LINES_MAX: Final = 20
"""Lines of one message; of more only the number is told."""
_PAUSES_S: Final = (2.0, 10.0, 30.0)
"""Between tries of one message; a channel that is away for longer misses it."""
_GATHER_S: Final = {Severity.INFO: 10.0, Severity.WARNING: 10.0, Severity.CRITICAL: 0.5}
"""What follows within so long of the first goes into the same message."""


class File(NamedTuple):
    """A chart as it is sent."""

    name: str
    content: bytes
    kind: str
    """As mail and web name it."""


class Channel(Protocol):
    """One way to a human."""

    @property
    def name(self) -> str:
        """What kind it is (`slack`, `mailto`), for the log; never its address."""

    def send(self, severity: Severity, title: str, body: str, files: Sequence[File]) -> bool:
        """Whether it was taken; bounded in time, never raises. Files are left out where none are taken."""


class Notifier:
    """One thread and its queue."""

    def __init__(self, channels: Sequence[Channel], told: Callable[[str, str, int], None]) -> None:
        """`told` hears what came of each message, from the thread: a word of the log, the channel, how many alerts."""
        self._channels: Final = tuple(channels)
        self._told: Final = told
        self._waiting: Final[queue.Queue[Alert | None]] = queue.Queue(maxsize=QUEUE_MAX)
        self._closing: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._work, name="alerts", daemon=True)
        self._thread.start()

    def post(self, alert: Alert) -> None:
        """Take an alert and return at once; what does not fit is dropped, and that is told."""
        try:
            self._waiting.put_nowait(alert)
        except queue.Full:
            self._told("alert.dropped", "", 1)

    def close(self, wait_s: float) -> None:
        """Send what waits, without another try, within `wait_s`."""
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then it is awake, and sees that the end has come
            self._waiting.put_nowait(None)
        self._thread.join(wait_s)

    def _work(self) -> None:
        while not (self._closing.is_set() and self._waiting.empty()):
            first = self._waiting.get()
            if first is None:
                continue
            self._closing.wait(_GATHER_S[first.severity])
            alerts = [first, *self._waiting_now()]
            self._deliver(alerts)

    def _waiting_now(self) -> list[Alert]:
        found: list[Alert] = []
        for _ in range(QUEUE_MAX):
            try:
                alert = self._waiting.get_nowait()
            except queue.Empty:
                break
            if alert is not None:
                found.append(alert)
        return found

    def _deliver(self, alerts: Sequence[Alert]) -> None:
        """To every channel once; to those that did not take it again, a few times."""
        severity = max(alert.severity for alert in alerts)
        title, body = message(alerts)
        files = list(_drawn(alerts))
        left = list(self._channels)
        for pause_s in (*_PAUSES_S, None):
            for channel in tuple(left):
                if channel.send(severity, title, body, files):
                    left.remove(channel)
                    self._told("alert.sent", channel.name, len(alerts))
            if not left or pause_s is None or self._closing.wait(pause_s):
                break
        for channel in left:
            self._told("alert.failed", channel.name, len(alerts))


def _drawn(alerts: Sequence[Alert]) -> Iterator[File]:
    """What goes with the message; a chart that cannot be drawn costs nobody the words."""
    for alert in alerts:
        if alert.picture is not None:
            with contextlib.suppress(Exception):
                svg = alert.picture.draw()
                if svg is not None:
                    yield _file(alert.picture.name, svg)


def _file(name: str, svg: str) -> File:
    """PNG, which every chat shows; SVG where none can be drawn."""
    try:
        return File(f"{name}.png", as_png_beside(svg), "image/png")
    except ConfigError:
        return File(f"{name}.svg", svg.encode(), "image/svg+xml")


def message(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Title and body of some alerts, the gravest first."""
    ordered = sorted(alerts, key=lambda alert: -alert.severity)
    more = f" (+{len(ordered) - 1})" if len(ordered) > 1 else ""
    lines = [f"{alert.severity.name.lower()}: {alert.text}" for alert in ordered[:_LINES_MAX]]
    if len(ordered) > _LINES_MAX:
        lines.append(f"and {len(ordered) - _LINES_MAX} more: see the log")
    return f"hedgebot {ordered[0].severity.name.lower()}{more}", "\n".join(lines)


class AppriseChannel:
    """One address of apprise: Telegram, Slack, Discord, mail and a hundred others."""

    def __init__(self, url: str) -> None:
        """ConfigError where apprise is not installed, or does not know such an address."""
        try:
            import apprise  # noqa: PLC0415 - an extra, and half a second that only those pay who want it
            from apprise.attachment.memory import AttachMemory  # noqa: PLC0415 - the same
        except ImportError:
            raise ConfigError("alerts.urls: apprise is missing; pip install 'hedgebot[alerts]'") from None
        # It would print addresses.
        logging.getLogger("apprise").disabled = True
        self._apprise: Final = apprise.Apprise()
        self._gather: Final[Callable[..., object]] = apprise.AppriseAttachment
        self._attach: Final[Callable[..., object]] = AttachMemory
        self._kinds: Final = {
            Severity.INFO: apprise.NotifyType.INFO,
            Severity.WARNING: apprise.NotifyType.WARNING,
            Severity.CRITICAL: apprise.NotifyType.FAILURE,
        }
        scheme = url.partition("://")[0]
        self._name: Final = scheme if scheme.isalnum() else "unknown"
        if not self._apprise.add(url):
            raise ConfigError(
                f"alerts.urls: apprise does not understand an address of kind {self._name}; see its manual"
            )

    @property
    def name(self) -> str:
        """The scheme of its address."""
        return self._name

    def send(self, severity: Severity, title: str, body: str, files: Sequence[File] = ()) -> bool:
        """Within apprise's own time-outs, four seconds to connect and four to read."""
        try:
            charts = [self._attach(content=file.content, name=file.name, mimetype=file.kind) for file in files]
            attach = self._gather(charts) if charts else None
            kind = self._kinds[severity]
            return bool(self._apprise.notify(body=body, title=title, notify_type=kind, attach=attach))
        except Exception:  # noqa: BLE001 - code of others: whatever it raises, the next message is sent
            return False
