"""Hard limits have no defaults."""

import pytest

from bot.risk.limits import Limits


def test_every_limit_has_to_be_said() -> None:
    """A limit nobody set cannot protect: leaving one out is an error."""
    assert Limits.__struct_defaults__ == ()
    with pytest.raises(TypeError, match="Missing required argument"):
        Limits()  # type: ignore[call-arg]
