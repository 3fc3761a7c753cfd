"""Another policy, or other numbers, for one book."""

from typing import Any

import pytest

from bot.app.config import load
from bot.app.overrides import merged, of_book
from bot.domain.errors import ConfigError


def test_another_policy_leaves_the_numbers_of_the_files_behind(repo_root: Any) -> None:
    """A file with a fixed band can be asked for any other; what is laid over every policy stays."""
    over = merged({"portfolio": repo_root / "config/portfolios/call.toml"}, of_book("BTC", "whalley_wilmott", ()))
    book = load(repo_root / "config/tape.toml", over, run_tag="t").book("BTC")

    assert type(book.band).__struct_config__.tag == "whalley_wilmott"
    assert book.trade_coin_min == 0.005


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("band.interval_s=300", ("band", "interval_s"), 300),
        ("interval_s=300.5", ("band", "interval_s"), 300.5),
        ("hedge_instrument=BTC-14APR23", ("hedge_instrument",), "BTC-14APR23"),
        ('convention = "coin"', ("convention",), "coin"),
        ("order_usd_max=5", ("limits", "order_usd_max"), 5),
        ("tactic.kind=auto", ("tactic", "kind"), "auto"),
    ],
)
def test_a_key_is_one_of_the_book(text: str, path: tuple[str, ...], value: object) -> None:
    """With its section, or without where one alone has it; a value is TOML, or text."""
    found: Any = of_book("btc", None, (text,))["books"]["btc"]
    for name in path:
        found = found[name]

    assert found == value


@pytest.mark.parametrize(
    ("text", "why"),
    [("interval_s", "no KEY=VALUE"), ("nonsense=1", "nonsense is in no section"), ("band=1", "set twice")],
)
def test_what_is_no_assignment_is_refused(text: str, why: str) -> None:
    """In one line that names it."""
    with pytest.raises(ConfigError, match=why):
        of_book("BTC", None, (text, "band.interval_s=1"))


def test_nothing_asked_is_nothing_laid_over() -> None:
    """Later parts go over earlier ones, deeply."""
    assert of_book("BTC", None, ()) == {}
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"d": 4}) == {"a": {"b": 3, "c": 2}, "d": 4}
