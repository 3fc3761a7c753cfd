"""Environments of peers that cannot live beside the bot: in `.peers/` of the checkout, made when a bench first asks."""

import subprocess
import sys
from pathlib import Path

_HOME = Path(__file__).resolve().parents[2] / ".peers"


def interpreter(package: str) -> Path | None:
    """Python of an environment with this package; None where it cannot be installed here."""
    python = _HOME / package / "bin" / "python"
    stamp = _HOME / package / "installed.stamp"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", str(_HOME / package)], check=True)
        if subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=False).returncode:
            return None
        stamp.touch()
    return python
