"""The clock of an order's deadline: venue minus ours is measured well or not at all."""

from collections.abc import Callable

import msgspec
import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.errors import VenueRefused, VenueUnreachable
from bot.domain.events import OrderRefused
from bot.domain.reasons import RefusalKind
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.venues.deribit_gateway import DeribitGateway
from bot.venues.settings import VenueSettings

_START_NS = Ns(1_790_000_000 * NS_PER_S)
_SCOPE = "account:read trade:read_write"


class _Clocks:
    """Ours, moved by the venue's doings."""

    def __init__(self) -> None:
        self.now_ns = _START_NS

    def pass_s(self, seconds: float) -> None:
        """Time goes by."""
        self.now_ns = Ns(self.now_ns + round(seconds * NS_PER_S))


class _Slow:
    """A gateway whose throttle and whose line take time."""

    def __init__(self, settings: VenueSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clocks = _Clocks()
        self.wait_s = self.there_s = self.back_s = self.ahead_s = 0.0
        self.gateway = DeribitGateway(settings, lambda: self.clocks.now_ns, "nonce")
        monkeypatch.setattr(self.gateway._background, "wait_turn", self._wait_turn)
        monkeypatch.setattr(self.gateway._client, "call", self._call)
        monkeypatch.setattr(self.gateway._client, "open", lambda: None)

    async def _wait_turn(self) -> None:
        self.clocks.pass_s(self.wait_s)

    async def _call(self, method: str, params: dict[str, object]) -> object:
        del params
        if method == "public/auth":
            return {"scope": _SCOPE}
        if method == "private/get_account_summaries":
            return {"id": 10}
        assert method == "public/get_time"
        self.clocks.pass_s(self.there_s)
        venue_ms = self.clocks.now_ns // NS_PER_MS + round(1_000 * self.ahead_s)
        self.clocks.pass_s(self.back_s)
        return venue_ms

    def deadline_ms(self, make_place: Callable[[Ns], PlaceOrder]) -> int:
        """Milliseconds by which the venue's deadline is later than ours."""
        order = make_place(Ns(self.clocks.now_ns + 2 * NS_PER_S))
        told = self.gateway._order_params(order)["valid_until"]
        assert isinstance(told, int)
        return told - order.valid_until_ns // NS_PER_MS


def _place(valid_until_ns: Ns) -> PlaceOrder:
    return msgspec.convert(
        {
            "type": "PlaceOrder",
            "label": "hb1",
            "instrument": "BTC-PERPETUAL",
            "amount_native": "10",
            "price_native": "100000",
            "arrival_mid_native": 1e5,
            "valid_until_ns": valid_until_ns,
            "decided_seq": 1,
        },
        PlaceOrder,
    )


@pytest.mark.asyncio
async def test_waiting_for_a_turn_is_no_part_of_the_journey(
    settings: VenueSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine seconds in our own throttle do not make the venue's deadline later than the one we believe in."""
    slow = _Slow(settings, monkeypatch)
    slow.wait_s = 9.0
    await slow.gateway.open()

    assert slow.deadline_ms(_place) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(("there_s", "back_s"), [(4.0, 0.0), (0.0, 4.0)])
async def test_a_slow_answer_does_not_move_the_deadline(
    settings: VenueSettings, monkeypatch: pytest.MonkeyPatch, there_s: float, back_s: float
) -> None:
    """Slow one way, the middle of the journey is two seconds wrong: the earlier measurement stands."""
    slow = _Slow(settings, monkeypatch)
    await slow.gateway.open()
    slow.there_s, slow.back_s = there_s, back_s
    await slow.gateway._offset.measure()

    assert slow.deadline_ms(_place) == 0


@pytest.mark.asyncio
async def test_a_venue_too_slow_to_tell_the_time_is_not_opened(
    settings: VenueSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any measurement there is no deadline to trust; the start tries again."""
    slow = _Slow(settings, monkeypatch)
    slow.there_s = 4.0

    with pytest.raises(Exception, match="time took 4"):
        await slow.gateway.open()


@pytest.mark.asyncio
async def test_an_order_that_came_too_late_measures_the_clock_again(
    settings: VenueSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that was set back makes every deadline too early: the next order is not refused for it as well."""
    slow = _Slow(settings, monkeypatch)
    await slow.gateway.open()
    slow.ahead_s = 1.5
    sent: list[object] = []

    async def refuse(method: str, params: dict[str, object]) -> object:
        if method == "public/get_time":
            return await slow._call(method, params)
        sent.append(params["valid_until"])
        raise VenueRefused(13888, "timed_out")

    monkeypatch.setattr(slow.gateway._carrier, "call", refuse)
    (told,) = await slow.gateway.place(_place(Ns(slow.clocks.now_ns + 2 * NS_PER_S)))

    assert isinstance(told, OrderRefused)
    assert told.kind is RefusalKind.NOT_EXECUTED
    assert slow.deadline_ms(_place) == 1_500
    assert sent == [(_START_NS + 2 * NS_PER_S) // NS_PER_MS]


@pytest.mark.asyncio
async def test_a_clock_that_cannot_be_measured_again_leaves_the_refusal_as_it_is(
    settings: VenueSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last measurement stands."""
    slow = _Slow(settings, monkeypatch)
    await slow.gateway.open()

    async def silent(method: str, params: dict[str, object]) -> object:
        del params
        if method == "public/get_time":
            raise VenueUnreachable("no answer")
        raise VenueRefused(13888, "timed_out")

    monkeypatch.setattr(slow.gateway._carrier, "call", silent)
    monkeypatch.setattr(slow.gateway._client, "call", silent)
    (told,) = await slow.gateway.place(_place(Ns(slow.clocks.now_ns + 2 * NS_PER_S)))

    assert isinstance(told, OrderRefused)
    assert slow.deadline_ms(_place) == 0
