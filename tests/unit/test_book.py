"""What each side of the engine is told of a book's parameters."""

from typing import Any

import pytest
from msgspec import structs

from bot.book import account_params_of, audit_params_of, hedge_params_of
from bot.execution.tactics import auto, cross
from bot.risk.conventions import Convention


def test_a_field_of_the_same_name_is_the_same(make: Any) -> None:
    """Nothing is reinterpreted on the way to hedging, account and audit."""
    book = make.book(treasury_coin=0.5)
    for part in (hedge_params_of(book), account_params_of(book), audit_params_of(book)):
        shared = set(part.__struct_fields__) & set(book.__struct_fields__)

        assert len(shared) >= 3
        assert {name: getattr(part, name) for name in shared} == {name: getattr(book, name) for name in shared}


@pytest.mark.parametrize("convention", Convention)
def test_equity_is_refused_on_only_where_it_is_hedged(make: Any, convention: Convention) -> None:
    """A wrong equity is a wrong delta under `usd` alone."""
    params = audit_params_of(make.book(convention=convention))

    assert params.check.refuses_on_equity is (convention is Convention.USD)


def test_figures_are_those_of_the_coin(make: Any) -> None:
    """The account's figures are read by the book's convention and coin."""
    figures = account_params_of(make.book(treasury_coin=0.5, counts_usdc=True)).figures

    assert (figures.coin, figures.treasury_coin, figures.counts_usdc) == ("BTC", 0.5, True)


def test_only_auto_has_a_cost_of_resting(make: Any) -> None:
    """Its maker band is drawn by what a resting fill is expected to lose."""
    book = make.book(tactic=auto.Params(adverse_bps=0.5))

    assert hedge_params_of(book).maker_cost_fraction == pytest.approx(0.5e-4)
    assert hedge_params_of(structs.replace(book, tactic=cross.Params())).maker_cost_fraction is None
