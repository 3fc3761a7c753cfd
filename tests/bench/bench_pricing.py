"""How long pricing takes, and what its paths cost against each other and against others': one JSON object, no asserts.

python tests/bench/bench_pricing.py

Peers are compared where they are installed (pip install nautilus_trader py_vollib), on the same chain in the same run:
theirs is a loop over options, six and five outputs each; ours is one call with twelve.
"""

import importlib
import importlib.util
import json
import math
import timeit
import warnings
from collections.abc import Callable

import numpy as np

from bot.pricing import black76, implied_vol, surface_fit
from bot.pricing.chain_quotes import Chain
from bot.risk import ladder

_OPTIONS = 1000
_ROUNDS = 15
_RUN_US = 20_000.0
_LEGS = 200
_EXPIRIES = 8
_SEED = 4


def _best_us(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Microseconds per call, each the best of many short runs taken in turns: other load disturbs all alike."""
    best = dict.fromkeys(calls, math.inf)
    loops = {
        name: max(1, round(_RUN_US / max(timeit.timeit(call, number=1) * 1e6, 0.1))) for name, call in calls.items()
    }
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            best[name] = min(best[name], timeit.timeit(call, number=loops[name]) / loops[name] * 1e6)
    return best


def _chain() -> tuple[np.ndarray, ...]:
    """A thousand options around one forward, from one day to one year."""
    rng = np.random.default_rng(_SEED)
    forward = np.full(_OPTIONS, 64250.5)
    tau_years = rng.choice([1.0, 2.0, 7.0, 30.0, 90.0, 365.0], _OPTIONS) / 365.0
    iv = rng.uniform(0.3, 1.2, _OPTIONS)
    z = rng.uniform(-3.0, 3.0, _OPTIONS)
    strike = forward * np.exp(-z * iv * np.sqrt(tau_years))
    return forward, strike, tau_years, iv, rng.random(_OPTIONS) < 0.5


def _book(chain: tuple[np.ndarray, ...]) -> ladder.OptionRows:
    """Two hundred legs of the chain, long and short."""
    forward, strike, tau_years, iv, is_call = (column[:_LEGS] for column in chain)
    qty_coin = np.random.default_rng(_SEED).normal(0.0, 5.0, _LEGS)
    return ladder.OptionRows(qty_coin, forward, strike, tau_years, iv, is_call, np.ones(_LEGS, dtype=np.bool_))


def _chains() -> list[Chain]:
    """Eight expiries of twenty-five strikes, each a smile with a spread of two points."""
    chains = []
    for tau_years in np.geomspace(1.0, 365.0, _EXPIRIES) / 365.0:
        z = np.linspace(-2.5, 2.5, 25)
        iv, forward = 0.6 - 0.02 * z + 0.02 * z * z, np.full(25, 64250.5)
        strike = forward * np.exp(0.6 * z * np.sqrt(tau_years))
        bid, ask = (black76.greeks(forward, strike, tau_years, iv + side, z >= 0.0).price for side in (-0.01, 0.01))
        chains.append(Chain(f"{tau_years:.5f}", float(tau_years), forward, strike, z >= 0.0, bid, ask))
    return chains


def _nautilus(rows: list[tuple[float, float, float, float, bool]]) -> Callable[[], object] | None:
    """Price, delta, gamma, vega, theta and volatility of each option by nautilus_trader's compiled function."""
    if importlib.util.find_spec("nautilus_trader") is None:
        return None
    greeks = importlib.import_module("nautilus_trader.core.nautilus_pyo3").black_scholes_greeks
    return lambda: [greeks(f, 0.0, 0.0, iv, is_call, k, t, 1.0) for f, k, t, iv, is_call in rows]


def _vollib(rows: list[tuple[float, float, float, float, bool]]) -> Callable[[], object] | None:
    """Price, delta, gamma, vega and theta of each option by py_vollib."""
    if importlib.util.find_spec("py_vollib") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        price = importlib.import_module("py_vollib.black").black
        module = importlib.import_module("py_vollib.black.greeks.analytical")
    taken = (price, module.delta, module.gamma, module.vega, module.theta)
    flags = {True: "c", False: "p"}
    return lambda: [call(flags[is_call], f, k, t, 0.0, iv) for f, k, t, iv, is_call in rows for call in taken]


def figures() -> dict[str, float | str]:
    """Microseconds, milliseconds and ratios of this run."""
    chain = _chain()
    forward, strike, tau_years, _, is_call = chain
    prices = black76.greeks(*chain).price
    one, book, chains = (64250.5, 65000.0, 0.02, 0.6, True), _book(chain), _chains()
    rows = list(zip(*(column.tolist() for column in chain), strict=True))
    peers = {"nautilus_trader": _nautilus(rows), "py_vollib": _vollib(rows)}
    took = _best_us(
        {
            "array": lambda: black76.greeks(*chain),
            **{name: call for name, call in peers.items() if call is not None},
        }
    )
    took |= _best_us(
        {
            "decision": lambda: black76.delta_gamma(*one),
            "scalar": lambda: black76.greeks_scalar(*one),
            "alone": lambda: black76.greeks(*one),
            "solved": lambda: implied_vol.solve(prices, forward, strike, tau_years, is_call),
            "ladder": lambda: ladder.ladder(book, ladder.NO_FUTURES, 64250.5),
            "surface": lambda: surface_fit.fit(chains),
        }
    )
    rungs = len(ladder.SPOT_SHARES) * len(ladder.IV_MOVES) * _LEGS
    found: dict[str, float | str] = {
        "scalar_delta_gamma_us": took["decision"],
        "scalar_12_outputs_us": took["scalar"],
        "array_1000_options_12_outputs_us": took["array"],
        "implied_vol_1000_options_us": took["solved"],
        "ladder_41_by_5_over_200_legs_ms": took["ladder"] / 1000.0,
        "surface_8_expiries_200_quotes_ms": took["surface"] / 1000.0,
        "ratio_scalar_to_array_per_option_12_outputs": took["scalar"] * _OPTIONS / took["array"],
        "ratio_array_of_one_to_scalar": took["alone"] / took["scalar"],
        "ratio_implied_vol_to_greeks": took["solved"] / took["array"],
        "ratio_ladder_to_greeks_per_option": took["ladder"] / rungs * _OPTIONS / took["array"],
    }
    for name in peers:
        found[f"peer_{name}_1000_options_us"] = took.get(name, "not installed")
        found[f"ratio_peer_{name}_to_array"] = took[name] / took["array"] if name in took else "not installed"
    return found


def main() -> None:
    """Print the figures."""
    told = {name: item if isinstance(item, str) else round(item, 3) for name, item in figures().items()}
    print(json.dumps({"pricing": told}))  # noqa: T201


if __name__ == "__main__":
    main()
