"""Who may do what: API keys, signatures, tokens, scopes, as Deribit does it (exchange facts 1.2, 3.7).

Knows keys and grants; knows no socket and no order. Tokens are derived from a counter and the keys' own
secrets, so that a run with the same clock gives the same bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.localex.rpc import Params, RpcError, invalid_param

SCOPES_DEFAULT: Final = "trade:read_write account:read wallet:none"
_TIMESTAMP_AGE_MS_MAX: Final = 60_000
"""A signature's timestamp is valid for 60 s either way."""
_EXPIRES_IN_S_DEFAULT: Final = 31_536_000
"""What the venue's own examples show; clients must read it from the reply."""
_TOKENS_MAX: Final = 1_000
"""Oldest evicted silently, as the venue evicts sessions."""
_ACCESS_RANK: Final = {"none": 0, "read": 1, "read_write": 2}
_HMAC_SCHEME: Final = "deri-hmac-sha256"

UNAUTHORIZED: Final = 13009


def invalid_credentials() -> RpcError:
    """Wrong id, secret, signature or a stale timestamp (captured 2026-07, without data)."""
    return RpcError(13004, "invalid_credentials")


def unauthorized() -> RpcError:
    """No token, or one that is not valid here."""
    return RpcError(UNAUTHORIZED, "unauthorized", {"reason": "invalid_token", "param": "access_token"})


@dataclass(frozen=True, slots=True)
class Key:
    """An API key; the account it belongs to is named like it."""

    client_id: str
    secret: str
    scopes: Mapping[str, str]
    """Area (`trade`, `account`, `wallet`) to access (`none`, `read`, `read_write`)."""


DEMO_KEY: Final = "demo:demo"


def parse_key(text: str) -> Key:
    """`ID:SECRET` or `ID:SECRET:SCOPES`, scopes as `trade:read_write account:read`; ValueError otherwise."""
    parts = text.split(":", 2)
    if len(parts) < 2 or not parts[0] or not parts[1]:
        message = f"key must be ID:SECRET:SCOPES, got {parts[0]!r} and no secret"
        raise ValueError(message)
    scopes: dict[str, str] = {}
    for word in (parts[2] if len(parts) > 2 else SCOPES_DEFAULT).split():
        area, _, access = word.partition(":")
        if not area or access not in _ACCESS_RANK:
            message = f"scope {word!r} must be like trade:read_write, account:read or wallet:none"
            raise ValueError(message)
        scopes[area] = access
    return Key(client_id=parts[0], secret=parts[1], scopes=scopes)


def sign(secret: str, text: str) -> str:
    """HMAC-SHA256 as lowercase hex."""
    return hmac.new(_bytes(secret), _bytes(text), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    """Header bytes that are no UTF-8 arrive as surrogates; they must refuse, not raise."""
    return text.encode("utf-8", "surrogateescape")


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authenticated caller may do, until when."""

    account: str
    scopes: Mapping[str, str]
    session: str | None
    """`session:NAME` outlives the socket; None is connection scope."""
    expires_ns: Ns
    expires_in_s: int
    access_token: str
    refresh_token: str
    socket: int | None
    """Id of the socket it dies with; None over HTTP."""

    def allows(self, needed: str) -> bool:
        """Whether `trade:read` and the like is within the grant."""
        area, _, access = needed.partition(":")
        return _ACCESS_RANK[self.scopes.get(area, "none")] >= _ACCESS_RANK[access]

    @property
    def scope_text(self) -> str:
        """As the reply of `public/auth` lists it."""
        where = "connection" if self.session is None else f"session:{self.session}"
        return " ".join(sorted([*(f"{area}:{access}" for area, access in self.scopes.items()), where]))

    def reply(self) -> dict[str, object]:
        """Result of `public/auth`."""
        reply: dict[str, object] = {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_in": self.expires_in_s,
            "scope": self.scope_text,
            "token_type": "bearer",
            "enabled_features": [],
        }
        if self.session is not None:
            reply["sid"] = f"{self.account}.{self.session}"
        return reply


@dataclass(frozen=True, slots=True)
class HttpCall:
    """The parts of an HTTP request a signature covers."""

    method: str
    uri: str
    """Path with query, as sent."""
    body: str
    authorization: str


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the `scope` parameter asks for."""

    narrowed: Mapping[str, str]
    session: str | None
    expires_in_s: int


class Keyring:
    """Keys and the tokens given out for them."""

    def __init__(self, keys: Iterable[Key], wall_ns: Callable[[], Ns] | None = None) -> None:
        """Take the keys that exist at this venue.

        `wall_ns`: a venue that lives in another time also takes signatures stamped by this clock.
        """
        self._wall_ns = wall_ns
        self._keys = {key.client_id: key for key in keys}
        self._grants: OrderedDict[str, Grant] = OrderedDict()
        self._by_refresh: dict[str, str] = {}
        self._issued = 0

    def accounts(self) -> list[str]:
        """Accounts of all keys."""
        return list(self._keys)

    def authenticate(self, params: Params, now_ns: Ns, socket: int | None) -> Grant:
        """`public/auth`: check the grant type's proof and give out tokens."""
        grant_type = params.text("grant_type")
        if grant_type == "client_credentials":
            key = self._key(params.text("client_id"), params.text("client_secret"))
        elif grant_type == "client_signature":
            key = self._key_of_signature(params, now_ns)
        elif grant_type == "refresh_token":
            return self._refresh(params.text("refresh_token"), now_ns, socket)
        else:
            raise invalid_param("grant_type", "wrong format")
        return self._issue(key, _parse_scope(params.text_or_none("scope") or ""), now_ns, socket)

    def grant_of_token(self, token: str, now_ns: Ns, socket: int | None) -> Grant:
        """The grant of an access token; 13009 when unknown, expired or another socket's."""
        grant = self._grants.get(token)
        if grant is None or not self.is_valid(grant, now_ns):
            raise unauthorized()
        if grant.session is None and grant.socket is not None and grant.socket != socket:
            raise unauthorized()
        return grant

    def is_valid(self, grant: Grant, now_ns: Ns) -> bool:
        """Whether the grant has neither expired nor been replaced."""
        return now_ns < grant.expires_ns and grant.access_token in self._grants

    def grant_of_header(self, call: HttpCall, now_ns: Ns) -> Grant:
        """The grant of an `Authorization` header: HMAC, Basic or Bearer."""
        scheme, _, rest = call.authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            return self.grant_of_token(rest.strip(), now_ns, None)
        if scheme.lower() == "basic":
            client_id, secret = _basic(rest.strip())
            return self._one_off(self._key(client_id, secret), now_ns)
        if scheme.lower() == _HMAC_SCHEME:
            return self._one_off(self._key_of_hmac(call, rest, now_ns), now_ns)
        raise invalid_credentials()

    def forget_socket(self, socket: int) -> None:
        """Connection-scoped tokens die with their socket."""
        for token in [t for t, g in self._grants.items() if g.socket == socket and g.session is None]:
            self._revoke(token)

    def _key(self, client_id: str, secret: str) -> Key:
        key = self._keys.get(client_id)
        if key is None or not _is_same(key.secret, secret):
            raise invalid_credentials()
        return key

    def _key_of_signature(self, params: Params, now_ns: Ns) -> Key:
        stamp = params.text("timestamp")
        nonce, data = params.text_or_none("nonce") or "", params.text_or_none("data") or ""
        signature = params.text("signature")
        return self._proven(
            params.text("client_id"), f"{stamp}\n{nonce}\n{data}", signature, self._is_fresh(stamp, now_ns)
        )

    def _key_of_hmac(self, call: HttpCall, rest: str, now_ns: Ns) -> Key:
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        stamp, nonce = parts.get("ts", ""), parts.get("nonce", "")
        text = f"{stamp}\n{nonce}\n{call.method}\n{call.uri}\n{call.body}\n"
        return self._proven(parts.get("id", ""), text, parts.get("sig", ""), self._is_fresh(stamp, now_ns))

    def _is_fresh(self, stamp: str, now_ns: Ns) -> bool:
        return _fresh(stamp, now_ns) or (self._wall_ns is not None and _fresh(stamp, self._wall_ns()))

    def _proven(self, client_id: str, text: str, signature: str, is_fresh: bool) -> Key:
        key = self._keys.get(client_id)
        if key is None or not is_fresh:
            raise invalid_credentials()
        if not _is_same(sign(key.secret, text), signature):
            raise invalid_credentials()
        return key

    def _issue(self, key: Key, wish: _Wish, now_ns: Ns, socket: int | None) -> Grant:
        scopes = {area: _lesser(access, wish.narrowed.get(area, access)) for area, access in key.scopes.items()}
        self._issued += 1
        grant = Grant(
            account=key.client_id,
            scopes=scopes,
            session=wish.session,
            expires_ns=Ns(now_ns + wish.expires_in_s * NS_PER_S),
            expires_in_s=wish.expires_in_s,
            access_token=sign(key.secret, f"access {self._issued} {now_ns}"),
            refresh_token=sign(key.secret, f"refresh {self._issued} {now_ns}"),
            socket=socket,
        )
        self._grants[grant.access_token] = grant
        self._by_refresh[grant.refresh_token] = grant.access_token
        while len(self._grants) > _TOKENS_MAX:
            self._revoke(next(iter(self._grants)))
        return grant

    def _refresh(self, refresh_token: str, now_ns: Ns, socket: int | None) -> Grant:
        token = self._by_refresh.get(refresh_token)
        if token is None:
            raise invalid_credentials()
        old = self._grants[token]
        if old.session is None and old.socket is not None and old.socket != socket:
            raise invalid_credentials()
        key = self._keys[old.account]
        self._revoke(token)
        wish = _Wish(narrowed=old.scopes, session=old.session, expires_in_s=old.expires_in_s)
        return self._issue(key, wish, now_ns, socket)

    def _one_off(self, key: Key, now_ns: Ns) -> Grant:
        """A signed request creates no session and no token."""
        return Grant(
            account=key.client_id,
            scopes=key.scopes,
            session=None,
            expires_ns=Ns(now_ns + NS_PER_S),
            expires_in_s=1,
            access_token="",
            refresh_token="",
            socket=None,
        )

    def _revoke(self, token: str) -> None:
        grant = self._grants.pop(token)
        self._by_refresh.pop(grant.refresh_token, None)


def _fresh(stamp: str, now_ns: Ns) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
        return False
    return abs(now_ns // NS_PER_MS - int(stamp)) <= _TIMESTAMP_AGE_MS_MAX


def _basic(encoded: str) -> tuple[str, str]:
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise invalid_credentials() from error
    return client_id, secret


def _lesser(one: str, other: str) -> str:
    return min(one, other, key=_ACCESS_RANK.__getitem__)


def _parse_scope(text: str) -> _Wish:
    """Words we do not know are ignored: the reply's `scope` tells the caller what he got."""
    narrowed: dict[str, str] = {}
    session: str | None = None
    expires_in_s = _EXPIRES_IN_S_DEFAULT
    for word in text.split():
        area, _, value = word.partition(":")
        if area == "session" and value:
            session = value
        elif area == "expires" and value.isascii() and value.isdigit() and len(value) <= 9:
            expires_in_s = min(int(value), _EXPIRES_IN_S_DEFAULT)
        elif value in _ACCESS_RANK:
            narrowed[area] = value
    return _Wish(narrowed=narrowed, session=session, expires_in_s=expires_in_s)
