"""Puts a paper account together: the real venue's feed and questions, and an exchange of our own for orders.

Knows constructors and where the account is kept; no rule of how orders are matched.
"""

from pathlib import Path

from msgspec import structs

from bot.app.config import Config
from bot.domain.errors import ConfigError
from bot.journal.opening import path_of
from bot.journal.state_file import StateFile
from bot.venues.contract import Feed, Gateway
from bot.venues.link import Link
from bot.venues.paper.feeds import PaperAccountFeed, PaperMarketFeed
from bot.venues.paper.gateway import PaperGateway
from bot.venues.paper.opening import PaperParams
from bot.venues.paper.venue import PaperVenue, Shelf
from bot.venues.registry import Venue, option_side_of

_SUFFIX = ".paper"
"""The account is kept beside the ledger that tells its trades, under its name with this at the end."""


def refuse_empty_handed(config: Config) -> None:
    """ConfigError when there is no portfolio, no key to read an account with, and no account kept from before."""
    is_kept = Path(path_of(config.ledger_url) + _SUFFIX).exists()
    if not is_kept and config.portfolio is None and config.venue.credentials is None:
        raise ConfigError(
            "portfolio: is missing; paper needs a portfolio file, or a key that may read an account (venue.client_id)"
        )


def paper_edges(config: Config, venue: Venue, link: Link) -> tuple[Gateway, tuple[Feed, ...]]:
    """Gateway and feeds; ConfigError without something to hold, or a ledger file to keep the account beside."""
    refuse_empty_handed(config)
    path = path_of(config.ledger_url)
    if path == ":memory:":
        raise ConfigError("ledger.url: paper keeps its account beside the ledger; name a file")
    file = StateFile(Path(path + _SUFFIX))
    paper = PaperVenue(Shelf(load=file.load, save=file.save), link.now_ns)
    reader = option_side_of(link.settings.venue).reader(link)
    hedges = config.hedges_at(config.venue.venue)
    params = PaperParams(
        bases=tuple(book.book for book in config.books),
        hedges=hedges,
        latency_ns=config.paper.latency_ns,
        balances=config.paper.balances,
        portfolio=config.portfolio,
        fee_rate_maker=config.paper.fee_rate_maker,
        fee_rate_taker=config.paper.fee_rate_taker,
    )
    market = venue.market_feed(structs.replace(link, listener=paper), hedges, ())
    gateway = PaperGateway(params, paper, reader, link.now_ns)
    feeds: tuple[Feed, ...] = (PaperMarketFeed(market, paper), PaperAccountFeed(paper, reader, link.now_ns))
    return gateway, feeds
