"""What one leg and the collateral count for. Books as a whole: tests/reference/test_inverse_position.py."""

import pytest

from bot.pricing import black76
from bot.pricing.settlement_window import Worth
from bot.risk import conventions
from bot.risk.conventions import Collateral, Convention

_WORTH = Worth(price=1_000.0, delta=0.4, gamma=1e-5, coin_price=0.01, pa_delta=0.396)


@pytest.mark.parametrize(
    ("convention", "is_inverse", "expected"),
    [
        (Convention.OPTIONS_ONLY, True, (False, 1.0, 1.0)),
        (Convention.OPTIONS_ONLY, False, (False, 1.0, 1.0)),
        (Convention.LINEAR_USD, True, (False, 1.0, 1.02)),
        (Convention.LINEAR_USD, False, (False, 1.02, 1.02**2)),
        (Convention.USD, True, (False, 1.0, 1.02)),
        (Convention.USD, False, (False, 1.02, 1.02**2)),
        (Convention.COIN, True, (True, 1.0, 1.02)),
        (Convention.COIN, False, (False, 1.02, 1.02**2)),
    ],
)
def test_options_by_convention(convention: Convention, is_inverse: bool, expected: tuple[bool, float, float]) -> None:
    """A forward 2 % over the index: only linear deltas are scaled; only coin-settled ones lose their premium."""
    how = conventions.weighing(convention, is_inverse=is_inverse, basis_ratio=1.02)

    assert how == expected
    assert conventions.formula(how) is (black76.pa_delta_gamma if expected[0] else black76.delta_gamma)


@pytest.mark.parametrize(
    ("convention", "inverse", "linear"),
    [
        (Convention.OPTIONS_ONLY, 0.4, 0.4),
        (Convention.LINEAR_USD, 0.4, 0.4),
        (Convention.USD, 0.406, 0.4),
        (Convention.COIN, 0.396, 0.4),
    ],
)
def test_options_on_an_average_by_convention(convention: Convention, inverse: float, linear: float) -> None:
    """In dollars the premium comes back that the equity without options has lost; theory 1.5."""
    found = [conventions.delta_on_average(convention, _WORTH, is_inverse=is_inverse) for is_inverse in (True, False)]

    assert found == pytest.approx([inverse, linear], rel=1e-15)


def test_linear_futures_count_by_the_spot_except_as_they_are() -> None:
    """Mark over index, where spot is what is hedged."""
    scales = {name: conventions.future_scale(name, basis_ratio=1.02) for name in Convention}

    assert scales == dict.fromkeys(Convention, 1.02) | {Convention.OPTIONS_ONLY: 1.0}


def test_no_collateral_adds_nothing() -> None:
    """What positions alone come to stays as it is."""
    assert Collateral() == conventions.NO_COLLATERAL
    assert (conventions.NO_COLLATERAL.coin, conventions.NO_COLLATERAL.doubt_coin) == (0.0, 0.0)
