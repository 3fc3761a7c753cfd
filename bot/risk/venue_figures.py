"""Our figures of an account as its venue would show them, and how far apart the two may honestly be.

From the same functions that decide (`measure`), so that an error of theirs shows. In the settlement window the venue
decays deltas and premium in a straight line (exchange facts 2.5): that display is what is compared here, while
the hedge follows the average; of its own figure only what the window leaves possible is asked. Pure; knows no state.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import Struct, structs

from bot.domain.events import AccountSeen
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_YEAR, Ns
from bot.domain.units import float_from_decimal
from bot.market.view import MarketView
from bot.pricing import black76
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import measure
from bot.risk.legs import Expiry, Legs, OptionLeg, arrange

_NO_WINDOW: Final = Window(Ns(1), Ns(1))
"""European to the end: what the venue decays in a straight line."""
_SAFETY: Final = 2.0
"""Moves are small, but a gamma is not constant over them."""
_IV_NOISE: Final = 1e-3
_IV_PER_MOVE: Final = 2.0
"""A mark volatility differs by its rounding, and by two points for a move of 1 % that one side has not seen yet."""
_DELTA_DIGIT: Final = 1e-5
_GAMMA_DIGIT: Final = 5e-6
_PREMIUM_DIGIT: Final = 1e-4
"""Rounding at the venue: deltas and gammas have five decimals (exchange facts 2.3), a coin premium four."""
_BASIS_NOISE: Final = 1e-4
"""Of a future's mark against the index between two messages."""
_RELATIVE: Final = 2e-3
_POINTS: Final = 100.0
_DAYS: Final = 365.0
_GRID_SHARE: Final = 0.005
"""Fixings come on a grid, the display decays by the second."""


OPTIONS_VALUE: Final = "options_value"
"""What the options are worth in the account's coin: part of the delta where the equity is hedged."""


class Compared(Struct, frozen=True, kw_only=True):
    """One figure of both sides, in its own unit: coins, coins per USD, USD per point, USD per day."""

    figure: str
    ours_native: float
    venue_native: float
    tolerance_native: float

    @property
    def is_apart(self) -> bool:
        """Whether no honest timing explains the difference; a figure that is no number explains nothing."""
        return not abs(self.ours_native - self.venue_native) <= self.tolerance_native


class Scene(Struct, frozen=True, kw_only=True):
    """Everything a comparison looks at."""

    view: MarketView
    held: Mapping[InstrumentId, Decimal]
    now_ns: Ns
    window: Window
    price_usd: float
    move_usd: float
    """How far the index has moved since the oldest datum in use: it may be on one side and not on the other."""


class _Sum(NamedTuple):
    delta: float
    futures: float
    net_transaction: float
    doubt: float


def compare(scene: Scene, seen: AccountSeen) -> list[Compared]:
    """All figures of one account message that concern what is held."""
    specs = scene.view.instruments
    ours = {
        name: amount
        for name, amount in scene.held.items()
        if name in specs and specs[name].settlement_currency == seen.currency
    }
    found: list[Compared] = []
    for index in sorted({specs[name].index_name for name in ours}):
        legs = {name: amount for name, amount in ours.items() if specs[name].index_name == index}
        total, spread = _shown(scene, legs), _Spread(scene, legs)
        if total is None:
            continue
        if seen.delta_coin_by_index is not None:
            found.append(
                Compared(
                    figure=f"delta_total_map.{index}",
                    ours_native=total.delta + total.futures,
                    venue_native=seen.delta_coin_by_index.get(index, 0.0),
                    tolerance_native=spread.delta + spread.futures(total.futures) + total.doubt,
                )
            )
        if any(specs[name].is_inverse for name in legs):  # a coin account has this one index, and all of it is ours
            found += _of_coin_account(seen, total, spread) + _hedged_in_window(scene, legs)
    return found


def _of_coin_account(seen: AccountSeen, total: _Sum, spread: "_Spread") -> list[Compared]:
    rows: list[tuple[str, float, float | None, float]] = [
        ("options_delta", total.delta, seen.delta_coin_options, spread.delta + total.doubt),
        (
            "delta_total",
            total.net_transaction,
            seen.delta_coin_total,
            spread.net_transaction + spread.futures(total.futures) + total.doubt,
        ),
    ]
    if not total.doubt:
        rows += [
            ("options_gamma", spread.gamma_sum, seen.gamma_coin_per_usd_options, spread.gamma),
            ("options_vega", spread.vega_sum, seen.vega_usd_per_point_options, spread.vega),
            ("options_theta", spread.theta_sum, seen.theta_usd_per_day_options, spread.theta),
            (OPTIONS_VALUE, spread.value_sum, seen.options_value_native, spread.value),
        ]
    return [
        Compared(figure=figure, ours_native=mine, venue_native=theirs, tolerance_native=tolerance)
        for figure, mine, theirs, tolerance in rows
        if theirs is not None
    ]


def _hedged_in_window(scene: Scene, ours: Mapping[InstrumentId, Decimal]) -> list[Compared]:
    """The delta that is hedged inside the window, against the nearest one its open part allows."""
    specs = scene.view.instruments
    legs = {name: amount for name, amount in ours.items() if _is_expiring(specs[name], scene) and specs[name].is_option}
    if not legs:
        return []
    terms = Terms(convention=Convention.OPTIONS_ONLY, window=scene.window, price_usd=scene.price_usd)
    hedged = measure(scene.view, arrange(legs, specs), scene.now_ns, terms, {})
    assert hedged is not None, "options are always counted"
    low = high = size = 0.0
    for name, amount in legs.items():
        open_coin = _share(specs[name], scene) * float_from_decimal(amount)
        reach = open_coin if specs[name].is_call else -open_coin
        low, high, size = low + min(reach, 0.0), high + max(reach, 0.0), size + abs(float_from_decimal(amount))
    nearest = min(max(hedged.delta_coin_options, low), high)
    return [
        Compared(
            figure="expiring_delta",
            ours_native=hedged.delta_coin_options,
            venue_native=nearest,
            tolerance_native=_GRID_SHARE * size + _DELTA_DIGIT,
        )
    ]


def leg_delta_coin(scene: Scene, name: InstrumentId) -> float | None:
    """Our delta of one position as the venue shows it beside it; None where it cannot be counted."""
    amount = scene.held.get(name)
    if amount is None:
        return 0.0
    total = _shown(scene, {name: amount}) if name in scene.view.instruments else None
    return None if total is None else total.delta + total.futures


def _share(spec: Instrument, scene: Scene) -> float:
    """What the venue's display has left of an expiring delta."""
    if spec.expiry_ns is None:
        return 1.0
    return min(max((spec.expiry_ns - scene.now_ns) / scene.window.length_ns, 0.0), 1.0)


def _is_expiring(spec: Instrument, scene: Scene) -> bool:
    return spec.expiry_ns is not None and 0 < spec.expiry_ns - scene.now_ns < scene.window.length_ns


def _shown(scene: Scene, held: Mapping[InstrumentId, Decimal]) -> _Sum | None:
    """Sums as the venue displays them; None where something cannot be counted."""
    delta = futures = net = doubt = 0.0
    plain = Terms(convention=Convention.OPTIONS_ONLY, window=_NO_WINDOW, price_usd=scene.price_usd)
    adjusted = structs.replace(plain, convention=Convention.COIN)
    for legs, share in _by_share(scene, held):
        one = measure(scene.view, legs, scene.now_ns, plain, {})
        other = measure(scene.view, legs, scene.now_ns, adjusted, {})
        if one is None or other is None:
            return None
        delta += share * one.delta_coin_options
        futures += share * one.delta_coin_futures
        net += share * other.delta_coin_net
        doubt += share * (one.delta_coin_high - one.delta_coin_low + other.delta_coin_high - other.delta_coin_low)
    return _Sum(delta, futures, net, doubt)


def _by_share(scene: Scene, held: Mapping[InstrumentId, Decimal]) -> list[tuple[Legs, float]]:
    """What is held, by what the display has left of it: all that does not expire together."""
    specs = scene.view.instruments
    groups: dict[float, dict[InstrumentId, Decimal]] = {}
    for name, amount in held.items():
        groups.setdefault(_share(specs[name], scene), {})[name] = amount
    return [(arrange(group, specs), share) for share, group in groups.items() if share > 0.0]


class _Spread:
    """Sums of greeks, and how far each may be from the venue's for reasons of time and rounding."""

    def __init__(self, scene: Scene, held: Mapping[InstrumentId, Decimal]) -> None:
        self._scene = scene
        self.gamma_sum = self.vega_sum = self.theta_sum = self.value_sum = 0.0
        self.delta = _DELTA_DIGIT
        self.net_transaction = _DELTA_DIGIT + _PREMIUM_DIGIT
        self.value = _PREMIUM_DIGIT
        self.gamma = _GAMMA_DIGIT
        self.vega = self.theta = 1e-3
        for expiry in arrange(held, scene.view.instruments).expiries:
            if expiry.expiry_ns > scene.now_ns:
                self._add(expiry)

    def futures(self, futures_coin: float) -> float:
        """Of the coins inverse futures stand for."""
        return abs(futures_coin) * (_SAFETY * self._scene.move_usd / self._scene.price_usd + _BASIS_NOISE)

    def _add(self, expiry: Expiry) -> None:
        scene = self._scene
        forward = scene.view.forward_usd(expiry.index_name, expiry.expiry_ns)
        seen = [(leg, marked) for leg in expiry.options if (marked := scene.view.last_greeks(leg.name)) is not None]
        if forward is None or not seen:
            return
        # A leg counts on the newest forward of its expiry; the venue marked it on the one of its own ticker.
        apart = max(abs(forward - (marked.forward_usd or forward)) for _, marked in seen)
        move = _SAFETY * (scene.move_usd + apart)
        noise = _SAFETY * (_IV_NOISE + _IV_PER_MOVE * (scene.move_usd + apart) / forward)
        for leg, marked in seen:
            if marked.iv_mark is not None:
                self._add_leg(expiry, leg, _Moved(forward, marked.iv_mark, move, noise))

    def _add_leg(self, expiry: Expiry, leg: OptionLeg, now: "_Moved") -> None:
        """In scalars: a book is a few dozen legs, for which arrays cost several times as much."""
        left_ns = expiry.expiry_ns - self._scene.now_ns
        tau, (forward, iv, move, noise) = left_ns / NS_PER_YEAR, now
        one = black76.greeks_scalar(forward, leg.strike_usd, tau, iv, leg.is_call)
        qty, size = leg.qty_coin, abs(leg.qty_coin)
        moved = one.gamma * move + abs(one.vanna) * noise + _DELTA_DIGIT
        premium = abs(one.pa_delta) * move / forward + one.vega * noise / forward + _PREMIUM_DIGIT
        self.delta += size * moved
        self.net_transaction += size * (moved + (premium if expiry.is_inverse else 0.0))
        days = min(1.0, tau * _DAYS) / _DAYS
        self.value_sum += qty * one.coin_price
        self.gamma_sum += qty * one.gamma
        self.vega_sum += qty * one.vega / _POINTS
        self.theta_sum += qty * one.theta * days
        shape = 1.0 + abs(one.volga * iv / max(one.vega, 1e-300))
        by_move = abs(one.speed) * move + one.gamma * shape / iv * noise
        self.value += size * premium
        self.gamma += size * (by_move + _RELATIVE * one.gamma + _GAMMA_DIGIT)
        self.vega += size * (abs(one.vanna) * move + abs(one.volga) * noise + _RELATIVE * one.vega) / _POINTS
        if one.gamma > 0.0:
            self.theta += size * -one.theta * (by_move / max(one.gamma, 1e-300) + noise / iv + _RELATIVE) * days
        if left_ns < self._scene.window.length_ns:
            # How the venue shows these while it decays deltas is documented nowhere.
            self.value += size * one.vega * iv / forward
            self.gamma += size * one.gamma
            self.vega += size * one.vega / _POINTS
            self.theta += size * -one.theta * days


class _Moved(NamedTuple):
    """What the options of an expiry are valued on, and how far that may have moved."""

    forward_usd: float
    iv: float
    move_usd: float
    iv_noise: float
