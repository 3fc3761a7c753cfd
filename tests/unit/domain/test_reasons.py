"""The words a user meets in logs."""

import re

import pytest

from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, RefusalKind


@pytest.mark.parametrize("words", [Action, Reason, DistrustCause, RefusalKind, HaltCause, Phase])
def test_words_are_their_own_names(words: type[Reason]) -> None:
    """The value in a log is the name in the code, in lower case, so that both can be searched for."""
    assert {word.value for word in words} == {word.name.lower() for word in words}
    assert all(re.fullmatch(r"[a-z][a-z_]*", word.value) for word in words)
