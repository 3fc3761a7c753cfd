"""One book's hedging over time: what it remembers, what it tells of doubt, when it calls a human."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import AlarmRaised, Decided, Note, TrustChanged
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import Band, BandInputs, TradeTo
from bot.hedging.expiry import ExpiryParams, HedgeAtExpiry, PinRule
from bot.hedging.hedger import Desk, HedgeParams, Hedger
from bot.hedging.modifiers import Modifiers
from bot.hedging.situation import Frame
from bot.hedging.stability import StabilityParams
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.conventions import NO_COLLATERAL, Convention

PERPETUAL = InstrumentId("BTC-PERPETUAL")
CALL = InstrumentId("BTC-27MAR26-100000-C")


def _desk(blocked: tuple[Reason, str] | None = None) -> Desk:
    return Desk(
        blocked=blocked,
        outstanding={},
        has_pending=False,
        backing_off=frozenset(),
        orders_last_minute=0,
        last_hedge=None,
        collateral=NO_COLLATERAL,
    )


_FREE = _desk()


class Book:
    """A hedger on a market, with the inputs its policy was asked with."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.view = MarketView(make.trust())
        self.view.list_instrument(make.perpetual())
        self.view.list_instrument(make.option())
        self.asked: list[BandInputs] = []
        self.held: dict[InstrumentId, Decimal] = {CALL: Decimal(1)}
        self.params = HedgeParams(
            window=Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)),
            expiry=ExpiryParams(),
            convention=Convention.OPTIONS_ONLY,
            hedges=(PERPETUAL,),
            modifiers=Modifiers(trade_to=TradeTo.TARGET),
            trade_coin_min=0.001,
            spread_bps_max=20.0,
            limits=make.limits(),
        )
        self.hedger = Hedger(self.params, self.policy)

    def policy(self, inputs: BandInputs) -> Band:
        """A tenth of a coin, remembering what it was asked with."""
        self.asked.append(inputs)
        return Band(low_coin=-0.1, high_coin=0.1, target_coin=0.0)

    def market(self, second: float = 0.0) -> None:
        """Fresh tickers."""
        at = Ns(self.make.now_ns + round(second * NS_PER_S))
        self.view.see_future(self.make.future_marked(received_ns=at))
        self.view.see_option(self.make.option_marked(received_ns=at))

    def decide(self, second: float = 0.0, desk: Desk = _FREE) -> tuple[Decided, list[Note]]:
        """One decision and its notes."""
        now_ns = Ns(self.make.now_ns + round(second * NS_PER_S))
        frame = Frame(seq=1, now_ns=now_ns, book="BTC", convention="options_only", hedge_instrument=PERPETUAL)
        decided = self.hedger.decide(self.view, self.held, desk, frame).decided
        return decided, self.hedger.notes(self.view, decided)


@pytest.fixture
def book(make: Any) -> Book:
    """One call, nothing seen yet."""
    return Book(make)


def test_without_a_price_of_the_hedge_nothing_is_decided(book: Book) -> None:
    """Refused with words; a blocked engine says its own reason first."""
    blocked = _desk((Reason.STREAM_LOST, "market"))
    records = [book.decide()[0], book.decide(desk=blocked)[0]]

    assert [(record.action, record.reason, record.detail) for record in records] == [
        (Action.REFUSE, Reason.HEDGE_QUOTE_DISTRUSTED, "no price seen yet"),
        (Action.REFUSE, Reason.STREAM_LOST, "market"),
    ]


def test_a_blocked_book_still_measures(book: Book) -> None:
    """The record shows delta and band of a halted book: a human must see what stands open."""
    book.market()
    blocked = _desk((Reason.HALTED, "x"))
    record, _ = book.decide(desk=blocked)

    assert (record.action, record.reason, record.detail) == (Action.REFUSE, Reason.HALTED, "x")
    assert record.delta_coin_net == pytest.approx(0.5319, abs=1e-4)
    assert record.band_high_coin == 0.1


def test_a_hedge_without_any_touch_is_refused(book: Book, make: Any) -> None:
    """Mark and greeks are here, the book is not: no price to trade at."""
    book.market()
    book.view.see_future(make.future_marked(bid_usd=None, ask_usd=None))

    assert book.decide()[0].reason is Reason.HEDGE_QUOTE_DISTRUSTED


def test_the_policy_is_told_of_the_last_hedge(book: Book, make: Any) -> None:
    """None before the first; then its time and price."""
    book.market()
    book.decide()
    book.decide(1.0, desk=structs.replace(_FREE, last_hedge=(make.now_ns, 99_000.0)))

    assert [(i.since_hedge_ns, i.price_at_hedge_usd) for i in book.asked] == [(None, None), (NS_PER_S, 99_000.0)]


def test_positions_and_specifications_that_change_are_seen_at_once(book: Book, make: Any) -> None:
    """Legs are arranged once and kept; a stale arrangement would hedge yesterday's book."""
    book.market()
    first = book.decide()[0].delta_coin_net
    book.held = {CALL: Decimal(2)}
    second = book.decide()[0].delta_coin_net
    put = InstrumentId("BTC-27MAR26-100000-P")
    book.held = {CALL: Decimal(2), put: Decimal(2)}
    unlisted = book.decide()[0].reason
    book.view.list_instrument(make.option(put))
    book.view.see_option(make.option_marked(put))
    both = book.decide()[0].delta_coin_net

    assert second == pytest.approx(2 * first)
    assert unlisted is Reason.DELTA_UNCERTAIN
    assert both == pytest.approx(2 * (2 * 0.53186 - 1.0), abs=1e-3)


def test_trust_that_changes_is_told_once(book: Book) -> None:
    """Never seen, then trusted, then stale: one note each."""
    seen = []
    for second in (0.0, 0.0, 1.0, 1.5, 20.0, 20.0):
        if second == 1.0:
            book.market(1.0)
        seen.append([(n.instrument, n.cause) for n in book.decide(second)[1] if isinstance(n, TrustChanged)])

    assert seen == [
        [(CALL, DistrustCause.NEVER_SEEN), (PERPETUAL, DistrustCause.NEVER_SEEN)],
        [],
        [(CALL, None), (PERPETUAL, None)],
        [],
        [(CALL, DistrustCause.STALE), (PERPETUAL, DistrustCause.STALE)],
        [],
    ]


def _alarms(book: Book, seconds: list[float], desk: Desk = _FREE) -> list[tuple[float, str, float]]:
    told = [(second, note) for second in seconds for note in book.decide(second, desk)[1]]
    return [
        (second, note.name, (note.deadline_ns - book.make.now_ns) / NS_PER_S)
        for second, note in told
        if isinstance(note, AlarmRaised) and note.deadline_ns is not None
    ]


def test_a_refusal_that_lasts_is_an_alarm_with_a_deadline(book: Book) -> None:
    """After ten seconds, once; good for short gamma it is not. A decision in between starts it anew."""
    first = _alarms(book, [0.0, 5.0, 9.9, 10.0, 15.0, 30.0])
    book.market(31.0)
    book.decide(31.0)
    put = book.make.option("BTC-27MAR26-100000-P")
    book.view.list_instrument(put)
    book.held = {CALL: Decimal(1), put.id: Decimal(1)}
    second = []
    for at_s in (40.0, 49.9, 50.0):
        book.view.see_future(book.make.future_marked(received_ns=Ns(book.make.now_ns + round(at_s * NS_PER_S))))
        second += _alarms(book, [at_s])

    assert first == [(10.0, "hedge_quote_distrusted", 60.0)]
    assert second == [(50.0, "delta_uncertain", 100.0)], "named by what stands in the way now"


@pytest.mark.parametrize("reason", [Reason.STOPPING, Reason.HALTED])
def test_refusals_somebody_asked_for_do_not_alarm(book: Book, reason: Reason) -> None:
    """A halt has an alarm of its own."""
    blocked = _desk((reason, ""))

    assert _alarms(book, [0.0, 60.0], blocked) == []


def test_a_worst_case_beyond_its_limit_is_an_alarm_even_while_it_is_being_hedged(book: Book) -> None:
    """A jump, or an order in doubt: told once, and again only after the book was inside its band."""
    told = []
    for second, amount in enumerate(("1", "500", "600", "500", "0", "-500")):
        book.market(second)
        book.held = {CALL: Decimal(amount)}
        _, notes = book.decide(float(second))
        told.append([(note.name, note.deadline_ns) for note in notes if isinstance(note, AlarmRaised)])

    alarm = [("limit_delta_worst", None)]
    assert told == [[], alarm, [], [], [], alarm]


@pytest.mark.parametrize("edges", [(1.0, -1.0, 0.0), (-1.0, 1.0, 2.0), (-1.0, 1.0, float("nan"))])
def test_a_band_that_is_none_is_a_bug(book: Book, edges: tuple[float, float, float]) -> None:
    """Edges the wrong way round, or a target outside them, would trade for ever."""
    band = Band(low_coin=edges[0], high_coin=edges[1], target_coin=edges[2])
    book.market()
    book.hedger = Hedger(book.params, lambda _: band)

    with pytest.raises(AssertionError, match="band policy gave"):
        book.decide()


@pytest.mark.parametrize(("needs_vanna", "is_asked"), [(False, False), (True, True)])
def test_vanna_is_measured_only_for_a_policy_that_needs_it(book: Book, needs_vanna: bool, is_asked: bool) -> None:
    """It costs a second look at every leg."""
    book.market()
    book.hedger = Hedger(book.params, book.policy, needs_vanna=needs_vanna)
    book.decide()

    assert (book.asked[0].vanna_coin_per_vol != 0.0) is is_asked


def _pin(book: Book, rule: PinRule, **change: Any) -> Decided:
    """A decision a minute before the window of a call the price sits on opens: its delta is out of the band."""
    at_s = (book.make.option().expiry_ns - book.make.now_ns) / NS_PER_S - 1860.0
    params = structs.replace(book.params, expiry=ExpiryParams(pin=rule, pin_width_ratio=9.0), **change)
    book.hedger = Hedger(params, book.policy)
    book.market(at_s)
    hedged_ns = Ns(book.make.now_ns + round((at_s - 60.0) * NS_PER_S))
    return book.decide(at_s, desk=structs.replace(_FREE, last_hedge=(hedged_ns, 100_000.0)))[0]


@pytest.mark.parametrize(
    ("rule", "action", "reason", "high_coin"),
    [
        (PinRule.NONE, Action.HEDGE, Reason.OUTSIDE_BAND, 0.1),
        (PinRule.CAP, Action.SKIP, Reason.PIN_WAIT, 0.1),
        (PinRule.WIDEN, Action.SKIP, Reason.INSIDE_BAND, 0.9),
        (PinRule.STOP, Action.REFUSE, Reason.PIN_STOP, 0.1),
    ],
)
def test_a_pinned_book_does_as_configured(
    book: Book, rule: PinRule, action: Action, reason: Reason, high_coin: float
) -> None:
    """And says on which strike the price sits where that is why it waits."""
    record = _pin(book, rule)

    assert (record.action, record.reason) == (action, reason)
    assert record.band_high_coin == pytest.approx(high_coin)
    assert (record.detail == f"the price sits on the strike of {CALL}") is (
        reason in {Reason.PIN_WAIT, Reason.PIN_STOP}
    )


@pytest.mark.parametrize("rule", [PinRule.CAP, PinRule.STOP])
def test_a_hard_limit_overrules_a_pin(book: Book, make: Any, rule: PinRule) -> None:
    """More delta than may ever be is brought down, whatever the price sits on."""
    book.held = {CALL: Decimal(3)}
    record = _pin(book, rule, limits=make.limits(delta_coin_worst_max=1.0))

    assert record.action is Action.HEDGE


def test_a_kept_hedge_is_not_unwound_and_its_coins_are_told_once(book: Book) -> None:
    """A call sure to be paid, hedged with a coin short: in the last minute, and after the delivery, nothing is due."""
    book.hedger = Hedger(structs.replace(book.params, expiry=ExpiryParams(hedge=HedgeAtExpiry.KEEP)), book.policy)
    at_s = (book.make.option().expiry_ns - book.make.now_ns) / NS_PER_S - 60.0
    now_ns = Ns(book.make.now_ns + round(at_s * NS_PER_S))
    book.view.see_future(book.make.future_marked(received_ns=now_ns, mark_usd=120_000.0))
    book.view.see_option(
        book.make.option_marked(received_ns=now_ns, index_usd=120_000.0, forward_usd=120_000.0, delivery_usd=120_000.0)
    )
    book.held = {CALL: Decimal(1), PERPETUAL: Decimal(-120_000)}
    last_minute, nothing = book.decide(at_s)
    book.held = {PERPETUAL: Decimal(-120_000)}
    delivered = structs.replace(_FREE, delivered_coin=1.0)
    after, told = book.decide(at_s + 61.0, desk=delivered)
    told_again = book.decide(at_s + 62.0, desk=delivered)[1]

    assert (last_minute.reason, last_minute.delta_coin_expiring) == (Reason.INSIDE_BAND, pytest.approx(1.0))
    assert (after.delta_coin_net, after.delta_coin_delivered) == (pytest.approx(0.0, abs=1e-12), 1.0)
    alarms = [[note for note in notes if isinstance(note, AlarmRaised)] for notes in (nothing, told, told_again)]
    assert [len(found) for found in alarms] == [0, 1, 0]
    text = "+1.0000 coins count as delivered outside; before a restart add -1.0000 to books.btc.band.target_coin"
    assert (alarms[1][0].name, alarms[1][0].detail) == ("hedge_kept", text)


def test_a_maker_has_a_band_of_its_own_inside_the_takers(book: Book) -> None:
    """Asked twice: at the taker's cost, and at the maker's fee and what adverse selection adds; both are told."""

    def by_cost(inputs: BandInputs) -> Band:
        book.asked.append(inputs)
        half = 100.0 * inputs.fee_rate_taker
        return Band(low_coin=-half, high_coin=half, target_coin=0.0)

    params = structs.replace(book.params, maker_cost_fraction=0.00005)
    book.hedger = Hedger(params, by_cost)
    book.market()
    record, _ = book.decide()

    assert [(round(i.fee_rate_taker, 6), i.half_spread_usd) for i in book.asked] == [(0.00035, 0.5), (0.0002, 0.0)]
    assert (record.band_high_coin, record.band_taker_high_coin) == (pytest.approx(0.02), pytest.approx(0.035))
    assert (record.band_low_coin, record.band_taker_low_coin) == (pytest.approx(-0.02), pytest.approx(-0.035))


def test_a_maker_that_costs_more_waits_for_nothing(book: Book) -> None:
    """Its band would be the wider one: cut to the taker's."""

    def by_cost(inputs: BandInputs) -> Band:
        half = 100.0 * inputs.fee_rate_taker
        return Band(low_coin=-half, high_coin=half, target_coin=0.0)

    book.hedger = Hedger(structs.replace(book.params, maker_cost_fraction=0.01), by_cost)
    book.market()
    record, _ = book.decide()

    assert record.band_high_coin == record.band_taker_high_coin == pytest.approx(0.035)


def test_what_rests_is_judged_as_if_it_were_not_there(book: Book, make: Any) -> None:
    """The record counts it as pending, both ways; the wanted verdict does not, nor the filters it has passed."""
    book.market()
    left = Decimal(-53_000)
    desk = structs.replace(
        _FREE,
        has_pending=True,
        outstanding={PERPETUAL: (left, Decimal(0))},
        resting={PERPETUAL: left},
        orders_last_minute=10**6,
        backing_off=frozenset({PERPETUAL}),
    )
    frame = Frame(seq=1, now_ns=make.now_ns, book="BTC", convention="options_only", hedge_instrument=PERPETUAL)
    ruling = book.hedger.decide(book.view, book.held, desk, frame)

    assert (ruling.verdict.reason, ruling.wanted.reason) == (Reason.ORDER_PENDING, Reason.OUTSIDE_BAND)
    assert ruling.wanted.amount_native == Decimal(-53_180)
    assert ruling.decided.delta_coin_low == pytest.approx(0.5319 - 0.53, abs=1e-4)


@pytest.mark.parametrize(("limit_coin", "reason"), [(100.0, Reason.PARTICIPATION), (0.3, Reason.OUTSIDE_BAND)])
def test_own_part_of_the_volume_holds_nothing_back_beyond_the_hard_limit(
    book: Book, make: Any, limit_coin: float, reason: Reason
) -> None:
    """The minute's part is spent; a delta of 0.53 waits for the next minute, unless its limit is broken."""
    params = structs.replace(
        book.params,
        limits=make.limits(delta_coin_worst_max=limit_coin),
        stability=StabilityParams(volume_usd_per_day=1e6, participation_share_max=0.1),
    )
    book.hedger = Hedger(params, book.policy)
    book.market()
    book.hedger.width.stability.see_fill(None, 1.0, make.now_ns)
    record, _ = book.decide()

    assert record.reason is reason
    assert (record.trade_coin == 0.0) is (reason is Reason.PARTICIPATION)


def test_a_runaway_is_refused_with_an_alarm_even_beyond_the_hard_limit(book: Book, make: Any) -> None:
    """Hedging is what makes it worse: a minute at most, told at once, and then one hedge after the other again."""
    book.hedger = Hedger(structs.replace(book.params, limits=make.limits(delta_coin_worst_max=0.3)), book.policy)
    book.market()
    book.hedger.width.stability._pause_until_ns = Ns(make.now_ns + 30 * NS_PER_S)
    held, _ = book.decide()
    book.market(31.0)
    after, _ = book.decide(31.0)

    assert (held.action, held.reason) == (Action.REFUSE, Reason.RUNAWAY)
    assert after.action is Action.HEDGE
