"""JSON-RPC as Deribit speaks it: bytes to requests, results to bytes, typed errors for all that is malformed.

Knows the envelope and the types of parameters; knows no method, no account and no socket.
"""

import decimal
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from bot.domain.time import Ns
from bot.domain.units import decimal_from_wire, float_from_decimal
from bot.sim.facts import VenueSays

REQUEST_BYTES_MAX: Final = 32 * 1024
"""Frames and bodies over 32 kB are refused with -32600 (exchange facts 1.1)."""
_TEXT_LENGTH_MAX: Final = 2_000
_ITEMS_MAX: Final = 1_000
_NUMBER_TEXT_LENGTH_MAX: Final = 40
_MAGNITUDE_MAX: Final = 15
"""Numbers beyond 10^±15 are no price, amount or time of any instrument."""
_DOUBLE: Final = decimal.Context(prec=15)
"""Digits a double carries: 0.30000000000000004 of a client's arithmetic is 0.3."""
_INTEGER_MAX: Final = 2**63 - 1

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602

RequestId = str | int | float | None
Json = object
"""Anything msgspec writes as JSON; floats are finite by `encode`'s check."""


class RpcError(Exception):
    """A refusal in the words of the wire."""

    def __init__(self, code: int, message: str, data: Mapping[str, str] | None = None) -> None:
        """Keep the code, the message and, where there is one, the data member."""
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.data = data
        self.request_id: RequestId = None


def invalid_param(param: str, reason: str) -> RpcError:
    """-32602 naming the parameter (shape captured 2025-12 and 2026-08)."""
    return RpcError(INVALID_PARAMS, "Invalid params", {"reason": reason, "param": param})


def from_venue(no: VenueSays) -> RpcError:
    """The simulated venue's no as a wire error."""
    return RpcError(no.code, no.name, no.data)


class Request(Struct, frozen=True, kw_only=True):
    """One call; `params` still untyped."""

    id: RequestId
    method: str
    params: dict[str, object]


_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder()


def _decode(raw: bytes | str) -> object:
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode("utf-8", "surrogatepass"))
    if size > REQUEST_BYTES_MAX:
        # Captured 2024-12: this one comes without an id, the request was never read.
        raise RpcError(INVALID_REQUEST, "request entity too large")
    try:
        decoded: object = _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, ArithmeticError, RecursionError) as error:
        raise RpcError(PARSE_ERROR, "Parse error") from error
    return decoded


def _request_id(envelope: Mapping[str, object]) -> RequestId:
    value = envelope.get("id")
    if isinstance(value, bool | list | dict):
        raise RpcError(INVALID_REQUEST, "Invalid Request", {"reason": "wrong format", "param": "id"})
    if isinstance(value, Decimal):
        return finite_or_none(value)
    if value is None or isinstance(value, str | int):
        return value
    raise RpcError(INVALID_REQUEST, "Invalid Request", {"reason": "wrong format", "param": "id"})


def finite_or_none(value: Decimal) -> float | None:
    """A JSON number as a double; None where a double cannot hold it."""
    number = float_from_decimal(value)
    return number if math.isfinite(number) else None


def parse_request(raw: bytes | str, path_method: str | None = None) -> Request:
    """A JSON-RPC body; RpcError with the request's id as far as it could be read.

    Over HTTP the path names the method where the body does not.
    """
    envelope = _decode(raw)
    if not isinstance(envelope, dict):
        # Batches are not supported (exchange facts 1.1).
        raise RpcError(INVALID_REQUEST, "Invalid Request")
    request_id = _request_id(envelope)
    method = envelope.get("method", path_method)
    params = envelope.get("params", {})
    error: RpcError | None = None
    if not isinstance(method, str):
        error = RpcError(INVALID_REQUEST, "Invalid Request", {"reason": "wrong format", "param": "method"})
    elif params is None:
        params = {}
    elif not isinstance(params, dict):
        error = invalid_param("params", "must be an object")
    if error is not None:
        error.request_id = request_id
        raise error
    return Request(id=request_id, method=str(method).removeprefix("/"), params=params)


def parse_query(method: str, query: Mapping[str, str]) -> Request:
    """A call written as a query string: every value is text, lists are JSON."""
    params: dict[str, object] = {name: value for name, value in query.items() if name != "id"}
    return Request(id=query.get("id"), method=method, params=params)


_T = TypeVar("_T")


def _required(name: str, value: _T | None) -> _T:
    if value is None:
        raise invalid_param(name, "value required")
    return value


class Params:
    """Typed access to the parameters of one call; -32602 names the parameter that does not fit.

    Text stands for numbers and flags too, because a query string knows nothing else.
    """

    def __init__(self, raw: Mapping[str, object]) -> None:
        """Read from the decoded `params` object; null counts as absent."""
        self._raw = {name: value for name, value in raw.items() if value is not None}

    def has(self, name: str) -> bool:
        """Whether the parameter was sent."""
        return name in self._raw

    def text_or_none(self, name: str, length_max: int = _TEXT_LENGTH_MAX) -> str | None:
        """Text, or an integer read as text (order ids)."""
        value = self._raw.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise invalid_param(name, "wrong format")
        if len(value) > length_max:
            raise invalid_param(name, f"must be at most {length_max} characters")
        return value

    def text(self, name: str, length_max: int = _TEXT_LENGTH_MAX) -> str:
        """Text that must be there."""
        return _required(name, self.text_or_none(name, length_max))

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        value = self.text_or_none(name)
        if value is None:
            return default
        if value not in allowed:
            raise invalid_param(name, "wrong format")
        return value

    def number_or_none(self, name: str) -> Decimal | None:
        """A finite number of usable size, to the digits a double carries."""
        value = self._raw.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise invalid_param(name, "wrong format")
        if isinstance(value, str) and not _is_number_text(value):
            raise invalid_param(name, "wrong format")
        try:
            number = Decimal(value) if isinstance(value, Decimal) else decimal_from_wire(str(value))
        except ValueError as error:
            raise invalid_param(name, "wrong format") from error
        if number != 0 and abs(number.adjusted()) > _MAGNITUDE_MAX:
            raise invalid_param(name, "wrong format")
        return _DOUBLE.plus(number) if number else Decimal(0)

    def number(self, name: str) -> Decimal:
        """A number that must be there."""
        return _required(name, self.number_or_none(name))

    def integer_or_none(self, name: str) -> int | None:
        """A whole number."""
        value = self._raw.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            if abs(value) > _INTEGER_MAX:
                raise invalid_param(name, "wrong format")
            return value
        number = self.number_or_none(name)
        if number is None or number != number.to_integral_value():
            raise invalid_param(name, "wrong format")
        return int(number)

    def integer(self, name: str, default: int, *, at_least: int, at_most: int) -> int:
        """A whole number within bounds."""
        value = self.integer_or_none(name)
        if value is None:
            return default
        if not at_least <= value <= at_most:
            raise invalid_param(name, f"must be between {at_least} and {at_most}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes or no."""
        value = self._raw.get(name, default)
        if value in ("true", "false"):
            return value == "true"
        if not isinstance(value, bool):
            raise invalid_param(name, "wrong format")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts; over a query string JSON or one bare text."""
        value = _required(name, self._raw.get(name))
        if isinstance(value, str):
            value = self._list_from_text(name, value)
        if not isinstance(value, list) or len(value) > _ITEMS_MAX or not all(isinstance(v, str) for v in value):
            raise invalid_param(name, "wrong format")
        return list(value)

    @staticmethod
    def _list_from_text(name: str, text: str) -> object:
        if not text.startswith("["):
            return [text]
        try:
            return _decode(text)
        except RpcError as error:
            raise invalid_param(name, "wrong format") from error


_NUMBER_TEXT: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def _is_number_text(text: str) -> bool:
    """What a venue reads as a number: no NaN, no underscores, no digits of other scripts."""
    return len(text) <= _NUMBER_TEXT_LENGTH_MAX and _NUMBER_TEXT.fullmatch(text) is not None


def encode(message: Json) -> str:
    """JSON text."""
    return _ENCODER.encode(message).decode()


class Envelope:
    """Writes replies and notifications; stamps them with the injected clock."""

    def __init__(self, now_ns: Callable[[], Ns], *, testnet: bool) -> None:
        """`testnet` is the flag every reply carries."""
        self._now_ns = now_ns
        self._testnet = testnet

    def now_us(self) -> int:
        """Microseconds since the epoch, the unit of usIn and usOut."""
        return self._now_ns() // 1_000

    def _stamped(self, body: dict[str, object], request_id: RequestId, us_in: int) -> str:
        message: dict[str, object] = {"jsonrpc": "2.0"}
        if request_id is not None:
            message["id"] = request_id
        message.update(body)
        us_out = max(us_in, self.now_us())
        message.update(usIn=us_in, usOut=us_out, usDiff=us_out - us_in, testnet=self._testnet)
        return encode(message)

    def result(self, request_id: RequestId, result: Json, us_in: int) -> str:
        """A reply that worked."""
        return self._stamped({"result": result}, request_id, us_in)

    def error(self, request_id: RequestId, error: RpcError, us_in: int) -> str:
        """A refusal."""
        body: dict[str, object] = {"code": error.code, "message": error.message}
        if error.data is not None:
            body["data"] = error.data
        return self._stamped({"error": body}, request_id, us_in)


def notification(channel: str, data: Json) -> str:
    """A message of a subscribed channel."""
    return encode({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


def heartbeat(kind: str) -> str:
    """`heartbeat` or `test_request`."""
    return encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})
