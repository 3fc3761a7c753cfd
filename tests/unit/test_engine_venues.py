"""Options at one venue, the hedge at another: what the loss of either means, and whose word counts for what."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import TakeSnapshot
from bot.domain.decided import NOTHING, AlarmRaised
from bot.domain.ids import DERIBIT, InstrumentId, OrderId, VenueId
from bot.domain.reasons import Phase, Reason
from bot.domain.stops import Act
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.appetite import AppetiteParams

OKX = VenueId("okx")
SWAP = InstrumentId("OKX:BTC-USDT-SWAP")
CALL = InstrumentId("BTC-27MAR26-100000-C")
_HEDGED = {SWAP: "-0.5318"}
_USDT = 0.9995
"""What the second venue's index is in terms of the first's: a dollar is not quite a dollar."""


@pytest.fixture
def two(play_with: Any, make: Any) -> Any:
    """A book of one call, hedged on a swap elsewhere; both venues up, nothing agreed."""
    return _two(play_with, make)


def _two(play_with: Any, make: Any, **params: Any) -> Any:
    play = play_with(hedge_instrument=SWAP, **params)
    swap = make.linear_perpetual(id=SWAP, venue=OKX, settlement_currency="USDT", index_name="okx:btc_usdt")
    before = Ns(make.now_ns - NS_PER_S)
    for venue in (DERIBIT, OKX):
        play.take(*(ev.StreamRestored(stream=stream, received_ns=before, venue=venue) for stream in ev.StreamName))
    play.take(*(ev.InstrumentListed(instrument=spec, received_ns=before) for spec in (swap, make.option())))
    return play


def _at(make: Any, seconds: float) -> Ns:
    return Ns(make.now_ns + round(seconds * NS_PER_S))


def _swap(make: Any, seconds: float = 0.0, usd: float = 100_000.0) -> Any:
    usdt = usd * _USDT
    prices = {"mark_usd": usdt, "index_usd": usdt, "bid_usd": usdt - 0.5, "ask_usd": usdt + 0.5}
    band = {"price_min_usd": 0.9 * usdt, "price_max_usd": 1.1 * usdt}
    return make.future_marked(SWAP, received_ns=_at(make, seconds), **prices, **band)


def _market(two: Any, make: Any, seconds: float = 0.0) -> None:
    two.take(make.option_marked(received_ns=_at(make, seconds)), _swap(make, seconds))


def _snapshot(make: Any, venue: VenueId, positions: dict[str, str], seconds: float = 0.0) -> ev.SnapshotTaken:
    at = _at(make, seconds)
    return structs.replace(make.snapshot(positions, requested_ns=at, received_ns=at), venue=venue)


def _agree(two: Any, make: Any, swap: dict[str, str] = _HEDGED, seconds: float = 0.0) -> None:
    two.take(_snapshot(make, DERIBIT, {CALL: "1"}, seconds), _snapshot(make, OKX, swap, seconds))


def _lose(two: Any, make: Any, venue: VenueId, seconds: float) -> None:
    for stream in ev.StreamName:
        two.take(ev.StreamLost(stream=stream, received_ns=_at(make, seconds), cause="gone", venue=venue))


def _restore(two: Any, make: Any, venue: VenueId, seconds: float) -> None:
    for stream in ev.StreamName:
        two.take(ev.StreamRestored(stream=stream, received_ns=_at(make, seconds), venue=venue))


def test_both_venues_are_asked_and_have_to_agree(two: Any, make: Any) -> None:
    """Each about its own: what one does not show the other may hold."""
    _market(two, make)
    asked = [command.venue for command in two.tick() if isinstance(command, TakeSnapshot)]
    two.take(_snapshot(make, DERIBIT, {CALL: "1"}))
    half = (two.engine.status().phase, two.orders(two.tick(1)))
    two.take(_snapshot(make, OKX, {}))
    (order,) = two.orders(two.tick(2))

    assert asked == [DERIBIT, OKX]
    assert half == (Phase.RECONCILING, [])
    assert (order.instrument, order.amount_native) == (SWAP, Decimal("-0.5318"))
    assert two.engine.status().positions_native == {CALL: Decimal(1)}


def test_without_the_options_venue_only_what_is_certain_is_hedged(two: Any, make: Any) -> None:
    """Quotes age, the delta becomes an interval; the other venue's index says how far the market has gone."""
    _market(two, make)
    two.tick()
    _agree(two, make)
    _lose(two, make, DERIBIT, 1)
    two.take(_swap(make, 2))
    calm = (two.orders(two.tick(2 * NS_PER_S)), two.decided())
    two.take(_swap(make, 5, usd=108_000.0))
    (order,) = two.orders(two.tick(5 * NS_PER_S))

    assert calm[0] == []
    assert (calm[1].reason, calm[1].doubtful) == (Reason.INSIDE_BAND, (CALL,))
    # The ratio of the indices is no move of the market: the estimate has not gone anywhere.
    assert calm[1].delta_coin_net == pytest.approx(0.0, abs=1e-3)
    assert calm[1].delta_coin_low < -1e-3 < 1e-3 < calm[1].delta_coin_high
    assert two.decided().reason is Reason.OUTSIDE_BAND_SURELY
    assert two.decided().delta_coin_low > two.decided().band_high_coin
    assert order.amount_native < 0
    assert two.engine.status().phase is Phase.RUNNING


def test_doubt_across_the_band_is_refused_with_an_alarm(two: Any, make: Any) -> None:
    """The options' venue gone for an hour: the interval is wide, and standing still is not safe either."""
    _market(two, make)
    two.tick()
    _agree(two, make)
    two.tick(1)
    _lose(two, make, DERIBIT, 1)
    for second in range(3_600, 3_615):
        two.take(_swap(make, second, usd=101_500.0))
        two.tick(second * NS_PER_S)

    assert two.orders() == []
    assert two.decided().reason is Reason.DELTA_UNCERTAIN
    alarms = [note for note in two.notes if isinstance(note, AlarmRaised)]
    assert [(alarm.name, alarm.deadline_ns) for alarm in alarms] == [("delta_uncertain", _at(make, 3_660))]


def test_without_the_hedges_venue_nothing_is_placed_and_an_alarm_has_a_deadline(two: Any, make: Any) -> None:
    """The options are still seen: the delta is known, and cannot be acted on."""
    _market(two, make)
    two.tick()
    _agree(two, make)
    two.tick(1)
    _lose(two, make, OKX, 1)
    for second in range(2, 14):
        two.take(make.option_marked(received_ns=_at(make, second), forward_usd=110_000.0, index_usd=110_000.0))
        two.tick(second * NS_PER_S)

    assert two.orders() == []
    assert (two.decided().reason, two.decided().detail) == (Reason.STREAM_LOST, "okx market and okx account")
    assert two.decided().delta_coin_net > two.decided().band_high_coin
    alarms = [note for note in two.notes if isinstance(note, AlarmRaised)]
    assert [(alarm.name, alarm.deadline_ns) for alarm in alarms] == [("stream_lost", _at(make, 62))]


def test_an_order_at_a_venue_that_vanished_stays_in_the_worst_case(two: Any, make: Any) -> None:
    """It may have filled, whatever the other venue says: a snapshot of that one proves nothing about it."""
    _market(two, make)
    two.tick()
    _agree(two, make, swap={})
    (order,) = two.orders(two.tick(1))
    _lose(two, make, OKX, 0.1)
    two.take(ev.OrderUnknown(label=order.label, received_ns=_at(make, 1), cause="time-out"))
    two.take(_snapshot(make, DERIBIT, {CALL: "1"}, 2))
    two.tick(2 * NS_PER_S)

    decided, status = two.decided(), two.engine.status()
    assert (status.orders_unknown, status.orders_live) == (1, 1)
    assert decided.delta_coin_high == pytest.approx(0.5318, abs=2e-3)
    assert decided.delta_coin_low == pytest.approx(0.0, abs=2e-3)
    assert decided.reason is Reason.STREAM_LOST


def test_a_venue_that_is_back_is_heard_first(two: Any, make: Any) -> None:
    """Its positions may have changed unseen; lost again before it could say so, the old word stands."""
    _market(two, make)
    two.tick()
    _agree(two, make, swap={})
    _lose(two, make, DERIBIT, 1)
    _restore(two, make, DERIBIT, 2)
    _market(two, make, 2)
    waits = (two.orders(two.tick(2 * NS_PER_S)), two.decided().reason, two.engine.status().phase)
    _lose(two, make, DERIBIT, 2.5)
    flapped = two.engine.status().phase
    _restore(two, make, DERIBIT, 3)
    _market(two, make, 3.1)
    two.take(_snapshot(make, DERIBIT, {CALL: "1"}, 3.2))

    assert waits == ([], Reason.NOT_RECONCILED, Phase.RECONCILING)
    assert flapped is Phase.RUNNING
    assert len(two.orders(two.tick(round(3.2 * NS_PER_S)))) == 1


def test_an_account_out_of_sight_whose_quotes_stay_fresh_is_waited_for(two: Any, make: Any) -> None:
    """Nothing would bound a trade made there by hand; once the quotes go as well, what is certain is hedged."""
    _market(two, make)
    two.tick()
    _agree(two, make, swap={})
    lost = ev.StreamLost(stream=ev.StreamName.ACCOUNT, received_ns=_at(make, 1), cause="gone", venue=DERIBIT)
    two.take(lost)
    _market(two, make, 1)
    waits = (two.orders(two.tick(1 * NS_PER_S)), two.decided().reason, two.engine.status().phase)
    two.take(structs.replace(lost, stream=ev.StreamName.MARKET, received_ns=_at(make, 2)), _swap(make, 2))
    (order,) = two.orders(two.tick(2 * NS_PER_S))
    two.take(ev.StreamRestored(stream=ev.StreamName.MARKET, received_ns=_at(make, 3), venue=DERIBIT))

    assert waits == ([], Reason.NOT_RECONCILED, Phase.RECONCILING)
    assert order.amount_native < 0
    assert two.engine.status().phase is Phase.RECONCILING


def test_a_venue_that_objected_is_waited_for_even_when_it_goes(two: Any, make: Any) -> None:
    """Other positions than ours were seen there: nothing is hedged on the old ones."""
    _market(two, make)
    two.tick()
    _agree(two, make, swap={})
    two.take(_snapshot(make, DERIBIT, {CALL: "2"}, 1))
    _lose(two, make, DERIBIT, 2)
    two.take(_swap(make, 2))

    assert two.orders(two.tick(2 * NS_PER_S)) == []
    assert two.engine.status().phase is Phase.RECONCILING


@pytest.mark.parametrize(("venue", "positions"), [(DERIBIT, {CALL: "2"}), (OKX, {SWAP: "-0.5"})])
def test_a_confirmed_difference_at_either_venue_halts(two: Any, make: Any, venue: VenueId, positions: Any) -> None:
    """Twice in a row at the same venue; the other's agreement in between changes nothing."""
    other = OKX if venue == DERIBIT else DERIBIT
    right = {DERIBIT: {CALL: "1"}, OKX: _HEDGED}
    _market(two, make)
    two.tick()
    _agree(two, make)
    two.take(_snapshot(make, venue, positions, 1), _snapshot(make, other, right[other], 1))
    once = two.engine.status().phase
    two.take(_snapshot(make, venue, positions, 4))

    assert once is Phase.RECONCILING
    assert (two.engine.status().phase, two.engine.status().phase_cause) == (Phase.HALTED, "position_mismatched")


def test_what_the_ledger_ends_with_is_expected_of_both_venues(two: Any, make: Any) -> None:
    """A restart: each venue is asked for its part, and adopts nothing."""
    held = make.snapshot({CALL: "1", **_HEDGED}).positions
    two.take(ev.LedgerRestored(positions=held, fill_ids=(), received_ns=make.now_ns))
    _market(two, make)
    two.tick()
    two.take(_snapshot(make, OKX, _HEDGED), _snapshot(make, DERIBIT, {CALL: "3"}))

    assert two.engine.status().phase is Phase.RECONCILING
    assert two.engine.status().positions_native == {CALL: Decimal(1), SWAP: Decimal("-0.5318")}


def test_a_venue_of_another_book_is_none_of_this_ones_business(play: Any, make: Any) -> None:
    """One process may have a book with a hedge elsewhere, and one without."""
    play.ready({CALL: "1"})
    strange = [
        ev.StreamLost(stream=ev.StreamName.ACCOUNT, received_ns=make.now_ns, cause="gone", venue=OKX),
        ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=make.now_ns, venue=OKX),
        _snapshot(make, OKX, _HEDGED),
        ev.SnapshotFailed(received_ns=make.now_ns, cause="busy", venue=OKX),
        structs.replace(make.account_seen(), venue=OKX),
        make.fill("OKX:BTC-USDT-SWAP:1", "-0.1", instrument=SWAP),
    ]

    assert [play.engine.apply(event) for event in strange] == [NOTHING] * len(strange)
    assert play.engine.status().positions_native == {CALL: Decimal(1)}


def test_the_second_accounts_money_is_told_apart(two: Any, make: Any) -> None:
    """Its equity is in the status under its venue, and no part of what the figures of the first are held against."""
    _market(two, make)
    two.tick()
    money = {"currency": "USDT", "equity_native": 5_000.0, "venue": OKX}
    two.take(make.account_seen(), structs.replace(make.account_seen(), **money))
    held = {"average_native": Decimal(100_000), "mark_native": 100_000.0}
    taken = _snapshot(make, OKX, _HEDGED)
    marked = structs.replace(taken, positions=tuple(structs.replace(item, **held) for item in taken.positions))
    two.take(_snapshot(make, DERIBIT, {}), marked)

    assert {(seen.venue, seen.currency) for seen in two.engine.status().equity} == {(DERIBIT, "BTC"), (OKX, "USDT")}


def test_the_status_says_how_the_book_stands_with_each_venue(two: Any, make: Any) -> None:
    """Sockets, and who is waited for."""
    _market(two, make)
    two.tick()
    _agree(two, make)
    _lose(two, make, DERIBIT, 1)
    two.take(ev.StreamLost(stream=ev.StreamName.ACCOUNT, received_ns=_at(make, 1), cause="gone", venue=OKX))

    here, there = two.engine.status().venues
    assert (here.venue, here.is_market_up, here.is_account_up, here.is_awaited) == (DERIBIT, False, False, False)
    assert (there.venue, there.is_market_up, there.is_account_up, there.is_awaited) == (OKX, True, False, True)


def test_an_order_in_doubt_does_not_halt_while_its_venue_is_away(two: Any, make: Any) -> None:
    """Nobody can answer: the time in which somebody could counts, and then it halts."""
    _market(two, make)
    two.tick()
    _agree(two, make, swap={})
    (order,) = two.orders(two.tick(1))
    two.take(ev.OrderUnknown(label=order.label, received_ns=_at(make, 0.1), cause="time-out"))
    _lose(two, make, OKX, 1)
    phases = []
    for second in (5, 300):
        two.tick(second * NS_PER_S)
        phases.append(two.engine.status().phase)
    _restore(two, make, OKX, 301)
    for second in (302, 330, 332):
        two.tick(second * NS_PER_S)
        phases.append(two.engine.status().phase)

    assert phases == [*[Phase.RECONCILING] * 4, Phase.HALTED]
    assert two.engine.status().phase_cause == "order_unresolved"


@pytest.mark.parametrize(("usdt", "share"), [(None, 0.1), (60_000.0, 1.0), (10_000.0, 0.5), (-50_000.0, 0.1)])
def test_the_cushion_is_what_both_accounts_hold(play_with: Any, make: Any, usdt: float | None, share: float) -> None:
    """Ten coins here and dollars there, over a floor of nearly the coins; while one is silent the least is left."""
    floor_usd = 1_000_000.0 * _USDT - 15_000.0
    two = _two(play_with, make, appetite=AppetiteParams(floor_usd=floor_usd, full_cushion_usd=50_000.0))
    _market(two, make)
    _agree(two, make)
    two.take(make.account_seen())
    if usdt is not None:
        two.take(make.account_seen(currency="USDT", equity_native=usdt, venue=OKX))
    two.tick()

    assert two.engine.looked.desk.appetite_share == pytest.approx(share)


def test_with_an_instrument_at_either_venue_an_order_lost_with_one_does_not_stop_the_other(
    play_with: Any, make: Any
) -> None:
    """What became of it is in the interval: nothing while that reaches the band, the certain part once it does not."""
    perpetual = InstrumentId("BTC-PERPETUAL")
    both = _both_up(play_with(hedges_long=(SWAP, perpetual), hedges_short=(SWAP, perpetual)), make)
    _market(both, make)
    both.take(make.future_marked(perpetual, bid_usd=99_950.0, ask_usd=100_050.0))
    both.tick()
    _agree(both, make, swap={})
    (lost,) = both.orders(both.tick(1))
    _lose(both, make, OKX, 1)
    quotes = [make.future_marked(perpetual, received_ns=_at(make, 2)), make.option_marked(received_ns=_at(make, 2))]
    both.take(*quotes)
    unsure, seen = both.orders(both.tick(2 * NS_PER_S)), both.decided()
    both.take(make.fill("C1", "1", None, instrument=CALL, price_native=Decimal("0.06"), received_ns=_at(make, 2)))
    (order,) = both.orders(both.tick(2 * NS_PER_S + 1))
    _restore(both, make, OKX, 3)
    both.take(make.future_marked(perpetual, received_ns=_at(make, 3)), make.option_marked(received_ns=_at(make, 3)))
    unheard = (both.orders(both.tick(3 * NS_PER_S)), both.decided().reason)

    assert (lost.instrument, unsure, seen.reason) == (SWAP, [], Reason.DELTA_UNCERTAIN)
    assert (seen.delta_coin_low, seen.delta_coin_high) == pytest.approx((0.0, 0.5318), abs=1e-3)
    assert (order.instrument, both.decided().hedge_instrument) == (perpetual, perpetual)
    # two calls, of which 0.5318 may be hedged already: from there to the edge of 0.1
    assert float(order.amount_native) == pytest.approx(-43_180, abs=30)
    assert unheard == ([], Reason.NOT_RECONCILED)


def _both_up(play: Any, make: Any) -> Any:
    """Connected to both venues, with an instrument at each."""
    swap = make.linear_perpetual(id=SWAP, venue=OKX, settlement_currency="USDT", index_name="okx:btc_usdt")
    before = Ns(make.now_ns - NS_PER_S)
    for venue in (DERIBIT, OKX):
        play.take(*(ev.StreamRestored(stream=stream, received_ns=before, venue=venue) for stream in ev.StreamName))
    specs = (swap, make.perpetual(), make.option())
    play.take(*(ev.InstrumentListed(instrument=spec, received_ns=before) for spec in specs))
    return play


def test_what_rests_at_one_venue_answers_while_an_order_at_the_other_is_lost(play_with: Any, make: Any) -> None:
    """Nobody can say what became of the other: it holds nothing back here."""
    perpetual = InstrumentId("BTC-PERPETUAL")
    both = _both_up(play_with(hedges_long=(perpetual, SWAP), hedges_short=(perpetual, SWAP)), make)
    account = both.engine.account
    account.sent(make.place("hb1", "-100", rest_until_ns=_at(make, 60)), make.now_ns)
    account.sent(make.place("hb2", "-1", instrument=SWAP), make.now_ns)
    both.take(ev.OrderAcked(label="hb1", order_id=OrderId("V-1"), received_ns=make.now_ns))

    assert account.at_rest() == []
    assert [order.label for order in account.at_rest((OKX,))] == ["hb1"]
    assert account.away() == {DERIBIT: "deribit not heard yet", OKX: "okx not heard yet"}
    _lose(both, make, OKX, 1)
    assert account.away()[OKX] == "okx market and okx account"


def test_flattening_does_not_wait_for_an_order_at_rest_at_a_venue_that_is_away(play_with: Any, make: Any) -> None:
    """Nobody can take that one back now; what is held where all is well is closed."""
    perpetual = InstrumentId("BTC-PERPETUAL")
    both = _both_up(play_with(hedges_long=(perpetual, SWAP), hedges_short=(perpetual, SWAP)), make)
    _market(both, make)
    both.take(make.future_marked(perpetual))
    both.tick()
    both.take(_snapshot(make, DERIBIT, {CALL: "1", perpetual: "-53180"}), _snapshot(make, OKX, {}))
    both.engine.account.sent(make.place("hb2", "-1", instrument=SWAP, rest_until_ns=_at(make, 60)), make.now_ns)
    both.take(ev.OrderAcked(label="hb2", order_id=OrderId("V-2"), received_ns=make.now_ns))
    _lose(both, make, OKX, 1)
    both.take(ev.OperatorActed(act=Act.FLATTEN_HEDGES, by="ann", reason="x", received_ns=_at(make, 1)))
    orders = both.orders(both.tick(NS_PER_S))

    assert [(order.instrument, order.amount_native) for order in orders] == [(perpetual, Decimal(53_180))]
