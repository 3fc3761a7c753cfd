"""How long pricing takes, and what the two paths cost against each other: one JSON object, nothing asserted.

python tests/bench/bench_pricing.py
"""

import json
import timeit
from collections.abc import Callable

import numpy as np

from bot.pricing import black76, implied_vol

_OPTIONS = 1000
_REPEATS = 9
_SEED = 4


def _best_us(call: Callable[[], object], loops: int) -> float:
    """Microseconds per call: the best of several runs, which other load on the machine disturbs least."""
    return min(timeit.repeat(call, number=loops, repeat=_REPEATS)) / loops * 1e6


def _chain() -> tuple[np.ndarray, ...]:
    """A thousand options around one forward, from one day to one year."""
    rng = np.random.default_rng(_SEED)
    forward = np.full(_OPTIONS, 64250.5)
    tau_years = rng.choice([1.0, 2.0, 7.0, 30.0, 90.0, 365.0], _OPTIONS) / 365.0
    iv = rng.uniform(0.3, 1.2, _OPTIONS)
    z = rng.uniform(-3.0, 3.0, _OPTIONS)
    strike = forward * np.exp(-z * iv * np.sqrt(tau_years))
    return forward, strike, tau_years, iv, rng.random(_OPTIONS) < 0.5


def figures() -> dict[str, float]:
    """Microseconds and ratios of this run."""
    chain = _chain()
    forward, strike, tau_years, _, is_call = chain
    prices = black76.greeks(*chain).price
    one = (64250.5, 65000.0, 0.02, 0.6, True)
    decision = _best_us(lambda: black76.delta_gamma(*one), 5000)
    scalar = _best_us(lambda: black76.greeks_scalar(*one), 2000)
    array = _best_us(lambda: black76.greeks(*chain), 50)
    solved = _best_us(lambda: implied_vol.solve(prices, forward, strike, tau_years, is_call), 10)
    alone = _best_us(lambda: black76.greeks(*one), 200)
    return {
        "scalar_delta_gamma_us": decision,
        "scalar_12_outputs_us": scalar,
        "array_1000_options_12_outputs_us": array,
        "implied_vol_1000_options_us": solved,
        "ratio_scalar_to_array_per_option_12_outputs": scalar * _OPTIONS / array,
        "ratio_array_of_one_to_scalar": alone / scalar,
        "ratio_implied_vol_to_greeks": solved / array,
    }


def main() -> None:
    """Print the figures."""
    print(json.dumps({"pricing": {name: round(number, 3) for name, number in figures().items()}}))  # noqa: T201


if __name__ == "__main__":
    main()
