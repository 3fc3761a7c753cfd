"""The forward of an expiry: newest wins, a leap has to be said three times."""

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.market_events import OptionMarked
from bot.domain.time import NS_PER_S, Ns
from bot.market.forwards import Forwards

_EXPIRY = ("btc_usd", Ns(10_000 * NS_PER_S))


def _marked(second: int, forward_usd: float | None, index_usd: float | None = 100_000.0) -> OptionMarked:
    return OptionMarked(
        instrument=InstrumentId("BTC-27MAR26-100000-C"),
        received_ns=Ns(second * NS_PER_S),
        venue_ns=Ns(second * NS_PER_S),
        bid_native=None,
        ask_native=None,
        bid_amount_native=None,
        ask_amount_native=None,
        mark_native=0.05,
        iv_mark=0.5,
        forward_usd=forward_usd,
        index_usd=index_usd,
        is_open=True,
    )


def _after(*tickers: tuple[float | None, float | None]) -> tuple[float | None, bool]:
    """Believed forward, and whether the expiry is distrusted, after tickers of (forward, index)."""
    forwards = Forwards()
    for second, (forward_usd, index_usd) in enumerate(tickers):
        forwards.see(_EXPIRY, _marked(second, forward_usd, index_usd))
    held = forwards.newest(_EXPIRY)
    return (None if held is None else held.forward_usd), _EXPIRY in forwards.jumped


_CALM = (100_500.0, 100_000.0)
_LEAP = (10_050.0, 100_000.0)


@pytest.mark.parametrize(
    ("tickers", "expected"),
    [
        ((), (None, False)),
        ((_CALM,), (100_500.0, False)),
        ((_LEAP,), (None, True)),  # a tenth of its index
        ((_CALM, (None, 100_000.0)), (100_500.0, False)),
        ((_CALM, (104_000.0, 100_000.0)), (104_000.0, False)),
        ((_CALM, (120_600.0, 120_000.0)), (120_600.0, False)),  # the index moved as well: a market
        ((_CALM, _LEAP), (100_500.0, True)),
        ((_CALM, _LEAP, _CALM), (100_500.0, False)),
        ((_CALM, _LEAP, _LEAP), (100_500.0, True)),
        ((_CALM, _LEAP, _LEAP, _LEAP), (10_050.0, False)),
        ((_CALM, _LEAP, (50_000.0, 100_000.0), _LEAP), (100_500.0, True)),  # they do not agree
        ((_CALM, (0.0, 100_000.0)), (100_500.0, True)),
        ((_CALM, (-5.0, 100_000.0)), (100_500.0, True)),
        ((_CALM, (101_000.0, None)), (101_000.0, False)),
        ((_CALM, (50_000.0, None)), (100_500.0, True)),
        (((0.0, 100_000.0), _CALM), (100_500.0, False)),
    ],
)
def test_what_is_believed(
    tickers: tuple[tuple[float | None, float | None], ...], expected: tuple[float | None, bool]
) -> None:
    """One bad print moves nothing and is said; agreement or a moving index is a market."""
    assert _after(*tickers) == expected


def test_an_older_ticker_changes_nothing() -> None:
    """Whatever it says."""
    forwards = Forwards()
    for second, forward_usd in ((5, 100_500.0), (4, 10.0), (3, 100_400.0)):
        forwards.see(_EXPIRY, _marked(second, forward_usd))

    assert (forwards.newest(_EXPIRY), forwards.jumped) == (_marked(5, 100_500.0), {})
