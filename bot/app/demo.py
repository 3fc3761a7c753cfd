"""Starts a local exchange as a process of its own, with a key made for the occasion, and ends it again.

Knows how to start `hedgebot exchange` and to read its address; nothing of what is traded there.
"""

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.domain.errors import ConfigError
from bot.domain.ids import VenueId
from bot.venues.settings import Credentials, VenueSettings

LISTENING: Final = "listening on "
"""What `hedgebot exchange` prints in front of its host and port."""
_END_S_MAX: Final = 30.0
_LINES_MAX: Final = 50


@contextlib.contextmanager
def local_exchange(*, portfolio: Path | None, currency: str, seed: int, vol_scale: float) -> Iterator[VenueSettings]:
    """The address and key of a running exchange whose account holds the portfolio."""
    key_id, secret = "demo", secrets.token_hex(16)
    command = [sys.executable, "-m", "bot", "exchange", "--port", "0", "--seed", str(seed)]
    command += ["--currency", currency, "--vol-scale", str(vol_scale)]
    command += ["--key-stdin", "--until-stdin-ends"]  # so that it outlives no bot, however that one went
    if portfolio is not None:
        command += ["--portfolio", str(portfolio)]
    # The key goes through standard input: a command line can be read by every user of the machine.
    with _started(command) as process:
        assert process.stdin is not None, "asked for a pipe"
        assert process.stdout is not None, "asked for a pipe"
        try:
            process.stdin.write(f"{key_id}:{secret}:trade:read_write account:read wallet:none\n")
            process.stdin.flush()
            address = _address(process)
            yield VenueSettings(
                venue=VenueId("deribit"),
                ws_url=f"ws://{address}/ws/api/v2",
                rest_url=f"http://{address}",
                is_testnet=True,
                credentials=Credentials(key_id, secret),
            )
        finally:
            process.terminate()
            try:
                process.wait(_END_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _started(command: list[str]) -> subprocess.Popen[str]:
    """In a group of its own: Ctrl-C is for the bot, which still needs the exchange to end in order."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, process_group=0)  # noqa: S603


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None, "asked for a pipe"
    for _ in range(_LINES_MAX):
        line = process.stdout.readline()
        if not line:
            break
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING).strip()
    raise ConfigError("demo: the local exchange did not start; try `hedgebot exchange` by itself")
