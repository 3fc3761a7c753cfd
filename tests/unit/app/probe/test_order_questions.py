"""Each question about orders, against venues that would answer differently from the local one."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.app.probe import order_questions
from bot.app.probe.question import Bench, Verdict
from bot.domain.errors import VenueRefused, VenueUnreachable

Shape = Callable[..., dict[str, Any]]
ANSWERED, INCONCLUSIVE = Verdict.ANSWERED, Verdict.INCONCLUSIVE


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("http", "socket", "verdict", "observed"),
    [
        (None, None, ANSWERED, "http: ignored: the order is open; websocket: ignored: the order is open"),
        (-32602, 11050, ANSWERED, "http: refused with -32602 no; websocket: refused with 11050 no"),
        (None, 10009, INCONCLUSIVE, "http: ignored: the order is open; websocket: refused with 10009 no"),
    ],
)
async def test_unknown_parameters(
    *, bench: Bench, road: Any, placed: Shape, http: int | None, socket: int | None, verdict: Verdict, observed: str
) -> None:
    """Ignored, refused for the parameter, or refused for something else, which tells nothing."""
    road.answers["http private/buy"] = [placed() if http is None else VenueRefused(http, "no")]
    road.answers["private/buy"] = [placed() if socket is None else VenueRefused(socket, "no")]
    answer = await order_questions.unknown_parameters(bench)

    assert (answer.verdict, answer.observed) == (verdict, observed)
    assert all(params["clientOrderId"] == "probe" for params in road.sent("private/buy"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("reply", "verdict", "observed"),
    [
        (VenueRefused(10007, "price_too_high"), ANSWERED, "refused with 10007 price_too_high"),
        (VenueRefused(10009, "not_enough_funds"), INCONCLUSIVE, "refused with 10009 not_enough_funds"),
        ({"price": 60_900.0}, ANSWERED, "clamped to 60900; max_price was 60900"),
        ({"price": 61_022.0}, ANSWERED, "accepted as sent, above max_price 60900"),
        ({"price": "market_price"}, INCONCLUSIVE, "accepted; the order shows the price 'market_price'"),
    ],
)
async def test_price_band(
    *, bench: Bench, road: Any, placed: Shape, reply: Any, verdict: Verdict, observed: str
) -> None:
    """Refused, clamped, taken as it is, or unreadable."""
    road.answers["private/buy"] = [reply if isinstance(reply, Exception) else placed(**reply)]
    answer = await order_questions.price_band(bench)

    assert (answer.verdict, answer.observed) == (verdict, observed)
    (sent,) = road.sent("private/buy")
    assert (sent["price"], sent["amount"], sent["time_in_force"]) == (61_022.0, 10.0, "immediate_or_cancel")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("buy", "amend", "verdict", "observed"),
    [
        ({}, VenueRefused(10077, "speed_bumped"), ANSWERED, "amend 10077 speed_bumped; order_state meanwhile open"),
        (
            {},
            VenueRefused(10004, "gone"),
            INCONCLUSIVE,
            "amend 10004 gone; order_state meanwhile open: no bump was met",
        ),
        ({}, None, INCONCLUSIVE, "amend accepted; order_state meanwhile open: no bump was met"),
        (
            VenueRefused(10009, "funds"),
            VenueRefused(10004, "x"),
            INCONCLUSIVE,
            "the order itself was refused with 10009",
        ),
    ],
)
async def test_amend_in_bump(
    *, bench: Bench, road: Any, order: Shape, placed: Shape, buy: Any, amend: Any, verdict: Verdict, observed: str
) -> None:
    """A refusal that is not about an order that is over is the answer; anything else met no bump."""
    road.answers |= {
        "private/buy": [buy if isinstance(buy, Exception) else placed(**buy)],
        "private/edit_by_label": [amend or placed()],
        "private/get_order_state_by_label": [[order()]],
    }
    answer = await order_questions.amend_in_bump(bench)

    assert answer.verdict is verdict
    assert answer.observed.startswith(observed)
    (edit,) = road.sent("private/edit_by_label")
    assert edit == {
        "instrument_name": "BTC_USDC-PERPETUAL",
        "label": road.sent("private/buy")[0]["label"],
        "amount": 0.0001,
        "price": 59_100.0,
    }


@pytest.mark.asyncio
async def test_amend_in_bump_without_a_look(bench: Bench, road: Any, placed: Shape) -> None:
    """The state may not be told."""
    road.answers |= {
        "private/buy": [placed()],
        "private/edit_by_label": [VenueRefused(1, "bump")],
        "private/get_order_state_by_label": [VenueRefused(2, "no")],
    }

    assert (await order_questions.amend_in_bump(bench)).observed == "amend 1 bump; order_state meanwhile not shown"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("found", "observed"),
    [([True], "still found at an age of 0.01 s"), ([True, False], "gone at an age of 0.01 s, last seen at 0 s")],
)
async def test_label_retention(
    *, bench: Bench, road: Any, order: Shape, placed: Shape, found: list[bool], observed: str
) -> None:
    """Looked up at growing ages until it is gone or the bot would have stopped looking."""
    road.answers |= {
        "private/buy": [placed()],
        "private/cancel": [order(order_state="cancelled")],
        "private/get_order_state_by_label": [
            [order(order_state="cancelled")] if is_there else [] for is_there in found
        ],
    }
    answer = await order_questions.label_retention(bench)

    assert (answer.verdict, answer.observed) == (ANSWERED, observed)


@pytest.mark.asyncio
async def test_a_broken_road_is_for_the_caller(bench: Bench, road: Any) -> None:
    """No question makes an answer of silence."""
    road.answers["private/buy"] = [VenueUnreachable("gone")]
    with pytest.raises(VenueUnreachable):
        await order_questions.price_band(bench)
