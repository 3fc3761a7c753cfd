"""What a feed or gateway of any venue needs from outside: where, the clock, chance, and the way to connect."""

import random

from msgspec import Struct

from bot.venues import stream
from bot.venues.contract import BookListener, NowNs
from bot.venues.settings import VenueSettings
from bot.venues.stream import Connect


class Link(Struct, frozen=True, kw_only=True):
    """What a feed needs from outside."""

    settings: VenueSettings
    now_ns: NowNs
    rng: random.Random
    """Seeded by `app`: jitter and nonces."""
    connect: Connect = stream.connect
    listener: BookListener | None = None
    """Told of the hedge instruments' whole books and public trades, where somebody wants them."""
