"""One doubtful leg of twenty when the market falls 5 %: what is certain is traded, the rest refused and alarmed."""

from typing import Any

import pytest

from bot.domain.decided import AlarmRaised
from bot.domain.events import InstrumentListed
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.hedging.modifiers import Modifiers
from bot.pricing import black76
from bot.risk.conventions import Convention

PERPETUAL = InstrumentId("BTC-PERPETUAL")
_NAMES = [f"BTC-27MAR26-{strike}-{right}" for strike in range(96_000, 106_000, 1_000) for right in "CP"]
_STALE = "BTC-27MAR26-100000-C"
_FALL = 95_000.0


def _band(coin: float) -> fixed.Params:
    return fixed.Params(low_coin=-coin, high_coin=coin, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)


class _Twenty:
    """Twenty legs of one coin each, long or short, hedged at 100,000; one of them stops ticking before the fall."""

    def __init__(self, play: Any, make: Any, sign: int, formula: black76.DeltaGamma = black76.delta_gamma) -> None:
        self.play, self.make, self.sign, self.formula = play, make, sign, formula
        play.connect()
        for name in _NAMES:
            play.take(InstrumentListed(instrument=make.option(name), received_ns=make.now_ns))
        play.tick()
        self.market(0.0, 100_000.0, stale=None)
        hedge_usd = -round(self.options_coin(100_000.0) * 10_000.0) * 10
        positions = dict.fromkeys(_NAMES, str(sign)) | {PERPETUAL: str(hedge_usd)}
        self.hedge_usd = hedge_usd
        play.reconcile(positions)

    def market(self, second: float, price_usd: float, stale: str | None = _STALE) -> None:
        """Tickers of all but one leg, then a tick."""
        at = Ns(self.make.now_ns + round(second * NS_PER_S))
        marks = [
            self.make.option_marked(name, received_ns=at, forward_usd=price_usd, index_usd=price_usd)
            for name in _NAMES
            if name != stale
        ]
        touch = {"bid_usd": price_usd - 0.5, "ask_usd": price_usd + 0.5, "price_min_usd": 0.9 * price_usd}
        future = self.make.future_marked(received_ns=at, mark_usd=price_usd, index_usd=price_usd, **touch)
        self.play.take(*marks, future)
        self.play.tick(round(second * NS_PER_S))

    def options_coin(self, price_usd: float) -> float:
        """True delta of the options, the silent leg's volatility unchanged."""
        tau_years = (self.make.option(_STALE).expiry_ns - self.make.now_ns) / (365 * 86_400 * NS_PER_S)
        deltas = [
            self.formula(price_usd, float(name.split("-")[2]), tau_years, 0.6, name.endswith("C"))[0] for name in _NAMES
        ]
        return self.sign * sum(deltas)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("convention", [Convention.OPTIONS_ONLY, Convention.COIN])
def test_the_certain_part_of_a_fall_is_traded_to_the_nearest_edge(
    make: Any, play_with: Any, sign: int, convention: Convention
) -> None:
    """Long gamma buys, short gamma sells; never beyond the band wherever the silent leg's delta really is."""
    band = _band(0.2)
    play = play_with(band=band, modifiers=Modifiers(trade_to=TradeTo.EDGE), convention=convention)
    formula = black76.pa_delta_gamma if convention is Convention.COIN else black76.delta_gamma
    twenty = _Twenty(play, make, sign, formula)
    twenty.market(30.0, _FALL)
    decided = play.decided()
    (order,) = play.orders()
    traded_coin = float_from_decimal(order.amount_native) / _FALL

    assert (decided.reason, decided.doubtful) == (Reason.OUTSIDE_BAND_SURELY, (_STALE,))
    assert 0.05 < decided.delta_coin_high - decided.delta_coin_low < 0.5, "one leg, narrowed by what was known of it"
    assert (traded_coin > 0.0) is (sign > 0)
    after = decided.delta_coin_low + traded_coin, decided.delta_coin_high + traded_coin
    nearest = after[1] if sign > 0 else after[0]
    assert nearest == pytest.approx(-0.2 if sign > 0 else 0.2, abs=2e-4), "the near end of the interval at the edge"
    truth = twenty.options_coin(_FALL) + twenty.hedge_usd / _FALL
    assert decided.delta_coin_low < truth < decided.delta_coin_high


@pytest.mark.parametrize("sign", [1, -1])
def test_doubt_wider_than_the_band_is_refused_with_a_deadline(make: Any, play_with: Any, sign: int) -> None:
    """Once the certain part is hedged, what is left is on both sides of a narrow band: alarm after ten seconds."""
    play = play_with(band=_band(0.01), modifiers=Modifiers(trade_to=TradeTo.EDGE))
    twenty = _Twenty(play, make, sign)
    twenty.market(30.0, _FALL)
    (order,) = play.orders(play.commands[-1:])
    play.take(make.fill("1", str(order.amount_native), order.label), make.updated(order.label, "filled"))
    for second in range(31, 45):
        twenty.market(float(second), _FALL)
    decided = play.decided()
    alarms = [note for note in play.notes if isinstance(note, AlarmRaised) and note.deadline_ns is not None]

    assert (decided.action, decided.reason) == (Action.REFUSE, Reason.DELTA_UNCERTAIN)
    assert [(note.name, (note.deadline_ns - make.now_ns) // NS_PER_S) for note in alarms] == [("delta_uncertain", 91)]
    assert len(play.orders()) == 1


def test_the_silent_leg_heard_again_ends_the_doubt(make: Any, play_with: Any) -> None:
    """The rest is traded at once."""
    play = play_with(band=_band(0.01), modifiers=Modifiers(trade_to=TradeTo.TARGET))
    twenty = _Twenty(play, make, 1)
    twenty.market(30.0, _FALL)
    (order,) = play.orders(play.commands[-1:])
    play.take(make.fill("1", str(order.amount_native), order.label), make.updated(order.label, "filled"))
    twenty.market(31.0, _FALL)
    assert play.decided().reason is Reason.DELTA_UNCERTAIN
    twenty.market(32.0, _FALL, stale=None)

    assert (play.decided().reason, play.decided().doubtful) == (Reason.OUTSIDE_BAND, ())
    assert len(play.orders()) == 2
