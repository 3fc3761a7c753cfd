"""A link is data: the real connection unless another is given, and nobody listening."""

import random
from collections.abc import Callable

from bot.domain.time import Ns
from bot.venues import stream
from bot.venues.link import Link
from bot.venues.settings import VenueSettings


def test_a_link_connects_for_real_unless_told_otherwise(settings: VenueSettings, fixed_ns: Callable[[], Ns]) -> None:
    """And hands whole books to nobody."""
    link = Link(settings=settings, now_ns=fixed_ns, rng=random.Random(1))

    assert link.connect is stream.connect
    assert link.listener is None
