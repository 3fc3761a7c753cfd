"""A sheet on a screen and as one line: nothing cut, every delta explained."""

import json
from decimal import Decimal

import pytest

from bot.app.greeks import table
from bot.app.greeks.figures import Sheet
from bot.app.greeks.sheet import Choices, sheet
from bot.app.greeks.snapshot import Snapshot
from bot.domain.ids import InstrumentId
from bot.domain.portfolio import Holding

_CALL = InstrumentId("BTC-27MAR26-100000-C")
_PUT = InstrumentId("BTC-24APR26-95000-P")
_PERPETUAL = InstrumentId("BTC-PERPETUAL")


def _sheet(market: Snapshot, *names: InstrumentId, equity_coin: float | None = None) -> Sheet:
    held = tuple(Holding(instrument=market.listed[name], qty_coin=Decimal(2)) for name in names)
    return sheet(market, held, Choices(with_ladder=True, equity_coin=equity_coin))


def test_one_option_is_told_in_full(market: Snapshot) -> None:
    """All figures with units, smile-aware deltas, and what each delta means."""
    text = table.as_text(_sheet(market, _CALL))

    for words in ("delta options_only", "delta coin", "delta sticky_delta", "USD per point of volatility", "hours"):
        assert words in text
    for convention in ("options_only", "usd", "coin", "linear_usd"):
        assert f"\ndelta {convention}: " in text
    assert "…" not in text


def test_several_legs_are_rows_with_totals(market: Snapshot) -> None:
    """Each leg whole, the sum below, and the equity's line where it was given."""
    found = _sheet(market, _CALL, _PUT, _PERPETUAL, equity_coin=5.0)
    text = table.as_text(found)

    for words in (_CALL, _PUT, _PERPETUAL, "total", "with equity", f"{found.totals.delta.coin_coin:+.4f}", "+20%"):
        assert words in text
    assert "…" not in text
    assert "with equity" not in table.as_text(_sheet(market, _CALL, _PUT))


def test_a_leg_without_numbers_is_on_the_screen(market: Snapshot) -> None:
    """With its reason, and that the totals are without it."""
    del market.quotes[_PUT]
    text = table.as_text(_sheet(market, _CALL, _PUT))

    assert f"{_PUT}: not valued: nothing was seen of it; totals are without it" in text


def test_the_json_is_the_sheet(market: Snapshot) -> None:
    """One line; numbers to the last digit."""
    found = _sheet(market, _CALL)
    line = table.as_json(found)
    read = json.loads(line)

    assert "\n" not in line
    assert read["options"][0]["delta"]["coin_coin"] == found.options[0].delta.coin_coin
    assert len(read["ladder"]) == 205


def test_what_is_not_told_in_the_window_says_so(market: Snapshot) -> None:
    """A missing greek is a word, not a zero."""
    one = _sheet(market, _CALL)
    option = one.options[0].__class__(
        **{name: getattr(one.options[0], name) for name in one.options[0].__struct_fields__}
        | {"vega_usd_per_percent": None, "vanna_coin_per_iv": None, "smile": None, "open_share": 0.25}
    )
    text = table.as_text(one.__class__(**{n: getattr(one, n) for n in one.__struct_fields__} | {"options": (option,)}))

    assert text.count("not told") == 2
    assert "0.2500" in text


@pytest.mark.parametrize("names", [(_PERPETUAL,), ()])
def test_a_portfolio_without_options_has_a_table(market: Snapshot, names: tuple[InstrumentId, ...]) -> None:
    """Futures alone, or nothing at all."""
    assert "total" in table.as_text(_sheet(market, *names))
