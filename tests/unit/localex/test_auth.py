import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.localex.auth import Grant, HttpCall, Key, Keyring, parse_key, sign
from bot.localex.rpc import Params, RpcError

_NOW_MS = 1_576_074_319_000
_NOW_NS = Ns(_NOW_MS * NS_PER_MS)
_SECRET, _WRONG = "secret", "wrong"
_KEY = parse_key(f"demo:{_SECRET}")


def _code(keyring: Keyring, params: dict[str, object], socket: int | None = 1) -> int:
    with pytest.raises(RpcError) as caught:
        keyring.authenticate(Params(params), _NOW_NS, socket)
    return caught.value.code


def _login(keyring: Keyring, socket: int | None = 1, **more: object) -> Grant:
    params = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "secret", **more}
    return keyring.authenticate(Params(params), _NOW_NS, socket)


def _signed(stamp_ms: int, secret: str = _SECRET, data: str = "") -> dict[str, object]:
    return {
        "grant_type": "client_signature",
        "client_id": "demo",
        "timestamp": stamp_ms,
        "nonce": "n1",
        "data": data,
        "signature": sign(secret, f"{stamp_ms}\nn1\n{data}"),
    }


def test_the_venues_own_example_of_a_signature_comes_out() -> None:
    """Known answer of the venue's documentation (exchange facts 1.2)."""
    text = "1576074319000\n1iqt2wls\n"

    expected = "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1"
    assert sign("AMANDASECRECT", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demo:demo", Key("demo", "demo", {"trade": "read_write", "account": "read", "wallet": "none"})),
        ("a:b:trade:read account:none", Key("a", "b", {"trade": "read", "account": "none"})),
        ("a:b:", Key("a", "b", {})),
        ("nosecret", None),
        (":b", None),
        ("a:b:trade:everything", None),
        ("a:b:trade", None),
    ],
)
def test_keys_are_written_id_secret_scopes(text: str, expected: Key | None) -> None:
    """A key that cannot be read is refused (None here) instead of guessed."""
    try:
        found: Key | None = parse_key(text)
    except ValueError:
        found = None
    assert found == expected


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"grant_type": "client_credentials", "client_id": "demo", "client_secret": "wrong"}, 13004),
        ({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "secret"}, 13004),
        ({"grant_type": "client_credentials", "client_id": "demo"}, -32602),
        ({"grant_type": "password"}, -32602),
        ({}, -32602),
        (_signed(_NOW_MS, secret=_WRONG), 13004),
        (_signed(_NOW_MS - 60_001), 13004),
        (_signed(_NOW_MS + 60_001), 13004),
        ({**_signed(_NOW_MS), "timestamp": "soon"}, 13004),
        ({"grant_type": "refresh_token", "refresh_token": "made up"}, 13004),
    ],
)
def test_wrong_proofs_are_refused(params: dict[str, object], code: int) -> None:
    """Wrong secret, signature or clock is 13004; a missing parameter is -32602."""
    assert _code(Keyring([_KEY]), params) == code


@pytest.mark.parametrize("stamp_ms", [_NOW_MS, _NOW_MS - 60_000, _NOW_MS + 60_000])
@pytest.mark.parametrize("data", ["", "x"])
def test_a_fresh_signature_opens(stamp_ms: int, data: str) -> None:
    """Sixty seconds either way are fresh; the data may be empty."""
    grant = Keyring([_KEY]).authenticate(Params(_signed(stamp_ms, data=data)), _NOW_NS, 1)

    assert grant.account == "demo"


def test_the_reply_lists_what_was_granted() -> None:
    """Names and types as the venue documents them; the key's scopes and the kind of session."""
    reply = _login(Keyring([_KEY])).reply()

    assert {name: type(value) for name, value in reply.items()} == {
        "access_token": str,
        "refresh_token": str,
        "expires_in": int,
        "scope": str,
        "token_type": str,
        "enabled_features": list,
    }
    assert (reply["scope"], reply["token_type"]) == ("account:read connection trade:read_write wallet:none", "bearer")


@pytest.mark.parametrize(
    ("wish", "scope", "expires_in_s"),
    [
        ("trade:read", "account:read connection trade:read wallet:none", 31_536_000),
        ("wallet:read_write", "account:read connection trade:read_write wallet:none", 31_536_000),
        ("account:none expires:60", "account:none connection trade:read_write wallet:none", 60),
        ("session:bot expires:9999999999", "account:read session:bot trade:read_write wallet:none", 31_536_000),
        ("nonsense:1 connection ip:127.0.0.1", "account:read connection trade:read_write wallet:none", 31_536_000),
    ],
)
def test_a_scope_narrows_and_never_widens(wish: str, scope: str, expires_in_s: int) -> None:
    """What the key may not do cannot be asked for; the reply says what came of it."""
    grant = _login(Keyring([_KEY]), scope=wish)

    assert (grant.scope_text, grant.expires_in_s) == (scope, expires_in_s)


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ("trade:read", True),
        ("trade:read_write", True),
        ("account:read", True),
        ("account:read_write", False),
        ("wallet:read", False),
        ("block_trade:read", False),
        ("connection:none", True),
    ],
)
def test_grants_allow_what_their_scopes_cover(needed: str, expected: bool) -> None:
    """read_write covers read; an area that was never granted covers nothing."""
    assert _login(Keyring([_KEY])).allows(needed) is expected


def _token_code(keyring: Keyring, token: str, now_ns: Ns, socket: int | None) -> int | None:
    try:
        keyring.grant_of_token(token, now_ns, socket)
    except RpcError as error:
        return error.code
    return None


def test_connection_tokens_belong_to_their_socket_and_die_with_it() -> None:
    """Another socket, a closed one or an expired token: 13009."""
    keyring = Keyring([_KEY])
    token = _login(keyring, scope="expires:60").access_token

    assert _token_code(keyring, token, _NOW_NS, 1) is None
    assert _token_code(keyring, token, _NOW_NS, 2) == 13009
    assert _token_code(keyring, token, _NOW_NS, None) == 13009
    assert _token_code(keyring, token, Ns(_NOW_NS + 60 * NS_PER_S), 1) == 13009
    keyring.forget_socket(1)
    assert _token_code(keyring, token, _NOW_NS, 1) == 13009


def test_session_tokens_outlive_their_socket() -> None:
    """A named session works anywhere until it expires."""
    keyring = Keyring([_KEY])
    token = _login(keyring, scope="session:bot").access_token
    keyring.forget_socket(1)

    assert _token_code(keyring, token, _NOW_NS, 2) is None


def test_a_refresh_replaces_the_token_and_keeps_its_scope() -> None:
    """The old tokens stop working; a refresh token is good once."""
    keyring = Keyring([_KEY])
    first = _login(keyring, scope="trade:read expires:60")
    refresh: dict[str, object] = {"grant_type": "refresh_token", "refresh_token": first.refresh_token}

    second = keyring.authenticate(Params(refresh), _NOW_NS, 1)

    assert (second.scope_text, second.expires_in_s) == (first.scope_text, 60)
    assert _token_code(keyring, first.access_token, _NOW_NS, 1) == 13009
    assert _token_code(keyring, second.access_token, _NOW_NS, 1) is None
    assert _code(keyring, refresh) == 13004


def test_tokens_do_not_pile_up() -> None:
    """The oldest is evicted silently, like the venue evicts sessions."""
    keyring = Keyring([_KEY])
    first = _login(keyring, socket=None)
    for _ in range(1_000):
        _login(keyring, socket=None)

    assert _token_code(keyring, first.access_token, _NOW_NS, None) == 13009


def _http(authorization: str, body: str = "") -> HttpCall:
    return HttpCall(method="GET", uri="/api/v2/private/get_positions?a=1", body=body, authorization=authorization)


def _hmac(stamp_ms: int = _NOW_MS, secret: str = _SECRET, uri: str = "/api/v2/private/get_positions?a=1") -> str:
    signature = sign(secret, f"{stamp_ms}\nn1\nGET\n{uri}\n\n")
    return f"deri-hmac-sha256 id=demo,ts={stamp_ms},sig={signature},nonce=n1"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (_hmac(), None),
        (_hmac(_NOW_MS - 60_001), 13004),
        (_hmac(secret=_WRONG), 13004),
        (_hmac(uri="/api/v2/private/get_positions?a=2"), 13004),
        ("deri-hmac-sha256 id=demo", 13004),
        (f"Basic {_b64('demo:secret')}", None),
        (f"Basic {_b64('demo:wrong')}", 13004),
        ("Basic %%%", 13004),
        ("Bearer made-up", 13009),
        ("Digest x", 13004),
        ("", 13004),
        ("deri-hmac-sha256 id=\udcff,ts=1,sig=\udcff", 13004),
    ],
)
def test_http_calls_are_proven_by_their_header(authorization: str, code: int | None) -> None:
    """The signature covers time, nonce, method, path with query, and body."""
    try:
        Keyring([_KEY]).grant_of_header(_http(authorization), _NOW_NS)
        found = None
    except RpcError as error:
        found = error.code
    assert found == code


def test_a_bearer_token_from_http_works_over_http() -> None:
    """Tokens given out over HTTP belong to no socket."""
    keyring = Keyring([_KEY])
    token = _login(keyring, socket=None).access_token

    assert keyring.grant_of_header(_http(f"Bearer {token}"), _NOW_NS).account == "demo"


@given(st.text(max_size=200))
def test_any_header_is_a_grant_or_a_typed_refusal(authorization: str) -> None:
    """Whatever stands in the header, the answer is a code."""
    with pytest.raises(RpcError) as caught:
        Keyring([_KEY]).grant_of_header(_http(authorization), _NOW_NS)
    assert caught.value.code in (13004, 13009)
