"""The tree of expected errors."""

import pytest

from bot.domain import errors


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (errors.ConfigError, errors.BotError),
        (errors.JournalError, errors.BotError),
        (errors.MalformedMessage, errors.BotError),
        (errors.VenueError, errors.BotError),
        (errors.VenueUnreachable, errors.VenueError),
        (errors.VenueRefused, errors.VenueError),
        (errors.VenueOutcomeUnknown, errors.VenueError),
    ],
)
def test_every_error_has_its_place(error: type[Exception], parent: type[Exception]) -> None:
    """Catching a branch catches its leaves and nothing else."""
    assert error.__bases__ == (parent,)


def test_a_refusal_keeps_the_venues_code_and_words() -> None:
    """The table of outcomes looks at the code, the human at the words."""
    refusal = errors.VenueRefused(10009, "not_enough_funds")

    assert (refusal.code, refusal.text, str(refusal)) == (10009, "not_enough_funds", "10009 not_enough_funds")
