from sqlalchemy import create_engine, inspect

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided
from bot.journal.schema import decisions, intents, metadata


def test_every_table_of_the_ledger_is_created() -> None:
    """One call makes the whole ledger."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    names = set(inspect(engine).get_table_names())
    engine.dispose()

    expected = {
        "decisions",
        "fills",
        "intents",
        "leases",
        "losses",
        "meta",
        "order_events",
        "positions",
        "profits",
        "reconciliations",
        "reloads",
        "runs",
        "stops",
    }
    assert expected == names


def test_a_decision_has_a_column_for_every_field() -> None:
    """Nothing that mattered for a decision is left out of the ledger."""
    assert {"run_id", *Decided.__struct_fields__} == set(decisions.c.keys())


def test_an_intent_has_a_column_for_every_field_of_its_order() -> None:
    """An order can be told from its intent alone."""
    assert {"run_id", "book", *PlaceOrder.__struct_fields__} == set(intents.c.keys())


def test_money_is_text() -> None:
    """Exact decimals are not stored as binary fractions."""
    columns = [column for table in metadata.tables.values() for column in table.columns]
    money = {
        column.name: str(column.type) for column in columns if column.name.endswith(("amount_native", "fee_native"))
    }

    assert set(money.values()) == {"TEXT"}
