"""What a run needs before it may so much as connect: a key, and in live a deliberate yes and an account.

Knows the keys and the next steps; which mode is live is `compose`'s word, what the venue says is the gateway's.
"""

from collections.abc import Iterable
from typing import Final

from bot.app.config import Config
from bot.book import BookParams, hedges_of
from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT, venue_of
from bot.domain.instruments import Instrument
from bot.execution.tactic_table import entry_of
from bot.risk.conventions import Convention
from bot.venues.registry import venue_named
from bot.venues.settings import CCXT, Credentials


def refuse_flat(config: Config) -> None:
    """ConfigError where there is nothing to hedge."""
    if config.portfolio is None:
        raise ConfigError("portfolio: is missing; give a file with --portfolio")


def refuse_keyless(config: Config) -> None:
    """ConfigError where orders would have no key, or positions could not be read."""
    if config.venue.credentials is None:
        raise ConfigError("venue.client_id: is missing; orders need a key")
    if config.hedge_venue is not None and config.hedge_venue.credentials is None:
        raise ConfigError("hedge_venue.client_id: is missing; orders need a key")


def refuse_unarmed(config: Config) -> None:
    """ConfigError unless the run was armed, for one account."""
    if not config.armed:
        raise ConfigError(
            "live.armed: is false; set it to true when `hedgebot check` has no other objection, or use mode testnet"
        )


def refuse_nameless(config: Config) -> None:
    """ConfigError unless every account is named that a key must belong to."""
    if config.venue.account_id is None:
        raise ConfigError("live.account_id: is missing; `hedgebot check` tells the id of the key's account")
    if config.hedge_venue is not None and config.hedge_venue.account_id is None:
        raise ConfigError("hedge_venue.account_id: is missing; `hedgebot check` tells the id of the key's account")


def refuse_rest(books: Iterable[BookParams]) -> None:
    """ConfigError for a tactic that leaves orders resting, where nobody takes them back if this process vanishes."""
    for book in books:
        if entry_of(book.tactic).rests:
            raise ConfigError(
                f"books.{book.book.lower()}.tactic.name: {type(book.tactic).__struct_config__.tag} leaves orders "
                "resting, and nothing takes them back if the bot vanishes; use tactic cross or slice"
                + _OR_SOCKET
                * all(venue_of(name) == DERIBIT for name in hedges_of(book))
            )


_OR_SOCKET: Final = ', or venue.gateway = "deribit_ws" with a key that has account:read_write'


def refuse_rest_over_rest(config: Config) -> None:
    """The same before anybody connects: no cancel-on-disconnect covers what goes by REST, only a dead-man switch."""
    by_rest = {
        venue.venue
        for venue in config.venues
        if venue.gateway == CCXT and not venue_named(venue.venue).has_dead_man_switch
    }
    refuse_rest(book for book in config.books if not by_rest.isdisjoint(map(venue_of, hedges_of(book))))


def refuse_endless(config: Config) -> None:
    """ConfigError for a standby where an order has no deadline of its own: one sent late could meet the next one's."""
    for venue in config.venues:
        if config.stands_by and not venue_named(venue.venue).has_order_deadline:
            raise ConfigError(
                f"standby.enabled: orders at {venue.venue} have no deadline that a lease could bound; set it to false, "
                "or hedge at a venue that has one"
            )


def watchdog_key(config: Config) -> Credentials:
    """The watchdog's key; ConfigError where it has none of its own, so that one key's loss costs both."""
    key, bots = config.watchdog.credentials, config.venue.credentials
    if key is None:
        raise ConfigError("watchdog.client_id: is missing; a watchdog needs a key of its own")
    if bots is not None and bots.key_id == key.key_id:
        raise ConfigError("watchdog.client_id: is the bot's own key; create another one for the same account")
    return key


def refuse_uncounted(book: BookParams, listed: Iterable[Instrument]) -> None:
    """ConfigError where a hedge is paid in coins that the book's convention counts, in an account it does not see."""
    for spec in listed:
        is_counted = book.convention is not Convention.USD or venue_of(spec.id) == DERIBIT or not spec.is_inverse
        if spec.id in hedges_of(book) and not is_counted:
            raise ConfigError(
                f"books.{book.book.lower()}.hedge_instrument: {spec.id} is paid in {spec.settlement_currency}, and "
                f"convention usd counts the coins of {DERIBIT}'s account only; name a linear one"
            )
