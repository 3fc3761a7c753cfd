"""Tries what watches the bot, with a real Prometheus, Alertmanager and demo: `make deploy-test`.

Needs promtool, prometheus, amtool and prometheus-alertmanager; manifests are validated with what of
kubernetes-validate and systemd-analyze is there. Every panel and every rule is asked; one alert is made to fire
and to clear, and is delivered.
"""

import contextlib
import http.server
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

DEPLOY: Final = Path(__file__).resolve().parent
CHECKOUT: Final = DEPLOY.parent
HEDGEBOT: Final = CHECKOUT / ".venv/bin/hedgebot"
_UP_S: Final = 90.0
_HEDGES_S: Final = 180.0
_ALERT_S: Final = 240.0
_QUIET: Final = re.compile(r"> 0$|liquidity=|_(malformed|snapshots_failed|stream_losses|stream_reconnects)_|lease_left")
"""Panels that are rightly empty in a demo without faults."""


class Failed(Exception):
    """One line: what did not hold."""


def holds(claim: str) -> None:
    """One thing that was shown."""
    sys.stdout.write(f"holds: {claim}\n")
    sys.stdout.flush()


def checked(claim: str, *words: str) -> None:
    """A program that says yes."""
    done = subprocess.run(words, cwd=DEPLOY, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise Failed(f"{claim}: {(done.stdout + done.stderr).strip()[-2000:]}")
    holds(claim)


def files() -> None:
    """Everything that can be told without running anything of ours."""
    checked("Prometheus takes its configuration", "promtool", "check", "config", "prometheus/prometheus.yml")
    checked(
        "every rule says what it has to, fires and clears", "promtool", "test", "rules", "prometheus/rules_test.yml"
    )
    checked("Alertmanager takes its configuration", "amtool", "check-config", "alertmanager/alertmanager.yml")
    validate = Path(sys.executable).with_name("kubernetes-validate")
    if validate.exists():
        checked("the manifest is of Kubernetes' own schema", str(validate), "--strict", "kubernetes/hedgebot.yaml")
    if shutil.which("systemd-analyze"):
        _units()


def _units() -> None:
    """As instances, with a command that is there: systemd looks for it."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (DEPLOY / "systemd").glob("*.service"):
            there = Path(folder) / path.name.replace("@", "@desk")
            there.write_text(path.read_text().replace("/opt/hedgebot/bin/hedgebot", sys.executable))
            checked(f"systemd takes {path.name}", "systemd-analyze", "verify", "--man=no", str(there))


# --- what is started -----------------------------------------------------------------------------------------


def free_port() -> int:
    """One that nobody has now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(words: Sequence[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program for a while; asked to end, then made to."""
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own words
            words, cwd=CHECKOUT, stdout=out, stderr=subprocess.STDOUT, env=os.environ | environment
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(claim: str, wait_s: float, question: Callable[[], bool], log: Path) -> None:
    """Ask twice a second, bounded."""
    deadline_s = time.monotonic() + wait_s
    while not question():
        if time.monotonic() > deadline_s:
            raise Failed(f"{claim}: not within {wait_s:.0f} s; {log.read_text()[-1500:]}")
        time.sleep(0.5)
    holds(claim)


class Heard(http.server.BaseHTTPRequestHandler):
    """Where Alertmanager delivers: a list of messages."""

    said: "queue.Queue[str]" = queue.Queue()

    def do_POST(self) -> None:
        """One message."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.said.put(str(body["attachments"][0]["title"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Says nothing."""


def delivered(wanted: str, wait_s: float) -> None:
    """Wait for a message that begins so."""
    deadline_s = time.monotonic() + wait_s
    seen: list[str] = []
    while True:
        try:
            seen.append(Heard.said.get(timeout=max(0.0, deadline_s - time.monotonic())))
        except queue.Empty:
            raise Failed(f"{wanted!r} was not delivered in {wait_s:.0f} s, but {seen}") from None
        if seen[-1].startswith(wanted):
            holds(f"delivered: {seen[-1].strip()}")
            return


class Prometheus:
    """The shipped configuration, with ports that are free here."""

    def __init__(self, folder: Path, bot_port: int) -> None:
        self.port, self.alerts_port = free_port(), free_port()
        config = (DEPLOY / "prometheus/prometheus.yml").read_text()
        config = config.replace("127.0.0.1:8642", f"127.0.0.1:{bot_port}")
        (folder / "prometheus.yml").write_text(config.replace("127.0.0.1:9093", f"127.0.0.1:{self.alerts_port}"))
        shutil.copy(DEPLOY / "prometheus/rules.yml", folder)
        (folder / "alert_url").write_text(f"http://127.0.0.1:{_listen()}/")
        alerting = (DEPLOY / "alertmanager/alertmanager.yml").read_text()
        (folder / "alertmanager.yml").write_text(alerting.replace("/run/secrets/alert_url", str(folder / "alert_url")))
        self.words = [
            *("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"),
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self.alerts_words = [
            *("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am"),
            *(f"--web.listen-address=127.0.0.1:{self.alerts_port}", "--cluster.listen-address="),
        ]

    def ask(self, expression: str) -> list[Any]:
        """What an expression comes to now; Failed where it is none."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=10) as answer:
                return list(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError as error:
            raise Failed(f"{expression}: {error.read().decode()[:500]}") from None
        except OSError:
            return []


def _listen() -> int:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Heard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


def expressions() -> tuple[list[str], list[str]]:
    """Of the panels, with their variables filled in; and of the rules."""
    board = json.loads((DEPLOY / "grafana/dashboards/hedgebot.json").read_text())
    panels = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    filled = [text.replace("$book", ".*").replace("$__rate_interval", "1m") for text in panels]
    import yaml  # noqa: PLC0415 - needed here only

    file = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
    return filled, [rule["expr"] for group in file["groups"] for rule in group["rules"]]


def live() -> None:
    """A demo, scraped; every expression asked; killed and started again."""
    with tempfile.TemporaryDirectory(prefix="hedgebot-deploy-") as name, contextlib.ExitStack() as stack:
        folder, port = Path(name), free_port()
        prometheus = Prometheus(folder, port)
        stack.enter_context(running(prometheus.alerts_words, folder / "alertmanager.log"))
        stack.enter_context(running(prometheus.words, folder / "prometheus.log"))
        log = folder / "demo.log"
        demo = [str(HEDGEBOT), "demo", "--json"]
        with running(demo, log, HEDGEBOT_HEALTH__PORT=str(port)) as process:
            until("Prometheus scrapes the bot", _UP_S, lambda: _is_up(prometheus), folder / "prometheus.log")
            hedged = "sum(rate(hedgebot_traded_usd_total[1m])) > 0"
            until("hedges are seen", _HEDGES_S, lambda: bool(prometheus.ask(hedged)), log)
            _all_answered(prometheus)
            _kill(process)
            delivered("firing: HedgebotDown", _ALERT_S)
        with running(demo, log, HEDGEBOT_HEALTH__PORT=str(port)):
            until("it is scraped again", _UP_S, lambda: _is_up(prometheus), folder / "prometheus.log")
            delivered("resolved: HedgebotDown", _ALERT_S)


def _kill(demo: subprocess.Popen[bytes]) -> None:
    """As a machine would that has no memory left; the exchange it has started, which nobody then ends, goes with it."""
    children = [
        int(pid) for path in Path(f"/proc/{demo.pid}/task").glob("*/children") for pid in path.read_text().split()
    ]
    demo.kill()
    demo.wait()
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _is_up(prometheus: Prometheus) -> bool:
    return any(series["value"][1] == "1" for series in prometheus.ask('up{job="hedgebot"}'))


def _all_answered(prometheus: Prometheus) -> None:
    panels, rules = expressions()
    empty = [text for text in panels if not prometheus.ask(text) and not _QUIET.search(text)]
    if empty:
        raise Failed(f"panels without an answer: {empty}")
    holds(f"{len(panels)} expressions of the dashboard are answered")
    for text in rules:
        prometheus.ask(text)
    holds(f"{len(rules)} expressions of rules are understood")


def main() -> None:
    """All of it."""
    needed = ("promtool", "prometheus", "amtool", "prometheus-alertmanager")
    missing = [word for word in needed if not shutil.which(word)]
    if missing:
        sys.exit(f"deploy: {', '.join(missing)}: missing; install prometheus and prometheus-alertmanager")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what it started ends as well
    try:
        files()
        live()
    except Failed as error:
        sys.exit(f"deploy: {error}")


if __name__ == "__main__":
    main()
