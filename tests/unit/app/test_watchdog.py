"""A dead man's switch: who is there, who is not, and which orders go."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.app import watchdog as watchdog_module
from bot.app.watchdog import Watchdog, WatchParams
from bot.domain.errors import (
    ConfigError,
    JournalError,
    MalformedMessage,
    VenueError,
    VenueRefused,
    VenueUnreachable,
)
from bot.domain.ids import Label, OrderId
from bot.domain.time import NS_PER_S, Ns
from bot.journal.lease import LeaseSeen

_HOLDER = "hosta pid 7 boot:pid:[1]/5"
_PARAMS = WatchParams(label_prefixes=("hbbtc", "hbeth"), silence_ns=Ns(5 * NS_PER_S))
_OURS, _THEIRS, _NAMELESS = ("V-1", "hbethrun0000001"), ("V-2", "hbsolrun0000001"), ("V-3", None)


class Desk:
    """Lease, venue and ear of one watchdog; a clock by hand."""

    def __init__(self) -> None:
        self.now_ns = Ns(1_000 * NS_PER_S)
        self.renewed_ns = self.now_ns
        self.is_given_back = False
        self.look_error: JournalError | None = None
        self.has_row = True
        self.orders = [_OURS, _THEIRS, _NAMELESS]
        self.list_error: Exception | None = None
        self.cancel_error: VenueError | None = None
        self.calls: list[str] = []
        self.told: list[str] = []
        self.has_told = asyncio.Event()
        self.dog = Watchdog(self._look, self, self, _PARAMS, now_ns=lambda: self.now_ns)

    def _look(self) -> LeaseSeen | None:
        if self.look_error is not None:
            raise self.look_error
        expires_ns = 0 if self.is_given_back else self.renewed_ns + 6 * NS_PER_S
        return LeaseSeen(3, _HOLDER, expires_ns, self.now_ns) if self.has_row else None

    async def open(self) -> None:
        """Not the watchdog's business."""

    async def close(self) -> None:
        """Neither."""

    async def open_orders(self) -> Sequence[tuple[OrderId, Label | None]]:
        """What is open."""
        self.calls.append("list")
        if self.list_error is not None:
            raise self.list_error
        return [(OrderId(order_id), None if label is None else Label(label)) for order_id, label in self.orders]

    async def cancel_order(self, order_id: OrderId) -> None:
        """Cancel one."""
        self.calls.append(f"cancel {order_id}")
        if self.cancel_error is not None:
            raise self.cancel_error
        self.orders = [order for order in self.orders if order[0] != order_id]

    def alarmed(self, cause: str, *, found_count: int, cancelled_count: int, failed: Sequence[str]) -> None:
        """A word."""
        self.has_told.set()
        self.told.append(f"alarm {found_count} {cancelled_count} {list(failed)}: {cause}")

    def cancelled(self, order_id: OrderId, label: Label | None) -> None:
        """A word."""
        self.told.append(f"cancelled {order_id} {label}")

    def calmed(self, holder: str) -> None:
        """A word."""
        self.told.append(f"calm {holder}")

    async def later(self, seconds: float) -> None:
        """A round after that time."""
        self.now_ns = Ns(self.now_ns + round(seconds * NS_PER_S))
        await self.dog.round()


@pytest.fixture
def desk() -> Desk:
    """A bot that has just renewed its lease."""
    return Desk()


@pytest.mark.asyncio
async def test_while_the_heart_beats_the_venue_is_not_even_asked(desk: Desk) -> None:
    """Nor within the silence that is allowed beyond the lease."""
    for _ in range(11):
        await desk.later(1.0)

    assert (desk.calls, desk.told) == ([], [])


@pytest.mark.asyncio
async def test_orders_of_a_silent_bot_are_cancelled_and_no_others(desk: Desk) -> None:
    """By the prefix of their labels; listed again every five seconds, told again every minute."""
    await desk.later(11.001)

    assert desk.calls == ["list", "cancel V-1"]
    assert desk.told == [
        "cancelled V-1 hbethrun0000001",
        "alarm 1 1 []: hosta pid 7 has been silent for 5 s beyond its lease",
    ]
    for _ in range(50):
        await desk.later(1.0)
    assert desk.calls[2:] == ["list"] * 10
    assert len(desk.told) == 2
    for _ in range(12):
        await desk.later(1.0)
    assert desk.told[2:] == ["alarm 0 0 []: hosta pid 7 has been silent for 65 s beyond its lease"]


@pytest.mark.asyncio
async def test_what_cannot_be_cancelled_is_tried_again(desk: Desk) -> None:
    """Each sweep tries once and tells what failed."""
    desk.cancel_error = VenueRefused(10028, "too_many_requests")
    await desk.later(12.0)
    await desk.later(5.0)
    desk.cancel_error = None
    await desk.later(5.0)

    assert desk.calls == ["list", "cancel V-1"] * 3
    assert [line for line in desk.told if "10028" in line] == desk.told[:2]
    assert desk.told[2] == "cancelled V-1 hbethrun0000001"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "error", [VenueUnreachable("no route"), MalformedMessage("no list"), ConfigError("of another world")]
)
async def test_a_venue_that_does_not_list_is_asked_again(desk: Desk, error: Exception) -> None:
    """An alarm tells so; nothing is cancelled by guess."""
    desk.list_error = error
    await desk.later(12.0)
    desk.list_error = None
    await desk.later(5.0)

    assert desk.calls == ["list", "list", "cancel V-1"]
    assert f"alarm 0 0 ['{error}']" in desk.told[0]


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [MalformedMessage("no such answer"), ConfigError("of another world")])
async def test_an_answer_about_one_order_that_says_nothing_leaves_no_other_open(desk: Desk, error: Exception) -> None:
    """It is told, the orders behind it go all the same, and it is tried again."""
    cancel, asked = desk.cancel_order, list[str]()

    async def answered(order_id: OrderId) -> None:
        asked.append(order_id)
        if order_id == "V-0":
            raise error
        await cancel(order_id)

    desk.orders = [("V-0", _OURS[1]), _OURS]
    desk.cancel_order = answered  # type: ignore[method-assign]
    await desk.later(12.0)
    await desk.later(5.0)

    assert asked == ["V-0", "V-1", "V-0"]
    assert desk.told[1].startswith(f"alarm 2 1 ['V-0: {error}']")


@pytest.mark.asyncio
async def test_a_venue_that_hangs_ends_the_sweep_not_the_watch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded; the next sweep begins anew."""
    monkeypatch.setattr(watchdog_module, "_VENUE_S_MAX", 0.01)

    async def hang(order_id: OrderId) -> None:
        del order_id
        await asyncio.Event().wait()

    desk.cancel_order = hang  # type: ignore[method-assign]
    await desk.later(12.0)

    (line,) = desk.told
    assert line.startswith("alarm 1 0 ['the venue did not answer within 0 s']: hosta pid 7 has been silent")


@pytest.mark.asyncio
async def test_it_calms_when_somebody_is_there_again(desk: Desk) -> None:
    """And alarms anew the next time."""
    await desk.later(12.0)
    desk.renewed_ns = desk.now_ns
    await desk.later(1.0)
    await desk.later(1.0)
    desk.orders = [_OURS]
    await desk.later(11.0)

    assert desk.told[2] == "calm hosta pid 7"
    assert desk.told[3:] == [
        "cancelled V-1 hbethrun0000001",
        "alarm 1 1 []: hosta pid 7 has been silent for 7 s beyond its lease",
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("change", ["is_given_back", "has_row"])
async def test_a_bot_that_ended_in_order_or_never_began_is_no_alarm(desk: Desk, change: str) -> None:
    """It left nothing open; however long that is ago."""
    setattr(desk, change, change == "is_given_back")
    await desk.later(100_000.0)

    assert (desk.calls, desk.told) == ([], [])


@pytest.mark.asyncio
async def test_a_heartbeat_that_cannot_be_read_is_none(desk: Desk) -> None:
    """A bot without its ledger sends nothing either; a moment without an answer is not yet silence."""
    desk.look_error = JournalError("no answer")
    await desk.later(5.0)
    assert desk.calls == []
    await desk.later(0.1)

    assert desk.calls == ["list", "cancel V-1"]
    assert desk.told[-1] == "alarm 1 1 []: the heartbeat cannot be read: no answer"


@pytest.mark.asyncio
async def test_it_runs_until_it_is_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round first, then the pause, which a stop cuts short."""
    monkeypatch.setattr(watchdog_module, "_LOOK_EVERY_S", 0.001)
    desk.now_ns = Ns(desk.now_ns + 60 * NS_PER_S)
    stopped = asyncio.Event()
    running = asyncio.create_task(desk.dog.run(stopped))
    async with asyncio.timeout(60.0):
        await desk.has_told.wait()
    stopped.set()
    await running

    assert desk.calls == ["list", "cancel V-1"]
