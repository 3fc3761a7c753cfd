import re

import pytest

from bot.observe.catalogue import ALWAYS, CATALOGUE, LogEvent


@pytest.mark.parametrize(("name", "entry"), CATALOGUE.items())
def test_every_entry_is_named_and_explained(name: str, entry: LogEvent) -> None:
    """`noun.past_verb` (or `noun.state`), a sentence, no field twice, none that is on every line anyway."""
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", name)
    assert entry.meaning.endswith(".")
    assert len(entry.fields) == len(set(entry.fields))
    assert set(entry.fields) & ALWAYS == set()


def test_no_field_sounds_like_a_secret() -> None:
    """Such a field would always be printed as redacted."""
    fields = {field for entry in CATALOGUE.values() for field in entry.fields}

    assert {field for field in fields if re.search("secret|token|passw|signature|authori", field)} == set()


def test_what_operators_look_for_is_there() -> None:
    """Names promised by the conventions."""
    promised = """run.started stream.lost stream.restored message.malformed market.distrusted hedge.decided
    hedge.skipped hedge.refused order.sent order.acked order.refused order.unknown order.filled order.cancelled
    position.mismatched limit.breached journal.stalled trading.halted"""

    assert set(promised.split()) - CATALOGUE.keys() == set()
