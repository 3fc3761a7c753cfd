"""Addresses by name, by hand, or half of each; and what the venue there must say of itself."""

import pytest

from bot.app.hosts import Expected, resolved
from bot.app.settings import VenueSection
from bot.domain.errors import ConfigError

_TESTNET = Expected(hosts="testnet", is_testnet=True)
_REAL = Expected(hosts="production", is_testnet=False)
_WATCHES = Expected(hosts="production", is_testnet=None)

_PRODUCTION = ("wss://www.deribit.com/ws/api/v2", "https://www.deribit.com")
_TEST = ("wss://test.deribit.com/ws/api/v2", "https://test.deribit.com")
_LOCAL = ("ws://127.0.0.1:8651/ws/api/v2", "http://127.0.0.1:8651")
_OWN = ("ws://127.0.0.1:9/ws/api/v2", "http://localhost:9")
_OWN_KEYS = {"ws_url": _OWN[0], "rest_url": _OWN[1]}


@pytest.mark.parametrize(
    ("keys", "expected", "addresses", "is_testnet"),
    [
        # the mode's own
        ({}, _TESTNET, _TEST, True),
        ({}, _REAL, _PRODUCTION, False),
        ({}, _WATCHES, _PRODUCTION, False),
        # by name
        ({"hosts": "testnet"}, _WATCHES, _TEST, True),
        ({"hosts": "local"}, _TESTNET, _LOCAL, True),
        ({"hosts": "local"}, _REAL, _LOCAL, False),
        ({"hosts": "local"}, _WATCHES, _LOCAL, None),
        # by hand: the mode says what to expect; one that sends no orders does not care
        (_OWN_KEYS, _TESTNET, _OWN, True),
        (_OWN_KEYS, _REAL, _OWN, False),
        (_OWN_KEYS, _WATCHES, _OWN, None),
        (_OWN_KEYS | {"hosts": "testnet"}, _WATCHES, _OWN, None),
        (_OWN_KEYS | {"hosts": "production"}, _TESTNET, _OWN, True),
        # said outright
        (_OWN_KEYS | {"testnet": False}, _WATCHES, _OWN, False),
        ({"testnet": True}, _WATCHES, _PRODUCTION, True),
        ({"testnet": False}, _REAL, _PRODUCTION, False),
        # the named addresses written out are the named ones
        ({"ws_url": _PRODUCTION[0], "rest_url": _PRODUCTION[1]}, _WATCHES, _PRODUCTION, False),
        ({"rest_url": "https://proxy.example"}, _REAL, (_PRODUCTION[0], "https://proxy.example"), False),
    ],
)
def test_where_and_what_to_expect(
    keys: dict[str, object], expected: Expected, addresses: tuple[str, str], is_testnet: bool | None
) -> None:
    """Addresses given by hand win over names; a flag given outright over what they imply."""
    hosts = resolved(VenueSection(**keys), expected, "m")  # type: ignore[arg-type]

    assert (hosts.ws_url, hosts.rest_url) == addresses
    assert hosts.is_testnet is is_testnet


@pytest.mark.parametrize(
    ("keys", "expected", "line"),
    [
        ({"hosts": "production"}, _TESTNET, "venue.hosts: production is not for mode m; "),
        ({"follow_clock": True}, _TESTNET, "venue.follow_clock: is for a venue on this machine; "),
        ({"follow_clock": True, "ws_url": _OWN[0]}, _TESTNET, "venue.follow_clock: is for a venue on this machine; "),
        ({"hosts": "testnet"}, _REAL, "venue.hosts: testnet is not for mode m; "),
        ({"testnet": True}, _REAL, "venue.testnet: true is not for mode m; "),
        (_OWN_KEYS | {"testnet": False}, _TESTNET, "venue.testnet: false is not for mode m; "),
        ({"ws_url": _OWN[0]}, _TESTNET, "venue.ws_url: one of ws_url and rest_url is on this machine"),
        ({"rest_url": "http://[::1]:9"}, _REAL, "venue.ws_url: one of ws_url and rest_url is on this machine"),
        (
            {"ws_url": "ws://10.0.0.1/ws/api/v2"},
            _REAL,
            "venue.ws_url: is not encrypted; mode m needs wss:// and https://",
        ),
        ({"rest_url": "http://www.deribit.com"}, _REAL, "venue.rest_url: is not encrypted; "),
        ({"name": "nowhere"}, _WATCHES, "venue.name: 'nowhere' is not one of "),
    ],
)
def test_what_does_not_belong_together_is_refused(keys: dict[str, object], expected: Expected, line: str) -> None:
    """Test orders at the real venue, real ones at the test venue, prices from one and orders to the other."""
    with pytest.raises(ConfigError) as caught:
        resolved(VenueSection(**keys), expected, "m")  # type: ignore[arg-type]

    assert str(caught.value).startswith(line)
