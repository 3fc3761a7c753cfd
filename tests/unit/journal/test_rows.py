import math
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Features, ForwardUsed
from bot.domain.events import Filled
from bot.domain.time import Ns
from bot.journal import rows
from bot.journal.schema import decisions


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=12) | st.decimals(allow_nan=False, allow_infinity=False)
)
def test_a_decimal_comes_back_equal_and_without_an_exponent(value: Decimal) -> None:
    """Money is the same number after the ledger."""
    text = rows.text_from_decimal(value)

    assert value == rows.decimal_from_text(text)
    assert "E" not in text.upper()


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_a_decimal_that_is_no_number_is_a_bug(value: Decimal) -> None:
    """It is stopped on the way in, and again on the way out."""
    with pytest.raises(AssertionError, match="cannot be written"):
        rows.text_from_decimal(value)
    with pytest.raises(AssertionError, match="where a number belongs"):
        rows.decimal_from_text(str(value))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "field",
    [name for name, kind in Decided.__annotations__.items() if "float" in str(kind)],
)
def test_a_float_that_is_no_number_never_becomes_a_row(decided: Callable[..., Decided], field: str, bad: float) -> None:
    """SQLite would store NaN as NULL without a word."""
    with pytest.raises(AssertionError, match="cannot be written"):
        rows.decision_row("r1", decided(**{field: bad}))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_order_or_fill_with_a_figure_that_is_no_number_is_a_bug(
    order: Callable[..., PlaceOrder], fill: Callable[..., Filled], bad: float
) -> None:
    """Arrival mid and slippage are checked like money."""
    with pytest.raises(AssertionError, match="cannot be written"):
        rows.intent_row("r1", "BTC", order(arrival_mid_native=bad))
    with pytest.raises(AssertionError, match="cannot be written"):
        rows.fill_row("r1", "BTC", fill(), bad)


_USED = ForwardUsed(index_name="btc_usd", expiry_ns=Ns(7), forward_usd=1e5, source="options", age_ns=Ns(3))


@pytest.mark.parametrize("besides", [{}, {"forwards": (_USED,), "features": Features(loop_gain_ratio=0.1)}])
def test_a_decision_comes_back_equal(decided: Callable[..., Decided], besides: dict[str, object]) -> None:
    """Every field survives, None and tuples included."""
    written = decided(delta_coin_net=None, doubtful=(), detail="a 'quoted' word", **besides)
    row = rows.decision_row("r1", written)

    assert written == rows.decided_from_row(decisions.c.keys(), row)


def test_a_decision_read_with_a_figure_that_is_no_number_is_a_bug(decided: Callable[..., Decided]) -> None:
    """The check on the way in is paired with one on the way out."""
    names = list(decisions.c.keys())
    row = list(rows.decision_row("r1", decided()))
    row[names.index("price_usd")] = math.inf

    with pytest.raises(AssertionError, match="cannot be written"):
        rows.decided_from_row(names, row)
