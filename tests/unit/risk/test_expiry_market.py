"""What options of one expiry share: the forward with its source and age, as the record of a decision tells it."""

from decimal import Decimal
from typing import Any

from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Convention
from bot.risk.expiry_market import Terms, market_of
from bot.risk.legs import arrange

_CALL = "BTC-27MAR26-100000-C"
_TERMS = Terms(
    convention=Convention.OPTIONS_ONLY, window=Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)), price_usd=100_000.0
)


def _told(make: Any, left_s: int | None, **change: object) -> tuple[str, float | None, float | None] | None:
    """(source, forward, age in seconds) two seconds after a ticker, so long before expiry; None: far from it."""
    expiry_ns = make.option().expiry_ns
    now_ns = Ns(make.now_ns if left_s is None else expiry_ns - left_s * NS_PER_S)
    view = MarketView(make.trust())
    view.list_instrument(make.option())
    view.see_option(make.option_marked(received_ns=Ns(now_ns - 2 * NS_PER_S), **change))
    (expiry,) = arrange({make.option().id: Decimal(1)}, view.instruments).expiries
    market = market_of(view, expiry, now_ns, _TERMS)
    if market is None:
        return None
    used = market.forward
    assert (used.index_name, used.expiry_ns) == ("btc_usd", expiry_ns)
    return used.source, used.forward_usd, None if used.age_ns is None else used.age_ns / NS_PER_S


def test_the_forward_is_told_with_its_source_and_age(make: Any) -> None:
    """Of the options' tickers; of the index while it is averaged; nothing after expiry."""
    assert _told(make, None) == ("options", 100_000.0, 2.0)
    assert _told(make, 900, delivery_usd=100_000.0) == ("average", 100_000.0, 2.0)
    assert _told(make, 0) is None


def test_no_forward_is_said(make: Any) -> None:
    """None was told, or the average is not known."""
    assert _told(make, None, forward_usd=None) == ("none", None, None)
    assert _told(make, 900, delivery_usd=None) == ("none", None, None)
