"""Environments of the clients in other runtimes, in `.clients/` of the checkout: `make clients`.

What this machine cannot run is said and left out; a client that cannot be installed although it could run is an error.
`--states` installs nothing and prints, as JSON, what is there: the tests ask that way.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_HOME = _HERE.parents[2] / ".clients"
_PYTHON_FROM, _PYTHON_BELOW = (3, 12), (3, 15)
"""Of nautilus_trader 1.231."""
_PYTHON_NAMES = ("python3.12", "python3.13", "python3.14", "python3")


@dataclass(frozen=True)
class Runtime:
    """One foreign runtime with the packages it needs."""

    name: str
    pins: Path
    interpreter: str | None
    """None: this machine has none."""
    wanted: str

    @property
    def folder(self) -> Path:
        """Where its packages are."""
        return _HOME / self.name

    @property
    def command(self) -> str:
        """What runs a client script."""
        return str(self.interpreter) if self.name == "npm" else str(self.folder / "bin" / "python")

    @property
    def state(self) -> str:
        """`ready`, `absent` (no interpreter) or `missing` (not installed, or other pins)."""
        if self.interpreter is None:
            return "absent"
        stamp = self.folder / "installed.pins"
        is_same = stamp.is_file() and stamp.read_text() == self.pins.read_text()
        return "ready" if is_same else "missing"

    def install(self) -> None:
        """Install the pinned packages from nothing; CalledProcessError when that fails."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if self.name == "npm":
            shutil.copy(self.pins, self.folder / "package.json")
            quiet = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            subprocess.run(["npm", "install", *quiet], cwd=self.folder, check=True)
        else:
            quiet = ("--quiet", "--only-binary=:all:", "--disable-pip-version-check")
            subprocess.run([str(self.interpreter), "-m", "venv", str(self.folder)], check=True)
            subprocess.run([self.command, "-m", "pip", "install", *quiet, "-r", str(self.pins)], check=True)
        shutil.copy(self.pins, self.folder / "installed.pins")


def runtimes() -> list[Runtime]:
    """All of them, whether or not this machine has them."""
    node = shutil.which("node") if shutil.which("npm") else None
    return [
        Runtime("npm", _HERE / "package.json", node, "node and npm"),
        Runtime("nautilus", _HERE / "requirements-nautilus.txt", _new_python(), "Python 3.12 to 3.14"),
    ]


def _new_python() -> str | None:
    question = f"import sys, ensurepip; sys.exit(not {_PYTHON_FROM} <= sys.version_info < {_PYTHON_BELOW})"
    for candidate in _pythons():
        answer = subprocess.run([candidate, "-c", question], capture_output=True, check=False)
        if answer.returncode == 0:
            return candidate
    return None


def _pythons() -> Iterator[str]:
    """Interpreters on the PATH, and those that pyenv keeps off it."""
    yield from filter(None, map(shutil.which, _PYTHON_NAMES))
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, check=False, text=True).stdout.strip()
        yield from sorted(str(path) for path in Path(root).glob("versions/3.1[2-9]*/bin/python"))


def _states() -> dict[str, dict[str, str]]:
    return {
        runtime.name: {
            "state": runtime.state,
            "command": runtime.command,
            "folder": str(runtime.folder),
            "wanted": runtime.wanted,
        }
        for runtime in runtimes()
    }


def main() -> int:
    """Install what is missing; 1 when something that could run cannot be installed."""
    if "--states" in sys.argv:
        sys.stdout.write(json.dumps(_states()))
        return 0
    code = 0
    for runtime in runtimes():
        started_s, state = time.monotonic(), runtime.state
        if state == "missing":
            try:
                runtime.install()
                state = f"installed in {time.monotonic() - started_s:.0f} s"
            except (OSError, subprocess.CalledProcessError) as error:
                state, code = f"FAILED: {error}", 1
        elif state == "absent":
            state = f"absent: this machine has no {runtime.wanted}"
        sys.stdout.write(f"clients: {runtime.name} {state}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
