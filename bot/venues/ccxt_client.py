"""One request to a venue through ccxt: sent once, answered or explained.

Knows ccxt's traps (exchange facts 4): its limiter is off, its unified calls and their roundings are not used, its
exception classes are not trusted: the venue's code inside the text decides. ccxt is imported only when a client is
made. Texts of its exceptions hold URLs and never get past this file.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

import aiohttp

from bot.domain.errors import VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.venues.ccxt_session import Redirected, tame
from bot.venues.deribit_rest import error_in
from bot.venues.settings import VenueSettings, refuse_other_world
from bot.venues.venue_rest import Request, Wiring

_TIMEOUT_S: Final = 4.0
_TIMEOUT_TOTAL_S: Final = 5.0
"""Above ccxt's own: whatever it does, a call ends."""
_CAUSES_MAX: Final = 8
_OWN_HEADERS: Final = "hedgebot.headers"
"""Where a request's own headers travel through ccxt, which knows none: taken out again before anything is signed."""

_NEVER_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""No connection came about: not a byte of the request left."""


class CcxtExchange:
    """A venue's endpoints by ccxt's names of them. Open late, close once."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring: Final = wiring
        self._exchange: Any = None
        self._session: Any = None
        self._errors: tuple[type[Exception], ...] = ()

    def open(self) -> None:
        """Make the client inside a running loop; about half a second for importing ccxt, no network.

        Opening what is open changes nothing.
        """
        if self._exchange is not None:
            return
        import ccxt.async_support as ccxt  # noqa: PLC0415 - heavy, and not needed without orders

        wiring, keys = self._wiring, self._wiring.credentials
        exchange = getattr(ccxt, wiring.exchange)(
            {
                # ccxt's limiter costs 200 ms an order and has no burst (platform facts 2).
                "enableRateLimit": False,
                "timeout": int(_TIMEOUT_S * 1000),
                "maxRetriesOnFailure": 0,
                "headers": dict(wiring.headers),
                "options": dict(wiring.options),
                **(
                    {}
                    if keys is None
                    else {"apiKey": keys.key_id, "secret": keys.reveal(), "password": keys.reveal_passphrase()}
                ),
            }
        )
        # After any sandbox switch the table would be replaced: ours is all there is.
        exchange.urls["api"] = dict(wiring.urls)
        exchange.sign = partial(_signed, exchange.sign)
        if wiring.prepare is not None:
            wiring.prepare(exchange)
        exchange.open()
        tame(exchange.session)
        self._exchange = exchange
        self._session = exchange.session
        self._errors = (ccxt.BaseError,)

    async def close(self) -> None:
        """Close the session; never raises."""
        if self._exchange is not None:
            with contextlib.suppress(*self._errors, aiohttp.ClientError, OSError):
                await self._exchange.close()

    def set_clock(self, offset_ms: int) -> None:
        """Sign in the venue's time: it is so far ahead of ours."""
        assert self._exchange is not None, "the client is not open"
        self._exchange.options["timeDifference"] = -offset_ms

    async def request(self, request: Request, what: str) -> object:
        """The decoded reply, which is no error in ccxt's eyes. `what`: how the request is called in errors.

        VenueRefused with the venue's code; VenueUnreachable when nothing was sent; VenueOutcomeUnknown for everything
        between.
        """
        assert self._exchange is not None, "the client is not open"
        assert self._exchange.session in {self._session, None}, "ccxt made a session that sends twice"
        function: Callable[[dict[str, object]], Awaitable[object]] = getattr(self._exchange, request.function)
        own = {_OWN_HEADERS: request.headers} if request.headers else {}
        try:
            async with asyncio.timeout(_TIMEOUT_TOTAL_S):
                return await function({**request.params, **own})
        except self._errors as error:
            # Without ccxt's text: it holds the whole URL.
            raise self._wiring.refusal(str(error), what) or _untold(what, error) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise VenueOutcomeUnknown(f"{what}: {type(error).__name__}") from None


def _signed(sign: Callable[..., dict[str, Any]], path: str, api: object, method: str, params: object) -> dict[str, Any]:
    """What ccxt signs, with the request's own headers: none of the signatures covers a header."""
    if not isinstance(params, dict) or _OWN_HEADERS not in params:
        return sign(path, api, method, params)
    params = dict(params)
    own = params.pop(_OWN_HEADERS)
    signed = sign(path, api, method, params)
    return {**signed, "headers": {**(signed["headers"] or {}), **own}}


class CcxtClient:
    """Deribit's REST methods by name. Open late, close once."""

    def __init__(self, settings: VenueSettings) -> None:
        self._settings: Final = settings
        self._exchange: Final = CcxtExchange(
            Wiring(
                exchange="deribit",
                urls={"rest": settings.rest_url.rstrip("/").removesuffix("/api/v2").rstrip("/")},
                refusal=self._refusal,
                credentials=settings.credentials,
            )
        )

    def open(self) -> None:
        """Make the client inside a running loop; opening what is open changes nothing."""
        self._exchange.open()

    async def close(self) -> None:
        """Close the session; never raises."""
        await self._exchange.close()

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        """`result` of `public/...` or `private/...`.

        VenueRefused with the venue's code; VenueUnreachable when nothing was sent; VenueOutcomeUnknown
        for everything between; ConfigError when the reply comes from the wrong world.
        """
        request = Request(
            function=method.replace("/", "_get_", 1), params={name: _in_query(value) for name, value in params.items()}
        )
        return self._result(method, await self._exchange.request(request, method))

    def _result(self, method: str, reply: object) -> object:
        if not isinstance(reply, dict) or "result" not in reply:
            raise VenueOutcomeUnknown(f"{method}: the reply is not a JSON-RPC result")
        refuse_other_world(self._settings, reply.get("testnet"), "rest_url")
        result: object = reply["result"]
        return result

    def _refusal(self, text: str, method: str) -> VenueRefused | None:
        reply = error_in(text)
        if reply is None:
            return None
        if reply.testnet is not None:  # something in front of the venue may refuse without saying where it stands
            refuse_other_world(self._settings, reply.testnet, "rest_url")
        return VenueRefused(reply.error.code, f"{reply.error.message[:80]} to {method}")


def _in_query(value: object) -> object:
    """A parameter as a query string wants it: ccxt writes Python's `True` and `1E+2` as they stand."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else value


def _untold(method: str, error: Exception) -> Exception:
    """Of a request the venue said nothing about."""
    cause: BaseException | None = error
    for _ in range(_CAUSES_MAX):
        if cause is None:
            break
        if isinstance(cause, Redirected):
            return VenueOutcomeUnknown(f"{method}: redirected elsewhere, not followed; check rest_url")
        if isinstance(cause, _NEVER_SENT) or type(cause).__name__ == "ExchangeClosedByUser":
            return VenueUnreachable(f"{method}: {type(cause).__name__}")
        cause = cause.__cause__ or cause.__context__
    return VenueOutcomeUnknown(f"{method}: {type(error).__name__}")
