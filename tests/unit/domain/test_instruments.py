"""What an instrument's money and amounts are."""

import pytest

from bot.domain.instruments import Instrument


@pytest.mark.parametrize(
    ("fixture", "expected"),
    [
        # is_option, is_inverse, price_is_in_coin, amount_is_in_usd
        ("inverse_perpetual", (False, True, False, True)),
        ("linear_perpetual", (False, False, False, False)),
        ("inverse_call", (True, True, True, False)),
    ],
)
def test_native_units_follow_kind_and_settlement(
    request: pytest.FixtureRequest, fixture: str, expected: tuple[bool, bool, bool, bool]
) -> None:
    """Only inverse options have prices in coin; only inverse futures have amounts in USD."""
    spec: Instrument = request.getfixturevalue(fixture)

    assert (spec.is_option, spec.is_inverse, spec.price_is_in_coin, spec.amount_is_in_usd) == expected
