"""What the image is made of, as far as it can be told without building it; `make image-test` builds and runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bot.app.version import built_from, commit_of

_WAIT_S = 60.0

_PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)


def _pins(text: str) -> set[tuple[str, str]]:
    return set(_PIN.findall(text))


@pytest.mark.parametrize("name", ["requirements", "research"])
def test_the_image_installs_what_is_tested(repo_root: Path, name: str) -> None:
    """A lock has the versions of the constraints, each with its hashes, and names no host; `make lock` writes both."""
    lock = (repo_root / f"deploy/{name}.lock").read_text()
    constraints = (repo_root / "constraints.txt").read_text()
    ours = {(name, version) for name, version in _pins(lock) if name != "setuptools"}

    assert len(ours) > 30
    assert sorted(ours - _pins(constraints)) == []
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=[a-z])", lock.strip()))
    assert "://" not in lock
    assert {"pytest", "mypy", "ruff"}.isdisjoint(name for name, _ in ours)


def test_every_dependency_is_in_the_image(repo_root: Path) -> None:
    """A new one in pyproject.toml that is not locked would be missing there; one of the extras it has, too."""
    project = (repo_root / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert block is not None
    listed = [block[1], *re.findall(r"^(?:alerts|postgres) = \[(.*)\]$", project, re.MULTILINE)]
    wanted = {name.lower() for line in listed for name in re.findall(r'"([A-Za-z0-9-]+)', line)}
    assert wanted > {"apprise", "pg8000", "ccxt"}
    locked, with_research = (
        {name for name, _ in _pins((repo_root / f"deploy/{name}.lock").read_text())}
        for name in ("requirements", "research")
    )
    extra = re.search(r"^research = \[(.*)\]$", project, re.MULTILINE)
    assert extra is not None
    studied = {name.lower() for name in re.findall(r'"([A-Za-z0-9-]+)', extra[1])}

    assert sorted(wanted - locked) == []
    assert studied & locked == studied & wanted
    assert with_research >= locked | studied


def test_what_is_copied_into_the_image_is_let_in(repo_root: Path) -> None:
    """Everything is kept out of the build but what the Dockerfile names: no secret can slip in."""
    lines = (repo_root / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied: set[str] = set()
    for line in (repo_root / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            copied.update(line.split()[1:-1])

    assert lines[1] == "*"
    assert copied == let_in
    assert [name for name in let_in if not (repo_root / name).exists()] == []


@pytest.mark.parametrize(("tool", "keeps_health"), [("docker", False), ("podman", True), ("buildah", True)])
def test_every_tool_is_asked_alike(image: ModuleType, repo_root: Path, tool: str, *, keeps_health: bool) -> None:
    """Those that would drop the health check are told to keep it; each is told the commit it builds."""
    words = image.build_words(tool, tag="t", base="b", more=["--no-cache"])

    assert words[:2] == [tool, "build"]
    asked = ["LOCK=requirements.lock", "BASE_IMAGE=b", f"COMMIT={commit_of(repo_root) or ''}"]
    arguments = [word for argument in asked for word in ("--build-arg", argument)]
    assert words[-10:] == ["--no-cache", *arguments, "--tag", "t", "."]
    assert ("--format" in words) is keeps_health


def test_a_missing_tool_is_one_line(image: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the next step."""
    monkeypatch.setattr(image.shutil, "which", lambda _: None)

    with pytest.raises(image.Failed, match="docker, podman, buildah: none here builds images; install one"):
        image.builder()


def test_the_image_keeps_its_commit_where_version_looks_for_it(repo_root: Path, tmp_path: Path) -> None:
    """The line of the Dockerfile, carried out on a folder like the image's; without a commit there is no file."""
    (line,) = re.findall(r"^RUN (test -z .*)$", (repo_root / "Dockerfile").read_text(), re.MULTILINE)
    package = tmp_path / "lib/python3.12/site-packages/bot"
    package.mkdir(parents=True)
    for commit, found in (("", None), ("0123456789" * 4, "0123456789" * 4)):
        here = line.replace("/opt/hedgebot", str(tmp_path))
        subprocess.run(["sh", "-c", here], env=os.environ | {"COMMIT": commit}, check=True)
        assert built_from(package) == found


@pytest.mark.parametrize(
    ("has_font", "apt", "asked", "is_told"),
    [(True, "exit 1", 0, False), (False, "exit 0", 2, False), (False, "exit 1", 1, True), (False, None, 0, True)],
    ids=["there", "installed", "offline", "another base"],
)
def test_a_base_without_letters_gets_them_or_it_is_told(
    repo_root: Path, tmp_path: Path, *, has_font: bool, apt: str | None, asked: int, is_told: bool
) -> None:
    """The line of the Dockerfile, carried out; no base and no network keeps an image from being built for it."""
    line = re.search(r"^RUN (test -e .*(?:\n    .*)+)", (repo_root / "Dockerfile").read_text(), re.MULTILINE)
    assert line is not None
    tools, font, lists = (tmp_path / name for name in ("bin", "fonts/truetype/dejavu/DejaVuSans.ttf", "lists"))
    for folder in (tools, font.parent, lists):
        folder.mkdir(parents=True)
    (tools / "rm").symlink_to("/bin/rm")
    if has_font:
        font.touch()
    if apt is not None:
        (tools / "apt-get").write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/asked\n{apt}\n")
        (tools / "apt-get").chmod(0o755)
    here = line[1].replace("/usr/share/fonts", str(tmp_path / "fonts")).replace("/var/lib/apt/lists", str(lists))
    done = subprocess.run(["/bin/sh", "-c", here], env={"PATH": str(tools)}, check=True, capture_output=True, text=True)

    told = tmp_path / "asked"
    assert len(told.read_text().split() if told.exists() else ()) == asked
    assert ("will be SVG" in done.stdout) is is_told


_PODMAN = """#!/bin/sh
echo "$@" >> "$LOG"
case "$*" in
*" run --detach "*) echo c0ffee ;;
*" exec "*) for _ in $(seq 1200); do [ -e "$LOG.over" ] && exit 0; sleep 0.05; done ;;
esac
"""
"""Writes down what it is asked; what it carries out in a container lasts until it is told, a minute at most."""


class Trials:
    """Trials of an image with a podman that only notes what it is asked."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.temporary, self.log, tools = folder / "tmp", folder / "log", folder / "bin"
        self.temporary.mkdir()
        tools.mkdir()
        (tools / "podman").write_text(_PODMAN)
        (tools / "podman").chmod(0o755)
        self._words = [sys.executable, str(script), "test", "--base-tar", "base.tar"]
        own = {"PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(self.temporary), "LOG": str(self.log)}
        self._environment = os.environ | own
        self.begun: list[subprocess.Popen[str]] = []

    def begin(self) -> subprocess.Popen[str]:
        """One that has a container running."""
        known = set(self.folders())
        trial = subprocess.Popen(
            self._words, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.begun.append(trial)
        self.until(
            lambda: any(
                f"{name}/" in line and " exec " in line
                for line in self.asked()
                for name in self.folders()
                if name not in known
            )
        )
        return trial

    def folders(self) -> list[str]:
        """Of trials that have not cleaned up."""
        return [path.name for path in self.temporary.glob("hedgebot-image-*")]

    def asked(self, folder: str = "") -> list[str]:
        """What podman was asked about a trial."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if folder in line]

    def until(self, holds: Callable[[], object]) -> None:
        """Bounded."""
        end_s = time.monotonic() + _WAIT_S
        while not holds():
            assert time.monotonic() < end_s, self.asked()
            time.sleep(0.02)

    def over(self) -> None:
        """Nothing of them runs any more."""
        self.log.with_name("log.over").touch()
        for trial in self.begun:
            trial.kill()
            trial.communicate(timeout=_WAIT_S)


@pytest.fixture
def trials(repo_root: Path, tmp_path: Path) -> Iterator[Trials]:
    """Ended in the end."""
    found = Trials(tmp_path, repo_root / "deploy/image.py")
    yield found
    found.over()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_trial_that_is_ended_ends_its_container(trials: Trials, number: signal.Signals) -> None:
    """It is removed, the storage given back, the folder gone; the exit code is the signal's."""
    trial = trials.begin()
    trial.send_signal(number)

    assert trial.wait(_WAIT_S) == 128 + number
    assert trials.folders() == []
    last = [line.split("/run ")[1] for line in trials.asked()[-3:]]
    assert last == ["rm --force --time 5 c0ffee", "rm --force --all --time 5", "system reset --force"]


def test_what_a_killed_trial_left_is_ended_by_the_next_and_nothing_else(trials: Trials) -> None:
    """What another that is alive works with stays."""
    killed, alive = trials.begin(), trials.begin()
    (of_killed,) = (name for name in trials.folders() if f"-{killed.pid}-" in name)
    killed.kill()
    killed.wait(_WAIT_S)
    next_one = trials.begin()

    assert of_killed not in trials.folders()
    assert [line.split("/run ")[1] for line in trials.asked(of_killed)[-2:]] == [
        "rm --force --all --time 5",
        "system reset --force",
    ]
    assert sorted(name.split("-")[2] for name in trials.folders()) == sorted(map(str, (alive.pid, next_one.pid)))
    next_one.send_signal(signal.SIGTERM)
    assert f"{of_killed}: its trial was killed" in next_one.communicate(timeout=_WAIT_S)[0]
