"""Words of several venues: numbers, contracts, errors inside a text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct

from bot.domain.errors import MalformedMessage
from bot.venues.venue_rest import contracts_of, convert, exact, exact_or_none, json_in, plain, steps_up


class _Error(Struct):
    code: int


@given(st.integers(1, 10**9), st.sampled_from(["0.01", "0.0001", "0.1", "1", "10", "100"]))
def test_contracts_and_back(count: int, size: str) -> None:
    """Exact for every whole number of contracts; digits without an exponent."""
    amount = count * Decimal(size)
    contracts = contracts_of(amount, Decimal(size))
    assert contracts * Decimal(size) == amount
    assert Decimal(plain(contracts)) == count
    assert "E" not in plain(contracts)


def test_no_number_of_contracts_is_a_bug() -> None:
    """Nothing is rounded on the way to the venue."""
    with pytest.raises(AssertionError, match="no number of contracts"):
        contracts_of(Decimal(1), Decimal(3))


def test_a_lot_is_a_whole_number_of_steps_or_makes_no_sense() -> None:
    """What a venue tells of an instrument may be anything."""
    assert steps_up(Decimal("0.0301"), Decimal("0.01")) == Decimal("0.04")
    with pytest.raises(MalformedMessage, match="more steps"):
        steps_up(Decimal("1e300"), Decimal("0.01"))


@pytest.mark.parametrize("text", ["nan", "inf", "-∞", "", "12a"])
def test_no_number(text: str) -> None:
    """What OKX sent for expired options is no number either."""
    with pytest.raises(MalformedMessage):
        exact(text)
    assert exact_or_none("") is None
    assert exact_or_none("1.50") == Decimal("1.50")


@pytest.mark.parametrize(
    ("text", "code"),
    [('okx {"code":5}', 5), ("okx GET https://host/x 502 Bad Gateway", None), ("{", None), ('{"code":"x"}', None)],
)
def test_json_in_a_text(text: str, code: int | None) -> None:
    """The venue's body behind ccxt's words; none where there is none of that shape."""
    found = json_in(text, _Error)
    assert (None if found is None else found.code) == code


def test_a_reply_of_another_shape() -> None:
    """Refused with the reason, whether ccxt has decoded it or it is as it came."""
    assert convert({"code": 5}, _Error) == convert(Raw(b'{"code":5}'), _Error)
    for reply in ({"code": "x"}, Raw(b'{"code":"x"}')):
        with pytest.raises(MalformedMessage, match="Expected `int`"):
            convert(reply, _Error)
