"""How much we may ask of a venue: a credit bucket for orders, a throttle for the rest.

Knows credits, waiting and precedence; every wait and every queue is bounded. Must not know requests.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from asyncio_throttle.throttler import Throttler
from msgspec import Struct

from bot.domain.errors import VenueUnreachable

_WAITING_MAX: Final = 32
"""More than a few waiting orders means that something else is wrong."""


class OrderRate(Struct, frozen=True, kw_only=True):
    """Matching-engine credits. Defaults: Deribit's lowest tier, 5 a second, burst 20 (facts 3.4)."""

    per_s: float = 5.0
    burst: float = 20.0
    cancel_reserve: float = 5.0
    """Credits that only cancels may use."""


class CreditBucket:
    """Credits that come back at a steady rate. First come, first served; cancels before orders."""

    def __init__(self, rate: OrderRate, clock: Callable[[], float]) -> None:
        """Start full; `clock` is monotonic, in seconds (the loop's time, so that it can be virtual)."""
        assert rate.per_s > 0.0, f"rate {rate.per_s} must be positive"
        assert rate.burst >= rate.cancel_reserve + 1.0, f"burst {rate.burst} leaves no credit for orders"
        self._rate: Final = rate
        self._clock: Final = clock
        self._credits = rate.burst
        self._filled_s = clock()
        self._cancels: Final[deque[asyncio.Future[None]]] = deque()
        self._orders: Final[deque[asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def credits_left(self) -> float:
        """Credits there are now."""
        self._refill()
        return self._credits

    def take_now(self, *, is_cancel: bool) -> bool:
        """Take one credit if there is one and nobody waits for it."""
        queue = self._cancels if is_cancel else self._orders
        return not queue and self._try(is_cancel=is_cancel)

    async def take(self, *, is_cancel: bool, wait_s: float) -> bool:
        """Take one credit within `wait_s`; False when there is none in that time, and nothing is taken."""
        queue = self._cancels if is_cancel else self._orders
        if self.take_now(is_cancel=is_cancel):
            return True
        if wait_s <= 0.0 or len(queue) >= _WAITING_MAX:
            return False
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        self._wake_later()
        try:
            async with asyncio.timeout(wait_s):
                await waiter
        except TimeoutError:
            return False
        finally:
            if waiter in queue:
                queue.remove(waiter)
        return True

    def drain(self) -> None:
        """The venue says the credits are gone (10028): believe it."""
        self._refill()
        self._credits = 0.0

    def _floor(self, *, is_cancel: bool) -> float:
        return 1.0 if is_cancel else 1.0 + self._rate.cancel_reserve

    def _try(self, *, is_cancel: bool) -> bool:
        self._refill()
        # A hair of slack: a timer that fires on time must not miss its credit by rounding.
        if self._credits + 1e-9 < self._floor(is_cancel=is_cancel) or (not is_cancel and self._cancels):
            return False
        self._credits -= 1.0
        return True

    def _refill(self) -> None:
        now_s = self._clock()
        self._credits = min(self._rate.burst, self._credits + (now_s - self._filled_s) * self._rate.per_s)
        self._filled_s = now_s

    def _serve(self) -> None:
        self._timer = None
        for queue, is_cancel in ((self._cancels, True), (self._orders, False)):
            while queue and (queue[0].done() or self._try(is_cancel=is_cancel)):
                waiter = queue.popleft()
                if not waiter.done():
                    waiter.set_result(None)
        self._wake_later()

    def _wake_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not (self._cancels or self._orders):
            return
        self._refill()
        missing = self._floor(is_cancel=bool(self._cancels)) - self._credits
        delay_s = max(0.001, missing / self._rate.per_s)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._serve)


class BackgroundLimit:
    """Bound on REST requests that are no orders; `asyncio-throttle` is unfair and 10 ms late, which is enough here."""

    def __init__(self, *, per_s: int = 15, wait_s_max: float = 10.0) -> None:
        """Under the 20 a second of Deribit, so that a human on the same account is not starved (facts 3.4)."""
        self._throttler: Final = Throttler(rate_limit=per_s, period=1.0)
        self._wait_s_max: Final = wait_s_max

    async def wait_turn(self) -> None:
        """Before one request; VenueUnreachable, with nothing sent, when its turn does not come in time."""
        try:
            async with asyncio.timeout(self._wait_s_max):
                await self._throttler.acquire()  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise VenueUnreachable(f"no turn for a background request in {self._wait_s_max:.0f} s") from error
