"""The contract of a venue's edges is met by what the registry makes."""

import inspect
from typing import Any

import pytest

from bot.venues.contract import BookListener, Canceller, Feed, Gateway, Inspector, Reader
from bot.venues.deribit_feed import AccountFeed, MarketFeed
from bot.venues.deribit_gateway import DeribitGateway
from bot.venues.deribit_reader import DeribitReader
from bot.venues.paper.feeds import PaperAccountFeed, PaperMarketFeed
from bot.venues.paper.gateway import PaperGateway
from bot.venues.paper.venue import PaperVenue


@pytest.mark.parametrize(
    ("promise", "kept_by"),
    [
        (Gateway, DeribitGateway),
        (Gateway, PaperGateway),
        (Reader, DeribitReader),
        (Inspector, DeribitGateway),
        (Canceller, DeribitGateway),
        (Feed, MarketFeed),
        (Feed, AccountFeed),
        (Feed, PaperMarketFeed),
        (Feed, PaperAccountFeed),
        (BookListener, PaperVenue),
    ],
)
def test_every_promised_method_is_there(promise: Any, kept_by: Any) -> None:
    """Same names, same parameters, coroutine where a coroutine is promised."""
    promised = {name: member for name, member in vars(promise).items() if inspect.isfunction(member) and name[0] != "_"}
    figures = [name for name, member in vars(promise).items() if isinstance(member, property)]
    assert all(isinstance(getattr(kept_by, name, None), property) for name in figures), figures
    assert promised
    for name, member in promised.items():
        kept = getattr(kept_by, name)
        assert list(inspect.signature(member).parameters) == list(inspect.signature(kept).parameters), name
        assert inspect.iscoroutinefunction(member) is inspect.iscoroutinefunction(kept), name
