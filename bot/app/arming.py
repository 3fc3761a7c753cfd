"""What a run needs before it may so much as connect: a key, and in live a deliberate yes and an account.

Knows the keys and the next steps; which mode is live is `compose`'s word, what the venue says is the gateway's.
"""

from collections.abc import Iterable

from bot.app.config import Config
from bot.book import BookParams
from bot.domain.errors import ConfigError
from bot.execution.tactic_table import entry_of
from bot.venues.settings import CCXT


def refuse_flat(config: Config) -> None:
    """ConfigError where there is nothing to hedge."""
    if config.portfolio is None:
        raise ConfigError("portfolio: is missing; give a file with --portfolio")


def refuse_keyless(config: Config) -> None:
    """ConfigError where orders would have no key."""
    if config.venue.credentials is None:
        raise ConfigError("venue.client_id: is missing; orders need a key")


def refuse_unarmed(config: Config) -> None:
    """ConfigError unless the run was armed, for one account."""
    if not config.armed:
        raise ConfigError(
            "live.armed: is false; set it to true when `hedgebot check` has no other objection, or use mode testnet"
        )


def refuse_nameless(config: Config) -> None:
    """ConfigError unless the account is named that the key must belong to."""
    if config.venue.account_id is None:
        raise ConfigError("live.account_id: is missing; `hedgebot check` tells the id of the key's account")


def refuse_rest(books: Iterable[BookParams]) -> None:
    """ConfigError for a tactic that leaves orders resting, where nobody takes them back if this process vanishes."""
    for book in books:
        if entry_of(book.tactic).rests:
            raise ConfigError(
                f"books.{book.book.lower()}.tactic.name: {type(book.tactic).__struct_config__.tag} leaves orders "
                "resting, and nothing takes them back if the bot vanishes; use tactic cross or slice, or "
                'venue.gateway = "deribit_ws" with a key that has account:read_write'
            )


def refuse_rest_over_rest(config: Config) -> None:
    """The same before anybody connects: no venue's cancel-on-disconnect covers what goes by REST."""
    if config.venue.gateway == CCXT:
        refuse_rest(config.books)
