"""Where a venue lives and who we are there. Plain data; reads no file and no environment (`app` does)."""

from typing import Final

from msgspec import Struct

from bot.domain.errors import ConfigError
from bot.domain.ids import VenueId

CCXT: Final = "ccxt"
DERIBIT_WS: Final = "deribit_ws"
"""Ways for orders: HTTP requests through ccxt, or a websocket of their own."""


class Credentials:
    """An API key. Its secrets never show in `repr`, in an error text or in an encoded message."""

    __slots__ = ("_passphrase", "_secret", "key_id")

    def __init__(self, key_id: str, secret: str, passphrase: str | None = None) -> None:
        self.key_id: Final = key_id
        self._secret: Final = secret
        self._passphrase: Final = passphrase

    def reveal(self) -> str:
        """The secret itself; only for signing and for the client's constructor."""
        return self._secret

    def reveal_passphrase(self) -> str | None:
        """The third part of a key, where a venue has one (OKX)."""
        return self._passphrase

    def __repr__(self) -> str:
        return f"Credentials({self.key_id!r}, ***)"


class Hosts(Struct, frozen=True, kw_only=True):
    """A pair of addresses that belong together."""

    ws_url: str
    """Whole address of the websocket: `wss://test.deribit.com/ws/api/v2`."""
    rest_url: str
    """Scheme and host: `https://test.deribit.com`; a trailing `/api/v2` is allowed."""
    is_testnet: bool | None
    """What the `testnet` flag of replies from there says; None: either."""


class VenueSettings(Struct, frozen=True, kw_only=True):
    """One venue as this run talks to it."""

    venue: VenueId
    ws_url: str
    """Whole address of the websocket: `wss://test.deribit.com/ws/api/v2`."""
    rest_url: str
    """Scheme and host: `https://test.deribit.com`; a trailing `/api/v2` is allowed."""
    is_testnet: bool | None
    """What the `testnet` flag of every reply must say; None: not checked, for runs that send no orders."""
    credentials: Credentials | None = None
    """None: public market data only."""
    account_id: str | None = None
    """The account the key must belong to; None: whichever it is."""
    gateway: str = CCXT
    """Which way orders go."""


def refuse_other_world(settings: VenueSettings, says: object, key: str) -> None:
    """ConfigError when the `testnet` flag of a reply from `venue.KEY` is not the expected one, or is missing."""
    if settings.is_testnet is not None and says is not settings.is_testnet:
        raise ConfigError(
            f"venue.{key}: a reply from there says testnet={says}, expected is {settings.is_testnet};"
            f" check venue.{key}, venue.hosts and mode"
        )
