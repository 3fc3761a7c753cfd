"""`python -m bot` is the `hedgebot` command."""

import subprocess
import sys


def test_the_module_is_the_command() -> None:
    """Started as a module it shows the same help as the command."""
    run = subprocess.run(
        [sys.executable, "-m", "bot", "--help"], capture_output=True, check=False, text=True, timeout=60
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert "simulate" in run.stdout
