"""A drawn world: index with stochastic volatility and jumps, a smile per expiry, a basis, a perpetual premium.

Everything follows from the seed and the sequence of times asked for. Knows no order and no account.
Steps are exact in their length: volatility and premium are Ornstein-Uhlenbeck processes advanced by their
transition law, jumps have their own drawn arrival times. Rates are per year of 365 days unless said.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_YEAR, Ns, expiry_code, tau_years
from bot.sim.facts import Told
from bot.sim.history import HistoryRow
from bot.sim.impact import Impact, Pressure

_VARIANCE_KAPPA: Final = 253.0
"""Half-life of a volatility shock: one day (ln 2 × 365)."""
_LOG_VARIANCE_SD: Final = 0.45
"""Stationary spread of log variance: volatility is within ±25 % of its level two thirds of the time."""
_LEVERAGE: Final = -0.35
"""Correlation of index returns with variance shocks: falling markets are wilder."""
_SHARED_BTC_ETH: Final = 0.8
"""Correlation of the two coins' returns."""
_JUMPS_PER_YEAR: Final = 550.0
"""About three in two days."""
_JUMP_MEAN: Final = -0.0005
_JUMP_SD: Final = 0.005
_PREMIUM_KAPPA: Final = 12_140.0
"""Half-life of the perpetual's premium: half an hour."""
_PREMIUM_MEAN: Final = 0.00005
_PREMIUM_SD: Final = 0.0003
"""3 bp, so that the funding damper of 2.5 bp (exchange facts 2.6) is left now and then."""
_ELSEWHERE_MEAN: Final = -3e-4
_ELSEWHERE_SD: Final = 3e-4
_ELSEWHERE_KAPPA: Final = 24 * 365.0
"""Our choice: a stablecoin a few basis points from a dollar, and back within an hour or so."""
_BASIS_LONG: Final = 0.05
_BASIS_SHORT_EXTRA: Final = 0.02
_BASIS_DECAY: Final = 4.0
_RISK_PREMIUM: Final = 1.05
"""Implied over realised volatility."""
_SKEW: Final = -0.035
"""Change of volatility per standard deviation of log-moneyness, as a share of the at-the-money level."""
_CURVATURE: Final = 0.02
_SMILE_REACH_SD: Final = 5.0
"""The smile is flat beyond."""
_TAU_SMILE_MIN_YEARS: Final = 1.0 / (365.0 * 24.0)
_IV_MIN: Final = 0.05
_IV_MAX: Final = 4.0
_INDEX_USD_MIN: Final = 1.0
"""However hard clients sell."""
_JUMPS_MAX: Final = 10_000
"""Bound of the jump loop: eighteen years in one step."""


@dataclass(frozen=True, slots=True)
class CoinStart:
    """Where a coin's index starts and how much it moves: volatility as a fraction a year."""

    base: str
    index_usd: float
    vol_year: float


COINS: Final = (CoinStart("BTC", 65_000.0, 0.45), CoinStart("ETH", 3_400.0, 0.60))


@dataclass(slots=True)
class _Coin:
    """State of one coin."""

    base: str
    dice: random.Random
    log_variance_mean: float
    index_usd: float
    log_variance: float
    premium: float
    jump_next_ns: int


@dataclass(slots=True)
class _Smile:
    """What all strikes of one expiry share at one moment."""

    at_ns: int
    forward_usd: float
    atm: float
    scale: float
    """At-the-money volatility × sqrt(tau): one standard deviation of log-moneyness."""


@dataclass(frozen=True, slots=True)
class _StepLaw:
    """Transition constants of a step of one length."""

    dt_years: float
    variance_keep: float
    variance_noise: float
    premium_keep: float
    premium_noise: float


def _step_law(dt_ns: int) -> _StepLaw:
    dt = dt_ns / NS_PER_YEAR
    variance_keep = math.exp(-_VARIANCE_KAPPA * dt)
    premium_keep = math.exp(-_PREMIUM_KAPPA * dt)
    return _StepLaw(
        dt_years=dt,
        variance_keep=variance_keep,
        variance_noise=_LOG_VARIANCE_SD * math.sqrt(1.0 - variance_keep * variance_keep),
        premium_keep=premium_keep,
        premium_noise=_PREMIUM_SD * math.sqrt(1.0 - premium_keep * premium_keep),
    )


@dataclass(slots=True)
class _Elsewhere:
    """How far another venue's index is from ours, log."""

    dice: random.Random
    apart: float

    def move(self, dt_years: float) -> None:
        """Draw one step."""
        keep = math.exp(-_ELSEWHERE_KAPPA * dt_years)
        noise = _ELSEWHERE_SD * math.sqrt(1.0 - keep * keep) * self.dice.gauss(0.0, 1.0)
        self.apart = _ELSEWHERE_MEAN + (self.apart - _ELSEWHERE_MEAN) * keep + noise


class StochasticMarket:
    """BTC and ETH drawn from a seed. `vol_scale` multiplies realised and implied volatility."""

    def __init__(
        self,
        seed: int,
        start_ns: Ns,
        *,
        vol_scale: float = 1.0,
        impact: Impact | None = None,
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        """Start every coin at its level, with volatility at its mean. `impact`: None, where clients move no price.

        `elsewhere`: the coin of each index of another venue, which stays near the one here.
        """
        assert vol_scale > 0.0, f"vol_scale {vol_scale} must be positive"
        self._now_ns: int = start_ns
        self._law: tuple[int, _StepLaw] = (1, _step_law(1))
        self._coins: dict[str, _Coin] = {}
        self._smiles: dict[tuple[str, int], _Smile] = {}
        self._coin_by_index: dict[str, _Coin] = {}
        self._pressures = {} if impact is None else {start.base: Pressure(impact) for start in COINS}
        for start in COINS:
            dice = random.Random(f"{seed}:path:{start.base}")
            log_variance = 2.0 * math.log(start.vol_year * vol_scale)
            coin = _Coin(start.base, dice, log_variance, start.index_usd, log_variance, _PREMIUM_MEAN, 0)
            coin.jump_next_ns = start_ns + round(dice.expovariate(_JUMPS_PER_YEAR) * NS_PER_YEAR)
            self._coins[start.base] = coin
            self._coin_by_index[f"{start.base.lower()}_usd"] = coin
            # btc_usdc is pegged to btc_usd since July 2025 (exchange facts 2.6).
            self._coin_by_index[f"{start.base.lower()}_usdc"] = coin
        self._elsewhere: dict[str, _Elsewhere] = {}
        for name, base in (elsewhere or {}).items():
            self._coin_by_index[name] = self._coins[base]
            self._elsewhere[name] = _Elsewhere(random.Random(f"{seed}:index:{name}"), _ELSEWHERE_MEAN)

    @property
    def is_recorded(self) -> bool:
        """Never."""
        return False

    def advance(self, now_ns: Ns) -> None:
        """Draw one step to `now_ns`."""
        dt_ns = now_ns - self._now_ns
        assert dt_ns >= 0, f"time went back from {self._now_ns} to {now_ns}"
        if dt_ns == 0:
            return
        if self._law[0] != dt_ns:
            self._law = (dt_ns, _step_law(dt_ns))
        law = self._law[1]
        shared = 0.0
        for coin in self._coins.values():
            gauss = coin.dice.gauss
            noise = gauss(0.0, 1.0)
            # The first coin leads; the others follow its return noise in part.
            if shared == 0.0:
                shared = noise
            else:
                noise = _SHARED_BTC_ETH * shared + math.sqrt(1.0 - _SHARED_BTC_ETH**2) * noise
            self._move(coin, law, noise, now_ns)
        for other in self._elsewhere.values():
            other.move(law.dt_years)
        for pressure in self._pressures.values():
            pressure.pass_time(dt_ns)
        self._now_ns = now_ns

    def press(self, base: str, coin: float) -> None:
        """A client took so many coins, signed."""
        if base in self._pressures:
            self._pressures[base].press(coin)

    @staticmethod
    def _move(coin: _Coin, law: _StepLaw, noise: float, now_ns: int) -> None:
        gauss = coin.dice.gauss
        variance_dt = math.exp(coin.log_variance) * law.dt_years
        log_return = math.sqrt(variance_dt) * noise - 0.5 * variance_dt
        if coin.jump_next_ns <= now_ns:
            log_return += _jumps(coin, now_ns)
        coin.index_usd *= math.exp(log_return)
        variance_noise = _LEVERAGE * noise + math.sqrt(1.0 - _LEVERAGE**2) * gauss(0.0, 1.0)
        gap = coin.log_variance - coin.log_variance_mean
        coin.log_variance = coin.log_variance_mean + gap * law.variance_keep + law.variance_noise * variance_noise
        gap = coin.premium - _PREMIUM_MEAN
        coin.premium = _PREMIUM_MEAN + gap * law.premium_keep + law.premium_noise * gauss(0.0, 1.0)

    def index_names(self) -> tuple[str, ...]:
        """Both coins against USD and USDC."""
        return tuple(self._coin_by_index)

    def index_usd(self, index_name: str) -> float:
        """Index now; another venue's is the one here times what is between the two."""
        index_usd, other = self._pressed_usd(self._coin_by_index[index_name]), self._elsewhere.get(index_name)
        return index_usd if other is None else index_usd * math.exp(other.apart)

    def _pressed_usd(self, coin: _Coin) -> float:
        """Where the index would be without clients, and what they have done to it."""
        pressure = self._pressures.get(coin.base)
        return coin.index_usd if pressure is None else max(coin.index_usd + pressure.usd, _INDEX_USD_MIN)

    def forward_usd(self, base: str, expiry_ns: Ns) -> float:
        """Index carried at a basis rate that is higher for short expiries."""
        return self._smile(base, expiry_ns).forward_usd

    def forward_name(self, base: str, expiry_ns: Ns) -> str:
        """The dated future: every expiry has one (exchange facts 0.3)."""
        return f"{base}-{expiry_code(expiry_ns)}"

    def iv(self, instrument: Instrument) -> float | None:
        """Smile of the expiry at the strike: level from the variance state, parabola in standard deviations."""
        assert instrument.expiry_ns is not None, f"{instrument.id} has no expiry"
        assert instrument.strike_usd is not None, f"{instrument.id} has no strike"
        smile = self._smile(instrument.base, instrument.expiry_ns)
        sd = math.log(instrument.strike_usd / smile.forward_usd) / smile.scale
        sd = min(max(sd, -_SMILE_REACH_SD), _SMILE_REACH_SD)
        return min(max(smile.atm * (1.0 + _SKEW * sd + _CURVATURE * sd * sd), _IV_MIN), _IV_MAX)

    def perp_premium(self, instrument: Instrument) -> float:
        """The coin's mean-reverting premium, the same for its inverse and its linear perpetual."""
        return self._coins[instrument.base].premium

    def perp_half_spread_usd(self, instrument: Instrument) -> float | None:
        """Left to the market maker."""
        del instrument
        return None

    def recorded(self, instrument: Instrument) -> HistoryRow | None:
        """Nothing is recorded here."""
        del instrument
        return None

    def fresh(self) -> Sequence[str]:
        """Nothing: there are no rows."""
        return ()

    def told(self, instrument: Instrument) -> Told | None:
        """Nothing: all is drawn here."""
        del instrument
        return None

    def delivery_usd(self, index_name: str, expiry_ns: Ns, average_usd: float) -> float | None:
        """The average itself."""
        del index_name, expiry_ns
        return average_usd

    def _smile(self, base: str, expiry_ns: Ns) -> _Smile:
        smile = self._smiles.get((base, expiry_ns))
        if smile is not None and smile.at_ns == self._now_ns:
            return smile
        coin = self._coins[base]
        tau = tau_years(Ns(self._now_ns), expiry_ns)
        rate = _BASIS_LONG + _BASIS_SHORT_EXTRA * math.exp(-_BASIS_DECAY * tau)
        forward_usd = self._pressed_usd(coin) * math.exp(rate * tau)
        decay = _VARIANCE_KAPPA * max(tau, _TAU_SMILE_MIN_YEARS)
        weight = -math.expm1(-decay) / decay
        long_run = math.exp(coin.log_variance_mean)
        level = long_run + (math.exp(coin.log_variance) - long_run) * weight
        level += _JUMPS_PER_YEAR * (_JUMP_SD**2 + _JUMP_MEAN**2)
        atm = _RISK_PREMIUM * math.sqrt(level)
        scale = atm * math.sqrt(max(tau, _TAU_SMILE_MIN_YEARS))
        smile = _Smile(self._now_ns, forward_usd, atm, scale)
        self._smiles[base, expiry_ns] = smile
        return smile


def _jumps(coin: _Coin, now_ns: int) -> float:
    """Sum of the log jumps that arrive up to `now_ns`."""
    total = 0.0
    for _ in range(_JUMPS_MAX):
        if coin.jump_next_ns > now_ns:
            break
        total += coin.dice.gauss(_JUMP_MEAN, _JUMP_SD)
        coin.jump_next_ns += max(1, round(coin.dice.expovariate(_JUMPS_PER_YEAR) * NS_PER_YEAR))
    return total


def start_index_usd(base: str) -> float:
    """Index a coin starts at."""
    return next(start.index_usd for start in COINS if start.base == base)
