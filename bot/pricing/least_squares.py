"""Nonlinear least squares for a handful of parameters: Levenberg-Marquardt with Marquardt's scaling.

Knows a residual function; must not know what is fitted. Deterministic: same input, same steps. Why not
scipy.optimize: the daemon loads scipy.special alone (platform facts 8), and fits of 1 to 15 parameters need no more.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from bot.pricing.normal_tail import FloatArray

_ROUNDS_MAX: Final = 60
_DAMPING_START: Final = 1e-3
_DAMPING_MIN: Final = 1e-12
_DAMPING_MAX: Final = 1e10
"""Beyond it a step is shorter than rounding: nothing is left to gain."""
_GAIN_SETTLED: Final = 1e-9
"""Relative fall of the cost below which fits of quotes no longer change in any digit that matters."""
_STEP: Final = 1e-7
"""Forward difference: half of the digits for the slope, none lost for residuals of order one."""


def solve(residuals: Callable[[FloatArray], FloatArray], start: FloatArray) -> FloatArray:
    """Parameters near `start` with the least sum of squares found; `start` itself if nothing is better.

    Parameters of order one; at `start` residuals are finite. Elsewhere they may overflow or be NaN, without a warning:
    such a step is not taken. Never raises but what `residuals` raises.
    """
    with np.errstate(all="ignore"):
        return _descend(residuals, np.array(start, dtype=np.float64))


def _descend(residuals: Callable[[FloatArray], FloatArray], x: FloatArray) -> FloatArray:
    value = residuals(x)
    cost = float(value @ value)
    damping = _DAMPING_START
    for _ in range(_ROUNDS_MAX):
        slope = _jacobian(residuals, x, value)
        curvature, gradient = slope.T @ slope, slope.T @ value
        # A parameter that moves nothing yet (a flat wing) keeps a scale, so that the system stays solvable.
        scale = np.diag(np.maximum(np.diag(curvature), 1e-12 * np.trace(curvature)))
        if not gradient.any() or not np.isfinite(curvature).all():
            break
        previous = cost
        while damping <= _DAMPING_MAX:
            moved = x + np.linalg.solve(curvature + damping * scale, -gradient)
            tried = residuals(moved)
            tried_cost = float(tried @ tried)
            if tried_cost < cost:
                x, value, cost = moved, tried, tried_cost
                damping = max(0.2 * damping, _DAMPING_MIN)
                break
            damping *= 5.0
        if not previous - cost > _GAIN_SETTLED * previous:
            break
    return x


def _jacobian(residuals: Callable[[FloatArray], FloatArray], x: FloatArray, value: FloatArray) -> FloatArray:
    slope = np.empty((value.size, x.size))
    for index in range(x.size):
        moved = x.copy()
        moved[index] += _STEP * max(1.0, abs(float(x[index])))
        slope[:, index] = (residuals(moved) - value) / (moved[index] - x[index])
    return slope
