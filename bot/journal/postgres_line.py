"""A connection to PostgreSQL whose every wait is bounded, and whose socket is given back however it ends.

Knows the driver (an extra: `hedgebot[postgres]`), which is imported here and nowhere else.
"""

import contextlib
import os
import socket
import ssl
from collections.abc import Mapping
from types import ModuleType
from typing import Final

from pg8000 import dbapi

from bot.journal.postgres import Place

DRIVER: Final[ModuleType] = dbapi

WAIT_S: Final = 2.0
"""Longest wait for any answer: the shell halts a ledger that is slower (`app/live.py`)."""
_ASK_FOR_TLS: Final = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""Length and code of an SSLRequest (PostgreSQL manual, 55.7)."""
_AGREED: Final = b"S"


class Line(dbapi.Connection):  # type: ignore[misc]
    """The driver's connection over a socket of ours. OSError or the driver's errors."""

    def __init__(self, place: Place, settings: Mapping[str, str]) -> None:
        """Dial, encrypt unless it stays on this machine, log in."""
        self._socket: socket.socket | None = _dialled(place)
        with contextlib.ExitStack() as failing:
            failing.callback(self._hang_up)
            super().__init__(
                user=place.user,
                password=place.password,
                database=place.database,
                sock=self._socket,
                ssl_context=False,
                application_name="hedgebot",
                startup_params=dict(settings),
            )
            failing.pop_all()

    def close(self) -> None:
        """Say goodbye where somebody still listens; the socket is closed in any case."""
        with contextlib.suppress(dbapi.Error, OSError, AttributeError):
            super().close()
        self._hang_up()

    def _hang_up(self) -> None:
        """At once: the driver's files of the socket would keep it open until they are collected."""
        line, self._socket = self._socket, None
        if line is not None and (descriptor := line.detach()) >= 0:
            os.close(descriptor)


def _dialled(place: Place) -> socket.socket:
    line = socket.create_connection((place.host, place.port), WAIT_S)
    if place.is_loopback:
        return line
    with contextlib.ExitStack() as failing:
        failing.callback(line.close)
        encrypted = _encrypted(line, place.host)
        failing.pop_all()
    return encrypted


def _encrypted(line: socket.socket, host: str) -> socket.socket:
    """The certificate must be of that host and of an authority this machine trusts (`SSL_CERT_FILE` names another)."""
    line.sendall(_ASK_FOR_TLS)
    if line.recv(1) != _AGREED:
        raise ConnectionError(f"{host} does not encrypt; switch ssl on there")
    return ssl.create_default_context().wrap_socket(line, server_hostname=host)
