"""What a figure can be at all: each one of a ticker is mended alone, an event of the account is believed whole."""

import math
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.ids import InstrumentId
from bot.domain.soundness import defect, sound_depth, sound_future, sound_option, sound_quote

_SOUND_BY = {"option_marked": sound_option, "future_marked": sound_future, "quoted": sound_quote}
_FULL = {
    "option_marked": {"delivery_usd": 100_000.0, "iv_bid": 0.5, "iv_ask": 0.7},
    "future_marked": {"delivery_usd": 100_000.0, "volume_usd_per_day": 1e9},
    "quoted": {},
}
_FIGURES = [
    (kind, name)
    for kind, names in {
        "option_marked": (
            *("bid_native", "ask_native", "bid_amount_native", "ask_amount_native", "mark_native", "iv_mark"),
            *("forward_usd", "index_usd", "delivery_usd", "iv_bid", "iv_ask"),
        ),
        "future_marked": (
            *("bid_usd", "ask_usd", "bid_amount_native", "ask_amount_native", "mark_usd", "index_usd"),
            *("price_min_usd", "price_max_usd", "funding_rate_8h", "delivery_usd", "volume_usd_per_day"),
        ),
        "quoted": ("bid_native", "ask_native", "bid_amount_native", "ask_amount_native"),
    }.items()
    for name in names
]


@pytest.mark.parametrize("kind", _SOUND_BY)
def test_a_sound_ticker_is_itself(make: Any, kind: str) -> None:
    """Nothing is made anew on the way of a tick."""
    told = getattr(make, kind)(**_FULL[kind])

    assert _SOUND_BY[kind](told) is told


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -2.0, 1e300])
@pytest.mark.parametrize(("kind", "name"), _FIGURES)
def test_what_can_be_no_number_is_absent_and_the_rest_stays(make: Any, kind: str, name: str, value: float) -> None:
    """One wrong figure costs that figure."""
    told = getattr(make, kind)(**_FULL[kind])

    assert _SOUND_BY[kind](structs.replace(told, **{name: value})) == structs.replace(told, **{name: None})


@pytest.mark.parametrize(
    ("name", "value", "is_kept"),
    [
        ("mark_native", 0.0, True),  # a worthless option has a mark
        ("bid_amount_native", 0.0, True),
        ("bid_native", 0.0, False),
        ("forward_usd", 0.0, False),
        ("iv_mark", 0.0, False),
        ("iv_mark", 0.00009, False),
        ("iv_mark", 0.0001, True),
        ("iv_mark", 5.0, False),  # parked
        ("iv_mark", 999.0, False),
    ],
)
def test_zero_is_a_number_where_it_can_be_one(make: Any, name: str, value: float, is_kept: bool) -> None:
    """Edges of what is possible."""
    seen = sound_option(make.option_marked(**{name: value}))

    assert getattr(seen, name) == (value if is_kept else None)


def test_an_event_of_the_account_names_its_first_wrong_figure(make: Any) -> None:
    """Wherever it is: in the event, in one of its parts, in a table; a fill without a price is none."""
    spec, seen = make.perpetual(), make.account_seen()
    stamps = dict.fromkeys(("received_ns", "venue_ns"), make.now_ns)
    settled = {"instrument": spec.id, "funding_native": Decimal(0), **stamps}
    cases = {
        "": seen,
        "equity_native is nan": make.account_seen(equity_native=math.nan),
        "delta_coin_by_index.btc_usd is inf": structs.replace(seen, delta_coin_by_index={"btc_usd": math.inf}),
        "amount_native is NaN": make.fill("f1", "NaN"),
        "price_native is 0": make.fill("f1", "1", price_native=Decimal(0)),
        "delivery_usd is 0": ev.Settled(delivery_usd=Decimal(0), **settled),
        "lot_native of BTC-PERPETUAL is 0": structs.replace(spec, lot_native=Decimal(0)),
        "strike_usd of BTC-27MAR26-100000-C is 0": make.option(strike_usd=0.0),
    }
    snapshot = make.snapshot({"BTC-PERPETUAL": "10"})
    wrong = structs.replace(snapshot.positions[0], delta_coin=1e300)

    assert {text: defect(thing) for text, thing in cases.items()} == {text: text for text in cases}
    leg = make.fill("f2", "1", instrument=InstrumentId("BTC-27MAR26-300000-C"), price_native=Decimal(0))
    assert defect(leg) == "", "an option far out of the money may be a combo's leg for nothing: it is held all the same"
    assert defect(structs.replace(leg, price_native=Decimal(-1))) == "price_native is -1"
    assert defect(structs.replace(snapshot, positions=(wrong,))) == "positions.delta_coin is 1e+300"


@pytest.mark.parametrize(
    ("asks", "kept"),
    [
        (((100.0, 1.0), (101.0, 2.0)), 2),
        (((100.0, 1.0), (100.0, 2.0), (101.0, 1.0)), 1),
        (((101.0, 1.0), (100.0, 2.0)), 1),
        (((100.0, 1.0), (math.nan, 2.0), (102.0, 1.0)), 1),
        (((100.0, 1.0), (101.0, 0.0)), 1),
        (((100.0, math.inf), (101.0, 1.0)), 0),
        (((0.0, 1.0),), 0),
        ((), 0),
    ],
)
def test_levels_are_believed_as_far_as_they_go_on(make: Any, asks: tuple[tuple[float, float], ...], kept: int) -> None:
    """Up to the first that is no level or does not lie behind the one before; a sound one is itself."""
    told = make.depth_seen(asks=asks)
    seen = sound_depth(told)

    assert (seen.asks, seen.bids) == (asks[:kept], told.bids)
    assert (seen is told) == (kept == len(asks))
    mirrored = sound_depth(make.depth_seen(bids=tuple((200.0 - price, amount) for price, amount in asks if price)))
    assert len(mirrored.bids) == kept
