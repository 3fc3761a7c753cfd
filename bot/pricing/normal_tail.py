"""The normal distribution's tail without cancellation: the Mills ratio R(y) = N(-y) / n(y).

Knows the ratio for one point (plain `math`) and for arrays (numpy, scipy.special); knows nothing of options. Why a
ratio: the value of an option is n(d) times a difference of two of them, and that difference keeps the digits which
N(d1) - N(d2), formed from probabilities, loses when the two are close.
"""

import math
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
_Real = TypeVar("_Real", float, FloatArray)

INV_SQRT_2PI: Final = 1.0 / math.sqrt(2.0 * math.pi)
INV_SQRT_2: Final = math.sqrt(0.5)
_SQRT_HALF_PI: Final = math.sqrt(0.5 * math.pi)

HALF_WIDTH_NARROW: Final = 0.05
"""Below this half width t `mills_spread_narrow` is exact to double precision: the first term left out is
t^10 R11 / 11! < 1e-17 of the sum at y = 0 and less beyond. Above it a plain difference keeps 11 digits at y = 12."""

_FRACTION_FROM: Final = 5.0
_FRACTION_TERMS: Final = 20
"""From y = 5 twenty terms of the continued fraction give R to 3e-15; below, erfc(u) exp(u^2) does."""


def mills(y: float) -> float:
    """R(y) = N(-y) / n(y) of one number y > -37; relative error below 4e-15."""
    if y < _FRACTION_FROM:
        scaled = y * INV_SQRT_2
        return _SQRT_HALF_PI * math.erfc(scaled) * math.exp(scaled * scaled)
    # Laplace: R(y) = 1/(y + 1/(y + 2/(y + 3/(y + ...)))), evaluated from its end.
    tail = y
    for term in range(_FRACTION_TERMS, 0, -1):
        tail = y + term / tail
    return 1.0 / tail


def mills_array(y: FloatArray) -> FloatArray:
    """R(y) elementwise for y > -37; relative error of a few 1e-16."""
    scaled: FloatArray = special.erfcx(y * INV_SQRT_2)
    scaled *= _SQRT_HALF_PI
    return scaled


def mills_spread_narrow(middle: _Real, half_width: _Real, mills_middle: _Real) -> _Real:
    """R(middle - t) - R(middle + t) for a half width t < HALF_WIDTH_NARROW, by its odd Taylor series.

    `mills_middle` is R(middle). Derivatives follow from R' = y R - 1: R^(n+1) = y R^(n) + n R^(n-1). The relative
    error is that of 1 - y R(y), about y^2 1e-16: 2e-14 at y = 12, below 1e-12 at y = 37.
    """
    y = middle
    first = y * mills_middle - 1.0
    second = mills_middle + y * first
    third = 2.0 * first + y * second
    fourth = 3.0 * second + y * third
    fifth = 4.0 * third + y * fourth
    sixth = 5.0 * fourth + y * fifth
    seventh = 6.0 * fifth + y * sixth
    eighth = 7.0 * sixth + y * seventh
    ninth = 8.0 * seventh + y * eighth
    square = half_width * half_width
    series = seventh / 5040.0 + square * (ninth / 362880.0)
    series = first + square * (third / 6.0 + square * (fifth / 120.0 + square * series))
    return -2.0 * half_width * series
