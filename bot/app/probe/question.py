"""What a question is, what it is asked with, and what may come of it."""

import enum
from collections.abc import Awaitable, Callable

from msgspec import Struct

from bot.app.probe.orders import Orders
from bot.app.probe.wire import Road
from bot.domain.instruments import Instrument
from bot.venues.contract import NowNs
from bot.venues.settings import Credentials


class Verdict(enum.StrEnum):
    """What came of a question."""

    ANSWERED = "answered"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"


class Answer(Struct, frozen=True, kw_only=True):
    """Of one question."""

    verdict: Verdict
    observed: str
    """One line for people."""
    facts: dict[str, object] = {}
    """The same for programs."""


class Bench(Struct, frozen=True, kw_only=True):
    """What a question is asked with."""

    road: Road
    orders: Orders
    credentials: Credentials
    now_ns: NowNs
    nonce: str
    inverse: Instrument
    """The coin's inverse perpetual."""
    linear: Instrument
    """The coin's linear perpetual."""
    look_s: float
    """How long an order is looked for by its label."""
    delivery_wait_s: float
    """How long the next 08:00 UTC may be waited for."""


class Question(Struct, frozen=True, kw_only=True):
    """One thing not known about the venue."""

    name: str
    asked: str
    done: str
    """What is sent for it."""
    ask: Callable[[Bench], Awaitable[Answer]]


def answered(observed: str, **facts: object) -> Answer:
    """The venue showed it."""
    return Answer(verdict=Verdict.ANSWERED, observed=observed, facts=facts)


def inconclusive(observed: str, **facts: object) -> Answer:
    """What the venue showed does not decide it."""
    return Answer(verdict=Verdict.INCONCLUSIVE, observed=observed, facts=facts)
