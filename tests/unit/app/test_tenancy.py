"""The lease of a run: taken before anything, renewed, told to the trader, and lost in one direction only."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.app import tenancy as tenancy_module
from bot.app.tenancy import Tenancy
from bot.domain.errors import ConfigError, JournalError, LeaseLost
from bot.domain.events import Event, HaltRequested, LeaseHeld
from bot.domain.reasons import HaltCause
from bot.domain.time import NS_PER_S, Ns
from bot.journal import holder, opening
from bot.journal.lease import Lease, LeaseTerms

_TERMS = LeaseTerms(length_ns=Ns(6 * NS_PER_S), clock_error_ns=Ns(2 * NS_PER_S))
_OWNER = {"mode": "demo", "venue": "deribit"}
_ELSEWHERE = "hostb pid 7 otherboot:pid:[1]/5"


class Heard:
    """What was told, as one list; also the trader."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.events: list[Event] = []
        self.lost: LeaseLost | None = None

    def lease_waited(self, holder: str, until_ns: Ns) -> None:
        """A teller's word."""
        self.words.append(f"waited for {holder} until {until_ns}")

    def lease_taken(self, lease_id: int) -> None:
        """A teller's word."""
        self.words.append(f"taken {lease_id}")

    def lease_doubted(self, cause: str) -> None:
        """A teller's word."""
        self.words.append(f"doubted {cause}")

    def lease_lost(self, cause: str) -> None:
        """A teller's word."""
        self.words.append(f"lost {cause}")

    def sink(self, events: Sequence[Event]) -> None:
        """The trader's ear."""
        self.events += events

    def give_way(self, error: LeaseLost) -> None:
        """The trader's end."""
        self.lost = error


class Bench:
    """Processes on one ledger file; a clock by hand, and pauses that pass at once and move it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url = f"sqlite:///{folder}/ledger.db"
        self.now_ns = Ns(1_000 * NS_PER_S)
        self.heard = Heard()
        self.at_pause: list[Callable[[], None]] = []
        self._sleep = asyncio.sleep
        monkeypatch.setattr(tenancy_module.asyncio, "sleep", self._pause)
        self._leases: list[Lease] = []

    async def _pause(self, seconds: float) -> None:
        self.now_ns = Ns(self.now_ns + round(seconds * NS_PER_S))
        if self.at_pause:
            self.at_pause.pop(0)()
        await self._sleep(0)

    def lease(self, name: str) -> Lease:
        """Somebody's door to it."""
        made = Lease(lambda: opening.connect(self.url, _OWNER), _TERMS, holder=name, now_ns=lambda: self.now_ns)
        self._leases.append(made)
        return made

    def tenancy(self, lease: Lease | None = None) -> Tenancy:
        """Of the process under test."""
        mine = self.lease(holder.this_process().text) if lease is None else lease
        return Tenancy(mine, _TERMS, self.heard, now_ns=lambda: self.now_ns)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the keeper work."""
        for _ in range(20_000):
            if is_so():
                return
            await self._sleep(0.001)
        raise AssertionError(self.heard.words)

    def close(self) -> None:
        """All connections."""
        for lease in self._leases:
            lease.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A ledger nobody has used."""
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.mark.asyncio
async def test_the_only_process_takes_it_at_once_and_keeps_it(bench: Bench) -> None:
    """Counted from the moment before it was asked for; every renewal is told to whoever trades."""
    mine = bench.tenancy()
    await mine.begin("ledger.db", waits=False)
    first = mine.follow(bench.heard)

    await bench.until(lambda: len(bench.heard.events) >= 3)
    await mine.end(is_clear=True)

    assert bench.heard.words == ["taken 1"]
    assert first.until_ns <= first.received_ns + _TERMS.length_ns
    held = [event for event in bench.heard.events if isinstance(event, LeaseHeld)]
    assert held == bench.heard.events
    assert all(event.until_ns <= event.received_ns + _TERMS.length_ns for event in held)
    assert [event.until_ns for event in held] == sorted({event.until_ns for event in held})
    seen = bench.lease("b").look()
    assert seen is not None
    assert seen.is_given_back


@pytest.mark.asyncio
async def test_a_second_process_says_so_and_ends(bench: Bench) -> None:
    """One line with the process and the two ways out; nothing of it is changed."""
    mine = bench.lease(holder.this_process().text)
    mine.acquire()
    second = bench.tenancy(bench.lease("other"))

    with pytest.raises(ConfigError) as caught:
        await second.begin("ledger.db", waits=False)
    await second.end(is_clear=False)

    assert str(caught.value).startswith("ledger.url: ledger.db is traded by ")
    assert "standby.enabled = true" in str(caught.value)
    mine.renew()


@pytest.mark.asyncio
async def test_a_silent_holder_elsewhere_is_waited_for_once(bench: Bench) -> None:
    """After a crash of its host: it runs out, and the clocks' error passes."""
    bench.lease(_ELSEWHERE).acquire()
    mine = bench.tenancy()
    before_ns = bench.now_ns
    await mine.begin("ledger.db", waits=False)
    after_ns = bench.now_ns
    await mine.end(is_clear=False)

    assert after_ns - before_ns >= _TERMS.length_ns + _TERMS.clock_error_ns
    assert bench.heard.words[0].startswith("waited for hostb pid 7 until ")
    assert bench.heard.words[-1] == "taken 2"


@pytest.mark.asyncio
async def test_a_holder_elsewhere_that_renews_is_alive(bench: Bench) -> None:
    """Whoever does not wait ends as soon as that is seen."""
    theirs = bench.lease(_ELSEWHERE)
    theirs.acquire()
    mine = bench.tenancy()
    bench.at_pause = [lambda: None, theirs.renew]

    with pytest.raises(ConfigError, match="is traded by hostb pid 7"):
        await mine.begin("ledger.db", waits=False)
    await mine.end(is_clear=False)


@pytest.mark.asyncio
async def test_a_standby_waits_for_as_long_as_the_other_lives(bench: Bench) -> None:
    """Told once; it takes over when the other has been silent for long enough, and no sooner."""
    theirs = bench.lease(_ELSEWHERE)
    theirs.acquire()
    silent_from_ns = 0

    def renew() -> None:
        nonlocal silent_from_ns
        theirs.renew()
        silent_from_ns = bench.now_ns

    bench.at_pause = [renew] * 40
    mine = bench.tenancy()
    await mine.begin("ledger.db", waits=True)
    taken_ns = bench.now_ns
    await mine.end(is_clear=False)

    assert _TERMS.length_ns + _TERMS.clock_error_ns <= taken_ns - silent_from_ns <= 20 * NS_PER_S
    assert len(bench.heard.words) == 2


@pytest.mark.asyncio
async def test_a_standby_waits_for_a_database_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again, and the trouble told once; whoever does not wait ends with it."""
    lease = bench.lease("me")
    real, failures = lease.look, [JournalError("away"), JournalError("away")]

    def look() -> Any:
        if failures:
            raise failures.pop()
        return real()

    monkeypatch.setattr(lease, "look", look)
    mine = bench.tenancy(lease)
    await mine.begin("ledger.db", waits=True)
    await mine.end(is_clear=False)
    failures.append(JournalError("away"))
    with pytest.raises(JournalError):
        await bench.tenancy(lease).begin("ledger.db", waits=False)

    assert bench.heard.words == ["doubted away", "taken 1"]


@pytest.mark.asyncio
async def test_a_lease_taken_by_another_ends_the_trader(bench: Bench) -> None:
    """Told once, for good: nothing is renewed or given back any more."""
    mine = bench.tenancy()
    bench.at_pause = [lambda: None, lambda: _stolen(bench)]
    await mine.begin("ledger.db", waits=False)
    mine.follow(bench.heard)
    await bench.until(lambda: bench.heard.lost is not None)
    await mine.end(is_clear=True)

    assert bench.heard.words == ["taken 1", "lost the account has been taken over by thief"]
    seen = bench.lease("b").look()
    assert seen is not None
    assert (seen.holder, seen.is_given_back) == ("thief", False)
    with pytest.raises(LeaseLost):
        mine.follow(bench.heard)


def _stolen(bench: Bench) -> None:
    bench.now_ns = Ns(bench.now_ns + 60 * NS_PER_S)
    assert bench.lease("thief").acquire()


@pytest.mark.asyncio
async def test_a_renewal_that_fails_is_tried_again_and_told_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trader hears nothing: its lease runs out by itself unless one gets through."""
    lease = bench.lease("me")
    real, failures = lease.renew, [JournalError("away")] * 3

    def renew() -> None:
        if failures:
            raise failures.pop()
        real()

    monkeypatch.setattr(lease, "renew", renew)
    mine = bench.tenancy(lease)
    await mine.begin("ledger.db", waits=False)
    mine.follow(bench.heard)
    await bench.until(lambda: bool(bench.heard.events))
    await mine.end(is_clear=False)

    assert bench.heard.words == ["taken 1", "doubted away"]
    assert isinstance(bench.heard.events[0], LeaseHeld)


@pytest.mark.asyncio
async def test_a_keeper_that_breaks_halts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug must not let the lease run out untold."""
    lease = bench.lease("me")
    monkeypatch.setattr(lease, "renew", lambda: 1 / 0)
    mine = bench.tenancy(lease)
    await mine.begin("ledger.db", waits=False)
    mine.follow(bench.heard)
    await bench.until(lambda: bool(bench.heard.events))
    await mine.end(is_clear=False)

    (event,) = bench.heard.events
    assert isinstance(event, HaltRequested)
    assert (event.cause, event.detail) == (HaltCause.TASK_FAILED, "lease: ZeroDivisionError division by zero")
