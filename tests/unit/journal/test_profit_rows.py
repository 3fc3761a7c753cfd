"""What made the profit as ledger rows."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from bot.domain.time import Ns
from bot.journal.profit_rows import ProfitRow, profit_row
from bot.journal.schema import profits

_ROW = ProfitRow(
    book="BTC",
    leg="BTC-27MAR26-100000-C",
    at_ns=Ns(70),
    since_ns=Ns(10),
    currency="BTC",
    total_native=0.5,
    total_usd=50_000.0,
    parts_native={"gamma": 0.75, "theta": -0.25},
    parts_usd={"gamma": 75_000.0, "theta": -25_000.0},
    steps_count=60,
    unexplained_count=1,
)


def test_a_row_has_a_column_for_every_field() -> None:
    """In the table's order."""
    assert ["run_id", *ProfitRow.__struct_fields__] == list(profits.c.keys())
    row = profit_row("r1", _ROW)
    assert len(row) == len(profits.c)
    assert json.loads(str(row[list(profits.c.keys()).index("parts_usd")])) == _ROW.parts_usd


def test_a_number_that_is_none_is_stopped_before_the_ledger() -> None:
    """A bug upstream, instead of a NULL."""
    with pytest.raises(AssertionError):
        profit_row(
            "r1",
            ProfitRow(
                **{name: getattr(_ROW, name) for name in ProfitRow.__struct_fields__} | {"total_usd": float("nan")}
            ),
        )


def test_the_ledger_keeps_them(open_ledger: Any) -> None:
    """Written by the next flush, read as they were."""
    ledger = open_ledger("r1")
    ledger.keep_profits([_ROW])
    ledger.flush()
    (found,) = ledger._ask(lambda at: at.execute(select(profits)).all())

    assert found == ("r1", *profit_row("r1", _ROW)[1:])
