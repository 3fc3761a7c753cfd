"""What a key that trades must be allowed, what it must not be, and whose it must be (exchange facts 3.7).

Knows the words of the venue's scopes; asks nothing. Both roads of orders are held against it.
"""

from bot.domain.errors import ConfigError
from bot.venues.deribit_rest import Identity
from bot.venues.venue_rest import convert


def demand_scope(scope: str) -> None:
    """ConfigError unless a key may trade and read its account, and cannot withdraw."""
    scopes = set(scope.split())
    if "wallet:read_write" in scopes:
        raise ConfigError("venue.client_id: the key may withdraw (wallet:read_write); create one with wallet:none")
    if "trade:read_write" not in scopes:
        raise ConfigError(f"venue.client_id: the key may not trade; it needs trade:read_write, it has {scope!r}")
    if scopes.isdisjoint({"account:read", "account:read_write"}):
        raise ConfigError(f"venue.client_id: the key may not read its account; it needs account:read, it has {scope!r}")


def demand_account(summaries: object, expected: str | None) -> str:
    """Id of the account that answered `private/get_account_summaries`; ConfigError when another one is expected."""
    found = str(convert(summaries, Identity).account_id)
    if expected is not None and found != expected:
        raise ConfigError(
            f"live.account_id: {expected} is expected, the key belongs to account {found}; check the key, then the id"
        )
    return found
