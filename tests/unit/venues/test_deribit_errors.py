"""Every code of the fact sheet has its row."""

import pytest

from bot.domain.reasons import RefusalKind
from bot.venues.deribit_errors import ERRORS, UNKNOWN, order_outcome

ROWS = {
    "reauthenticate": (10000, 13009),
    "config": (13004, 13021, 11042, 13403, 13030, 13040, 13042, 13668),
    "back_off": (10028, 10047, 10066, 10003),
    "unknown": (10040, 13028, 13503, 11094, 10050),
    "not_executed": (13888, 13666, 13777),
    "pause": (10041, 11051, 10019, 10012, 13019, 13020, 11056),
    "gone": (10004, 10010, 11044, 11008, 10029),
    "no_funds": (10009, 10039),
    "our_bug": (
        *(10002, 10021, 10027, 10043, 10023, 10031, 13032, 13778, 10030),
        *(-32602, -32601, -32600, -32700, 11050),
    ),
    "requote": (10005, 10006, 10007, 10008, 11054, 11055, 11021),
    "limited": (10013, 10014, 10015, 10016, 10017, 10018, 10037, 10038, 10072),
}


@pytest.mark.parametrize(("word", "code"), [(word, code) for word, codes in ROWS.items() for code in codes])
def test_row(word: str, code: int) -> None:
    """One row per code: its outcome, and a name."""
    row = order_outcome(code)
    assert word == row.outcome.value
    assert row.name.replace("_", "").isalnum()


def test_nothing_beyond_the_sheet() -> None:
    """The table holds exactly the codes listed here."""
    assert {code for codes in ROWS.values() for code in codes} == set(ERRORS)


@pytest.mark.parametrize("code", [0, 1, 10001, 11098, 99999, -1])
def test_unlisted_is_unknown(code: int) -> None:
    """A code without a row leaves the outcome open: the order is looked up."""
    assert UNKNOWN is order_outcome(code).outcome


def test_every_kind_is_used() -> None:
    """No refusal kind exists that no code means, but for what a code cannot tell, and least orders in money."""
    told = {kind.value for kind in RefusalKind if kind not in {RefusalKind.UNREACHABLE, RefusalKind.TOO_SMALL}}

    assert told | {"unknown"} == set(ROWS)
