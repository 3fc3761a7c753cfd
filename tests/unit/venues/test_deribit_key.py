"""What a key must be allowed, and whose it must be."""

import pytest

from bot.domain.errors import ConfigError, MalformedMessage
from bot.venues.deribit_key import demand_account, demand_scope


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("trade:read_write account:read wallet:none", ""),
        ("connection account:read_write trade:read_write wallet:read", ""),
        ("trade:read_write account:read wallet:read_write", "may withdraw"),
        ("trade:read account:read", "may not trade"),
        ("trade:read_write", "may not read its account"),
        ("", "may not trade"),
    ],
)
def test_a_key_trades_reads_its_account_and_cannot_withdraw(scope: str, words: str) -> None:
    """Anything else is a wrong configuration, told by what is missing or too much."""
    if not words:
        demand_scope(scope)
        return
    with pytest.raises(ConfigError, match=words):
        demand_scope(scope)


@pytest.mark.parametrize(("expected", "is_right"), [(None, True), ("10", True), ("1", False)])
def test_the_account_is_the_one_expected(expected: str | None, is_right: bool) -> None:
    """Where none is expected any will do."""
    if is_right:
        assert demand_account({"id": 10, "summaries": []}, expected) == "10"
        return
    with pytest.raises(ConfigError, match=r"live.account_id: 1 is expected, .* account 10"):
        demand_account({"id": 10}, expected)


def test_an_answer_without_an_account_is_no_answer() -> None:
    """Nothing is assumed about whose key it is."""
    with pytest.raises(MalformedMessage):
        demand_account({"summaries": []}, None)
