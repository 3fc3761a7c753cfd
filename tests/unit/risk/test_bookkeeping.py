"""Our own books: every figure by hand, and nothing without the venue's word to begin with."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.events import AccountSeen
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind
from bot.domain.seen import PositionSeen
from bot.domain.status import EquitySeen
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, last_settlement_ns
from bot.market.view import MarketView
from bot.risk.bookkeeping import Bookkeeping

_CALL, _PUT = "BTC-27MAR26-100000-C", "BTC-27MAR26-100000-P"
_USD_CALL = "BTC_USDC-27MAR26-100000-C"
_FUTURE = InstrumentId("BTC-27MAR26")


class Desk:
    """Books, and the market they are valued on."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.books = Bookkeeping()
        self.view = MarketView(make.trust())
        self.perpetual = make.perpetual()
        self.linear = make.linear_perpetual()
        self.future = replace(make.perpetual(), id=_FUTURE, kind=Kind.FUTURE, expiry_ns=make.option().expiry_ns)
        options = [make.option(name) for name in (_CALL, _PUT, _USD_CALL)]
        for spec in (self.perpetual, self.linear, self.future, *options):
            self.view.list_instrument(spec)

    def spec(self, name: str) -> Instrument:
        """A listed instrument."""
        return self.view.instruments[InstrumentId(name)]

    def tell(self, currency: str, equity: float) -> None:
        """The venue's word on one currency."""
        figures = dict.fromkeys(
            ("balance_native", "margin_initial_native", "margin_maintenance_native", "available_native"), 0.0
        )
        deltas = {"delta_coin_total": 0.0, "delta_coin_options": 0.0}
        seen = AccountSeen(currency=currency, equity_native=equity, received_ns=self.make.now_ns, **figures, **deltas)
        self.books.see_account(seen)

    def hold(self, **positions: tuple[str, str, float, str | None]) -> None:
        """A snapshot with (amount, average, mark, funding of the session) by instrument."""
        seen = [
            PositionSeen(
                instrument=InstrumentId(name.replace("__", "-")),
                amount_native=Decimal(amount),
                average_native=Decimal(average),
                mark_native=mark,
                funding_native=None if funding is None else Decimal(funding),
            )
            for name, (amount, average, mark, funding) in positions.items()
        ]
        self.books.see_positions(seen, self.view.instruments, self.make.now_ns)

    def mark(self, name: str, price: float, **change: Any) -> None:
        """A ticker, newer than all before."""
        if self.spec(name).is_option:
            self.view.see_option(self.make.option_marked(name, mark_native=price, **change))
        else:
            self.view.see_future(self.make.future_marked(name, **({"mark_usd": price, "index_usd": price} | change)))

    def equity(self, currency: str = "BTC") -> EquitySeen:
        """Both sides' word."""
        return next(seen for seen in self.books.equity(self.view) if seen.currency == currency)


def ended_ns(desk: Desk) -> Ns:
    """The next 08:00 UTC after the moment of the books."""
    return Ns(last_settlement_ns(desk.make.now_ns) + NS_PER_DAY)


@pytest.fixture
def desk(make: Any) -> Desk:
    """Nothing told yet."""
    return Desk(make)


def test_closed_books_say_nothing(desk: Desk) -> None:
    """Without equity and positions of one answer there is nothing to begin with; fills before it are inside it."""
    desk.books.book(desk.perpetual, desk.make.fill("1", "1000"))
    desk.hold(BTC__PERPETUAL=("1000", "100000", 100_000.0, "0"))

    assert desk.books.equity(desk.view) == ()


def test_a_currency_nothing_of_the_book_is_settled_in_is_not_kept(desk: Desk) -> None:
    """An account has many; a BTC book has coins and USDC."""
    for currency in ("BTC", "ETH", "USDC"):
        desk.tell(currency, 10.0)
    desk.hold()

    assert [seen.currency for seen in desk.books.equity(desk.view)] == ["BTC", "USDC"]


def test_equity_of_another_moment_opens_nothing(desk: Desk) -> None:
    """It may hold fills that the positions do not."""
    desk.tell("BTC", 10.0)
    desk.books.see_positions((), desk.view.instruments, Ns(desk.make.now_ns + 1))

    assert desk.books.equity(desk.view) == ()


def test_books_open_at_the_venues_equity_and_move_with_own_marks(desk: Desk) -> None:
    """Two calls from 0.05 to 0.06 and 10,000 USD of perpetual from 100,000 (entered at 80,000) to 125,000."""
    desk.tell("BTC", 10.0)
    desk.hold(BTC__27MAR26__100000__C=("2", "0.01", 0.05, None), BTC__PERPETUAL=("10000", "80000", 1e5, "0"))
    desk.mark(_CALL, 0.05)
    desk.mark("BTC-PERPETUAL", 100_000.0)
    assert desk.equity().bot_native == Decimal(10)

    desk.mark(_CALL, 0.06)
    desk.mark("BTC-PERPETUAL", 125_000.0)
    seen = desk.equity()
    assert seen.bot_native == Decimal(10) + Decimal("0.02") + Decimal("0.02")
    assert (seen.opening_native, seen.venue_native) == (Decimal(10), Decimal(10))


def test_fills_are_booked_with_fee_and_rounded_as_the_venue_does(desk: Desk) -> None:
    """Premium leaves at once; profit of a closed inverse contract to eight decimals: 300 (1/90,000 - 1/100,000)."""
    desk.tell("BTC", 10.0)
    desk.hold(BTC__PERPETUAL=("300", "90000", 90_000.0, None))
    fill = desk.make.fill
    desk.books.book(desk.perpetual, fill("1", "-300", fee_native=Decimal("0.00000105")))
    desk.books.book(desk.spec(_CALL), fill("2", "0.5", instrument=InstrumentId(_CALL), price_native=Decimal("0.0333")))
    desk.mark(_CALL, 0.04)

    bought = Decimal("0.5") * (Decimal("0.04") - Decimal("0.0333"))
    assert desk.equity().bot_native == Decimal(10) + Decimal("0.00033333") - Decimal("0.00000105") + bought


def test_a_position_that_turns_realises_one_part_and_enters_anew_with_the_other(desk: Desk) -> None:
    """Linear: 1 coin long at 100, 3 sold at 110, 2 bought back at 105: 10 and 10 USDC."""
    desk.tell("USDC", 1000.0)
    desk.hold(BTC_USDC__PERPETUAL=("1", "100", 100.0, None))
    for number, (amount, price) in enumerate((("-3", "110"), ("2", "105"))):
        fill = desk.make.fill(str(number), amount, price_native=Decimal(price), fee_currency="USDC")
        desk.books.book(desk.linear, fill)

    assert desk.equity("USDC").bot_native == Decimal(1020)


def test_an_average_of_inverse_entries_is_of_coins(desk: Desk) -> None:
    """100 USD at 100 and 100 at 50 are three coins: sold at 200 they earn two."""
    desk.tell("BTC", 10.0)
    desk.hold()
    for number, (amount, price) in enumerate((("100", "100"), ("100", "50"), ("-200", "200"))):
        desk.books.book(desk.perpetual, desk.make.fill(str(number), amount, price_native=Decimal(price)))

    assert desk.equity().bot_native == Decimal(12)


def test_delivery_turns_positions_into_money(desk: Desk) -> None:
    """A short call pays out 0.2 coin at 125,000; a long future from 100,000 earns N(1/P - 1/A), whatever the marks."""
    desk.tell("BTC", 10.0)
    desk.hold(BTC__27MAR26__100000__C=("-1", "0.1", 0.1, None), BTC__27MAR26=("10000", "100000", 1e5, None))
    desk.mark(_CALL, 0.17)
    for name in (_CALL, "BTC-27MAR26"):
        desk.books.deliver(desk.spec(name), Decimal(125_000))
        desk.books.deliver(desk.spec(name), Decimal(999_999))  # once only

    assert desk.equity().bot_native == Decimal(10) + Decimal("0.1") - Decimal("0.2") + Decimal("0.02")


def test_funding_is_what_the_venue_told_over_all_sessions(desk: Desk) -> None:
    """3 so far at the opening, 5 later, 6 when the session ended, 1 in the next: 4 since the opening, of each once."""
    desk.tell("BTC", 10.0)
    unit = Decimal("0.0001")
    for told in (3, 5):
        desk.hold(BTC__PERPETUAL=("0", "0", 1e5, str(told * unit)))
    desk.books.end_session(desk.perpetual, 6 * unit, ended_ns(desk))
    desk.hold(BTC__PERPETUAL=("0", "0", 1e5, str(unit)))

    assert desk.equity().bot_native == Decimal(10) + 4 * unit


def test_a_session_whose_end_nobody_told_ends_at_eight(desk: Desk) -> None:
    """3 when the books opened, 5 last seen, then 1 the next morning: 2 and 1, not 2 less 4."""
    desk.tell("BTC", 10.0)
    unit = Decimal("0.0001")
    for days, told in ((0, 3), (0, 5), (1, 1)):
        position = PositionSeen(
            instrument=desk.perpetual.id, amount_native=Decimal(0), mark_native=1e5, funding_native=told * unit
        )
        desk.books.see_positions([position], desk.view.instruments, Ns(desk.make.now_ns + days * NS_PER_DAY))

    assert desk.equity().bot_native == Decimal(10) + 3 * unit


def test_a_session_told_after_the_next_one_was_seen(desk: Desk) -> None:
    """2 when the books opened, 5 last seen, 1 of the next session seen, then the venue says that 7 was booked."""
    desk.tell("BTC", 10.0)
    unit = Decimal("0.0001")
    for days, told in ((0, 2), (0, 5), (1, 1)):
        position = PositionSeen(
            instrument=desk.perpetual.id, amount_native=Decimal(0), mark_native=1e5, funding_native=told * unit
        )
        desk.books.see_positions([position], desk.view.instruments, Ns(desk.make.now_ns + days * NS_PER_DAY))
    for _ in range(2):  # a second word changes nothing
        desk.books.end_session(desk.perpetual, 7 * unit, ended_ns(desk))

    assert desk.equity().bot_native == Decimal(10) + 6 * unit


def test_a_session_that_ended_before_the_books_were_opened_is_in_their_equity(desk: Desk) -> None:
    """A run that starts in the morning is told of the night."""
    desk.tell("BTC", 10.0)
    desk.hold(BTC__PERPETUAL=("0", "0", 1e5, "0.0002"))
    desk.books.end_session(desk.perpetual, Decimal(3), last_settlement_ns(desk.make.now_ns))

    assert desk.equity().bot_native == Decimal(10)


def test_the_price_of_a_delivery_replaces_the_expected_one(desk: Desk) -> None:
    """A call on 100000: expected 125000 pays 0.2, told 160000 pays 0.375; the second word is no second delivery."""
    desk.tell("BTC", 10.0)
    desk.hold(BTC__27MAR26__100000__C=("1", "0.1", 0.1, None))
    desk.books.deliver(desk.spec(_CALL), Decimal(125_000), is_expected=True)
    assert desk.equity().bot_native == Decimal("10.1")
    for _ in range(2):
        desk.books.deliver(desk.spec(_CALL), Decimal(160_000))

    assert desk.equity().bot_native == Decimal("10.275")


def test_a_currency_with_a_missing_mark_has_no_equity(desk: Desk) -> None:
    """Half a sum is worse than none; the other currency is not concerned."""
    desk.tell("BTC", 10.0)
    desk.tell("USDC", 5.0)
    desk.hold(BTC__27MAR26__100000__C=("1", "0.1", 0.1, None))

    assert [seen.currency for seen in desk.books.equity(desk.view)] == ["USDC"]


def test_a_position_without_a_mark_keeps_the_books_closed(desk: Desk) -> None:
    """What it was worth at the beginning would be a guess."""
    desk.tell("BTC", 10.0)
    seen = PositionSeen(instrument=InstrumentId(_CALL), amount_native=Decimal(1))
    desk.books.see_positions([seen], desk.view.instruments, desk.make.now_ns)

    assert desk.books.equity(desk.view) == ()


@pytest.mark.parametrize("mark", [0.0, -1.0, 1e-300])
def test_a_mark_that_is_no_price_is_a_missing_one(desk: Desk, mark: float) -> None:
    """A venue writes 0 where it has none: dividing by it would end the process, at every start again."""
    desk.tell("BTC", 10.0)
    desk.hold(BTC__PERPETUAL=("1000", "100000", mark, "0"))

    assert desk.books.equity(desk.view) == ()


@pytest.mark.parametrize("average", ["0", "-5"])
def test_an_average_that_is_no_price_is_a_missing_one(desk: Desk, average: str) -> None:
    """The mark stands in: what was gained before is in the equity."""
    desk.tell("BTC", 10.0)
    desk.hold(BTC__PERPETUAL=("1000", average, 100_000.0, "0"))
    desk.mark("BTC-PERPETUAL", 100_000.0)

    assert desk.equity().bot_native == 10


def test_money_in_a_currency_that_is_not_kept_is_left_alone(desk: Desk) -> None:
    """A fill, a fee, a delivery and funding in USDC do not touch the coin books."""
    desk.tell("BTC", 10.0)
    desk.hold()
    usd_call = desk.spec(_USD_CALL)
    desk.books.book(usd_call, desk.make.fill("1", "1", fee_currency="USDC", fee_native=Decimal(3)))
    desk.books.deliver(usd_call, Decimal(125_000))
    desk.books.end_session(desk.linear, Decimal(7), ended_ns(desk))

    assert desk.books.equity(desk.view) == (
        EquitySeen(currency="BTC", opening_native=Decimal(10), bot_native=Decimal(10), venue_native=Decimal(10)),
    )


def test_times_do_not_matter_to_the_sums(desk: Desk) -> None:
    """The venue's newest word is shown beside ours, however old."""
    desk.tell("BTC", 10.0)
    desk.hold()
    desk.tell("BTC", 11.5)
    desk.mark("BTC-PERPETUAL", 1.0, received_ns=Ns(desk.make.now_ns + NS_PER_S))

    assert (desk.equity().bot_native, desk.equity().venue_native) == (Decimal(10), Decimal("11.5"))
