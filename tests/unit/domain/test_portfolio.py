"""Legs named relatively find the instrument a human would pick."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.portfolio import Holding, LegSpec, PortfolioSpec, resolve
from bot.domain.time import expiry_ns_from_code, ns_from_iso

_NOW = ns_from_iso("2026-03-01T10:00:00Z")
_INDEX_USD = 100_400.0


@pytest.fixture
def listed(inverse_call: Instrument, inverse_perpetual: Instrument, linear_perpetual: Instrument) -> list[Instrument]:
    """Two expiries ahead and one behind, three strikes each, calls and puts, and the perpetuals."""
    chain = [
        msgspec.structs.replace(
            inverse_call,
            id=InstrumentId(f"BTC-{code}-{strike}-{letter}"),
            expiry_ns=expiry_ns_from_code(code),
            strike_usd=float(strike),
            is_call=letter == "C",
        )
        for code in ("27MAR26", "6MAR26", "1MAR26")
        for strike in (95_000, 100_000, 105_000)
        for letter in "CP"
    ]
    futures = [
        msgspec.structs.replace(
            inverse_perpetual, id=InstrumentId(f"BTC-{code}"), kind=Kind.FUTURE, expiry_ns=expiry_ns_from_code(code)
        )
        for code in ("27MAR26", "6MAR26", "1MAR26")
    ]
    return [inverse_perpetual, *chain, *futures, linear_perpetual]


def _legs(*legs: LegSpec, expiry_hours_min: float = 0.0) -> PortfolioSpec:
    return PortfolioSpec(legs=legs, expiry_hours_min=expiry_hours_min)


@pytest.mark.parametrize(
    ("leg", "name"),
    [
        ({"kind": "call", "expiry": "1st", "strike": "atm"}, "BTC-6MAR26-100000-C"),
        ({"kind": "put", "expiry": "2nd", "strike": "atm"}, "BTC-27MAR26-100000-P"),
        ({"kind": "call", "expiry": "2nd", "strike": "atm+5%"}, "BTC-27MAR26-105000-C"),
        ({"kind": "put", "expiry": "1st", "strike": "atm - 5 %"}, "BTC-6MAR26-95000-P"),
        ({"kind": "call", "expiry": "27MAR26", "strike": 95_000}, "BTC-27MAR26-95000-C"),
        ({"kind": "call", "expiry": "27MAR26", "strike": "97500"}, "BTC-27MAR26-95000-C"),
        ({"kind": "future", "expiry": "1st"}, "BTC-6MAR26"),
        ({"kind": "future", "expiry": "27MAR26"}, "BTC-27MAR26"),
        ({"kind": "perpetual"}, "BTC-PERPETUAL"),
        ({"kind": "perpetual", "settlement": Settlement.USD}, "BTC_USDC-PERPETUAL"),
        ({"instrument": "BTC-6MAR26-105000-P"}, "BTC-6MAR26-105000-P"),
    ],
)
def test_a_leg_finds_its_instrument(listed: list[Instrument], leg: dict[str, object], name: str) -> None:
    """Expiries by place or code, strikes by the money or by number; the lower strike on a tie."""
    spec = _legs(msgspec.convert({"qty_coin": "-1.5", **leg}, LegSpec))

    held = resolve(spec, base="BTC", listed=listed, index_usd=_INDEX_USD, now_ns=_NOW)

    assert [(item.instrument.id, item.qty_coin) for item in held] == [(name, Decimal("-1.5"))]


def test_near_expiries_can_be_skipped(listed: list[Instrument]) -> None:
    """With a week at least, the first expiry is the later one."""
    spec = _legs(LegSpec(qty_coin=Decimal(1), kind="call", expiry="1st", strike="atm"), expiry_hours_min=7 * 24.0)

    held = resolve(spec, base="BTC", listed=listed, index_usd=_INDEX_USD, now_ns=_NOW)

    assert [item.instrument.id for item in held] == ["BTC-27MAR26-100000-C"]


def test_a_code_means_that_expiry_however_near(listed: list[Instrument]) -> None:
    """Only places are counted from the nearest allowed expiry on; a name is a name."""
    leg = LegSpec(qty_coin=Decimal(1), kind="call", expiry="6MAR26", strike="atm")

    held = resolve(_legs(leg, expiry_hours_min=7 * 24.0), base="BTC", listed=listed, index_usd=_INDEX_USD, now_ns=_NOW)

    assert [item.instrument.id for item in held] == ["BTC-6MAR26-100000-C"]


def test_the_answer_does_not_depend_on_the_order_of_the_list(listed: list[Instrument]) -> None:
    """Venues list in any order."""
    spec = _legs(LegSpec(qty_coin=Decimal(1), kind="put", expiry="1st", strike="atm+2.5%"))

    def pick(items: list[Instrument]) -> tuple[Holding, ...]:
        return resolve(spec, base="BTC", listed=items, index_usd=100_000.0, now_ns=_NOW)

    assert pick(listed) == pick(listed[::-1])


@pytest.mark.parametrize(
    ("leg", "words"),
    [
        ({"kind": "call", "expiry": "9th", "strike": "atm"}, "2 expiries are listed"),
        ({"kind": "call", "expiry": "3APR26", "strike": "atm"}, "is not listed"),
        ({"kind": "future"}, "a future needs `expiry`"),
        ({"kind": "call", "expiry": "1st"}, "needs `expiry` and `strike`"),
        ({"kind": "swap"}, "call, put, future or perpetual"),
        ({"kind": "perpetual", "settlement": "usd"}, "no such instrument"),
        ({"instrument": "BTC-1JAN30-1-C"}, "no such instrument"),
        ({"kind": "call", "expiry": "1st", "strike": "atm+x%"}, "strike 'atm"),
        ({"kind": "call", "expiry": "1st", "strike": "nan"}, "strike 'nan' is neither"),
        ({"kind": "call", "expiry": "1st", "strike": "inf"}, "strike 'inf' is neither"),
        ({"kind": "call", "expiry": "1st", "strike": "ten"}, "strike 'ten' is neither"),
        ({"kind": "call", "expiry": "0th", "strike": "atm"}, "2 expiries are listed"),
    ],
)
def test_a_leg_that_cannot_be_found_is_named(listed: list[Instrument], leg: dict[str, object], words: str) -> None:
    """One line that says which leg and why."""
    spec = _legs(msgspec.convert({"qty_coin": "1", **leg}, LegSpec))
    coin_settled = [item for item in listed if item.settlement is Settlement.COIN]

    with pytest.raises(ValueError, match=f"portfolio leg LegSpec.*{words}"):
        resolve(spec, base="BTC", listed=coin_settled, index_usd=_INDEX_USD, now_ns=_NOW)


def test_unknown_keys_of_a_leg_are_refused() -> None:
    """A misspelt key is an error, not a default."""
    with pytest.raises(msgspec.ValidationError, match="stirke"):
        msgspec.convert({"qty_coin": "1", "kind": "call", "stirke": "atm"}, LegSpec)


@pytest.mark.parametrize("name", ["call", "expiring", "straddle", "strangle"])
def test_the_shipped_portfolios_load(repo_root: Path, listed: list[Instrument], name: str) -> None:
    """The files in config/portfolios resolve against an ordinary chain."""
    text = (repo_root / "config" / "portfolios" / f"{name}.toml").read_bytes()
    spec = msgspec.toml.decode(text, type=PortfolioSpec)

    held = resolve(spec, base="BTC", listed=listed, index_usd=_INDEX_USD, now_ns=_NOW)

    assert len(held) == len(spec.legs)
