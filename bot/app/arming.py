"""What a run needs before it may so much as connect: a key, and in live a deliberate yes and an account.

Knows the keys and the next steps; which mode is live is `compose`'s word, what the venue says is the gateway's.
"""

from bot.app.config import Config
from bot.domain.errors import ConfigError


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
