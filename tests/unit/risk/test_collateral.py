"""The account's word on its money: what of it counts, at which price, and when it is no ground."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.risk.collateral import AccountFigures
from bot.risk.conventions import NO_COLLATERAL, Collateral, Convention

_CALL, _PERP = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-PERPETUAL")
_SHORT = {_PERP: Decimal(-500_000)}
"""Five coins at 100,000."""


@pytest.fixture
def view(make: Any) -> MarketView:
    """A call and the perpetual, marked at 100,000."""
    market = MarketView(make.trust())
    for spec in (make.perpetual(), make.option(), make.linear_perpetual()):
        market.list_instrument(spec)
    market.see_future(make.future_marked())
    return market


def _equity(make: Any, **change: object) -> AccountFigures:
    return AccountFigures(make.figures(convention=Convention.USD, **change))


def _ask(
    equity: AccountFigures, view: MarketView, make: Any, *, second: float = 0.0, held: Any = None
) -> Collateral | str:
    now_ns = Ns(make.now_ns + round(second * NS_PER_S))
    return equity.collateral(view, _SHORT if held is None else held, now_ns, 100_000.0)


@pytest.mark.parametrize("convention", [Convention.OPTIONS_ONLY, Convention.LINEAR_USD, Convention.COIN])
def test_conventions_of_positions_alone_ask_for_no_account(convention: Convention, view: MarketView, make: Any) -> None:
    """No message is needed where no equity counts."""
    assert _ask(AccountFigures(make.figures(convention=convention)), view, make) is NO_COLLATERAL


def test_flat_in_dollars_counts_the_equity_without_options_and_treasury(view: MarketView, make: Any) -> None:
    """All of one message; ours is what nobody else hedges."""
    equity = _equity(make, treasury_coin=3.0)
    equity.see(make.account_seen(equity_native=10.0, options_value_native=0.25))
    equity.see(make.account_seen(currency="ETH", equity_native=99.0))

    assert _ask(equity, view, make) == Collateral(coin=6.75, prices_usd={_PERP: 100_000.0})


def test_futures_count_at_the_price_of_the_account_message(view: MarketView, make: Any) -> None:
    """The account says -5.01 coins for -500,000 USD: its price is 99,800.40, and stays that until its next message."""
    equity = _equity(make)
    equity.see(make.account_seen(delta_coin_by_index={"btc_usd": -4.61}, delta_coin_options=0.4))
    prices = [_ask(equity, view, make).prices_usd[_PERP]]
    view.see_future(make.future_marked(mark_usd=101_000.0))
    prices.append(_ask(equity, view, make).prices_usd[_PERP])
    equity.see(make.account_seen(delta_coin_by_index=None))
    prices.append(_ask(equity, view, make).prices_usd[_PERP])

    assert prices == [pytest.approx(500_000 / 5.01)] * 2 + [101_000.0]


def test_an_account_that_counts_other_futures_gives_no_price(view: MarketView, make: Any) -> None:
    """A fill on its way makes it 20 % more: our own mark is taken, not a price 20 % off."""
    equity = _equity(make)
    equity.see(make.account_seen(delta_coin_by_index={"btc_usd": -6.0}))

    assert _ask(equity, view, make).prices_usd == {_PERP: 100_000.0}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (10.0, False),
        (10.1, True),
        (100.0, True),
        (100.1, "account figures in BTC are 100 s old"),
    ],
)
def test_old_figures_are_doubt_and_then_no_ground(
    second: float, expected: bool | str, view: MarketView, make: Any
) -> None:
    """Ten seconds as they stand, up to ten times that as doubt."""
    equity = _equity(make)
    equity.see(make.account_seen())
    found = _ask(equity, view, make, second=second)

    assert (found if isinstance(found, str) else found.is_stale) == expected


def test_what_an_account_does_not_tell_is_no_zero(view: MarketView, make: Any) -> None:
    """No message, and one without the value of options."""
    equity = _equity(make)
    none = _ask(equity, view, make)
    equity.see(make.account_seen(options_value_native=None))

    assert none == "no account figures in BTC yet"
    assert _ask(equity, view, make) == "account figures in BTC do not tell the value of options"


def test_premium_paid_is_doubt_until_the_account_has_seen_it(view: MarketView, make: Any) -> None:
    """Two coins of option at 0.05; a message that was on its way settles nothing."""
    equity = _equity(make)
    equity.see(make.account_seen())
    equity.book(make.option(), make.fill("1", "2", instrument=_CALL, price_native=Decimal("0.05")))
    equity.book(make.perpetual(), make.fill("2", "100"))
    doubts = [_ask(equity, view, make).doubt_coin]
    for second in (0.5, 1.0):
        equity.see(make.account_seen(received_ns=Ns(make.now_ns + round(second * NS_PER_S))))
        doubts.append(_ask(equity, view, make, second=second).doubt_coin)

    assert doubts == pytest.approx([0.1, 0.1, 0.0])


def test_after_a_delivery_the_next_message_is_waited_for(view: MarketView, make: Any) -> None:
    """The option is no delta any more, and its payoff not yet in the equity without options."""
    equity, expiry_ns = _equity(make), make.option().expiry_ns
    found = []
    for seen_s in (-1.0, 0.5, 1.0):
        equity.see(make.account_seen(received_ns=Ns(expiry_ns + round(seen_s * NS_PER_S))))
        equity.deliver(make.option())
        equity.deliver(make.perpetual())
        found.append(equity.collateral(view, {}, Ns(expiry_ns + 2 * NS_PER_S), 100_000.0))
    waiting = "options have been delivered since the last account figures"

    assert [item if isinstance(item, str) else item.coin for item in found] == [waiting, waiting, 10.0]


def test_dollars_are_short_coins_where_the_book_counts_them(view: MarketView, make: Any) -> None:
    """Flat in coins: 50,000 USDC at 100,000 are half a coin short; unknown and old ones are no ground."""
    equity = AccountFigures(make.figures(convention=Convention.COIN, counts_usdc=True))
    none = _ask(equity, view, make)
    equity.see(make.account_seen(currency="USDC", equity_native=50_000.0))

    assert none == "no account figures in USDC yet"
    assert _ask(equity, view, make) == Collateral(coin=-0.5)
    assert _ask(equity, view, make, second=101.0) == "account figures in USDC are 101 s old"
    assert equity.collateral(view, {}, make.now_ns, None) == "no index price"


def test_coins_whose_price_move_is_profit(view: MarketView, make: Any) -> None:
    """In dollars the equity outside options; in coins less the premium, for coins are the money; else none."""
    seen = make.account_seen(equity_native=10.0, options_value_native=0.25)
    moved = {}
    for convention in Convention:
        equity = AccountFigures(make.figures(convention=convention))
        unseen = equity.moved_coin(NO_COLLATERAL)
        equity.see(seen)
        moved[convention] = (unseen, equity.moved_coin(_ask(equity, view, make)))

    assert moved == {
        Convention.USD: (0.0, 9.75),
        Convention.COIN: (0.0, -0.25),
        Convention.OPTIONS_ONLY: (0.0, 0.0),
        Convention.LINEAR_USD: (0.0, 0.0),
    }


def test_the_message_behind_the_collateral_can_be_read(make: Any) -> None:
    """The coin account's, the dollars', or none where the convention looks at positions alone."""
    coin, dollars = make.account_seen(), make.account_seen(currency="USDC")
    asked = {
        Convention.USD: ({}, coin),
        Convention.COIN: ({"counts_usdc": True}, dollars),
        Convention.OPTIONS_ONLY: ({}, None),
    }
    for convention, (change, expected) in asked.items():
        figures = AccountFigures(make.figures(convention=convention, **change))
        figures.see(coin)
        figures.see(dollars)

        assert figures.message() is expected


def test_an_equity_that_contradicts_its_parts_is_an_interval_from_the_first_message_on(
    view: MarketView, make: Any
) -> None:
    """Nothing came before it: the message itself tells ten coins, and forty."""
    equity = _equity(make)
    equity.see(make.account_seen(equity_native=40.0, futures_profit_native=0.0))
    found = _ask(equity, view, make)

    assert (found.coin, found.doubt_coin) == (25.0, 15.0)
    assert found.because == "equity 40.0000, its parts 10.0000 BTC"


def test_a_wild_figure_is_doubt_at_once_and_over_with_the_next_message(view: MarketView, make: Any) -> None:
    """Equity and options' value, against the message's own words and the message before."""
    equity, found = _equity(make), []
    for change in ({}, {"equity_native": 14.0}, {}, {"options_value_native": 3.0, "delta_coin_total": 0.0}, {}):
        equity.see(make.account_seen(**change))
        found.append(_ask(equity, view, make))

    assert [(item.coin, item.doubt_coin) for item in found] == [(10, 0), (12, 2), (10, 0), (8.5, 1.5), (10, 0)]
    assert found[3].because == (
        "options_value 3.0000, by delta_total and its map 0.0000 BTC; "
        "equity less options 7.0000, before 10.0000: no fill or price explains it"
    )


@pytest.mark.parametrize(("left_s", "is_doubt"), [(1801, True), (1799, False), (0, False)])
def test_premium_that_decays_in_one_figure_alone_is_no_doubt(
    view: MarketView, make: Any, left_s: int, is_doubt: bool
) -> None:
    """Half of a call's 0.06 coins in the options' value and all of it in the delta, or the other way round."""
    equity, at = _equity(make), Ns(make.option().expiry_ns - left_s * NS_PER_S)
    view.see_option(make.option_marked(mark_native=0.06))
    equity.see(make.account_seen(received_ns=at, options_value_native=0.06, delta_coin_total=-0.03))
    found = equity.collateral(view, {_CALL: Decimal(1), **_SHORT}, at, 100_000.0)

    assert isinstance(found, Collateral)
    assert (found.doubt_coin > 0.0) is is_doubt


def test_dollars_that_contradict_their_parts_are_doubt(view: MarketView, make: Any) -> None:
    """50,000 or 10,000 USDC at 100,000: a tenth to half a coin short."""
    equity = AccountFigures(make.figures(convention=Convention.COIN, counts_usdc=True))
    parts = {"balance_native": 10_000.0, "futures_profit_native": 0.0}
    equity.see(make.account_seen(currency="USDC", equity_native=50_000.0, **parts))
    found = _ask(equity, view, make)

    assert (found.coin, found.doubt_coin) == pytest.approx((-0.3, 0.2))
    assert found.because == "equity 50000.0000, its parts 10000.0000 USDC"


def test_equity_in_dollars_is_that_of_both_accounts(make: Any) -> None:
    """Coins at the index and USDC, whatever the convention; not known without coins told, or with old news of one."""
    equity = AccountFigures(make.figures(convention=Convention.OPTIONS_ONLY))
    later = Ns(make.now_ns + 101 * NS_PER_S)
    told = [equity.equity_usd(100_000.0, make.now_ns)]
    equity.see(make.account_seen(equity_native=2.0))
    told += [equity.equity_usd(100_000.0, make.now_ns), equity.equity_usd(None, make.now_ns)]
    equity.see(make.account_seen(currency="USDC", equity_native=50_000.0))
    told += [equity.equity_usd(100_000.0, make.now_ns), equity.equity_usd(100_000.0, later)]
    equity.see(make.account_seen(equity_native=2.0, received_ns=later))
    told += [equity.equity_usd(100_000.0, later)]

    assert told == [None, 200_000.0, None, 250_000.0, None, None]


def test_equity_in_dollars_counts_the_accounts_elsewhere(make: Any) -> None:
    """Dollars of any name and the book's coin; a currency told no more is gone, a venue that tells nothing is doubt."""
    equity = AccountFigures(make.figures())
    equity.see(make.account_seen(equity_native=2.0))
    later = Ns(make.now_ns + 90 * NS_PER_S)
    tether = make.account_seen(currency="USDT", equity_native=30_000.0)
    coins = make.account_seen(equity_native=0.5)
    others = make.account_seen(currency="BNB", equity_native=7.0)

    def told(*accounts: tuple[Any, ...], at: Ns = make.now_ns) -> float | None:
        return equity.equity_usd(100_000.0, at, accounts)

    assert told((tether, others)) == 230_000.0
    assert told((tether, coins), (make.account_seen(currency="USDC", equity_native=-1_000.0),)) == 279_000.0
    assert told((tether,), ()) is None
    newer = structs.replace(tether, received_ns=later)
    assert told((newer, coins), at=later) == 230_000.0
    assert told((tether,), at=Ns(make.now_ns + 101 * NS_PER_S)) is None
