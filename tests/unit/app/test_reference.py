from pathlib import Path

import pytest
from msgspec import Struct

from bot.app import reference
from bot.app.config import Settings
from bot.domain.commands import PlaceOrder
from bot.domain.reasons import Reason
from bot.observe.catalogue import CATALOGUE


@pytest.mark.parametrize("name", reference.pages())
def test_the_committed_page_is_what_the_code_says(repo_root: Path, name: str) -> None:
    """`make docs` writes them again."""
    assert reference.pages()[name] == (repo_root / "docs/reference" / name).read_text()


def test_every_section_of_the_configuration_is_listed() -> None:
    """And every key has words for what it means."""
    keys = reference.config_keys()

    assert {key.split(".")[0] for key, *_ in keys} == set(Settings.model_fields)
    assert [key for key, _, _, meaning in keys if not meaning] == []
    assert len(keys) == len({key for key, *_ in keys})


def test_keys_show_type_bounds_and_default() -> None:
    """As someone writing the file needs them."""
    keys = {key: (kind, default) for key, kind, default, _ in reference.config_keys()}

    assert keys["books.COIN.band.trade_to"] == ("`edge` or `inner` or `target`", "`edge`")
    assert keys["books.COIN.limits.order_usd_max"] == ("number > 0.0", "**required**")
    assert keys["health.port"][0] == "integer ≥ 0, ≤ 65,535"
    assert keys["venue.client_secret"] == ("secret", "")
    assert keys["venue.testnet"] == ("true or false", "")
    assert keys["venue.ws_url"] == ("text", "")
    assert keys["tape.enabled"] == ("true or false", "`true`")


def test_every_log_event_with_its_fields_is_listed() -> None:
    """A line somebody finds in a log is found in the reference."""
    text = reference.log_events()

    assert [name for name in CATALOGUE if f"| `{name}` |" not in text] == []
    assert "`gamma_coin_per_usd`" in text


def test_words_under_a_name_in_the_source_are_its_meaning() -> None:
    """For members of an enumeration and fields of a struct alike."""
    assert "| `order_pending` | A hedge on this instrument is in flight, open or unknown. |" in reference.reasons()
    assert "| `amount_native` | `Decimal` | Signed: + buy. On the lot. |" in reference.events()
    assert Reason.HALTED.value in reference.reasons()
    assert f"### {PlaceOrder.__name__}" in reference.events()


def test_a_bar_in_a_cell_does_not_break_its_table() -> None:
    """`float | None` is a type."""
    assert reference.table(("a",), [("x | y",)]) == "| a |\n| --- |\n| x \\| y |"


def test_pages_are_written_to_a_folder(tmp_path: Path) -> None:
    """Nothing else is."""
    reference.write(tmp_path)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == reference.pages()


def test_a_struct_without_words_is_still_listed() -> None:
    """Fields without a text have an empty meaning."""

    class Plain(Struct):
        amount: int

    assert "| `amount` | `int` |  |" in reference._struct(Plain)
