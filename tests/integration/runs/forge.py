"""Makes bots that start at once: this process has imported everything they need and forks them.

Each is a process of its own that runs the entry of `hedgebot run` and can be killed; only the second that importing
takes is saved. One line of JSON on standard input each, and one in answer: arguments, environment, folder and output
give the pid of what was started; `poll` and a pid give its exit code as `subprocess` tells it, or null. The end of the
input ends them all.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

_ROOT = Path(__file__).resolve().parents[3]
_IMPORTED = ("bot.app.cli", "bot.app.compose", "ccxt.async_support", "uvloop", "aiohttp", "websockets.asyncio.client")


class _Forked:
    """A child of the forge, as `subprocess.Popen` has its own."""

    def __init__(self, forge: "Forge", pid: int) -> None:
        self.pid = pid
        self._forge = forge
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._forge.ask(poll=self.pid)
        return self._code

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        while (code := self.poll()) is None:
            time.sleep(0.005)
        return code


class Forge:
    """This end of it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=_ROOT,
        )
        self._answer()

    def start(
        self, arguments: Sequence[str], environment: dict[str, str], output: Path, *, folder: Path = _ROOT
    ) -> _Forked:
        """Start a command of ours in a folder with these additions to the environment, its output into a file."""
        asked = self.ask(arguments=list(arguments), environment=environment, output=str(output), folder=str(folder))
        return _Forked(self, asked)

    def ask(self, **order: object) -> Any:
        """Its answer to one order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        """End it, and what it has started."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()


def _become(order: dict[str, Any]) -> NoReturn:
    code: object = 1
    try:
        for number, path in ((0, os.devnull), (1, order["output"]), (2, order["output"])):
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        sys.argv = ["hedgebot", *order["arguments"]]
        importlib.import_module("bot.__main__").main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - a child must never come back
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _tell(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Until nobody asks any more."""
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    living: set[int] = set()
    _tell("ready")
    for line in sys.stdin:
        order = json.loads(line)
        if "poll" in order:
            pid, status = os.waitpid(order["poll"], os.WNOHANG)
            living.discard(pid)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                _become(order)
            living.add(answer)
        _tell(answer)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
