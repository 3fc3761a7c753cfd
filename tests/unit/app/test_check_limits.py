"""Limits against a venue's listing, an account's options and its equity: what cannot work, and what to mind."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.app.check_limits import Seen, refuse_idle, to_mind
from bot.book import BookParams
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.domain.seen import PositionSeen
from bot.risk.limits import Limits

_LIMITS = Limits(
    order_usd_max=50_000.0,
    hedge_position_usd_max=1_000_000.0,
    delta_coin_worst_max=5.0,
    orders_per_minute_max=60,
    refusals_in_a_row_max=5,
    unresolved_ns_max=1,
)


def _held(**amounts: str) -> tuple[PositionSeen, ...]:
    return tuple(
        PositionSeen(instrument=InstrumentId(name.replace("_", "-")), amount_native=Decimal(amount))
        for name, amount in amounts.items()
    )


@pytest.fixture
def book(make: Any) -> BookParams:
    """With room for everything."""
    return make.book(limits=_LIMITS)


@pytest.fixture
def seen(make: Any) -> Seen:
    """The inverse perpetual, lot 10 USD, at 100,000."""
    return Seen(hedges=(make.perpetual(),), price_usd=100_000.0)


def test_limits_with_room_are_told(book: BookParams, seen: Seen) -> None:
    """Sizes, and the price they were looked at."""
    assert refuse_idle(book, seen) == "orders up to 50,000 USD, position up to 1e+06 USD, at 100,000 USD a coin"
    assert to_mind(book, structs.replace(seen, equity_usd=1e6, held=_held(BTC_27MAR26_100000_C="9"))) == ()


@pytest.mark.parametrize("key", ["order_usd_max", "hedge_position_usd_max"])
@pytest.mark.parametrize("is_linear", [False, True])
def test_less_than_a_lot_can_never_be_traded(
    make: Any, book: BookParams, seen: Seen, key: str, *, is_linear: bool
) -> None:
    """Of an inverse perpetual the lot is in USD, of a linear one in coins; the key and its next step are named."""
    seen = structs.replace(seen, hedges=(make.linear_perpetual(),)) if is_linear else seen
    lot_usd = float(seen.hedges[0].lot_native) * (100_000.0 if is_linear else 1.0)
    fits = structs.replace(book, limits=structs.replace(_LIMITS, **{key: lot_usd}))
    idle = structs.replace(book, limits=structs.replace(_LIMITS, **{key: 0.99 * lot_usd}))

    assert refuse_idle(fits, seen)
    with pytest.raises(ConfigError, match=rf"^books\.btc\.limits\.{key}: .* less than one lot of BTC.*; raise it$"):
        refuse_idle(idle, seen)


@pytest.mark.parametrize(
    ("limits", "found", "words"),
    [
        ({"delta_coin_worst_max": 0.0001}, {}, "delta_coin_worst_max: 0.0001 coin is no more than the smallest hedge"),
        (
            {},
            {"held": _held(BTC_27MAR26_100000_C="-11", BTC_27MAR26_9_P="3")},
            "a hedge of up to 11 coin, 1,100,000 USD",
        ),
        ({}, {"held": _held(BTC_27MAR26_9_P="12")}, "a hedge of up to 12 coin"),
        ({}, {"equity_usd": 49_999.0}, "over 20 times the account's equity of 49,999"),
        ({"orders_per_minute_max": 301}, {}, "orders_per_minute_max: 301 is more than deribit takes"),
    ],
)
def test_what_is_probably_not_meant_is_told(
    book: BookParams, seen: Seen, limits: dict[str, Any], found: dict[str, Any], words: str
) -> None:
    """One line each; other coins and futures are no options of this book."""
    strangers = _held(ETH_27MAR26_100_C="900", BTC_PERPETUAL="5000")
    found = found | {"held": (*found.get("held", ()), *strangers)}
    told = to_mind(structs.replace(book, limits=structs.replace(_LIMITS, **limits)), structs.replace(seen, **found))

    assert len(told) == 1
    assert words in told[0]


@pytest.mark.parametrize("fee", ["0", "-0.0001", "0.003"])
def test_a_fee_that_is_none_is_told(make: Any, book: BookParams, seen: Seen, fee: str) -> None:
    """The band is made of it."""
    told = to_mind(book, structs.replace(seen, hedges=(make.perpetual(fee_rate_taker=Decimal(fee)),)))

    assert "is unusual, and the band follows it" in told[0]
