"""A market from numbers: what people write, and what is wrong with it in one line."""

import pytest

from bot.app.greeks.given import Given, market_of
from bot.domain.errors import ConfigError
from bot.domain.instruments import Settlement
from bot.domain.time import ns_from_iso
from bot.pricing import black76

_NOW = ns_from_iso("2026-03-20T08:00:00Z")


def _given(**change: object) -> Given:
    plain: dict[str, object] = {
        "instrument": None,
        "forward_usd": 100_000.0,
        "strike_usd": 95_000.0,
        "expiry": None,
        "days_left": 7.0,
        "is_put": False,
        "iv": "0.6",
        "price_usd": None,
        "price_coin": None,
        "is_linear": False,
    }
    return Given(**{**plain, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "iv"), [("0.6", 0.6), ("60%", 0.6), ("58.25%", 0.5825), ("4.9", 4.9)])
def test_a_volatility_is_a_fraction_or_percent(text: str, iv: float) -> None:
    """Both ways of writing it."""
    snapshot, holding, source = market_of(_given(iv=text), _NOW)

    assert (snapshot.quotes[holding.instrument.id].iv, source) == (pytest.approx(iv), "given")


@pytest.mark.parametrize(
    "change",
    [
        {"days_left": 7.0},
        {"days_left": None, "expiry": "27MAR26"},
        {"days_left": None, "expiry": "2026-03-27T08:00:00Z"},
        {"days_left": None, "strike_usd": None, "instrument": "BTC-27MAR26-95000-C"},
    ],
)
def test_a_time_may_be_written_in_four_ways(change: dict[str, object]) -> None:
    """Days, a code, an instant, or inside an instrument's name: the same option."""
    _, holding, _ = market_of(_given(**change), _NOW)
    spec = holding.instrument

    assert (spec.expiry_ns, spec.strike_usd, spec.is_call) == (ns_from_iso("2026-03-27T08:00:00Z"), 95_000.0, True)


@pytest.mark.parametrize(
    ("change", "is_call", "settlement"),
    [
        ({}, True, Settlement.COIN),
        ({"is_put": True}, False, Settlement.COIN),
        ({"is_linear": True}, True, Settlement.USD),
        ({"instrument": "BTC_USDC-27MAR26-95000-P"}, False, Settlement.USD),
        ({"instrument": "BTC-27MAR26-95000-P"}, False, Settlement.COIN),
    ],
)
def test_kind_and_settlement(change: dict[str, object], is_call: bool, settlement: Settlement) -> None:
    """By option of the command line or by the name."""
    spec = market_of(_given(**change), _NOW)[1].instrument

    assert (spec.is_call, spec.settlement) == (is_call, settlement)


def test_a_decimal_strike_is_read_from_a_name() -> None:
    """Deribit writes 1d02 for 1.02."""
    given = _given(instrument="MATIC_USDC-27MAR26-1d02-C", strike_usd=None, forward_usd=1.0)

    assert market_of(given, _NOW)[1].instrument.strike_usd == 1.02


@pytest.mark.parametrize("in_coin", [True, False])
def test_a_price_gives_the_volatility(in_coin: bool) -> None:
    """In coins or dollars."""
    price = black76.price(100_000.0, 95_000.0, 7.0 / 365.0, 0.55, True)
    change = {"price_coin": price / 100_000.0} if in_coin else {"price_usd": price}
    snapshot, holding, source = market_of(_given(iv=None, **change), _NOW)

    assert (snapshot.quotes[holding.instrument.id].iv, source) == (pytest.approx(0.55), "price")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iv": "60"}, "--iv: '60' is no volatility; write 0.6 or 60%"),
        ({"iv": "0"}, "--iv"),
        ({"iv": "-1"}, "--iv"),
        ({"iv": "999%"}, "--iv"),
        ({"iv": "500%"}, "--iv"),
        ({"iv": "∞"}, "--iv"),
        ({"iv": "nan"}, "--iv"),
        ({"iv": "sixty"}, "--iv"),
        ({"iv": None}, "--iv: is missing"),
        ({"iv": None, "price_usd": 0.0}, "below intrinsic"),
        ({"iv": None, "price_usd": 5_000.0}, "at intrinsic"),
        ({"iv": None, "price_coin": 1.0}, "at or above upper bound"),
        ({"price_usd": 3_000.0}, "--iv: give one of"),
        ({"index_usd": -5.0}, "--index"),
        ({"index_usd": 0.0}, "--index"),
        ({"days_left": 1e9}, "--days: 1e+09 is over 36500"),
        ({"forward_usd": 0.0}, "--forward"),
        ({"forward_usd": float("nan")}, "--forward"),
        ({"strike_usd": -5.0}, "--strike"),
        ({"strike_usd": None}, "--strike: is missing"),
        ({"days_left": None}, "--days: is missing"),
        ({"days_left": 0.0}, "--days"),
        ({"days_left": -1.0}, "--days"),
        ({"days_left": None, "expiry": "20MAR26"}, "--expiry: 2026-03-20T08:00:00.000000Z is over"),
        ({"days_left": None, "expiry": "soon"}, "--expiry: 'soon'"),
        ({"instrument": "BTC-PERPETUAL"}, "instrument: 'BTC-PERPETUAL'"),
        ({"instrument": "BTC-27MAR26-x-C", "strike_usd": None}, "instrument: 'x' is no strike"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_option(change: dict[str, object], words: str) -> None:
    """It names the option and, where there is one, the next step."""
    with pytest.raises(ConfigError) as refused:
        market_of(_given(**change), _NOW)

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
