"""What every section refuses: unknown keys, flags for numbers, numbers that are none."""

import pytest
from pydantic import ValidationError

from bot.app.sections import NotNegative, Positive, Section


class Sample(Section):
    """A section."""

    size_usd: Positive = 1.0
    least_usd: NotNegative | None = None
    is_on: bool = False
    is_plain: bool | None = None


@pytest.mark.parametrize(
    "given",
    [
        {"size_usd": True},
        {"size_usd": 0.0},
        {"size_usd": float("nan")},
        {"least_usd": False},
        {"least_usd": -1.0},
        {"sise_usd": 1.0},
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, object]) -> None:
    """A slip of the pen is an error, not a value."""
    with pytest.raises(ValidationError):
        Sample.model_validate(given)


def test_flags_are_taken_where_they_belong() -> None:
    """Also where they may be missing."""
    assert Sample.model_validate({"is_on": True, "is_plain": False, "least_usd": 0}).is_plain is False
