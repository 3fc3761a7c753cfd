"""A recorded world: rows in, the same quotes out."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.domain.ids import InstrumentId
from bot.domain.time import Ns, ns_from_iso
from bot.domain.units import float_from_decimal
from bot.journal.history_files import read_rows
from bot.sim.exchange import Exchange
from bot.sim.facts import BookChange, OrderRequest, Side, TimeInForce
from bot.sim.history import HistoryRow, RecordedMarket, in_usdc
from bot.sim.impact import Impact
from bot.sim.recorded_listing import listed_from_rows

_D = Decimal
_AT = ns_from_iso("2023-04-12T10:00:00Z")
_CALL, _PUT = "BTC-14APR23-30000-C", "BTC-14APR23-30000-P"
_ROW = HistoryRow(
    instrument=_CALL,
    time_ns=_AT,
    forward_usd=30_010.0,
    forward_name="BTC-14APR23",
    index_usd=30_000.25,
    mark_native=0.0142,
    iv_mark_percent=52.5,
    bid_native=0.0135,
    bid_amount_native=5.0,
    ask_native=0.0145,
    ask_amount_native=3.2,
    iv_bid_percent=50.0,
    iv_ask_percent=55.0,
    has_quote_ivs=True,
    delta=0.507,
    open_interest_native=12.5,
    last_native=0.014,
    settlement_native=0.0151,
    price_min_native=0.0005,
    price_max_native=0.055,
)
_S = 1_000_000_000
_ROWS = [
    _ROW,
    replace(
        _ROW,
        instrument=_PUT,
        time_ns=Ns(_AT + _S),
        bid_native=None,
        bid_amount_native=None,
        ask_native=1.0,
        delta=-0.493,
    ),
    replace(
        _ROW,
        time_ns=Ns(_AT + 300 * _S),
        index_usd=30_100.0,
        forward_usd=30_111.0,
        ask_native=None,
        ask_amount_native=None,
    ),
    replace(_ROW, instrument=_PUT, time_ns=Ns(_AT + 301 * _S), iv_mark_percent=None, mark_native=0.0),
]


@pytest.fixture
def world() -> tuple[RecordedMarket, Exchange]:
    """The four rows, opened at the first."""
    market = RecordedMarket(_ROWS, listed_from_rows(_ROWS))
    venue = Exchange(seed=1, start_ns=_AT, market=market, listed=listed_from_rows(_ROWS), takers_scale=None)
    venue.open_account("a", {"BTC": _D(1)})
    return market, venue


def test_rows_are_consumed_in_time(world: tuple[RecordedMarket, Exchange]) -> None:
    """next_time_ns leads a driver through every row."""
    market, venue = world
    stops = []
    while (moment := market.next_time_ns()) is not None:
        stops.append(moment)
        venue.advance(moment)

    assert stops == [row.time_ns for row in _ROWS[1:]]
    assert market.rows_consumed_count == 4


def test_a_recording_tells_what_is_new(world: tuple[RecordedMarket, Exchange]) -> None:
    """What the last move brought, and what is of this very moment."""
    market, venue = world
    venue.advance(Ns(_AT + _S))
    assert (list(market.fresh()), market.rows_at(Ns(_AT + _S)), market.rows_at(_AT)) == ([_PUT], [_PUT], ())
    venue.advance(Ns(_AT + 2 * _S))
    assert list(market.fresh()) == []
    venue.advance(Ns(_AT + 301 * _S))
    assert (list(market.fresh()), market.rows_at(Ns(_AT + 301 * _S))) == ([_CALL, _PUT], [_PUT])


@pytest.mark.parametrize(
    ("has_left", "expected"), [(False, ["", "delete 0.0145", "delete 0.0135"]), (True, ["", "", ""])]
)
def test_a_recorded_quote_stands_until_its_next_row_or_its_end(
    world: tuple[RecordedMarket, Exchange], has_left: bool, expected: list[str]
) -> None:
    """In between nothing is told of it; who has left is told nothing more."""
    _, venue = world
    venue.watch(_CALL)
    venue.advance(Ns(_AT + 2 * _S))
    if has_left:
        venue.unwatch(_CALL)
    found = []
    for moment in (_AT + 3 * _S, _AT + 300 * _S, ns_from_iso("2023-04-14T08:00:00Z")):
        venue.advance(Ns(moment))
        changes = [change for change in venue.changes() if isinstance(change, BookChange)]
        levels = [level for change in changes for level in (*change.bids, *change.asks)]
        found.append(", ".join(f"{action} {price}" for action, price, _ in levels))

    assert found == expected


def test_tickers_show_the_row(world: tuple[RecordedMarket, Exchange]) -> None:
    """Quotes, mark, volatilities, forward, stamp: as recorded."""
    ticker = world[1].ticker(_CALL)

    assert ticker.touch == world[1].touch(_CALL)
    assert (ticker.touch.bid_native, ticker.touch.bid_amount_native) == (_D("0.0135"), 5)
    assert (ticker.touch.ask_native, ticker.touch.ask_amount_native) == (_D("0.0145"), _D("3.2"))
    assert (ticker.mark_native, ticker.iv_mark_percent, ticker.iv_bid_percent, ticker.iv_ask_percent) == (
        0.0142,
        52.5,
        50.0,
        55.0,
    )
    assert (ticker.forward_usd, ticker.forward_name, ticker.index_usd, ticker.time_ns) == (
        30_010.0,
        "BTC-14APR23",
        30_000.25,
        _AT,
    )
    assert ticker.greeks is not None
    assert ticker.greeks.delta == 0.507
    assert (ticker.last_native, ticker.open_interest_native, ticker.settlement_native) == (
        _D("0.014"),
        _D("12.5"),
        0.0151,
    )


def test_what_is_absent_stays_absent(world: tuple[RecordedMarket, Exchange]) -> None:
    """Before its first row an option has nothing; afterwards what its rows have."""
    _, venue = world
    before = venue.ticker(_PUT)
    venue.advance(Ns(_AT + _S))
    parked = venue.touch(_PUT)
    venue.advance(Ns(_AT + 400 * _S))
    after, call = venue.ticker(_PUT), venue.touch(_CALL)

    assert (before.mark_native, before.iv_mark_percent, before.greeks, before.touch.ask_native) == (
        0.0,
        None,
        None,
        None,
    )
    assert (parked.bid_native, parked.ask_native) == (None, 1)
    assert (after.mark_native, after.iv_mark_percent, after.greeks) == (0.0, None, None)
    assert (call.bid_native, call.ask_native, call.ask_amount_native) == (_D("0.0135"), None, None)


def test_the_perpetual_is_quoted_from_the_index(world: tuple[RecordedMarket, Exchange]) -> None:
    """One tick to each side of the index, with depth, no premium and no funding."""
    _, venue = world
    first = venue.touch("BTC-PERPETUAL")
    venue.advance(Ns(_AT + 300 * _S))
    second = venue.ticker("BTC-PERPETUAL")

    assert (first.bid_native, first.ask_native) == (_D("30000.0"), _D("30001.0"))
    assert (second.touch.bid_native, second.touch.ask_native) == (_D("30099.5"), _D("30100.5"))
    assert (second.mark_native, second.funding_rate_current_8h) == (30_100.0, 0.0)
    assert len(venue.book("BTC-PERPETUAL", 20)[0]) > 3


def test_what_is_taken_from_a_recorded_quote_stays_taken(world: tuple[RecordedMarket, Exchange]) -> None:
    """Until the next row brings a new quote."""
    _, venue = world
    request = OrderRequest(
        account="a",
        instrument=_CALL,
        side=Side.SELL,
        amount_native=_D(5),
        price_native=_D("0.0135"),
        time_in_force=TimeInForce.IOC,
    )
    venue.open_account("rich", {"BTC": _D(100)})
    order, _ = venue.submit(replace(request, account="rich"))
    venue.advance(Ns(_AT + 2 * _S))
    between = venue.touch(_CALL).bid_native
    venue.advance(Ns(_AT + 300 * _S))

    assert (order.filled_native, between, venue.touch(_CALL).bid_amount_native) == (5, None, 5)


def test_unsorted_rows_are_refused() -> None:
    """Time in a recording goes forward."""
    market = RecordedMarket([_ROWS[1], _ROWS[0]], listed_from_rows(_ROWS))
    with pytest.raises(ValueError, match="out of order"):
        market.advance(Ns(_AT + 10 * _S))


def test_an_empty_recording_is_refused() -> None:
    """Nothing to play, nothing to list."""
    with pytest.raises(ValueError, match="no rows"):
        RecordedMarket([], ())
    with pytest.raises(ValueError, match="no rows"):
        listed_from_rows([])


def test_the_listing_has_the_facts_of_2023() -> None:
    """Tick 0.0005 everywhere, the inverse perpetual first, calls before puts."""
    listed = listed_from_rows(_ROWS)
    call = listed[1]

    assert [item.id for item in listed] == ["BTC-PERPETUAL", _CALL, _PUT]
    assert (call.tick_native, call.tick_steps, call.lot_native) == (_D("0.0005"), (), _D("0.1"))
    assert (call.strike_usd, call.is_call, call.expiry_ns) == (30_000.0, True, ns_from_iso("2023-04-14T08:00:00Z"))


def test_a_row_in_usdc_is_worth_the_same() -> None:
    """Every price times its own forward; amounts, volatility and greeks as they were."""
    row = in_usdc(_ROW)

    assert (row.instrument, row.forward_usd, row.iv_mark_percent) == ("BTC_USDC-14APR23-30000-C", 30_010.0, 52.5)
    assert row.mark_native == pytest.approx(0.0142 * 30_010.0)
    assert (row.bid_native, row.bid_amount_native) == (pytest.approx(0.0135 * 30_010.0), 5.0)
    assert (in_usdc(_ROWS[1]).bid_native, row.price_max_native) == (None, pytest.approx(0.055 * 30_010.0))


def test_a_linear_recording_has_the_coins_index_too() -> None:
    """A portfolio's strikes are relative to it, and both move together where one was recorded."""
    rows = [in_usdc(row) for row in _ROWS]
    market = RecordedMarket(rows, listed_from_rows(rows))
    market.advance(Ns(_AT + 300 * _S))

    assert sorted(market.index_names()) == ["btc_usd", "btc_usdc"]
    assert market.index_usd("btc_usd") == market.index_usd("btc_usdc") == 30_100.0


def test_own_trades_press_a_perpetual_that_was_not_recorded() -> None:
    """By so many USD a coin, and it fades; the index and what was recorded stay as they were."""
    market = RecordedMarket(_ROWS, listed_from_rows(_ROWS), impact=Impact(passing_usd_per_coin=9.0))
    venue = Exchange(seed=1, start_ns=_AT, market=market, listed=listed_from_rows(_ROWS), takers_scale=None)
    market.press("BTC", 2.0)
    venue.advance(Ns(_AT + _S))
    pressed = venue.ticker("BTC-PERPETUAL").mark_native
    venue.advance(Ns(_AT + 200 * _S))

    assert pressed == pytest.approx(30_018.25)
    assert venue.ticker("BTC-PERPETUAL").mark_native == pytest.approx(30_000.25, abs=0.05)
    assert venue.index_usd("btc_usd") == 30_000.25


def test_indices_of_a_recording() -> None:
    """Its own coin and no other."""
    market = RecordedMarket(_ROWS, listed_from_rows(_ROWS))

    assert market.index_names() == ("btc_usd",)
    assert market.index_usd("btc_usd") == 30_000.25
    with pytest.raises(AssertionError, match="not recorded"):
        market.index_usd("eth_usd")


@pytest.mark.realdata
@pytest.mark.parametrize("currency", ["BTC", "ETH"])
def test_a_recorded_day_is_played_as_it_was(shared_data: Path, currency: str) -> None:
    """Every row is consumed and shows in the touch and mark of its instrument at its time."""
    rows = list(read_rows(shared_data / "history" / "demo_deribit_2023-04-12", currency))
    market = RecordedMarket(rows, listed_from_rows(rows))
    listed = listed_from_rows(rows)
    venue = Exchange(seed=1, start_ns=rows[0].time_ns, market=market, listed=listed, takers_scale=None)
    last_at = {(row.instrument, row.time_ns): row for row in rows}
    wrong = []
    for number, row in enumerate(rows):
        venue.advance(row.time_ns)
        if number % 7 or last_at[row.instrument, row.time_ns] is not row:
            continue
        touch, mark = venue.touch(row.instrument), venue.ticker(row.instrument)
        shown = tuple(
            None if value is None else float_from_decimal(value)
            for value in (touch.bid_native, touch.bid_amount_native, touch.ask_native, touch.ask_amount_native)
        )
        recorded = (row.bid_native, row.bid_amount_native, row.ask_native, row.ask_amount_native)
        if shown != pytest.approx(recorded) or mark.mark_native != row.mark_native or mark.time_ns != row.time_ns:
            wrong.append((row, shown))

    assert wrong == []
    assert (market.rows_consumed_count, market.next_time_ns()) == (len(rows), None)
    assert {item.id for item in listed[1:]} == {InstrumentId(row.instrument) for row in rows}
