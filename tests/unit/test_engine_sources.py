"""Forward and volatility of the configured source reach the decision, and are told in the status."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import Watch
from bot.domain.decided import AlarmRaised
from bot.domain.events import InstrumentListed, Ticked
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Kind
from bot.domain.time import NS_PER_S, Ns
from bot.engine import Engine
from bot.pricing import black76
from bot.pricing.smile import SmileDelta
from bot.risk.forward import ForwardSource
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource

CALL, DATED = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-27MAR26")


def _ready(play: Any, make: Any, sources: Sources) -> list[Any]:
    """A reconciled book with one call, its expiry's future listed."""
    play.engine = Engine(make.book(sources=sources))
    play.connect()
    spec = make.perpetual(id=DATED, kind=Kind.FUTURE, expiry_ns=make.option().expiry_ns)
    play.take(InstrumentListed(instrument=spec, received_ns=make.now_ns))
    play.tick()
    play.take(make.snapshot({CALL: "1"}))
    play.take(
        make.option_marked(iv_bid=0.66, iv_ask=0.74),
        make.future_marked(),
        make.future_marked(DATED, mark_usd=102_000.0),
    )
    commands: list[Any] = play.take(Ticked(now_ns=Ns(make.now_ns + 6 * NS_PER_S)))
    return commands


@pytest.mark.parametrize(
    ("sources", "forward_and_iv", "words"),
    [
        (Sources(), (100_000.0, 0.6), ("options", {"mark": 1})),
        (Sources(forward=ForwardSource.FUTURE), (102_000.0, 0.6), ("future", {"mark": 1})),
        (Sources(volatility=VolatilitySource.MID), (100_000.0, 0.7), ("options", {"mid": 1})),
    ],
)
def test_the_delta_is_that_of_the_chosen_source(
    play: Any, make: Any, sources: Sources, forward_and_iv: tuple[float, float], words: tuple[str, dict[str, int]]
) -> None:
    """Black-76 on that forward at that volatility."""
    _ready(play, make, sources)
    forward_usd, iv = forward_and_iv
    at = Ns(make.now_ns + NS_PER_S)
    play.tick(NS_PER_S)

    tau = (make.option().expiry_ns - at) / (365.0 * 86_400 * NS_PER_S)
    delta, _ = black76.delta_gamma(forward_usd, 100_000.0, tau, iv, True)
    assert play.decided().delta_coin_options == pytest.approx(delta, rel=1e-12)
    (told,) = play.engine.status().sources
    assert (told.forward_source, told.options_by_volatility) == words
    assert told.forward_usd == forward_usd


def test_the_future_is_watched_once_and_only_where_it_is_needed(play: Any, make: Any) -> None:
    """A subscription costs credits: nothing is asked for by default, and nothing twice."""
    asked = _ready(play, make, Sources(forward=ForwardSource.FUTURE))
    again = play.take(Ticked(now_ns=Ns(make.now_ns + 20 * NS_PER_S)))
    by_default = _ready(play, make, Sources())

    assert Watch(instruments=(DATED,)) in asked
    assert not [command for command in again if isinstance(command, Watch)]
    assert not [command for command in by_default if isinstance(command, Watch)]


def test_decisions_by_default_do_not_look_at_quotes_or_the_future(play: Any, make: Any) -> None:
    """The venue's own forward and mark volatility, whatever else is seen."""
    _ready(play, make, Sources())
    play.tick(NS_PER_S)
    before = play.decided().delta_coin_options
    play.take(make.future_marked(DATED, mark_usd=90_000.0), make.option_marked(iv_bid=0.1, iv_ask=0.2))
    play.tick(NS_PER_S)

    assert play.decided().delta_coin_options == before
    assert play.engine.status().positions_native[CALL] == Decimal(1)


def test_a_smile_rule_hedges_its_own_delta_until_the_surface_is_old(play: Any, make: Any, surface: Any) -> None:
    """Sticky strike before the first fit and after four missed ones, with an alarm; another book's fit is none."""
    _ready(play, make, Sources(smile=SmileDelta.STICKY_DELTA))
    play.tick(NS_PER_S)
    plain = play.decided().delta_coin_options
    play.take(surface(book="ETH"))
    play.tick(NS_PER_S)
    assert play.decided().delta_coin_options == plain

    play.take(surface())
    play.tick(NS_PER_S)
    # Puts dearer: with the smile moving along, a strike's volatility rises with the forward.
    assert play.decided().delta_coin_options > plain + 0.01
    assert play.engine.status().sources[0].smile == "sticky_delta"
    assert play.engine.status().surface == surface()

    play.take(make.option_marked(received_ns=Ns(make.now_ns + 121 * NS_PER_S), iv_bid=0.66, iv_ask=0.74))
    play.tick(121 * NS_PER_S)
    play.tick(242 * NS_PER_S)
    assert play.engine.status().sources[0].smile == "sticky_strike: the surface is 242 s old"
    assert [note.name for note in play.notes if isinstance(note, AlarmRaised)].count("surface_missing") == 1


def test_a_fit_made_for_comparison_moves_no_decision(play: Any, make: Any, surface: Any) -> None:
    """Sticky strike stays to the bit."""
    _ready(play, make, Sources(compares=True))
    play.tick(NS_PER_S)
    before = play.decided()
    play.take(surface())
    play.tick(NS_PER_S)

    after = play.decided()
    assert (after.delta_coin_net, after.gamma_coin_per_usd) == (before.delta_coin_net, before.gamma_coin_per_usd)


def test_a_picture_holds_what_is_trusted_of_the_expiries_held(play: Any, make: Any) -> None:
    """What a fit looks at."""
    _ready(play, make, Sources(compares=True))

    picture = play.engine.pictured(make.now_ns)

    assert (picture.book, [spec.id for spec, _ in picture.rows]) == ("BTC", [CALL])
    assert play.engine.pictured(Ns(make.now_ns + 60 * NS_PER_S)).rows == ()
