"""Gap-risk ladder: each rung is the book valued again, leg by leg, by the scalar formulas."""

import math
from typing import NamedTuple

import numpy as np
import pytest

from bot.domain.reasons import Rung
from bot.pricing import black76, coin_settled
from bot.risk import ladder as gap
from bot.risk.ladder import Breach, FutureRows, LadderLimits, MarginRates, OptionRows

_SPOT = 60_000.0


class _Option(NamedTuple):
    qty: float
    forward: float
    strike: float
    tau: float
    iv: float
    is_call: bool
    is_inverse: bool


_BOOK = [
    _Option(-3.0, 60_100.0, 60_000.0, 0.02, 0.55, True, True),
    _Option(2.0, 60_100.0, 54_000.0, 0.02, 0.70, False, True),
    _Option(-1.5, 61_000.0, 66_000.0, 0.25, 0.60, True, False),
    _Option(4.0, 61_000.0, 50_000.0, 0.25, 0.05, False, False),
]
_FUTURES = FutureRows(np.array([120_000.0, -1.25]), np.array([60_050.0, 59_950.0]), np.array([True, False]))


def _rows(book: list[_Option]) -> OptionRows:
    return OptionRows(*(np.array(column) for column in zip(*book, strict=True)))


def _by_hand(share: float, move: float) -> tuple[float, float, float, float]:
    """Delta, gamma, profit in coins, margin in coins of the whole book."""
    spot = _SPOT * (1.0 + share)
    delta = gamma = coin = usd = margin = 0.0
    for leg in _BOOK:
        iv = max(leg.iv + move, min(leg.iv, 0.01))
        after = black76.greeks_scalar(leg.forward * (1.0 + share), leg.strike, leg.tau, iv, leg.is_call)
        before = black76.greeks_scalar(leg.forward, leg.strike, leg.tau, leg.iv, leg.is_call)
        delta += leg.qty * after.delta
        gamma += leg.qty * after.gamma
        if leg.is_inverse:
            coin += leg.qty * (after.coin_price - before.coin_price)
        else:
            usd += leg.qty * (after.price - before.price)
        if leg.qty < 0.0:
            out = max((leg.strike - spot) if leg.is_call else (spot - leg.strike), 0.0) / spot
            mark = after.coin_price if leg.is_inverse else after.price / spot
            margin -= leg.qty * (0.5 * max(0.15 - out, 0.10) + mark)
    amount, price = 120_000.0, 60_050.0 * (1.0 + share)
    delta += coin_settled.inverse_delta_coin(amount, price) - 1.25
    coin += coin_settled.inverse_pnl_coin(amount, 60_050.0, price)
    usd += -1.25 * 59_950.0 * share
    margin += 0.01 * (amount / price + 1.25 * 59_950.0 * (1.0 + share) / spot)
    return delta, gamma, coin + usd / spot, margin


def test_every_rung_is_the_book_valued_again() -> None:
    """All 41 x 5 of them, options and futures, coin-settled and linear, volatility at its floor included."""
    found = gap.ladder(_rows(_BOOK), _FUTURES, _SPOT)
    assert found.pnl_coin.shape == (41, 5)
    for row, share in enumerate(gap.SPOT_SHARES):
        for column, move in enumerate(gap.IV_MOVES):
            delta, gamma, coin, margin = _by_hand(share, move)
            figures = [
                float(item[row, column])
                for item in (found.delta_coin_net, found.gamma_coin_per_usd, found.pnl_coin, found.margin_coin)
            ]

            assert figures == pytest.approx([delta, gamma, coin, margin], rel=1e-9, abs=1e-12), (share, move)
            assert found.pnl_usd[row, column] == pytest.approx(coin * _SPOT * (1.0 + share), abs=1e-6)


def test_nothing_moved_nothing_gained() -> None:
    """The middle rung is today's book."""
    found = gap.ladder(_rows(_BOOK), _FUTURES, _SPOT, spot_shares=[0.0], iv_moves=[0.0])

    assert (found.pnl_coin.tolist(), found.pnl_usd.tolist()) == ([[0.0]], [[0.0]])


@pytest.mark.parametrize(("options", "futures"), [(gap.NO_OPTIONS, gap.NO_FUTURES), (gap.NO_OPTIONS, _FUTURES)])
def test_books_without_options(options: OptionRows, futures: FutureRows) -> None:
    """A ladder of zeros, or of futures alone: no gamma, no volatility."""
    found = gap.ladder(options, futures, _SPOT)

    assert found.delta_coin_net.shape == (41, 5)
    assert (found.gamma_coin_per_usd == 0.0).all()
    assert (found.pnl_coin == found.pnl_coin[:, :1]).all()


def test_a_coin_held_against_a_short_of_its_worth_is_a_dollar() -> None:
    """One coin and an inverse short of its USD worth: at any rung the coins lost are what the coin gained."""
    futures = FutureRows(np.array([-_SPOT]), np.array([_SPOT]), np.array([True]))
    found = gap.ladder(gap.NO_OPTIONS, futures, _SPOT)
    worth = (1.0 + found.pnl_coin[:, 0]) * _SPOT * (1.0 + found.spot_share)

    assert worth == pytest.approx(np.full(41, _SPOT), rel=1e-12)


def test_other_rates_other_margin() -> None:
    """Margin is a venue's parameter."""
    ask = MarginRates(option_share=0.3, option_share_min=0.2, maintenance_ratio=1.0, future_share=0.02)
    usual, more = (gap.ladder(_rows(_BOOK), _FUTURES, _SPOT, rates=rates) for rates in (None, ask))

    assert (more.margin_coin > usual.margin_coin).all()


def test_the_worst_rung_of_each_kind_is_named() -> None:
    """Loss, delta and margin, each where it is worst, with figure and limit."""
    found = gap.ladder(_rows(_BOOK[:1]), gap.NO_FUTURES, _SPOT)
    limits = LadderLimits(loss_usd_max=1000.0, delta_coin_max=2.0, margin_share_max=0.5)
    worst = {item.rung: item for item in gap.breaches(gap.worst(found, 1.0), limits)}

    assert (worst[Rung.LOSS].spot_share, worst[Rung.LOSS].limit_native) == (0.20, 1000.0)
    assert worst[Rung.LOSS].figure_native == pytest.approx(-float(found.pnl_usd.min()))
    assert worst[Rung.DELTA].figure_native == pytest.approx(float(found.delta_coin_net.min()))
    assert worst[Rung.MARGIN].figure_native > 0.5


def test_no_equity_left_is_margin_without_bound() -> None:
    """A gap that takes more than there is breaches any margin limit."""
    found = gap.ladder(_rows(_BOOK[:1]), gap.NO_FUTURES, _SPOT)
    worst = gap.breaches(gap.worst(found, 0.1), LadderLimits(margin_share_max=1e9))

    assert [(item.rung, item.figure_native) for item in worst] == [(Rung.MARGIN, math.inf)]


def test_within_limits_nothing_is_said() -> None:
    """No limit, no breach; a book that needs no margin breaches none without equity."""
    found = gap.ladder(_rows(_BOOK), _FUTURES, _SPOT)
    nothing = gap.ladder(gap.NO_OPTIONS, gap.NO_FUTURES, _SPOT)

    assert gap.breaches(gap.worst(found, 100.0), LadderLimits()) == ()
    assert gap.breaches(gap.worst(nothing, 0.0), LadderLimits(margin_share_max=0.1)) == ()
    assert [item.rung for item in gap.worst(found, None)] == [Rung.LOSS, Rung.DELTA]


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4])
def test_what_cannot_be_told_is_a_breach(at: int) -> None:
    """A leg with a number that is none: said as unknown, never as zero."""
    rows = _rows(_BOOK)
    columns = list(rows)
    columns[at] = np.array([math.nan, *columns[at][1:].tolist()])
    found = gap.ladder(OptionRows(*columns), _FUTURES, _SPOT)
    limits = LadderLimits(loss_usd_max=1e12)
    (breach,) = gap.breaches(gap.worst(found, 100.0), limits)

    assert isinstance(breach, Breach)
    assert breach.rung is Rung.UNKNOWN
    assert gap.worst(gap.ladder(rows, _FUTURES, _SPOT), math.nan)[0].rung is Rung.UNKNOWN
    assert gap.breaches(gap.worst(found, 100.0), LadderLimits()) == ()
