"""Worlds and callers for the tests of the local exchange."""

from collections.abc import Callable

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import Ns, ns_from_iso
from bot.sim.listing import build_listing

START_NS = ns_from_iso("2026-03-02T10:00:00Z")


@pytest.fixture
def start_ns() -> Ns:
    """When the world of a test begins."""
    return START_NS


@pytest.fixture(scope="session")
def listed() -> dict[str, Instrument]:
    """The venue's instruments by name."""
    return {instrument.id: instrument for instrument in build_listing(START_NS)}


@pytest.fixture(scope="session")
def pick(listed: dict[str, Instrument]) -> Callable[[Callable[[Instrument], bool]], Instrument]:
    """The first instrument that fits."""
    return lambda fits: next(instrument for instrument in listed.values() if fits(instrument))
