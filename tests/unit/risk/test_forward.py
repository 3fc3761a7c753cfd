"""The forward of an expiry: who says it, who stands in, how old it is."""

from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Kind
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.risk.forward import Forward, ForwardSource, chosen

_CALL, _PUT = "BTC-27MAR26-100000-C", "BTC-27MAR26-100000-P"
_DATED = InstrumentId("BTC-27MAR26")


def _view(make: Any, *, is_listed: bool = True) -> MarketView:
    view = MarketView(make.trust())
    for name in (_CALL, _PUT):
        view.list_instrument(make.option(name))
    if is_listed:
        expiry_ns = make.option(_CALL).expiry_ns
        view.list_instrument(make.perpetual(id=_DATED, kind=Kind.FUTURE, expiry_ns=expiry_ns))
    return view


def _chosen(make: Any, view: MarketView, preferred: ForwardSource, *, after_ns: int = 0) -> Forward | None:
    spec = make.option(_CALL)
    return chosen(view, spec.index_name, spec.expiry_ns, Ns(make.now_ns + after_ns), preferred)


@pytest.mark.parametrize(
    ("preferred", "sees_option", "sees_future", "after_ns", "source", "usd"),
    [
        (ForwardSource.OPTIONS, True, True, 0, ForwardSource.OPTIONS, 100_000.0),
        (ForwardSource.FUTURE, True, True, 0, ForwardSource.FUTURE, 100_200.0),
        (ForwardSource.FUTURE, True, False, 0, ForwardSource.OPTIONS, 100_000.0),
        (ForwardSource.FUTURE, True, True, 6 * NS_PER_S, ForwardSource.OPTIONS, 100_000.0),  # the future is stale
        (ForwardSource.OPTIONS, False, True, 0, ForwardSource.FUTURE, 100_200.0),
    ],
)
def test_the_preferred_source_else_the_one_that_knows(  # noqa: PLR0917 - columns of the table
    make: Any,
    preferred: ForwardSource,
    sees_option: bool,
    sees_future: bool,
    after_ns: int,
    source: ForwardSource,
    usd: float,
) -> None:
    """Each stands in for the other; a future that is not trusted is none."""
    view = _view(make)
    if sees_option:
        view.see_option(make.option_marked(_CALL))
    if sees_future:
        view.see_future(make.future_marked(_DATED, mark_usd=100_200.0))

    assert _chosen(make, view, preferred, after_ns=after_ns) == Forward(usd, 100_000.0, source, make.now_ns)


def test_parity_where_nobody_says_it(make: Any) -> None:
    """F = K / (1 - (c - p)), as old as the older of the two quotes."""
    view = _view(make)
    older = Ns(make.now_ns - NS_PER_S)
    view.see_option(make.option_marked(_CALL, forward_usd=None, bid_native=0.060, ask_native=0.062))
    view.see_option(make.option_marked(_PUT, forward_usd=None, bid_native=0.050, ask_native=0.052, received_ns=older))

    found = _chosen(make, view, ForwardSource.OPTIONS)

    assert found is not None
    assert found.usd == pytest.approx(100_000.0 / (1.0 - 0.01), rel=1e-12)
    assert (found.source, found.received_ns) == (ForwardSource.PARITY, older)


@pytest.mark.parametrize("put_ask", [None, 0.040])
def test_none_where_nothing_says_it(make: Any, put_ask: float | None) -> None:
    """One side missing or crossed is no parity."""
    view = _view(make, is_listed=False)
    view.see_option(make.option_marked(_CALL, forward_usd=None))
    assert _chosen(make, view, ForwardSource.FUTURE) is None

    view.see_option(make.option_marked(_PUT, forward_usd=None, bid_native=0.050, ask_native=put_ask))

    assert _chosen(make, view, ForwardSource.FUTURE) is None
