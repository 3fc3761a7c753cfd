"""Any figure of any event can be none at all, or absurd: the engine says so, trades nothing for it, gets over it."""

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, get_args

import pytest
from msgspec import Struct, structs

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.decided import AlarmRaised, PhaseChanged, TrustChanged
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.ladder import LadderStep, RungSeen
from bot.domain.market_events import MarketEvent
from bot.domain.reasons import HaltCause, Reason, RefusalKind, Rung
from bot.domain.seen import PositionSeen
from bot.domain.stops import Act, LossCount
from bot.domain.time import NS_PER_MS, NS_PER_S, NS_PER_YEAR, Ns
from bot.hedging.bands import fixed, whalley_wilmott
from bot.pricing import black76
from bot.pricing.smile import SmileDelta
from bot.risk.conventions import Convention
from bot.risk.gap import GapParams
from bot.risk.ladder import LadderLimits
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource

_CALL, _PUT, _SOON = "BTC-27MAR26-100000-C", "BTC-27MAR26-90000-P", "BTC-2MAR26-100000-C"
_PERPETUAL, _FUTURE = "BTC-PERPETUAL", "BTC-27MAR26"
_HELD = {_CALL: 2, _PUT: -1, _SOON: 1}
_WRONG = (float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 1e300, -1e300, 1e-300)
_WRONG_MONEY = (Decimal("nan"), Decimal("inf"), Decimal(0), Decimal("1e300"))
_SMALL = 1e-4
_SAMPLE_COUNT = 40
"""Of about a thousand per state; a run of all of them takes some minutes."""
_ENDS = (*get_args(MarketEvent), ev.AccountSeen, ev.SnapshotTaken, ev.SurfaceFitted)
"""Replaced by the next of their kind."""
_SOURCES = (
    Sources(),
    Sources(volatility=VolatilitySource.SURFACE, smile=SmileDelta.SSR),
    Sources(smile=SmileDelta.MINIMUM_VARIANCE),
)


class _Scene:
    """A hedged book in a state drawn by a seed, and everything that can reach it next."""

    def __init__(self, make: Any, play_with: Any, surface: Callable[..., ev.SurfaceFitted], seed: int) -> None:
        dice = random.Random(seed)
        self._make, self._surface, self._kind = make, surface, "balanced"
        self._params = {
            "convention": dice.choice((Convention.OPTIONS_ONLY, Convention.COIN, Convention.USD)),
            "band": dice.choice((fixed.Params(), whalley_wilmott.Params())),
            "gap": GapParams(interval_ns=Ns(NS_PER_S), limits=LadderLimits(loss_usd_max=1e9)),
            "sources": dice.choice(_SOURCES),
        }
        opening_ns = make.now_ns + 22 * 3600 * NS_PER_S  # 08:00 of the next day
        self.start_ns = int(dice.choice((make.now_ns, opening_ns - 1500 * NS_PER_S, opening_ns - 60 * NS_PER_S)))
        self.hedge_usd = 0
        self.hedge_usd = -round(self.play(play_with).decided().delta_coin_net * 1e4) * 10
        self._play_with = play_with
        self._kind = dice.choice(("balanced", "due", "opening"))
        self.excess_usd = 30_000 if self._kind == "due" else 0
        self.hedge_usd += self.excess_usd

    def __str__(self) -> str:
        return f"{self._kind} {self._params['convention'].value}"

    @property
    def is_balanced(self) -> bool:
        """Whether nothing is due."""
        return self._kind == "balanced"

    def fresh(self) -> Any:
        """The book again, from the start."""
        return self.play(self._play_with)

    def play(self, play_with: Callable[..., Any]) -> Any:
        """Connected, reconciled, everything told once, decided."""
        play, make, at = play_with(**self._params), self._make, Ns(self.start_ns)
        play.take(*(ev.StreamRestored(stream=stream, received_ns=at) for stream in ev.StreamName))
        specs = [make.option(name) for name in _HELD] + [make.perpetual(), self._dated()]
        play.take(*(ev.InstrumentListed(instrument=spec, received_ns=at) for spec in specs))
        self.tick(play, 0)
        if self._kind == "opening":
            return play
        play.take(*self.market(0), self.account(0), self.fitted(0), self.snapshot(0))
        if self._kind == "balanced":
            self.tick(play, 1)
        return play

    def tick(self, play: Any, after_ms: int) -> list[Any]:
        """Decide."""
        return play.take(ev.Ticked(now_ns=Ns(self.start_ns + after_ms * NS_PER_MS)))

    def _dated(self) -> Any:
        spec = self._make.option(_CALL)
        return self._make.perpetual(id=_FUTURE, kind="future", expiry_ns=spec.expiry_ns)

    def _at(self, after_ms: int) -> Ns:
        return Ns(self.start_ns + after_ms * NS_PER_MS)

    def market(self, after_ms: int) -> list[ev.Event]:
        """Every ticker."""
        make, at = self._make, self._at(after_ms)
        told = {"received_ns": at, "delivery_usd": 100_000.0, "iv_bid": 0.59, "iv_ask": 0.61}
        options = [make.option_marked(name, mark_native=self._coin_price(name, at), **told) for name in _HELD]
        futures = [make.future_marked(name, received_ns=at, delivery_usd=100_000.0) for name in (_PERPETUAL, _FUTURE)]
        return [*options, *futures, make.quoted(received_ns=at), make.depth_seen(received_ns=at)]

    def _greeks(self, name: str, at: Ns) -> Any:
        spec = self._make.option(name)
        tau_years = (spec.expiry_ns - at) / NS_PER_YEAR
        return black76.greeks_scalar(100_000.0, spec.strike_usd, tau_years, 0.6, spec.is_call)

    def _coin_price(self, name: str, at: Ns) -> float:
        return round(self._greeks(name, at).coin_price, 4)

    def account(self, after_ms: int) -> ev.AccountSeen:
        """Ten coins and what is held."""
        at = self._at(after_ms)
        left_ns = self._make.option(_SOON).expiry_ns - at
        share = {_SOON: min(left_ns / (1800 * NS_PER_S), 1.0)}
        options = sum(qty * share.get(name, 1.0) * self._greeks(name, at).delta for name, qty in _HELD.items())
        value = sum(qty * share.get(name, 1.0) * self._coin_price(name, at) for name, qty in _HELD.items())
        total = options + self.hedge_usd / 1e5
        return self._make.account_seen(
            received_ns=at,
            equity_native=10.0 + value,
            delta_coin_total=total - value,
            delta_coin_options=options,
            delta_coin_by_index={"btc_usd": total},
            options_value_native=value,
            futures_profit_native=0.0,
            session_realized_native=0.0,
        )

    def fitted(self, after_ms: int) -> ev.SurfaceFitted:
        """A surface of the longer expiry."""
        at = self._at(after_ms)
        fit = self._surface(as_of_ns=at, received_ns=at)
        left_years = (fit.slices[0].expiry_ns - at) / NS_PER_YEAR
        a, b, rho, m, _ = fit.slices[0].svi
        svi = (a, b, rho, m, 0.36 * left_years / b)  # 60 % at the money
        return structs.replace(
            fit,
            slices=(
                structs.replace(
                    fit.slices[0], tau_years=left_years, svi=svi, skew_iv_per_k=b * rho / (1.2 * left_years)
                ),
            ),
        )

    def snapshot(self, after_ms: int) -> ev.SnapshotTaken:
        """What is held, with all the venue tells of it."""
        at = self._at(after_ms)
        held = {**_HELD, **({_PERPETUAL: self.hedge_usd} if self.hedge_usd else {})}
        positions = tuple(
            PositionSeen(
                instrument=InstrumentId(name),
                amount_native=Decimal(amount),
                average_native=Decimal(100_000) if name == _PERPETUAL else Decimal("0.06"),
                mark_native=100_000.0 if name == _PERPETUAL else self._coin_price(name, at),
                funding_native=Decimal(0) if name == _PERPETUAL else None,
                delta_coin=0.5,
                gamma_coin_per_usd=1e-5,
                vega_usd_per_point=100.0,
                theta_usd_per_day=-50.0,
            )
            for name, amount in held.items()
        )
        return ev.SnapshotTaken(positions=positions, open_orders=(), fills=(), requested_ns=at, received_ns=at)

    def everything(self, after_ms: int) -> list[ev.Event]:
        """At least one event of every type, each as it may come."""
        make, at = self._make, self._at(after_ms)
        label, perpetual = Label("hbrun0000077"), InstrumentId(_PERPETUAL)
        rung = RungSeen(rung=Rung.LOSS, spot_share=-0.2, iv_move=0.1, figure_native=1000.0)
        step = LadderStep(
            spot_share=0.0, delta_coin_net=0.0, gamma_coin_per_usd=0.0, pnl_coin=0.0, pnl_usd=0.0, margin_coin=0.1
        )
        count = LossCount(as_of_ns=at, day_loss_usd=1.0, peak_loss_usd=1.0, recent_loss_usd=1.0, recent_ns=at)
        return [
            *self.market(after_ms),
            ev.QuoteDistrusted(instrument=InstrumentId(_FUTURE), received_ns=at, cause="book_gap"),
            ev.InstrumentListed(instrument=make.option(_CALL), received_ns=at),
            ev.StreamRestored(stream=ev.StreamName.MARKET, received_ns=at),
            ev.MessageMalformed(stream=ev.StreamName.MARKET, received_ns=at, cause="x", sample="y"),
            ev.OrderAcked(label=label, order_id=OrderId("V-7"), received_ns=at),
            ev.OrderRefused(label=label, received_ns=at, code=1, name="no", kind=RefusalKind.REQUOTE),
            ev.OrderUnknown(label=label, received_ns=at, cause="x"),
            make.updated(label, "open", received_ns=at, venue_ns=at),
            ev.OrderAbsent(label=label, received_ns=at),
            ev.LookUpFailed(label=label, received_ns=at, cause="x"),
            make.fill("f9", "10", received_ns=at, venue_ns=at),
            self.account(after_ms),
            self.snapshot(after_ms),
            ev.SnapshotFailed(received_ns=at, cause="x"),
            ev.Settled(instrument=perpetual, delivery_usd=None, funding_native=Decimal(0), received_ns=at, venue_ns=at),
            ev.LadderMeasured(instrument=perpetual, received_ns=at, worst=(rung,), steps=(step,)),
            self.fitted(after_ms),
            ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=at, cause="x"),
            ev.StopRequested(received_ns=at, cause="x"),
            ev.HaltRequested(received_ns=at, cause=HaltCause.TASK_FAILED, detail="x"),
            ev.IntentRestored(
                label=label,
                instrument=perpetual,
                amount_native=Decimal(10),
                price_native=Decimal(100_000),
                valid_until_ns=at,
                received_ns=at,
            ),
            ev.LedgerRestored(positions=(), fill_ids=(), received_ns=at),
            ev.OperatorActed(act=Act.REDUCE_ONLY, by="x", reason="y", received_ns=at),
            ev.StopsRestored(book="BTC", latches=(), received_ns=at),
            ev.LossesRestored(book="BTC", count=count, received_ns=at),
            ev.LeaseHeld(until_ns=Ns(at + 10 * NS_PER_S), received_ns=at),
            ev.Ticked(now_ns=at),
        ]


def _wrecks(thing: Any) -> Iterator[tuple[str, Any]]:
    """The thing with one of its figures replaced, in every way; and which."""
    if isinstance(thing, float):
        yield from ((f"= {value}", value) for value in _WRONG)
        yield from ((f"= {thing} x {factor:g}", thing * factor) for factor in (1e6, 1e-6) if thing)
    elif isinstance(thing, Decimal):
        yield from ((f"= {value}", value) for value in _WRONG_MONEY)
    for name, item, put in _parts(thing):
        yield from ((f"{name} {how}", put(value)) for how, value in _wrecks(item))


def _parts(thing: Any) -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    """Name, part, and how another takes its place."""
    if isinstance(thing, Struct):
        for name in thing.__struct_fields__:
            yield name, getattr(thing, name), lambda value, name=name: structs.replace(thing, **{name: value})
    elif isinstance(thing, tuple):
        for at, item in enumerate(thing):
            yield f"[{at}]", item, lambda value, at=at: (*thing[:at], value, *thing[at + 1 :])
    elif isinstance(thing, dict):
        for key, item in thing.items():
            yield f"[{key}]", item, lambda value, key=key: {**thing, key: value}


def test_every_event_is_among_those_wrecked(make: Any, play_with: Any, surface: Any) -> None:
    """A new event has to be thought of here."""
    events = {member for union in get_args(ev.Event) for member in (get_args(union) or (union,))}

    assert {type(event) for event in _Scene(make, play_with, surface, 0).everything(100)} == events


def _is_named(notes: list[Any], decided: Any) -> bool:
    """Whether doubt has a name: a note, a leg in doubt, or words beside the decision."""
    told = any(isinstance(note, AlarmRaised | TrustChanged | PhaseChanged) for note in notes)
    return told or bool(decided.doubtful) or bool(decided.detail)


def _alike(ours: Any, theirs: Any) -> bool:
    if ours.reason is not theirs.reason or (ours.delta_coin_net is None) is not (theirs.delta_coin_net is None):
        return False
    return abs((ours.delta_coin_net or 0.0) - (theirs.delta_coin_net or 0.0)) <= _SMALL


def _is_another_smile(play: Any, wreck: Any) -> bool:
    """A fit may be wrong and yet be one: a skew-stickiness of 0 is a rule."""
    seen = play.engine.status().surface
    return isinstance(wreck, ev.SurfaceFitted) and seen is not None and not seen.defect


def _calm(scene: _Scene, play: Any, after_ms: int) -> list[PlaceOrder]:
    """Whole events for three seconds; the orders they led to."""
    fresh: list[PlaceOrder] = []
    for at in range(after_ms, after_ms + 3001, 500):
        play.take(*scene.market(at), scene.account(at), scene.fitted(at), scene.snapshot(at))
        fresh += play.orders(scene.tick(play, at + 1))
    return fresh


def _is_covered(sent: list[PlaceOrder], expected: list[PlaceOrder], excess_usd: int) -> bool:
    """Whether nothing is sent that the twin does not send: the same way, and hardly more of it.

    Doubt may narrow a band, as it takes gamma away: then what is certainly too much is traded a little sooner.
    """
    signs = {order.amount_native > 0 for order in (*sent, *expected)}
    total, allowed = (sum(abs(order.amount_native) for order in orders) for orders in (sent, expected))
    if not sent:
        return True
    return len(signs) == 1 and (10 * total <= 11 * allowed or (True not in signs and 10 * total <= 11 * excess_usd))


@pytest.mark.parametrize("seed", range(12))
def test_a_figure_that_is_none_trades_nothing_and_is_told(make: Any, play_with: Any, surface: Any, seed: int) -> None:
    """Beside a twin that hears the event whole: no exception, no order of its own; doubt has a name, and it ends."""
    scene = _Scene(make, play_with, surface, seed)
    wrecks = [(event, how, wreck) for event in scene.everything(100) for how, wreck in _wrecks(event)]
    for event, how, wreck in random.Random(seed).sample(wrecks, min(_SAMPLE_COUNT, len(wrecks))):
        text = f"seed {seed}, {scene}: {type(event).__name__} {how}"
        twin, play = scene.fresh(), scene.fresh()
        told_before = len(play.notes)
        twin.take(event)
        play.take(wreck)
        sent, expected = (one.orders(scene.tick(one, 200)) for one in (play, twin))
        ours, theirs = play.decided(), twin.decided()

        if _is_another_smile(play, wreck):
            continue
        assert _is_covered(sent, expected, scene.excess_usd), f"{text} led to {sent}"
        assert _alike(ours, theirs) or _is_named(play.notes[told_before:], ours), f"{text} is not told"
        if scene.is_balanced and isinstance(event, _ENDS):
            assert _calm(scene, play, 300) == [], f"{text} led to orders later"
            assert play.decided().reason is Reason.INSIDE_BAND, f"{text} lasts: {play.decided().detail}"
