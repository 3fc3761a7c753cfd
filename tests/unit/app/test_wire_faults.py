"""What the network and the venue do at wire depth, place by place: to bytes, requests, replies, messages."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from bot.app.wire_faults import FoulVenue, FoulWeather
from bot.app.wire_link import Link, Passage
from bot.domain.time import NS_PER_S, Ns
from bot.localex.faults import ReplyFault, RequestFault
from bot.localex.rpc import RpcError
from bot.sim.faults import Fault, FaultKind, Faults

_NOW = Ns(1_000 * NS_PER_S)
_ORDER = {"instrument_name": "BTC-PERPETUAL", "amount": "20", "price": "60000", "valid_until": 1_002_000}
_K = FaultKind


class _Hands:
    def __init__(self) -> None:
        self.overtaken: list[tuple[Any, ...]] = []

    def overtake(self, *order: object) -> None:
        self.overtaken.append(order)


class _Wire:
    """A connection, as far as it is asked about here."""


def _faults(*kinds: FaultKind) -> Faults:
    until = Ns(_NOW + NS_PER_S)
    return Faults([Fault(kind=kind, start_ns=_NOW, until_ns=until, seed=1) for kind in kinds])


def _weather(*kinds: FaultKind) -> FoulWeather:
    return FoulWeather(_faults(*kinds), lambda: _NOW)


def _venue(*kinds: FaultKind, hands: _Hands | None = None) -> FoulVenue:
    return FoulVenue(_faults(*kinds), cast(Any, hands or _Hands()), lambda: _NOW)


def _pass(weather: FoulWeather, link: object, *, by_client: bool = False) -> Passage:
    return weather.passes(cast(Link, link), 100, by_client=by_client)


def test_without_faults_nothing_happens() -> None:
    """Neither to bytes nor to what they mean."""
    weather, venue = _weather(), _venue()

    assert weather.answers()
    assert _pass(weather, _Wire()) == Passage()
    assert venue.request("private/buy", _ORDER) == RequestFault()
    assert venue.refusal("private/buy", _ORDER) is None
    assert venue.reply("private/buy", _ORDER) == ReplyFault()
    assert venue.copies("user.changes.any.any.raw") == venue.copies("book.BTC-PERPETUAL.raw") == 1


def test_nobody_answers_who_calls_while_the_network_is_silent() -> None:
    """New connections included."""
    assert not _weather(_K.NETWORK_SILENT).answers()


def test_a_cut_takes_the_venues_words_and_the_bots_by_turns() -> None:
    """Once each; what is shorter than a message is let through."""
    weather = _weather(_K.FRAME_CUT, _K.FRAME_CUT)
    link = _Wire()

    assert not weather.passes(cast(Link, link), 4, by_client=False).is_cut
    assert not _pass(weather, link, by_client=True).is_cut
    cut = _pass(weather, link, by_client=False)
    assert cut.is_cut
    assert 0 < cut.pieces_bytes[0] < 100
    assert not _pass(weather, link, by_client=False).is_cut
    assert _pass(weather, link, by_client=True).is_cut
    assert not _pass(weather, link, by_client=True).is_cut


def test_pieces_are_of_some_bytes_each_and_leave_a_last_one() -> None:
    """Cut anywhere, also where there are only two bytes."""
    weather = _weather(_K.BYTES_SPLIT)
    for size in (2, 3, 100):
        pieces = weather.passes(cast(Link, _Wire()), size, by_client=False).pieces_bytes
        assert pieces
        assert all(piece > 0 for piece in pieces)
        assert sum(pieces) < size
    assert weather.passes(cast(Link, _Wire()), 1, by_client=False).pieces_bytes == ()


def test_delays_are_drawn_for_each_write_or_for_each_connection() -> None:
    """Late together, or one connection before the other."""
    late = _weather(_K.BYTES_DELAYED)
    link, other = _Wire(), _Wire()
    assert len({_pass(late, link).extra_s for _ in range(5)}) == 5

    reordered = _weather(_K.CONNECTIONS_REORDERED)
    assert len({_pass(reordered, link).extra_s for _ in range(5)}) == 1
    assert _pass(reordered, link).extra_s != _pass(reordered, other).extra_s


@pytest.mark.parametrize(
    ("kind", "is_lost", "low_s", "high_s"),
    [(_K.REQUEST_LOST, True, 0.0, 0.0), (_K.REQUEST_LATE, False, 2.05, 2.05), (_K.REQUESTS_SLOW, False, 0.9, 1.95)],
)
def test_an_order_gets_lost_or_takes_its_time(kind: FaultKind, low_s: float, high_s: float, *, is_lost: bool) -> None:
    """Until after it may be carried out, or just before; a question does not."""
    venue = _venue(kind)
    assert venue.request("private/get_positions", {}) == RequestFault()
    found = venue.request("private/sell", _ORDER)

    assert found.is_lost is is_lost
    assert low_s <= found.delay_s <= high_s


def test_questions_about_the_account_get_lost_and_orders_do_not() -> None:
    """As long as it lasts."""
    venue = _venue(_K.QUESTIONS_FAIL)

    assert venue.request("private/get_positions", {}).is_lost
    assert venue.request("private/get_order_state_by_label", {}).is_lost
    assert not venue.request("private/buy", _ORDER).is_lost
    assert not venue.request("public/get_time", {}).is_lost


@pytest.mark.parametrize(
    ("kind", "code"),
    [(_K.MAINTENANCE, 11051), (_K.SETTLEMENT_LOCK, 10041), (_K.INSTRUMENT_HALTED, 13019), (_K.MARGIN_EXHAUSTED, 10009)],
)
def test_a_lock_refuses_every_order_and_nothing_else(kind: FaultKind, code: int) -> None:
    """By its code."""
    venue = _venue(kind)
    refusals = [venue.refusal("private/buy", _ORDER) for _ in range(2)]

    assert [refusal.code for refusal in refusals if refusal is not None] == [code, code]
    assert venue.refusal("private/cancel", {}) is None


@pytest.mark.parametrize("method", ["private/sell", "public/auth"])
def test_one_request_too_many_is_an_order_or_a_log_in_once(method: str) -> None:
    """10028, which ends the session."""
    venue = _venue(_K.SESSION_ENDED)
    found = [venue.refusal(method, _ORDER) for _ in range(2)]

    assert isinstance(found[0], RpcError)
    assert (found[0].code, found[1]) == (10028, None)


def test_a_refusal_is_drawn_from_all_codes_once() -> None:
    """The venue's words for it."""
    venue = _venue(_K.REFUSED)

    assert isinstance(venue.refusal("private/buy", _ORDER), RpcError)
    assert venue.refusal("private/buy", _ORDER) is None


@pytest.mark.parametrize(("method", "signed"), [("private/buy", Decimal(20)), ("private/sell", Decimal(-20))])
def test_somebody_is_faster_than_an_order_that_arrives(method: str, signed: Decimal) -> None:
    """On the order's side and up to its price."""
    hands = _Hands()
    assert _venue(_K.PARTLY_FILLED, hands=hands).refusal(method, _ORDER) is None

    assert hands.overtaken == [("BTC-PERPETUAL", signed, Decimal(60_000))]


Judge = Callable[[ReplyFault], bool]


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        (_K.REPLY_LOST, lambda fault: fault.is_lost),
        (_K.REPLY_LATE, lambda fault: fault.delay_s == 3.0),
        (_K.CODE_AFTER_ALL, lambda fault: fault.error is not None),
    ],
)
def test_a_reply_about_an_order_gets_lost_late_or_wrong_once(kind: FaultKind, holds: Judge) -> None:
    """Though it was carried out."""
    venue = _venue(kind)

    assert venue.reply("private/get_order_state_by_label", {}) == ReplyFault()
    assert holds(venue.reply("private/buy", _ORDER))
    assert venue.reply("private/buy", _ORDER) == ReplyFault()


def test_a_look_at_the_account_comes_late() -> None:
    """Older than the last fill."""
    assert _venue(_K.SNAPSHOTS_LATE).reply("private/get_positions", {}) == ReplyFault(delay_s=3.0)


@pytest.mark.parametrize(
    ("kind", "public", "private"),
    [
        (_K.FEED_FROZEN, {0}, {1}),
        (_K.FEED_DROPPED, {0, 1}, {1}),
        (_K.FEED_DUPLICATED, {2}, {1}),
        (_K.PRIVATE_DROPPED, {1}, {0, 1}),
        (_K.PRIVATE_DUPLICATED, {1}, {2}),
    ],
)
def test_messages_get_lost_or_come_twice(kind: FaultKind, public: set[int], private: set[int]) -> None:
    """The market's or the account's."""
    venue = _venue(kind)

    assert {venue.copies("ticker.BTC-PERPETUAL.100ms") for _ in range(50)} == public
    assert {venue.copies("user.changes.any.any.raw") for _ in range(50)} == private


def test_a_reply_may_get_lost_with_the_accounts_messages_of_the_next_seconds() -> None:
    """As where the way back is broken; the market's go on."""
    venue = _venue(_K.REPLY_LOST)
    assert venue.copies("user.changes.any.any.raw") == 1
    assert venue.reply("private/buy", _ORDER).is_lost

    assert venue.copies("user.changes.any.any.raw") == 0
    assert venue.copies("book.BTC-PERPETUAL.raw") == 1
