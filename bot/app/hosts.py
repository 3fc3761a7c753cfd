"""Which addresses a run talks to and what the venue there must say of itself: from names, overrides and mode.

Knows the keys of `[venue]` and `[hedge_venue]` and the rules between them; must not know modes, only what one expects.
"""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from bot.app.settings import PlaceSection, VenueSection
from bot.domain.errors import ConfigError
from bot.venues.registry import venue_named
from bot.venues.settings import Hosts


class Expected(Struct, frozen=True, kw_only=True):
    """What a mode expects of the venue."""

    hosts: str
    """Its addresses unless others are named."""
    is_testnet: bool | None
    """What the venue must say of itself; None: this mode sends no orders, either will do."""


def resolved(section: PlaceSection, expected: Expected, mode: str, table: str = "venue") -> Hosts:
    """Addresses and flag of a run; ConfigError when they do not belong together or not to the mode.

    `table`: the one the section is of.
    """
    name = section.hosts or expected.hosts
    known = venue_named(section.name, f"{table}.name").hosts
    named = known.get(name)
    if named is None:
        raise ConfigError(f"{table}.hosts: {section.name} has no {name} addresses; it has {', '.join(known)}")
    ws_url, rest_url = section.ws_url or named.ws_url, section.rest_url or named.rest_url
    is_named = (ws_url, rest_url) == (named.ws_url, named.rest_url)
    implied = named.is_testnet if is_named else None
    is_testnet = next((flag for flag in (section.testnet, implied, expected.is_testnet) if flag is not None), None)
    follows_clock = isinstance(section, VenueSection) and section.follow_clock
    if follows_clock and not (_is_loopback(ws_url) and _is_loopback(rest_url)):
        raise ConfigError("venue.follow_clock: is for a venue on this machine; synchronise this host's clock instead")
    if expected.is_testnet is not None:
        if is_testnet is not expected.is_testnet:
            said = f"hosts: {name}" if section.testnet is None else f"testnet: {str(is_testnet).lower()}"
            raise ConfigError(f"{table}.{said} is not for mode {mode}; remove the key, or change the mode")
        if _is_loopback(ws_url) is not _is_loopback(rest_url):
            raise ConfigError(
                f"{table}.ws_url: one of ws_url and rest_url is on this machine, the other is not; give both or none"
            )
    if expected.is_testnet is False:
        for key, url in (("ws_url", ws_url), ("rest_url", rest_url)):
            if urlsplit(url).scheme in _PLAIN and not _is_loopback(url):
                raise ConfigError(f"{table}.{key}: is not encrypted; mode {mode} needs wss:// and https://")
    return Hosts(ws_url=ws_url, rest_url=rest_url, is_testnet=is_testnet)


_PLAIN: Final = frozenset({"ws", "http"})
_LOCAL_NAMES: Final = frozenset({"localhost", "localhost.localdomain"})


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOCAL_NAMES
