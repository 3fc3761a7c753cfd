"""The order socket on virtual time: what a connection shows before an order leaves on it, and when it is given up."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from bot.domain.errors import ConfigError, VenueError, VenueOutcomeUnknown, VenueRefused, VenueUnreachable
from bot.venues.deribit_socket import OrderSocket

Virtual = Callable[[Coroutine[object, object, None]], None]
SCOPE = "connection trade:read_write account:read wallet:none"
SHOWN = ["public/auth", "public/set_heartbeat", "private/get_account_summaries", "private/get_cancel_on_disconnect"]
ORDER = {"label": "hb1", "amount": 30}


class Venue:
    """Answers what an order socket asks; a test changes single answers. None: silence."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "public/auth": {"access_token": "a", "refresh_token": "r", "expires_in": 1000, "scope": SCOPE},
            "public/set_heartbeat": "ok",
            "public/test": {"version": "1"},
            "private/get_account_summaries": {"id": 10, "summaries": []},
            "private/get_cancel_on_disconnect": {"enabled": True, "scope": "connection"},
            "private/enable_cancel_on_disconnect": "ok",
            "private/buy": {"order": "it"},
        }

    def __call__(self, method: str, params: dict[str, Any]) -> object:
        """One answer; a list is used up one by one."""
        answer = self.answers[method]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer(params) if callable(answer) else answer


@pytest.fixture
def venue(stage: Any) -> Venue:
    """A venue where all is well."""
    stage.answer = Venue()
    found: Venue = stage.answer
    return found


def refusal(code: int) -> dict[str, object]:
    """The venue's no."""
    return {"error": {"code": code, "message": "no"}}


async def outcome(socket: OrderSocket, order: dict[str, object] = ORDER) -> str:
    """What became of one order, by the kind of its error; empty when it was answered."""
    try:
        await socket.call("private/buy", order)
    except (VenueError, ConfigError) as error:
        return type(error).__name__
    return ""


@pytest.mark.usefixtures("venue")
def test_every_connection_shows_key_account_and_cover_before_an_order(virtual: Virtual, stage: Any) -> None:
    """Also the one after a loss: nothing is remembered from the one before."""

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        assert await outcome(socket) == ""
        stage.connections[0].break_down()
        await asyncio.sleep(0.01)
        assert (await outcome(socket), socket.cancels_on_disconnect) == ("VenueUnreachable", False)
        await asyncio.sleep(3.0)
        assert (await outcome(socket), socket.cancels_on_disconnect) == ("", True)
        await socket.close()
        assert [c.methods() for c in stage.connections] == [[*SHOWN, "private/buy"]] * 2
        assert all(c.is_closed for c in stage.connections)

    virtual(test())


@pytest.mark.parametrize(
    ("told", "asked", "is_covered_and_asks"),
    [
        ([{"enabled": True, "scope": "connection"}], "ok", (True, False)),
        ([{"enabled": False, "scope": "connection"}, {"enabled": True, "scope": "connection"}], "ok", (True, True)),
        ([{"enabled": False, "scope": "connection"}], "ok", (False, True)),
        ([{"enabled": True, "scope": "account"}], "ok", (False, True)),
        ([{"enabled": False, "scope": "connection"}], refusal(13021), (False, True)),
        ([refusal(13021)], "ok", (False, False)),
        ([refusal(-32601)], "ok", (False, False)),
    ],
)
def test_resting_orders_are_covered_only_where_the_venue_confirms_it(
    virtual: Virtual, stage: Any, told: list[object], asked: object, is_covered_and_asks: tuple[bool, bool]
) -> None:
    """Read first, asked for where it is off, read again; a key that may not ask for it is no reason not to trade."""
    stage.answer = Venue()
    stage.answer.answers |= {"private/get_cancel_on_disconnect": told, "private/enable_cancel_on_disconnect": asked}

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        asks = "private/enable_cancel_on_disconnect" in stage.connections[0].methods()
        assert (socket.cancels_on_disconnect, asks) == is_covered_and_asks
        assert await outcome(socket) == ""
        await socket.close()

    virtual(test())


@pytest.mark.parametrize(
    ("changes", "account_id", "words"),
    [
        ({"public/auth": refusal(13004)}, None, "13004.*clock"),
        (
            {"public/auth": {"access_token": "a", "refresh_token": "r", "expires_in": 9, "scope": "trade:read"}},
            None,
            "may not trade",
        ),
        ({}, "11", "live.account_id: 11 is expected"),
    ],
)
def test_another_key_or_account_is_never_traded_with(
    virtual: Virtual, stage: Any, changes: dict[str, Any], account_id: str | None, words: str
) -> None:
    """As on the way through ccxt, and on the very connection orders would take."""
    stage.answer = Venue()
    stage.answer.answers |= changes
    stage.settings = msgspec.structs.replace(stage.settings, account_id=account_id)

    async def test() -> None:
        socket = OrderSocket(stage.link())
        with pytest.raises(ConfigError, match=words):
            await socket.open()
        assert await outcome(socket) == "VenueUnreachable"
        await socket.close()
        assert "private/buy" not in stage.connections[0].methods()

    virtual(test())


@pytest.mark.usefixtures("venue")
def test_a_venue_that_cannot_be_reached_is_told_at_once_and_tried_again(virtual: Virtual, stage: Any) -> None:
    """The first failure ends the opening, not the trying; it waits at most two seconds between two tries."""

    async def test() -> None:
        stage.is_reachable = False
        socket = OrderSocket(stage.link())
        with pytest.raises(VenueUnreachable, match="order socket: cannot connect"):
            await socket.open()
        await asyncio.sleep(60.0)
        waits = [after - before for before, after in zip(stage.tried_s, stage.tried_s[1:], strict=False)]
        assert len(waits) >= 30
        assert max(waits) <= 2.0
        stage.is_reachable = True
        await asyncio.sleep(2.1)
        assert await outcome(socket) == ""
        await socket.close()

    virtual(test())


def test_answers_find_their_order_in_any_sequence(virtual: Virtual, stage: Any, venue: Venue) -> None:
    """By the number of the request: currencies are matched by different workers of the venue (facts 1.1)."""
    venue.answers["private/buy"] = None

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        orders = [asyncio.create_task(socket.call("private/buy", {"label": name})) for name in "ab"]
        await asyncio.sleep(0.001)
        connection = stage.connections[0]
        for request in reversed(connection.sent[-2:]):
            connection.push(
                {"jsonrpc": "2.0", "id": request["id"], "testnet": True, "result": request["params"]["label"]}
            )
        assert [bytes(await order) for order in orders] == [b'"a"', b'"b"']
        await socket.close()

    virtual(test())


def test_a_socket_lost_under_an_order_leaves_it_unknown_at_once(virtual: Virtual, stage: Any, venue: Venue) -> None:
    """It may have been filled: to be looked up, and never written a second time."""
    venue.answers["private/buy"] = None

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        order = asyncio.create_task(outcome(socket))
        await asyncio.sleep(0.001)
        began_s = asyncio.get_running_loop().time()
        stage.connections[0].break_down()
        assert await order == "VenueOutcomeUnknown"
        assert asyncio.get_running_loop().time() - began_s < 0.1
        await asyncio.sleep(5.0)
        await socket.close()
        assert [c.methods().count("private/buy") for c in stage.connections] == [1, 0]

    virtual(test())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, "VenueOutcomeUnknown"),
        (refusal(10028), "VenueRefused"),
        (refusal(13009), "VenueRefused"),
        (refusal(10000), "VenueRefused"),
    ],
)
def test_a_connection_that_owes_an_answer_or_was_thrown_out_is_left(
    virtual: Virtual, stage: Any, venue: Venue, answer: object, expected: str
) -> None:
    """Nothing more leaves on it; a new one is logged in and shows all again."""
    venue.answers["private/buy"] = [answer, {"order": "it"}]

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        assert await outcome(socket) == expected
        assert await outcome(socket) == "VenueUnreachable"
        await asyncio.sleep(3.0)
        assert await outcome(socket) == ""
        await socket.close()
        assert [c.methods()[-1] for c in stage.connections] == ["private/buy"] * 2

    virtual(test())


def test_another_no_leaves_the_connection_as_it_is(virtual: Virtual, stage: Any, venue: Venue) -> None:
    """A refused order says nothing about the socket."""
    venue.answers["private/buy"] = [refusal(10009), {"order": "it"}]

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        assert await outcome(socket) == "VenueRefused"
        assert await outcome(socket) == ""
        await socket.close()
        assert len(stage.connections) == 1

    virtual(test())


def test_a_frame_that_cannot_be_read_starts_the_socket_anew(virtual: Virtual, stage: Any, venue: Venue) -> None:
    """It may have been the answer somebody waits for."""
    venue.answers["private/buy"] = None

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        order = asyncio.create_task(outcome(socket))
        await asyncio.sleep(0.001)
        stage.connections[0].push(b'{"jsonrpc":"2.0","id":5,"resu')
        assert await order == "VenueOutcomeUnknown"
        await asyncio.sleep(3.0)
        assert len(stage.connections) == 2
        await socket.close()

    virtual(test())


@pytest.mark.usefixtures("venue")
def test_an_answer_from_another_world_ends_it_for_good(virtual: Virtual, stage: Any) -> None:
    """The order may exist there; nothing else is sent, and the cause is told whenever somebody tries."""

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        stage.is_testnet = stage.connections[0].is_testnet = False
        with pytest.raises(ConfigError, match="testnet=False"):
            await socket.call("private/buy", ORDER)
        await asyncio.sleep(30.0)
        with pytest.raises(VenueUnreachable, match="testnet=False"):
            await socket.call("private/buy", ORDER)
        assert socket.cancels_on_disconnect is False
        with pytest.raises(ConfigError, match="testnet=False"):
            await socket.open()
        await socket.close()
        assert [c.methods().count("private/buy") for c in stage.connections] == [1, 0]

    virtual(test())


@pytest.mark.usefixtures("venue")
def test_a_bug_below_an_order_is_met_by_whoever_orders(
    virtual: Virtual, stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not taken for a venue that cannot be reached: the task that orders halts on it."""

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        monkeypatch.setattr(socket, "take_book", None)
        data = {"timestamp": 1, "instrument_name": "BTC-PERPETUAL", "change_id": 1, "bids": [], "asks": []}
        stage.connections[0].notify("book.BTC-PERPETUAL.raw", data)
        await asyncio.sleep(1.0)
        with pytest.raises(TypeError, match="not callable"):
            await socket.call("private/buy", ORDER)
        await socket.close()

    virtual(test())


@pytest.mark.usefixtures("venue")
def test_the_token_is_renewed_and_tests_are_answered_while_nobody_trades(virtual: Virtual, stage: Any) -> None:
    """At 80 % of the life it was given; a test_request within the second."""

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        connection = stage.connections[0]
        for _ in range(81):
            connection.push({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}})
            await asyncio.sleep(10.0)
        grants = [r["params"]["grant_type"] for r in connection.sent if r["method"] == "public/auth"]
        assert grants == ["client_signature", "refresh_token"]
        assert connection.methods().count("public/test") == 81
        assert await outcome(socket) == ""
        await socket.close()

    virtual(test())


@pytest.mark.usefixtures("venue")
def test_a_frame_over_the_limit_does_not_leave(virtual: Virtual, stage: Any) -> None:
    """The venue would refuse it and nothing else would be known; so it is refused here, in its words."""

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        with pytest.raises(VenueRefused, match=r"-32600 \d+ bytes are over the venue's 32 kB, not sent"):
            await socket.call("private/buy", {"label": "x" * 32_767})
        await socket.close()
        assert "private/buy" not in stage.connections[0].methods()

    virtual(test())


def test_a_silent_venue_does_not_hold_the_opening(virtual: Virtual, stage: Any, venue: Venue) -> None:
    """Bounded, with what is missing in the text."""
    venue.answers["public/auth"] = None

    async def test() -> None:
        socket = OrderSocket(stage.link())
        with pytest.raises(VenueUnreachable, match="public/auth: no answer for 10 s"):
            await socket.open()
        await socket.close()

    virtual(test())


def test_lost_orders_are_told_as_unknown_by_the_session(virtual: Virtual, stage: Any, venue: Venue) -> None:
    """Closing with an order on its way is such a loss too."""
    venue.answers["private/buy"] = None

    async def test() -> None:
        socket = OrderSocket(stage.link())
        await socket.open()
        order = asyncio.create_task(socket.call("private/buy", ORDER))
        await asyncio.sleep(0.001)
        await socket.close()
        with pytest.raises(VenueOutcomeUnknown, match="closed by us"):
            await order

    virtual(test())
