"""Prepared text of both kinds of database, from one schema."""

import pytest

from bot.journal.schema import fills, intents, order_events
from bot.journal.statements import insert_of, statements_of


@pytest.mark.parametrize(("dialect", "mark"), [("sqlite", "?"), ("postgresql", "%s")])
def test_a_row_has_a_place_for_each_column(dialect: str, mark: str) -> None:
    """Numbers the database gives itself are left out; fills count once."""
    texts = statements_of(dialect)

    assert texts.intent.count(mark) == len(intents.columns)
    assert texts.order_event.count(mark) == len(order_events.columns) - 1
    assert texts.fill.count(mark) == len(fills.columns)
    assert "ON CONFLICT (venue, fill_id) DO UPDATE" in texts.fill


def test_what_differs_between_the_two() -> None:
    """A file is locked as a whole; in a database the lease's row is held until the transaction ends."""
    file, there = statements_of("sqlite"), statements_of("postgresql")

    assert (file.begin, there.begin) == ("BEGIN IMMEDIATE", "BEGIN")
    assert there.fence.endswith("FOR SHARE")
    assert "FOR SHARE" not in file.fence


def test_an_insert_can_say_what_happens_to_a_row_that_is_there() -> None:
    """In both."""
    assert all(hasattr(insert_of(name, fills), "on_conflict_do_update") for name in ("sqlite", "postgresql"))
