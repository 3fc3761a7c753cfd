from decimal import Decimal
from typing import Any, get_args

import pytest

from bot.domain import events as ev
from bot.domain.commands import TakeSnapshot, Watch
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.reasons import Phase
from bot.domain.seen import PositionSeen
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.account import Account
from bot.execution.account_params import AccountParams
from bot.execution.stops import Stops
from bot.market.view import MarketView

PERPETUAL = InstrumentId("BTC-PERPETUAL")


@pytest.fixture
def account(make: Any) -> Account:
    """The account side of a BTC book whose instruments are listed."""
    book = make.book()
    view = MarketView(book.trust)
    for spec in (make.perpetual(), make.option("BTC-27MAR26-100000-C")):
        view.list_instrument(spec)
    params = AccountParams(
        book="BTC",
        hedges=(PERPETUAL,),
        label_prefix=book.label_prefix,
        limits=book.limits,
        reconcile_interval_ns=book.reconcile_interval_ns,
        adopts_positions=False,
        figures=make.figures(),
    )
    return Account(params, view)


def _take(account: Account, event: Any) -> Any:
    return account.handlers()[type(event)](event)


def _snapshot(make: Any, amount: str = "2") -> ev.SnapshotTaken:
    held = PositionSeen(instrument=InstrumentId("BTC-27MAR26-100000-C"), amount_native=Decimal(amount))
    return ev.SnapshotTaken(
        positions=(held,), open_orders=(), fills=(), requested_ns=make.now_ns, received_ns=Ns(make.now_ns + NS_PER_MS)
    )


def _running(account: Account, make: Any) -> None:
    for stream in ev.StreamName:
        _take(account, ev.StreamRestored(stream=stream, received_ns=make.now_ns))
    account.tick(make.now_ns)
    _take(account, _snapshot(make))


def test_every_account_event_has_its_place(account: Account) -> None:
    """Market data, listings, side work, losses, a stream gone are the engine's, ends `Stops`'; all else comes here."""
    engines = {ev.QuoteDistrusted, ev.InstrumentListed, ev.StreamLost, ev.SurfaceFitted, ev.LadderMeasured}
    engines |= {ev.LossesRestored}
    engines |= set(Stops("BTC", account).handlers())

    assert set(get_args(ev.AccountEvent)) - engines == set(account.handlers())


def test_the_account_is_looked_at_once_its_stream_is_up(account: Account, make: Any) -> None:
    """Without the stream a fill after the snapshot would go unseen; one question is enough."""
    silent, _ = account.tick(make.now_ns)
    _take(account, ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=make.now_ns))
    asked, _ = account.tick(make.now_ns)
    again, _ = account.tick(make.now_ns)

    assert silent == []
    assert [type(command) for command in asked] == [TakeSnapshot]
    assert again == []


def test_agreement_starts_the_book_and_watches_what_it_holds(account: Account, make: Any) -> None:
    """The first snapshot is adopted; its options are subscribed."""
    for stream in ev.StreamName:
        _take(account, ev.StreamRestored(stream=stream, received_ns=make.now_ns))
    account.tick(make.now_ns)
    outcome = _take(account, _snapshot(make))

    assert account.is_reconciled
    assert account.held() == {InstrumentId("BTC-27MAR26-100000-C"): Decimal(2)}
    assert outcome.commands == (Watch(instruments=(InstrumentId("BTC-27MAR26-100000-C"),)),)


def test_losing_the_account_stream_ends_the_agreement(account: Account, make: Any) -> None:
    """What happens unseen must be asked for before anything is placed again."""
    _running(account, make)
    account.lose_stream(ev.StreamLost(stream=ev.StreamName.ACCOUNT, received_ns=make.now_ns, cause="x"))

    assert not account.is_reconciled
    assert account.standing.phase is Phase.RECONCILING


def test_looks_that_fail_for_long_are_told_while_the_book_goes_on(account: Account, make: Any) -> None:
    """Both streams are up, and nobody compares positions any more."""
    _running(account, make)
    told = []
    for second in (0, 300, 600):
        at = Ns(make.now_ns + second * NS_PER_S)
        told += _take(account, ev.SnapshotFailed(received_ns=at, cause="10028 too_many_requests")).notes

    assert [(note.name, account.standing.phase) for note in told] == [("account_unseen", Phase.RUNNING)]
    assert _take(account, ev.SnapshotFailed(received_ns=at, cause="x", venue=VenueId("okx"))).notes == ()


def test_losing_the_market_stream_leaves_the_agreement(account: Account, make: Any) -> None:
    """Positions are not in doubt when prices are."""
    _running(account, make)
    account.lose_stream(ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=make.now_ns, cause="x"))

    assert account.is_reconciled


def test_an_order_that_met_nothing_is_not_followed_at_once(account: Account, make: Any) -> None:
    """A fast market must not be chased with empty orders; a partial fill is no miss."""
    _running(account, make)
    account.sent(make.place("hb1", "-100"), make.now_ns)
    _take(account, make.updated("hb1", "cancelled", "0"))
    missed = account.standing.is_backing_off(make.now_ns)
    later = account.standing.is_backing_off(Ns(make.now_ns + NS_PER_S))
    account.sent(make.place("hb2", "-100"), Ns(make.now_ns + NS_PER_S))
    _take(account, make.updated("hb2", "cancelled", "50"))

    assert (missed, later) == (True, False)
    assert not account.standing.is_backing_off(Ns(make.now_ns + NS_PER_S))


# --- settlement ------------------------------------------------------------------------------------------------------

_CALL = InstrumentId("BTC-27MAR26-100000-C")


def _settled(make: Any, delivery_usd: str | None, name: InstrumentId = _CALL) -> ev.Settled:
    return ev.Settled(
        instrument=name,
        delivery_usd=None if delivery_usd is None else Decimal(delivery_usd),
        funding_native=Decimal(0),
        received_ns=make.now_ns,
        venue_ns=make.now_ns,
    )


def _marked(account: Account, make: Any, **change: Any) -> None:
    marked = make.option_marked(mark_native=0.1, **change)
    account._view.see_option(marked)
    account.profit.see_option(make.option(), marked)
    account._view.see_future(make.future_marked(mark_usd=100_000.0, index_usd=100_000.0))


def test_a_delivered_position_is_gone_and_its_profit_ends_at_the_delivery_price(account: Account, make: Any) -> None:
    """Two calls marked 0.1 coin, delivered at 125,000: 0.2 coin each. A second word changes nothing."""
    _running(account, make)
    _marked(account, make)
    for price in ("125000", "150000"):
        _take(account, _settled(make, price))

    assert (account.held(), account.delivered_coin) == ({}, 2.0)
    assert account.profit.usd().options == pytest.approx(2 * (0.2 - 0.1) * 100_000.0)


def test_a_session_that_ends_leaves_the_position_and_a_strangers_settlement_is_not_ours(
    account: Account, make: Any
) -> None:
    """Funding only; another coin and an unknown instrument pass by."""
    _running(account, make)
    _take(account, _settled(make, None))
    _take(account, _settled(make, "125000", InstrumentId("ETH-27MAR26-3000-C")))

    assert account.held() == {_CALL: Decimal(2)}


def test_without_a_word_of_the_delivery_the_price_expected_last_ends_the_profit(account: Account, make: Any) -> None:
    """At the first look after expiry; the venue lists no such position any more."""
    _running(account, make)
    expiry_ns = make.option().expiry_ns
    _marked(account, make, delivery_usd=125_000.0)
    account.tick(Ns(expiry_ns + NS_PER_S))
    empty = make.snapshot({}, requested_ns=Ns(expiry_ns + NS_PER_S), received_ns=Ns(expiry_ns + 2 * NS_PER_S))
    _take(account, empty)

    assert account.held() == {}
    assert account.profit.usd().options == pytest.approx(2 * (0.2 - 0.1) * 100_000.0)


def test_an_expired_position_of_which_nothing_is_known_is_dropped(account: Account, make: Any) -> None:
    """Its profit stays where it was marked last."""
    _running(account, make)
    expiry_ns = make.option().expiry_ns
    _marked(account, make)
    account.tick(Ns(expiry_ns + NS_PER_S))
    _take(account, make.snapshot({}, requested_ns=Ns(expiry_ns + NS_PER_S), received_ns=Ns(expiry_ns + 2 * NS_PER_S)))

    assert (account.held(), account.profit.usd().options) == ({}, 0.0)
