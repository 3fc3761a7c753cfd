"""Builds the container image, and tries it: `make image`, `make image-test`.

Needs Python and a tool that builds images; the trial needs podman, runc and, to make a base, debootstrap and root.
"""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent
BASE_IMAGE: Final = "python:3.12-slim-bookworm"
LOCK: Final = "requirements.lock"
RESEARCH_LOCK: Final = "research.lock"
"""With what only studies need."""
ADDED_BYTES_MAX: Final = 400_000_000
"""What the image may add to its base."""
_WAIT_S: Final = 180.0
"""For the first hedges of a run, on a machine with other things to do; a start without byte-code takes 15 s."""
_STOP_WAIT_S: Final = 60.0
_WHEELS: Final = "/wheels"
_PIP_CONFIG: Final = "/etc/pip.conf"
_FOLDERS: Final = "hedgebot-image-"
"""Of trials, among temporary files; the number of the process follows."""


class Failed(Exception):
    """One line: what did not hold."""


def call(*words: str, cwd: Path = CHECKOUT) -> str:
    """Run a command; what it said on standard output. Failed with its last words otherwise."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Failed(f"{' '.join(words[:3])} ...: exit {done.returncode}: {' | '.join(said[-6:])}")
    return done.stdout


def builder(wanted: str = "") -> str:
    """The first of docker, podman and buildah that is there and answers: a docker client may be without its engine."""
    for tool in (wanted,) if wanted else ("docker", "podman", "buildah"):
        if shutil.which(tool) is not None:
            answer = subprocess.run([tool, "info"], capture_output=True, check=False)  # noqa: S603 - one of three
            if answer.returncode == 0:
                return tool
    raise Failed(f"{wanted or 'docker, podman, buildah'}: none here builds images; install one")


def commit() -> str:
    """Of this checkout; empty where there is none, or no git."""
    try:
        return call("git", "rev-parse", "--verify", "HEAD").strip()
    except (Failed, OSError):
        return ""


def build_words(tool: str, *, tag: str, base: str, lock: str = LOCK, more: Sequence[str] = ()) -> list[str]:
    """The command that builds; the format of docker keeps the health check."""
    as_docker = [] if tool == "docker" else ["--format", "docker"]
    arguments = ["--build-arg", f"LOCK={lock}", "--build-arg", f"BASE_IMAGE={base}"]
    arguments += ["--build-arg", f"COMMIT={commit()}"]
    return [tool, "build", *as_docker, *more, *arguments, "--tag", tag, "."]


def build(tag: str, lock: str, more: Sequence[str]) -> None:
    """With what is there; its size is told."""
    tool = builder(os.environ.get("CONTAINER", ""))
    base = os.environ.get("BASE_IMAGE", "") or BASE_IMAGE
    words = build_words(tool, tag=tag, base=base, lock=lock, more=more)
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()
    code = subprocess.run(words, cwd=CHECKOUT, check=False).returncode  # noqa: S603 - built above
    if code == 0:
        sys.stdout.write(f"{tag}: {call(tool, 'images', '--format', '{{.Size}}', tag).strip()}\n")
    raise SystemExit(code)


# --- the trial -----------------------------------------------------------------------------------------------


class Podman:
    """podman with a storage of its own, in a folder: what is built and run here leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self.words: Final = [
            *("podman", "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs"),
            *("--root", str(folder / "storage"), "--runroot", str(folder / "run")),
        ]

    def __call__(self, *words: str) -> str:
        """One command."""
        return call(*self.words, *words)

    def build(self, tag: str, base: str, lock: str, more: Sequence[str]) -> None:
        """The image, from files that are here only."""
        here = ["--pull=never", "--network", "host", *more]
        self(*build_words("podman", tag=tag, base=base, lock=lock, more=here)[1:])

    def leave(self) -> None:
        """End every container, whoever knows its name, and give the storage back."""
        for words in (("rm", "--force", "--all", "--time", "5"), ("system", "reset", "--force")):
            with contextlib.suppress(Failed):  # whether its folder can be removed is what tells
                self(*words)

    def size_bytes(self, image: str) -> int:
        """All its layers."""
        return int(json.loads(self("image", "inspect", image))[0]["Size"])


@contextmanager
def podman_here() -> Iterator[tuple[Podman, Path]]:
    """A podman and its folder, gone afterwards; what a trial left that was killed goes first.

    Whoever is alive holds a lock on his folder: it falls with the process, however that ends.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError):  # in use, or gone meanwhile
            if left.lstat().st_uid == os.geteuid() and left.is_dir() and not left.is_symlink():
                with _held(left, fcntl.LOCK_NB):
                    _remove(left)
                sys.stdout.write(f"removed {left}: its trial was killed\n")
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-"))
    with _held(folder):
        try:
            yield Podman(folder), folder
        finally:
            _remove(folder)


@contextmanager
def _held(folder: Path, how: int = 0) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    Podman(folder).leave()
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise Failed(
            f"{error.filename}: cannot be removed, {error.strerror}: something of a trial still runs"
        ) from None


def _leave(number: int, frame: object) -> None:
    """Clean up and end as asked to; who asks again waits for that."""
    del frame
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


_ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def debian_root(folder: Path) -> Path:
    """Debian with its Python, made from the packages this machine installs from."""
    rootfs, packed = folder / "rootfs", folder / "base.tar"
    include = "--include=python3,python3-venv,ca-certificates,fonts-dejavu-core"
    call("debootstrap", "--variant=minbase", include, "bookworm", str(rootfs), _package_source())
    shutil.rmtree(rootfs / "var/cache/apt/archives", ignore_errors=True)
    call("tar", "-C", str(rootfs), "-cf", str(packed), ".")
    shutil.rmtree(rootfs)
    return packed


def _package_source() -> str:
    """Where this machine's own packages come from."""
    apt = Path("/etc/apt")
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        for line in path.read_text().splitlines() if path.is_file() else ():
            words = [word for word in line.split() if not word.startswith("[") and not word.endswith("]")]
            if len(words) > 1 and words[0] in {"URIs:", "deb"} and "://" in words[1]:
                return words[1]
    raise Failed("apt: no source of packages is configured; give a base with BASE_IMAGE=...")


def wheels(folder: Path, python: str, lock: str) -> Path:
    """Every file of a lock, fetched with this machine's own pip: the build itself asks nobody."""
    there = folder / "wheels"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    only = ("--no-deps", "--only-binary", ":all:", "--python-version", python)
    call(
        *pip, "download", "--quiet", *only, "--require-hashes", "-r", str(CHECKOUT / "deploy" / lock), "-d", str(there)
    )
    return there


def offline(folder: Path, found: Path) -> list[str]:
    """Options of a build that knows these wheels and no index."""
    config = folder / "pip.conf"
    config.write_text(f"[global]\nno-index = true\nfind-links = {_WHEELS}\n")
    isolation = ["--isolation", "chroot"] if os.geteuid() == 0 else []
    return [*isolation, "-v", f"{found}:{_WHEELS}:ro", "-v", f"{config}:{_PIP_CONFIG}:ro"]


_LOCKED_DOWN: Final = (
    *("--read-only", "--tmpfs", "/tmp:size=64m,mode=1777"),  # noqa: S108 - inside the container
    *("--cap-drop", "all", "--security-opt", "no-new-privileges", "--pids-limit", "64", "--memory", "1g"),
    # Below what a user may have anywhere: raising a limit needs a right that not every root has.
    *("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"),
)


@contextmanager
def running(podman: Podman, image: str, *command: str, network: str = "none", **environment: str) -> Iterator[str]:
    """A container with nothing it does not need; gone afterwards."""
    runtime = ("--runtime", "runc") if shutil.which("runc") else ()
    told = [word for item in environment.items() for word in ("--env", "=".join(item))]
    name = podman("run", "--detach", *runtime, *_LOCKED_DOWN, "--network", network, *told, image, *command).strip()
    try:
        yield name
    finally:
        podman("rm", "--force", "--time", "5", name)


def _demand(holds: object, claim: str) -> None:
    if not holds:
        raise Failed(claim)
    sys.stdout.write(f"holds: {claim}\n")
    sys.stdout.flush()


def _lines(podman: Podman, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in podman("logs", name).splitlines() if line.startswith("{")]


def _until_told(podman: Podman, name: str, event: str, times: int = 1) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while sum(line.get("event") == event for line in _lines(podman, name)) < times:
        if time.monotonic() > deadline_s:
            raise Failed(f"{event} was not told {times} times in {_WAIT_S:.0f} s: {podman('logs', name)[-2000:]}")
        time.sleep(1.0)


def _ends(podman: Podman, name: str) -> str:
    """How long it took to end after SIGTERM, in order; in words."""
    podman("kill", "--signal", "TERM", name)
    began_s = time.monotonic()
    code = call("timeout", f"{_STOP_WAIT_S:.0f}", *podman.words, "wait", name).strip()
    if code != "0":
        raise Failed(f"SIGTERM ended it with {code}: {podman('logs', name)[-2000:]}")
    return f"{time.monotonic() - began_s:.1f} s"


_DRAWS: Final = (
    "from bot.observe.raster import as_png_beside as draw; "
    """print(draw('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')[1:4].decode())"""
)


def _demo(podman: Podman, image: str) -> None:
    """It hedges, answers its own health check, and ends in order when asked to."""
    with running(podman, image, "demo", "--json") as name:
        _until_told(podman, name, "order.filled", times=2)
        _demand(True, "two hedges were filled")
        listening = next(line for line in _lines(podman, name) if line.get("event") == "health.listening")
        ask = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{listening['port']}/healthz').status)"
        _demand(podman("exec", name, "python3", "-c", ask).strip() == "200", "the health page answers inside")
        told = podman("exec", name, "hedgebot", "--version").strip()
        _demand(f"(commit {commit()[:12]}, " in told or not commit(), f"it names the commit it was built from: {told}")
        drawn = podman("exec", name, "python3", "-c", _DRAWS).strip()
        _demand(drawn == "PNG", "it draws the chart of an alert as PNG, letters and all")
        _demand(podman("exec", name, "id", "-u").strip() == "10001", "it is not root")
        _demand(not podman("exec", name, "find", "/opt/hedgebot", "-name", "*.pyc"), "there is no byte-code in it")
        _demand(True, f"SIGTERM ends it in order, in {_ends(podman, name)}")
        result = _lines(podman, name)[-1]
        _demand(result.get("positions_match") is True, f"positions match after {result.get('hedges')} hedges")
        _demand(result.get("unknown_open") == 0 and not result.get("violations"), "nothing is left open")


_AT_THE_EXCHANGE: Final = {
    "HEDGEBOT_VENUE__HOSTS": "local",
    "HEDGEBOT_VENUE__CLIENT_ID": "demo",
    "HEDGEBOT_VENUE__CLIENT_SECRET": "demo",
}
_PORTFOLIO: Final = "config/portfolios/demo.toml"
_IS_SERVED: Final = "import socket; socket.create_connection(('127.0.0.1', 8651), 5).close()"
"""The exchange's own port, and that of the hosts called local."""
_MODES: Final[dict[str, dict[str, str]]] = {
    "testnet": _AT_THE_EXCHANGE,
    "paper": {"HEDGEBOT_PORTFOLIO": _PORTFOLIO, "HEDGEBOT_VENUE__HOSTS": "local"},
    "demo": {"HEDGEBOT_PORTFOLIO": _PORTFOLIO},
}
"""What tells the modes apart; the command line is the image's own in each."""


def _modes(podman: Podman, image: str) -> None:
    """By environment alone each mode agrees with its venue: an exchange of the same image, in a container beside."""
    with running(podman, image, "exchange", "--portfolio", _PORTFOLIO, HEDGEBOT_LOG__FORMAT="json") as venue:
        deadline_s = time.monotonic() + _WAIT_S
        while not _says_yes(podman, "exec", venue, "python3", "-c", _IS_SERVED):
            if time.monotonic() > deadline_s:
                raise Failed(f"the exchange did not listen in {_WAIT_S:.0f} s: {podman('logs', venue)[-2000:]}")
            time.sleep(1.0)
        for mode, environment in _MODES.items():
            told = {"HEDGEBOT_MODE": mode, "HEDGEBOT_LOG__FORMAT": "json"} | environment
            with running(podman, image, network=f"container:{venue}", **told) as name:
                _until_told(podman, name, "book.reconciled")
                _demand(True, f"mode {mode} runs by environment alone, and SIGTERM ends it in {_ends(podman, name)}")


def _says_yes(podman: Podman, *words: str) -> bool:
    try:
        podman(*words)
    except Failed:
        return False
    return True


def trial(base_tar: Path | None, *, with_research: bool) -> None:
    """Build without a registry, look, run, end."""
    if shutil.which("podman") is None:
        raise Failed("podman: is missing; install podman, runc and debootstrap")
    with podman_here() as (podman, folder):
        began_s = time.monotonic()
        base = "localhost/base:bookworm"
        podman("import", str(base_tar or debian_root(folder)), base)
        with running(podman, base, "sleep", "60") as name:
            python = podman("exec", name, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        image, lock = "localhost/hedgebot:test", RESEARCH_LOCK if with_research else LOCK
        found = wheels(folder, python.strip(), lock)
        based_s = time.monotonic()
        podman.build(image, base, LOCK, offline(folder, found))
        built_s = time.monotonic()
        added = podman.size_bytes(image) - podman.size_bytes(base)
        sys.stdout.write(f"base and wheels {based_s - began_s:.0f} s, build {built_s - based_s:.0f} s\n")
        _demand(added <= ADDED_BYTES_MAX, f"{added / 1e6:.0f} MB above its base, at most {ADDED_BYTES_MAX / 1e6:.0f}")
        _demo(podman, image)
        _modes(podman, image)
        if with_research:
            podman.build("localhost/hedgebot:research", base, lock, offline(folder, found))
            added = podman.size_bytes("localhost/hedgebot:research") - podman.size_bytes(base)
            sys.stdout.write(f"with what studies need: {added / 1e6:.0f} MB above its base\n")


def main() -> None:
    """Command line of the two targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("build", "test"))
    parser.add_argument("--tag", default="hedgebot")
    parser.add_argument("--research", action="store_true", help="with what studies need, in a tag of its own")
    parser.add_argument("--base-tar", type=Path, help="root file system for the trial; default: make one")
    known, more = parser.parse_known_args()
    try:
        if known.what == "build":
            named = f"{known.tag}:research" if known.research and ":" not in known.tag else known.tag
            build(named, RESEARCH_LOCK if known.research else LOCK, more)
        for number in _ENDS:
            signal.signal(number, _leave)
        trial(known.base_tar, with_research=known.research)
    except Failed as error:
        sys.exit(f"image: {error}")


if __name__ == "__main__":
    main()
