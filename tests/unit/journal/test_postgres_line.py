"""The socket to a database: bounded, encrypted off this machine, given back however it ends."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bot.journal.postgres import Place


class Peer:
    """A server that answers once with these bytes, then says nothing more."""

    def __init__(self, answer: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._answer = answer
        self.heard = b""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        line, _ = self._listener.accept()
        with line:
            self.heard = line.recv(4096)
            line.sendall(self._answer)
            self._over.wait()

    def stop(self) -> None:
        """Close everything."""
        self._over.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """With the answer of the test's parameter."""
    made = Peer(request.param)
    yield made
    made.stop()


def _place(peer: Peer, host: str = "127.0.0.1") -> Place:
    return Place("bot", "canary", host, peer.port, "desk", "s1")


@pytest.fixture
def line() -> Any:
    """The module, imported as late as the bot does: the driver is an extra."""
    from bot.journal import postgres_line  # noqa: PLC0415

    return postgres_line


@pytest.mark.parametrize("peer", [b""], indirect=True)
def test_a_server_that_says_nothing_is_waited_for_two_seconds_at_most(
    line: Any, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a twentieth of one; the socket is closed, whatever the driver still holds of it."""
    assert line.WAIT_S == 2.0
    monkeypatch.setattr(line, "WAIT_S", 0.05)

    with pytest.raises((line.DRIVER.Error, OSError)):
        line.Line(_place(peer), {})
    assert b"canary" not in peer.heard


@pytest.mark.parametrize("peer", [b"N"], indirect=True)
def test_a_server_elsewhere_that_does_not_encrypt_hears_nothing_of_us(
    line: Any, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither user nor password: it is asked to encrypt, and nothing else."""
    monkeypatch.setattr(Place, "is_loopback", property(lambda _: False))

    with pytest.raises(ConnectionError, match="does not encrypt; switch ssl on there"):
        line.Line(_place(peer), {})
    assert peer.heard == line._ASK_FOR_TLS


@pytest.mark.parametrize("peer", [b"S" + b"\x15\x03\x01\x00\x02\x02\x28"], indirect=True)
def test_a_server_that_cannot_prove_itself_is_refused(line: Any, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert instead of a certificate; the password has not been sent."""
    monkeypatch.setattr(Place, "is_loopback", property(lambda _: False))

    with pytest.raises(OSError, match=r"(?i)ssl|tls"):
        line.Line(_place(peer), {})
    assert b"canary" not in peer.heard
