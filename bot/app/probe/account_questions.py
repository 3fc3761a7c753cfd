"""Questions about the account: how long a token lives, what is told at a delivery."""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bot.app.probe.contract_questions import deliveries
from bot.app.probe.question import Answer, Bench, Question, answered, inconclusive
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, iso_utc, ms_from_ns, ns_from_ms
from bot.venues.deribit import login_params
from bot.venues.venue_rest import convert

_CHANNEL: Final = "user.changes.any.any.raw"
_DELIVERY_OF_DAY_NS: Final = 8 * 3600 * NS_PER_S
_BEFORE_NS: Final = 2 * NS_PER_S
"""What came earlier is no delivery."""
_AFTER_S: Final = 30.0
"""How long after 08:00 UTC is still listened."""


class _Granted(Struct):
    """Of `public/auth` all but the tokens."""

    expires_in: int
    scope: str = ""


async def token_lifetime(bench: Bench) -> Answer:
    """Log in once more and read `expires_in`."""
    params = login_params(bench.credentials, bench.road.venue_ms(), bench.nonce)
    granted = convert(await bench.road.ask("public/auth", params), _Granted)
    return answered(
        f"expires_in {granted.expires_in} s; scope {granted.scope}",
        expires_in_s=granted.expires_in,
        scope=granted.scope,
    )


async def delivery(bench: Bench) -> Answer:
    """What `user.changes` tells at 08:00 UTC if that is near enough, beside what the transaction log has of it."""
    now_ns = ns_from_ms(bench.road.venue_ms())
    left_ns = (_DELIVERY_OF_DAY_NS - now_ns % NS_PER_DAY) % NS_PER_DAY
    if left_ns > bench.delivery_wait_s * NS_PER_S:
        logged = sorted({row.instrument_name for row in await deliveries(bench)})
        moment = iso_utc(Ns(now_ns + left_ns))
        return inconclusive(f"not waited for {moment}; deliveries in the log: {_names(logged)}", log=logged)
    if not await bench.road.subscribe(_CHANNEL):
        return inconclusive(f"the venue did not take {_CHANNEL}")
    heard_from_ns = bench.now_ns() + left_ns - _BEFORE_NS
    logged_from_ms = ms_from_ns(Ns(now_ns + left_ns - _BEFORE_NS))
    await asyncio.sleep(left_ns / NS_PER_S + _AFTER_S)
    told = [item.data for item in bench.road.heard() if item.channel == _CHANNEL and item.received_ns >= heard_from_ns]
    names = [str(data.get("instrument_name")) for data in told if isinstance(data, dict)]
    logged = [row.instrument_name for row in await deliveries(bench) if row.stamp_ms >= logged_from_ms]
    if not names and not logged:
        return inconclusive("nothing was delivered: does the account hold an option that expires then?")
    seen = f"user.changes told of {_names(names)}; the log has {_names(logged)}"
    return answered(seen, told=told, log=logged)


def _names(instruments: Sequence[str]) -> str:
    return ", ".join(instruments) or "none"


QUESTIONS: Final = (
    Question(
        name="token_lifetime",
        asked="How long does an access token of this key live?",
        done="one more log-in",
        ask=token_lifetime,
    ),
    Question(
        name="delivery",
        asked="What does `user.changes` tell when an option is delivered (a leg in the future of the same expiry)?",
        done="nothing is sent; listens over 08:00 UTC with `--delivery-wait-s`, else looks at the transaction log",
        ask=delivery,
    ),
)
