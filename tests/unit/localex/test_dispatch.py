import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.localex.calls import Session
from bot.localex.channels import Topic
from bot.localex.dispatch import METHODS

_VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["BTC-PERPETUAL", "BTC", "limit", "0", "-1", "1e9", "true"])
    | st.lists(st.text(max_size=20), max_size=3)
    | st.dictionaries(st.text(max_size=5), st.integers(), max_size=2)
)
_ORDER_NAMES = ("instrument_name", "amount", "price", "type", "label", "valid_until", "time_in_force", "order_id")
_OTHER_NAMES = ("currency", "channels", "count", "interval", "depth", "scope", "access_token")
_AUTH_NAMES = ("grant_type", "client_id", "client_secret")
_NAMES = st.sampled_from((*_ORDER_NAMES, *_OTHER_NAMES, *_AUTH_NAMES))


def test_replies_echo_the_id_and_carry_the_stamps(world: Any) -> None:
    """The frame every client knows."""
    reply = world.reply(Session(), "public/test")

    assert {name: type(value) for name, value in reply.items()} == {
        "jsonrpc": str,
        "id": int,
        "result": dict,
        "usIn": int,
        "usOut": int,
        "usDiff": int,
        "testnet": bool,
    }


def test_the_reference_lists_exactly_the_methods_and_topics(repo_root: Path) -> None:
    """What is served is documented, and nothing else is."""
    text = (repo_root / "docs/reference/local-exchange.md").read_text()
    table = text.partition("## Methods")[2].partition("## Channels")[0]

    assert set(re.findall(r"`((?:public|private)/\w+)`", table)) == METHODS.keys()
    assert [topic for topic in Topic if f"`{topic.value.removesuffix('_grouped')}" not in text] == []


@pytest.mark.parametrize("method", ["public/nonsense", "private/nonsense", "", "public", "ticker"])
def test_unknown_methods_are_not_found(world: Any, method: str) -> None:
    """-32601, whoever asks."""
    assert world.code(world.connect("demo")[0], method) == -32601


@pytest.mark.parametrize("method", sorted(name for name in METHODS if name.startswith("private/")))
def test_private_methods_need_a_token(world: Any, method: str) -> None:
    """13009 before anything else is looked at."""
    assert world.code(world.connect()[0], method) == 13009


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("private/buy", 13021),
        ("private/sell", 13021),
        ("private/cancel", 13021),
        ("private/cancel_all", 13021),
        ("private/get_account_summary", 13021),
        ("private/get_account_summaries", 13021),
        ("private/get_positions", None),
        ("private/get_open_orders", None),
    ],
)
def test_scopes_are_enforced(world: Any, method: str, expected: int | None) -> None:
    """A key with trade:read sees orders and positions and does nothing else."""
    assert world.code(world.connect("reader")[0], method) == expected


def test_a_token_in_the_parameters_counts_for_one_call(world: Any) -> None:
    """The socket itself stays unauthenticated; a made-up token is refused even on an authenticated one."""
    first, _ = world.connect()
    login = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo", "scope": "session:x"}
    token = world.ask(first, "public/auth", **login)["access_token"]
    second, _ = world.connect()

    assert world.code(second, "private/get_positions", access_token=token) is None
    assert world.code(second, "private/get_positions") == 13009
    assert world.code(first, "private/get_positions", access_token=token[::-1]) == 13009


def test_an_expired_login_is_no_login(world: Any) -> None:
    """After its seconds the socket must authenticate again."""
    session, _ = world.connect()
    login = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo", "scope": "expires:1"}
    world.ask(session, "public/auth", **login)
    before = world.code(session, "private/get_positions")
    world.pass_ms(1_000)

    assert (before, world.code(session, "private/get_positions")) == (None, 13009)


def test_a_planted_refusal_is_answered_instead(world: Any) -> None:
    """Nothing is carried out then."""
    session, _ = world.connect("demo")
    world.faults.refuse("private/buy", 10028, "too_many_requests")
    order = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "market"}

    codes = [world.code(session, "private/buy", **order) for _ in range(2)]
    assert codes == [10028, None]
    assert len(world.exchange.orders_all("demo")) == 1


def test_orders_meet_the_world_as_it_is_now(world: Any) -> None:
    """An order brings the venue's clock to the present, a look does not."""
    session, _ = world.connect("demo")
    world.now_ns += 5_000_000
    world.ask(session, "private/get_open_orders")
    looked_ns = world.exchange.now_ns
    world.ask(session, "private/buy", instrument_name="BTC-PERPETUAL", amount=10, type="market")

    assert (world.now_ns - looked_ns, world.exchange.now_ns) == (5_000_000, world.now_ns)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(method=st.sampled_from(sorted(METHODS)), params=st.dictionaries(_NAMES, _VALUES, max_size=6))
def test_any_parameters_get_a_result_or_a_typed_error(world: Any, method: str, params: dict[str, object]) -> None:
    """Whatever a client sends to any method, it is answered; only logging out is done in silence."""
    reply = world.reply(world.connect("demo")[0], method, **params)

    assert ("result" in reply) != ("error" in reply) or (METHODS[method].is_silent and reply == {})
