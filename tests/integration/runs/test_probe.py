"""`hedgebot probe` as a process against `hedgebot exchange`: its answers are what the local exchange is known to do."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app.probe import account_questions
from bot.app.probe.orders import Orders
from bot.app.probe.question import Bench, Verdict
from bot.app.probe.wire import Wire
from bot.domain.ids import VenueId
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.localex.server import LocalExchange, open_accounts, parse_key
from bot.sim.world import build_exchange
from bot.venues.settings import Credentials, VenueSettings

_KNOWN = {
    "token_lifetime": ("answered", "expires_in 31536000 s"),
    "linear_option_units": ("answered", "BTC: contract_size 1, min_trade_amount 0.01; ETH: "),
    "option_fees": ("answered", "inverse BTC: maker_commission 0.0003, taker_commission 0.0003"),
    "delivery_fees": ("inconclusive", "no option of this account was delivered"),
    "linear_size": ("answered", "size = size_currency × mark_price"),
    "unknown_parameters": ("answered", "http: ignored: the order is open; websocket: ignored: the order is open"),
    "price_band": ("answered", "refused with 10007 price_too_high"),
    "amend_in_bump": ("inconclusive", "amend 10004 order_not_found"),
    "label_retention": ("answered", "still found at an age of 2 s"),
    "delivery": ("inconclusive", "not waited for "),
}
"""What docs/reference/local-exchange.md and the world's own tests say; it has no speed bump."""
_BEFORE_NS = 10 * NS_PER_S
"""Time to log in before the option expires."""
_WITHDRAWS = "demo:demo:trade:read_write account:read wallet:read_write"


@pytest.fixture
def probe(processes: Any) -> Callable[..., Any]:
    """Starts a probe of an address that reports into the folder of the test."""

    def start(address: str, *arguments: str) -> Any:
        report = processes.folder / "report.md"
        return processes.start(
            *("probe", "--config", "config/testnet.toml", "--report", str(report), *arguments),
            HEDGEBOT_VENUE__WS_URL=f"ws://{address}/ws/api/v2",
            HEDGEBOT_VENUE__REST_URL=f"http://{address}",
            HEDGEBOT_VENUE__CLIENT_ID="demo",
            HEDGEBOT_VENUE__CLIENT_SECRET="demo",  # noqa: S106 - the public key of the local exchange
            HEDGEBOT_BOOKS__BTC__LIMITS__UNRESOLVED_S_MAX="2",
        )

    return start


@pytest.mark.asyncio
async def test_a_probe_answers_what_is_known_and_leaves_nothing(processes: Any, probe: Callable[..., Any]) -> None:
    """Exit 0, both files, every question once, the account as before: the straddle and nothing else."""
    venue = await processes.exchange().listening()
    before = await venue.positions()
    probing = probe(venue.address, "--yes")
    assert await probing.ended() == 0, probing.text()[-4000:]

    found = json.loads((processes.folder / "report.json").read_text())
    answers = {item["name"]: item["answer"] for item in found["findings"]}
    assert answers.keys() == _KNOWN.keys()
    for name, (verdict, observed) in _KNOWN.items():
        assert answers[name]["verdict"] == verdict, answers[name]
        assert observed in answers[name]["observed"]
    assert (found["left"], found["interrupted"]) == ([], "")
    assert "| `price_band` |" in (processes.folder / "report.md").read_text()
    assert await venue.positions() == before
    assert await venue.open_orders() == []
    assert {trade["amount"] for trade in await venue.trades()} <= {10.0}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("exchange", "arguments", "line"),
    [
        (("--claim-production",), ("--yes",), "says testnet=False"),
        (("--key", _WITHDRAWS), ("--yes",), "the key may withdraw"),
        ((), (), "add --yes to agree"),
    ],
)
async def test_a_probe_that_must_not_be_is_refused(
    processes: Any, probe: Callable[..., Any], exchange: tuple[str, ...], arguments: tuple[str, ...], line: str
) -> None:
    """Production, a key that may withdraw, nobody's consent: exit 2, one line, no order, no report."""
    venue = await processes.exchange(*exchange).listening()
    probing = probe(venue.address, *arguments)
    assert await probing.ended() == 2, probing.text()[-4000:]

    refusals = [text for text in probing.text().splitlines() if text.startswith("hedgebot: ")]
    assert len(refusals) == 1
    assert line in refusals[0]
    assert await venue.trades() == []
    assert await venue.open_orders() == []
    assert not _is_there(processes.folder / "report.md")


def _is_there(path: Path) -> bool:
    return path.exists()


@pytest.mark.asyncio
async def test_a_delivery_is_listened_to_over_eight_o_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option expires while the probe listens: the answer names what the channel and the log say of it."""
    monkeypatch.setattr(account_questions, "_AFTER_S", 1.0)
    wall_ns = time.time_ns()
    start_ns = Ns(wall_ns - wall_ns % NS_PER_DAY + 8 * 3600 * NS_PER_S - _BEFORE_NS)
    shift_ns = start_ns - wall_ns
    world = build_exchange(1, start_ns)
    keys = [parse_key("demo:demo")]
    open_accounts(world, keys)
    option = next(item for item in world.instruments() if item.is_option and item.expiry_ns == start_ns + _BEFORE_NS)
    world.seed_position("demo", option.id, ZERO + 1)
    local = LocalExchange(world, keys=keys, now_ns=lambda: Ns(time.time_ns() + shift_ns))
    port = await local.start()
    settings = VenueSettings(
        venue=VenueId("deribit"),
        ws_url=f"ws://127.0.0.1:{port}/ws/api/v2",
        rest_url=f"http://127.0.0.1:{port}",
        is_testnet=True,
        credentials=Credentials("demo", "demo"),
    )
    wire = Wire(settings, lambda: Ns(time.time_ns() + shift_ns), "n")
    try:
        await wire.open()
        answer = await account_questions.delivery(_bench(wire, settings, shift_ns, world))
    finally:
        await wire.close()
        await local.stop()

    assert answer.verdict is Verdict.ANSWERED
    assert option.id in str(answer.facts["log"])


def _bench(wire: Wire, settings: VenueSettings, shift_ns: int, world: Any) -> Bench:
    listed = {item.id: item for item in world.instruments()}
    assert settings.credentials is not None
    return Bench(
        road=wire,
        orders=Orders("t"),
        credentials=settings.credentials,
        now_ns=lambda: Ns(time.time_ns() + shift_ns),
        nonce="n",
        inverse=listed["BTC-PERPETUAL"],
        linear=listed["BTC_USDC-PERPETUAL"],
        look_s=0.0,
        delivery_wait_s=60.0,
    )
