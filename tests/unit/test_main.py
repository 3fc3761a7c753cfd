"""`python -m bot` is the `hedgebot` command."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bot import __main__ as entry
from bot.app import cli


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """The command takes signals; the test run wants them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_module_is_the_command() -> None:
    """Started as a module it shows the same help as the command."""
    run = subprocess.run(
        [sys.executable, "-m", "bot", "--help"], capture_output=True, check=False, text=True, timeout=60
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert "simulate" in run.stdout


@pytest.mark.parametrize(
    ("command", "is_orderly"), [("run", True), ("demo", True), ("exchange", True), ("replay", False)]
)
def test_an_end_may_be_asked_for_while_the_rest_is_imported(
    monkeypatch: pytest.MonkeyPatch, command: str, is_orderly: bool
) -> None:
    """What runs until a signal ends with 0 from its first moment on; what has a result of its own dies of it."""
    monkeypatch.setattr(sys, "argv", ["hedgebot", command])
    called: list[bool] = []

    def asked() -> None:
        called.append(True)
        if is_orderly:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(cli, "main", asked)
    if is_orderly:
        with pytest.raises(SystemExit) as ended:
            entry.main()
        assert ended.value.code == 0
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    else:
        entry.main()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert called == [True]


def test_an_end_in_the_middle_of_an_import_is_not_raised_there() -> None:
    """A C module that is being set up does not survive an exception: the process just ends, with 0."""
    code = (
        "import os, signal, sys\n"
        "from bot import __main__ as entry\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numpy':\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "            print('raised or went on')\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv = ['hedgebot', 'run', '--config', 'config/testnet.toml']\n"
        "entry.main()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True, timeout=60)

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
