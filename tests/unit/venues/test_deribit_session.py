"""One connection: replies out of order, refusals, foreign replies. The feeds' tests show the rest."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from bot.domain.errors import BotError, ConfigError, VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.domain.time import Ns
from bot.venues.deribit import Reply, RpcError, decode
from bot.venues.deribit_session import Session
from bot.venues.settings import VenueSettings

NOW = Ns(1)


def reply(number: int, result: object, *, is_testnet: bool | None = True) -> Reply:
    """A result of the venue."""
    return Reply(number, msgspec.Raw(msgspec.json.encode(result)), None, is_testnet)


@pytest.fixture
def session_of(
    settings: VenueSettings, connection_type: Callable[..., Any], fixed_ns: Callable[[], Ns]
) -> Callable[..., tuple[Session, Any]]:
    """A session over a venue that stays silent until the test speaks."""

    def make(changed: VenueSettings = settings) -> tuple[Session, Any]:
        connection = connection_type(lambda _method, _params: None)
        return Session(connection, changed, fixed_ns, "nonce"), connection

    return make


@pytest.mark.asyncio
async def test_replies_find_their_request_in_any_order(session_of: Callable[[], tuple[Session, Any]]) -> None:
    """Replies may overtake each other: the id decides; a reply to nobody is dropped."""
    session, connection = session_of()
    first = asyncio.create_task(session.call("public/a", {}))
    second = asyncio.create_task(session.call("public/b", {}))
    await asyncio.sleep(0)
    session.take(reply(2, "two"))
    session.take(reply(9, "nobody"))
    session.take(reply(1, "one"))
    assert (bytes(await first), bytes(await second)) == (b'"one"', b'"two"')
    assert [request["id"] for request in connection.sent] == [1, 2]


@pytest.mark.asyncio
async def test_refusal_carries_the_code(session_of: Callable[[], tuple[Session, Any]]) -> None:
    """An error reply raises the venue's code and words."""
    session, _ = session_of()
    call = asyncio.create_task(session.call("public/a", {}))
    await asyncio.sleep(0)
    session.take(Reply(1, msgspec.Raw(b""), RpcError(-32602, "Invalid params"), True))
    with pytest.raises(VenueRefused) as caught:
        await call
    assert (caught.value.code, caught.value.text) == (-32602, "Invalid params to public/a")


@pytest.mark.asyncio
@pytest.mark.parametrize("flag", [False, None])
async def test_reply_of_the_wrong_world(session_of: Callable[[], tuple[Session, Any]], flag: bool | None) -> None:
    """The other testnet flag, or none at all, is fatal."""
    session, _ = session_of()
    with pytest.raises(ConfigError, match="testnet"):
        session.take(reply(1, "x", is_testnet=flag))


@pytest.mark.asyncio
@pytest.mark.parametrize("flag", [True, False, None])
async def test_either_world_where_no_orders_are_sent(
    settings: VenueSettings, session_of: Callable[..., tuple[Session, Any]], flag: bool | None
) -> None:
    """A run that only watches takes what comes."""
    session, _ = session_of(msgspec.structs.replace(settings, is_testnet=None))
    call = asyncio.create_task(session.call("public/a", {}))
    await asyncio.sleep(0)
    session.take(reply(1, "x", is_testnet=flag))
    assert bytes(await call) == b'"x"'


@pytest.mark.asyncio
async def test_error_without_request(session_of: Callable[[], tuple[Session, Any]]) -> None:
    """An error nobody asked for ends the connection."""
    session, _ = session_of()
    with pytest.raises(VenueUnreachable, match="belongs to no request"):
        session.take(Reply(None, msgspec.Raw(b""), RpcError(-32600), True))


@pytest.mark.asyncio
async def test_subscribe_compares_as_sets(session_of: Callable[[], tuple[Session, Any]]) -> None:
    """The order of the answer means nothing; what is left out is returned."""
    session, connection = session_of()
    call = asyncio.create_task(session.subscribe(["a", "b", "c"], private=False))
    await asyncio.sleep(0)
    frame = b'{"jsonrpc":"2.0","id":1,"result":["c","a"],"testnet":true}'
    answer = decode(frame, NOW)
    assert isinstance(answer, Reply)
    session.take(answer)
    assert frozenset({"b"}) == await call
    assert connection.methods() == ["public/subscribe"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "kind"), [(VenueUnreachable("gone"), VenueOutcomeUnknown), (ConfigError("testnet"), ConfigError)]
)
async def test_the_end_is_told_to_all_who_wait_and_nothing_leaves_after_it(
    session_of: Callable[[], tuple[Session, Any]], error: BotError, kind: type[BotError]
) -> None:
    """What was written may have happened; what comes later was never sent. The first cause stays."""
    session, connection = session_of()
    calls = [asyncio.create_task(session.call("private/buy", {})) for _ in range(2)]
    await asyncio.sleep(0)
    session.end(error)
    session.end(VenueUnreachable("closed by us"))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [kind, kind]
    assert all(str(error) in str(answer) for answer in answers)
    with pytest.raises(VenueUnreachable, match=f"socket closed: {error}"):
        await session.call("private/buy", {})
    assert len(connection.sent) == 2


@pytest.mark.asyncio
async def test_an_answer_that_does_not_come_is_an_outcome_nobody_knows(
    session_of: Callable[[], tuple[Session, Any]],
) -> None:
    """Within the time the caller gives; an answer after it belongs to nobody."""
    session, _ = session_of()
    with pytest.raises(VenueOutcomeUnknown, match=r"private/buy: no answer for 0.01 s"):
        await session.ask("private/buy", {}, 0.01)
    session.take(reply(1, "late"))


@pytest.mark.asyncio
async def test_a_request_has_left_when_its_call_first_waits(session_of: Callable[[], tuple[Session, Any]]) -> None:
    """No other task comes between the decision to send and the bytes."""
    session, connection = session_of()
    call = session.call("private/buy", {})
    call.send(None)
    assert connection.methods() == ["private/buy"]
    call.close()


def test_each_call_waits_its_own_time(
    session_of: Callable[[], tuple[Session, Any]], virtual: Callable[[Coroutine[object, object, None]], None]
) -> None:
    """However many wait, whoever came first, whoever was answered between: nobody waits longer, and nobody less."""
    ended: dict[str, tuple[float, str]] = {}

    async def story() -> None:
        session, _ = session_of()
        clock = asyncio.get_running_loop().time

        async def ask(name: str, within_s: float) -> None:
            try:
                await session.ask(name, {}, within_s)
            except VenueOutcomeUnknown as error:
                ended[name] = clock(), str(error)

        first = [asyncio.create_task(ask(name, s)) for name, s in (("a", 4.0), ("b", 10.0), ("c", 3.0), ("d", 3.0))]
        await asyncio.sleep(0.5)
        session.take(reply(3, "ok"))
        await asyncio.gather(*first[2:3])
        later = asyncio.create_task(ask("e", 1.0))
        await asyncio.gather(*first, later)
        await asyncio.sleep(5.0)
        await ask("f", 2.0)

    virtual(story())
    assert [(name, round(at_s, 2), text) for name, (at_s, text) in ended.items()] == [
        ("e", 1.5, "e: no answer for 1 s"),
        ("d", 3.0, "d: no answer for 3 s"),
        ("a", 4.0, "a: no answer for 4 s"),
        ("b", 10.0, "b: no answer for 10 s"),
        ("f", 17.0, "f: no answer for 2 s"),
    ]
