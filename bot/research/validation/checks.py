"""One figure of ours beside its source's, and what a section of the page is made of.

Knows when a figure is right; not where either is from.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from bot.research.world import FloatArray

ERRORS_MAX: Final = 4.0
"""Standard errors a drawn figure may be off: of 500 figures one is beyond it by chance in thirty runs (theory 9.1)."""


class Estimate(Struct, frozen=True, kw_only=True):
    """A figure drawn from paths, and its standard error."""

    value: float
    error: float

    def times(self, factor: float) -> "Estimate":
        """In another unit."""
        return Estimate(value=factor * self.value, error=abs(factor) * self.error)


def mean_of(values: FloatArray) -> Estimate:
    """Of one figure a path."""
    return Estimate(value=float(values.mean()), error=float(values.std()) / math.sqrt(values.size))


def deviation_of(values: FloatArray) -> Estimate:
    """Standard deviation; its error by the influence of each path, whatever the tails are."""
    apart = values - values.mean()
    deviation = float(apart.std())
    influence = (np.square(apart) - deviation**2) / (2.0 * deviation)
    return Estimate(value=deviation, error=float(influence.std()) / math.sqrt(values.size))


class Check(Struct, frozen=True, kw_only=True):
    """One row of a table."""

    row: str
    figure: str
    ours: float
    source: float
    error: float
    """Standard error of the difference; 0 where nothing is drawn."""
    allowed: float
    """Largest difference that is right."""

    @property
    def is_within(self) -> bool:
        """False for NaN as well."""
        return abs(self.ours - self.source) <= self.allowed

    @property
    def errors(self) -> float | None:
        """The difference in standard errors."""
        return (self.ours - self.source) / self.error if self.error > 0.0 else None


def drawn(row: str, figure: str, ours: Estimate, source: float, source_error: float = 0.0) -> Check:
    """A figure of paths, right within four standard errors of the difference."""
    error = math.hypot(ours.error, source_error)
    return Check(row=row, figure=figure, ours=ours.value, source=source, error=error, allowed=ERRORS_MAX * error)


def computed(row: str, figure: str, ours: float, source: float, allowed: float) -> Check:
    """A figure without chance, right within what its source leaves open."""
    return Check(row=row, figure=figure, ours=ours, source=source, error=0.0, allowed=allowed)


class Picture(Struct, frozen=True, kw_only=True):
    """One plot of the page."""

    name: str
    """Of its file, without ending."""
    words: str
    """What it shows, for whoever does not see it."""
    svg: str


class Section(Struct, frozen=True, kw_only=True):
    """One claim of theory, what came of it, and how it looks."""

    title: str
    text: str
    checks: Sequence[Check]
    pictures: Sequence[Picture] = ()
