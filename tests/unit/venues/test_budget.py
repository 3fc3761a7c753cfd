"""Credits for orders and turns for the rest, on a clock that the test moves."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from bot.domain.errors import VenueUnreachable
from bot.venues.budget import BackgroundLimit, CreditBucket, OrderRate

Virtual = Callable[[Coroutine[object, object, None]], None]
RATE = OrderRate(per_s=100.0, burst=5.0, cancel_reserve=2.0)


class Clock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


async def taken(bucket: CreditBucket, count: int, *, is_cancel: bool) -> list[bool]:
    """Results of so many requests that do not wait."""
    return [await bucket.take(is_cancel=is_cancel, wait_s=0.0) for _ in range(count)]


@pytest.mark.asyncio
async def test_reserve_is_for_cancels() -> None:
    """Orders stop at the reserve, cancels go on to the last credit."""
    bucket = CreditBucket(RATE, Clock())
    assert await taken(bucket, 4, is_cancel=False) == [True, True, True, False]
    assert await taken(bucket, 3, is_cancel=True) == [True, True, False]


@pytest.mark.asyncio
async def test_at_once_is_without_waiting_and_in_turn() -> None:
    """A credit is taken at once where there is one; not past the reserve, and not before those who wait for one."""
    clock = Clock()
    bucket = CreditBucket(RATE, clock)
    assert [bucket.take_now(is_cancel=False) for _ in range(4)] == [True, True, True, False]
    waiting = asyncio.create_task(bucket.take(is_cancel=False, wait_s=30.0))
    await asyncio.sleep(0)
    clock.now_s = 0.01
    assert not bucket.take_now(is_cancel=False)
    assert bucket.take_now(is_cancel=True)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.asyncio
async def test_credits_come_back_at_the_rate_up_to_the_burst() -> None:
    """Two credits in 20 ms at 100 a second; never more than the burst."""
    clock = Clock()
    bucket = CreditBucket(RATE, clock)
    await taken(bucket, 5, is_cancel=True)
    clock.now_s = 0.02
    assert pytest.approx(2.0) == bucket.credits_left
    clock.now_s = 100.0
    assert pytest.approx(5.0) == bucket.credits_left


@pytest.mark.asyncio
async def test_drained_bucket_waits_for_the_rate() -> None:
    """After the venue's 10028 there is nothing left, whatever we counted."""
    bucket = CreditBucket(RATE, Clock())
    bucket.drain()
    assert await taken(bucket, 1, is_cancel=True) == [False]


@pytest.mark.asyncio
async def test_cancels_overtake_and_orders_keep_their_turn() -> None:
    """Waiting orders are served first come first served, a later cancel before all of them."""
    loop = asyncio.get_running_loop()
    bucket = CreditBucket(RATE, loop.time)
    bucket.drain()
    served: list[str] = []

    async def ask(name: str, *, is_cancel: bool) -> None:
        assert await bucket.take(is_cancel=is_cancel, wait_s=5.0)
        served.append(name)

    async with asyncio.TaskGroup() as group:
        for name in ("order 1", "order 2", "order 3"):
            group.create_task(ask(name, is_cancel=False))
            await asyncio.sleep(0)
        group.create_task(ask("cancel", is_cancel=True))
    assert served == ["cancel", "order 1", "order 2", "order 3"]


@pytest.mark.asyncio
async def test_waiting_is_bounded() -> None:
    """No credit in time is an answer, takes nothing, and leaves no waiter behind."""
    bucket = CreditBucket(OrderRate(per_s=0.001, burst=5.0, cancel_reserve=2.0), Clock())
    bucket.drain()
    assert await bucket.take(is_cancel=False, wait_s=0.001) is False
    assert (len(bucket._orders), len(bucket._cancels)) == (0, 0)


def test_who_waits_is_not_put_off_by_who_comes_later(virtual: Virtual) -> None:
    """One credit each fifth of a second, however many ask meanwhile."""
    served: list[float] = []

    async def scene() -> None:
        clock = asyncio.get_running_loop().time
        bucket, began_s = CreditBucket(OrderRate(per_s=5.0), clock), clock()
        bucket.drain()

        async def ask() -> None:
            assert await bucket.take(is_cancel=True, wait_s=5.0)
            served.append(clock() - began_s)

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(ask())
                await asyncio.sleep(0.15)

    virtual(scene())
    assert served == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.01)


@pytest.mark.asyncio
async def test_queue_is_bounded() -> None:
    """Beyond 32 waiting requests the next is refused at once."""
    bucket = CreditBucket(OrderRate(per_s=0.001, burst=5.0, cancel_reserve=2.0), Clock())
    bucket.drain()
    waiting = [asyncio.create_task(bucket.take(is_cancel=False, wait_s=60.0)) for _ in range(32)]
    await asyncio.sleep(0)
    assert await bucket.take(is_cancel=False, wait_s=60.0) is False
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert len(bucket._orders) == 0


@pytest.mark.asyncio
async def test_background_turns() -> None:
    """So many a second; whoever cannot have a turn in time is told that nothing was sent."""
    limit = BackgroundLimit(per_s=2, wait_s_max=0.02)
    await limit.wait_turn()
    await limit.wait_turn()
    with pytest.raises(VenueUnreachable, match="no turn"):
        await limit.wait_turn()
