"""What a recorded venue lists."""

from decimal import Decimal

import pytest

from bot.domain.instruments import Kind, Settlement
from bot.domain.time import Ns, ns_from_iso
from bot.sim.history import HistoryRow
from bot.sim.recorded_listing import listed_from_rows

_AT = ns_from_iso("2023-04-12T10:00:00Z")


def _row(instrument: str, bid_native: float | None = None) -> HistoryRow:
    return HistoryRow(
        instrument=instrument,
        time_ns=Ns(_AT),
        forward_usd=30_010.0,
        forward_name="BTC-14APR23",
        index_usd=30_000.25,
        mark_native=0.0142,
        iv_mark_percent=52.5,
        bid_native=bid_native,
        bid_amount_native=5.0,
        ask_native=None,
        ask_amount_native=None,
    )


def test_each_money_has_its_perpetual() -> None:
    """Perpetuals first, then by expiry, strike, call before put; one that was recorded is listed once."""
    names = ["BTC-14APR23-30000-P", "BTC_USDC-13APR23-30000-C", "BTC-14APR23-30000-C", "BTC-14APR23", "BTC-PERPETUAL"]
    listed = listed_from_rows([_row(name) for name in names])

    assert [item.id for item in listed] == [
        "BTC-PERPETUAL",
        "BTC_USDC-PERPETUAL",
        "BTC_USDC-13APR23-30000-C",
        "BTC-14APR23",
        "BTC-14APR23-30000-C",
        "BTC-14APR23-30000-P",
    ]
    assert [(item.kind, item.settlement) for item in listed[1:4]] == [
        (Kind.PERPETUAL, Settlement.USD),
        (Kind.OPTION, Settlement.USD),
        (Kind.FUTURE, Settlement.COIN),
    ]


@pytest.mark.parametrize(("bid", "tick"), [(0.0135, "0.0005"), (0.0013, "0.0001")])
def test_the_tick_of_inverse_options_is_that_of_their_quotes(bid: float, tick: str) -> None:
    """What is linear has its own, whatever it was quoted at."""
    listed = listed_from_rows([_row("BTC-14APR23-30000-C", bid), _row("BTC_USDC-14APR23-30000-C", 404.7)])

    assert [item.tick_native for item in listed if item.is_option] == [Decimal(tick), Decimal(5)]


@pytest.mark.parametrize(
    ("name", "why"),
    [("SOL-14APR23-30-C", "BTC and ETH can"), ("BTC-14APR23-30000-X", "no option"), ("BTC-14ABC23", "no month")],
)
def test_what_cannot_be_played_is_refused(name: str, why: str) -> None:
    """By its name."""
    with pytest.raises(ValueError, match=why):
        listed_from_rows([_row(name)])


def test_an_empty_recording_lists_nothing() -> None:
    """Refused, before anything is played."""
    with pytest.raises(ValueError, match="no rows"):
        listed_from_rows([])
