"""From one fit of the surface to the next: parameters move by half in a minute, and no further than is usual.

Knows fitted slices and the time between them; must not know quotes. One quote must not make a delta jump: what is used
follows the fits with a half-life, and its move at the money in one update is capped (theory 3.1, points 6 and 7).
A mixture that is no smile between the two is not used.
Between two fits each strike keeps its volatility, so the older slice is brought to the newer forward and time first.
"""

import math
import statistics
from collections import deque
from typing import Final, NamedTuple

from bot.pricing.surface import ExpiryFit, Surface
from bot.pricing.surface_fit import is_free
from bot.pricing.svi import Svi

_HALF_LIFE_S: Final = 60.0
"""Theory 3.1 gives 30 to 120 s."""
_AGE_S_MAX: Final = 600.0
"""An older slice is forgotten: nothing is known of what happened since."""
_SDS_MAX: Final = 5.0
_NORMAL_SD: Final = 1.4826
"""Standard deviation over the median absolute move, of a normal law."""
_MOVES_MIN: Final = 10
_MOVES_KEPT: Final = 120
_BETWEEN_SLACK: Final = 0.01
"""Of level or slope: half a point of volatility in a hundred."""


class _Held(NamedTuple):
    fit: ExpiryFit
    at_s: float


class Smoother:
    """Mutable: what was used last of each expiry, and how far it usually moves."""

    def __init__(self) -> None:
        """Nothing seen: the first fit is taken as it is."""
        self._held: dict[str, _Held] = {}
        self._moves: dict[str, deque[float]] = {}

    def smoothed(self, surface: Surface, now_s: float) -> Surface:
        """The surface to use; a slice that mixing would give an arbitrage is the fit itself."""
        used: list[ExpiryFit] = []
        for fit in surface.expiries:
            used.append(self._mixed(fit, used[-1].svi if used else None, now_s))
        self._held = {fit.expiry: _Held(fit, now_s) for fit in used}
        self._moves = {name: moves for name, moves in self._moves.items() if name in self._held}
        return surface._replace(expiries=tuple(used))

    def _mixed(self, fit: ExpiryFit, earlier: Svi | None, now_s: float) -> ExpiryFit:
        held = self._held.get(fit.expiry)
        if held is None or now_s - held.at_s > _AGE_S_MAX:
            return fit
        shift = math.log(fit.forward / held.fit.forward)
        before = held.fit.svi.rescaled(fit.tau_years / held.fit.tau_years, shift)
        move = _iv_atm(fit.svi, fit.tau_years) - _iv_atm(before, fit.tau_years)
        weight = min(1.0 - 0.5 ** (max(0.0, now_s - held.at_s) / _HALF_LIFE_S), self._share_allowed(fit.expiry, move))
        mixed = Svi(*(old + weight * (new - old) for old, new in zip(before, fit.svi, strict=True)))
        theta = mixed.w(0.0)
        is_sound = theta > 0.0 and _lies_between(mixed, before, fit.svi) and is_free(mixed, earlier, theta)
        return fit._replace(svi=mixed) if is_sound else fit

    def _share_allowed(self, expiry: str, move_iv: float) -> float:
        """Of a move at the money: all of it, unless it is over five times what is usual."""
        moves = self._moves.setdefault(expiry, deque(maxlen=_MOVES_KEPT))
        usual = _NORMAL_SD * statistics.median(moves) if len(moves) >= _MOVES_MIN else math.inf
        moves.append(abs(move_iv))
        return 1.0 if abs(move_iv) <= _SDS_MAX * usual else _SDS_MAX * usual / abs(move_iv)


def _lies_between(mixed: Svi, before: Svi, after: Svi) -> bool:
    """Whether level and slope at the money do.

    Few strikes say little of the wings: fits that agree where there are quotes may have parameters far apart, and what
    is half-way between those is a smile that neither has, a third too low at worst.
    """
    pairs = [(curve.w(0.0), curve.w_slope(0.0)) for curve in (before, after, mixed)]
    for old, new, found in zip(*pairs, strict=True):
        slack = _BETWEEN_SLACK * (abs(old) + abs(new))
        if not min(old, new) - slack <= found <= max(old, new) + slack:
            return False
    return True


def _iv_atm(curve: Svi, tau_years: float) -> float:
    return math.sqrt(max(curve.w(0.0), 0.0) / tau_years)
