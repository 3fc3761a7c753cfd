"""Numbers as venues write them: text, empty where there is none, and sometimes no number at all."""

import pytest

from bot.domain.errors import MalformedMessage
from bot.venues.public_wire import number_of, positive_of


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("0", 0.0), ("-0.0001", -0.0001), ("6.4e4", 64_000.0), ("64000.1", 64_000.1)]
)
def test_number(text: str, value: float | None) -> None:
    """Finite, or absent."""
    assert number_of(text) == value


@pytest.mark.parametrize("text", ["∞", "-∞", "nan", "inf", "1e999", "12a", " "])
def test_no_number(text: str) -> None:
    """OKX sent infinities for options at expiry (data notes 4.12)."""
    with pytest.raises(MalformedMessage):
        number_of(text)


def test_price() -> None:
    """Nothing costs 0: that is an empty side; below is nonsense."""
    assert (positive_of(""), positive_of("0"), positive_of("0.5")) == (None, None, 0.5)
    with pytest.raises(MalformedMessage):
        positive_of("-1")
