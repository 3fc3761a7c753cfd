"""A forward in words."""

import pytest

from bot.domain.decided import ForwardUsed
from bot.domain.time import NS_PER_MS, Ns, expiry_ns_from_code
from bot.observe.forward_words import forward_words


@pytest.mark.parametrize(
    ("forward_usd", "age_ns", "text"),
    [
        (100_250.0, Ns(400 * NS_PER_MS), "btc_usd 27MAR26: 100,250.00 by options, 0.4 s old"),
        (None, None, "btc_usd 27MAR26: not known"),
    ],
)
def test_a_forward_says_where_it_is_from(forward_usd: float | None, age_ns: Ns | None, text: str) -> None:
    """Or that there is none."""
    expiry_ns = expiry_ns_from_code("27MAR26")
    used = ForwardUsed(
        index_name="btc_usd", expiry_ns=expiry_ns, forward_usd=forward_usd, source="options", age_ns=age_ns
    )

    assert forward_words(used) == text
