"""Orders that vanish, venues that pause, options nobody has described: neither a silent loop nor a silent end."""

from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import Watch
from bot.domain.ids import Label
from bot.domain.reasons import HaltCause, Phase, RefusalKind
from bot.domain.time import NS_PER_S, Ns
from bot.execution.account import Account
from bot.execution.account_params import AccountParams
from bot.execution.standing import Standing
from bot.market.view import MarketView


@pytest.fixture
def account(make: Any) -> Account:
    """A BTC book that has agreed with a flat account."""
    view = MarketView(make.trust())
    view.list_instrument(make.perpetual())
    made = Account(
        AccountParams(
            book="BTC",
            hedges=(make.perpetual().id,),
            label_prefix="hb",
            limits=make.limits(),
            reconcile_interval_ns=Ns(60 * NS_PER_S),
            adopts_positions=False,
            figures=make.figures(),
        ),
        view,
    )
    _take(made, ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=Ns(make.now_ns - NS_PER_S)))
    _take(made, make.snapshot({}))
    return made


def _take(account: Account, event: Any) -> Any:
    return account.handlers()[type(event)](event)


def _vanish(account: Account, make: Any, number: int) -> None:
    """An order without an answer that the venue does not know."""
    label, at = Label(f"hb{number}"), Ns(make.now_ns + number * 100 * NS_PER_S)
    account.sent(make.place(label, valid_until_ns=Ns(at + 2 * NS_PER_S)), at)
    _take(account, ev.OrderUnknown(label=label, received_ns=at, cause="time-out"))
    _take(account, ev.OrderAbsent(label=label, received_ns=Ns(at + 4 * NS_PER_S)))


def test_orders_that_vanish_in_a_row_halt(account: Account, make: Any) -> None:
    """Orders get lost on the way while questions are answered: after five somebody must look."""
    phases = []
    for number in range(5):
        _vanish(account, make, number)
        phases.append(account.standing.phase)

    assert phases == [Phase.RUNNING] * 4 + [Phase.HALTED]
    assert account.standing.cause == HaltCause.REFUSALS_IN_A_ROW.value


def test_intents_of_earlier_runs_that_never_left_are_no_such_row(account: Account, make: Any) -> None:
    """Five crashes between ledger and venue are history, not a reason to halt this run."""
    for number in range(9):
        label = Label(f"hbold{number}")
        order = make.place(label)
        _take(
            account,
            ev.IntentRestored(
                label=label,
                instrument=order.instrument,
                amount_native=order.amount_native,
                price_native=order.price_native,
                valid_until_ns=order.valid_until_ns,
                received_ns=make.now_ns,
            ),
        )
        _take(account, ev.OrderAbsent(label=label, received_ns=make.now_ns))

    assert account.standing.phase is Phase.RUNNING


def test_a_venue_that_pauses_is_waited_for(make: Any) -> None:
    """Settlement, maintenance, a locked book: ever longer waits up to a minute, and no halt that nobody lifts."""
    standing = Standing(refusals_in_a_row_max=5)
    standing.enter(Phase.RUNNING, "reconciled")
    for _ in range(20):
        standing.order_refused(RefusalKind.PAUSE, make.now_ns, "11051 system_maintenance")

    assert standing.phase is Phase.RUNNING
    assert standing.is_backing_off(Ns(make.now_ns + 60 * NS_PER_S - 1))
    assert not standing.is_backing_off(Ns(make.now_ns + 60 * NS_PER_S))
    for _ in range(5):
        standing.order_refused(RefusalKind.BACK_OFF, make.now_ns, "10028 too_many_requests")
    assert standing.cause == HaltCause.REFUSALS_IN_A_ROW.value


def test_a_held_option_without_specification_is_asked_for_at_each_agreement(account: Account, make: Any) -> None:
    """The listing could not be had when the option was bought: the book does not stay blind until a restart."""
    name = "BTC-27MAR26-100000-C"
    bought = _take(account, make.fill("f1", "1", instrument=name))
    later = Ns(make.now_ns + 60 * NS_PER_S)
    agreed = _take(account, make.snapshot({name: "1"}, requested_ns=later, received_ns=later))
    account._view.list_instrument(make.option(name))
    last = Ns(make.now_ns + 120 * NS_PER_S)
    described = _take(account, make.snapshot({name: "1"}, requested_ns=last, received_ns=last))

    watch = (Watch(instruments=(name,)),)
    assert (bought.commands, agreed.commands, described.commands) == (watch, watch, ())
