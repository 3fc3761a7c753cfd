from collections.abc import Callable
from decimal import Decimal

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from msgspec import structs

from bot.domain.decided import Decided
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.status import BookStatus, ProfitUsd
from bot.domain.time import NS_PER_S, Ns
from bot.observe.metrics import Metrics
from bot.web.server import TICK_AGE_NS_MAX, HealthServer

_NOW_NS = Ns(1_000 * NS_PER_S)
_PAGES = ("/healthz", "/readyz", "/status", "/metrics")


def _status(**changes: object) -> BookStatus:
    decided = Decided(
        seq=1,
        now_ns=_NOW_NS,
        book="BTC",
        convention="options_only",
        action=Action.SKIP,
        reason=Reason.INSIDE_BAND,
        delta_coin_net=0.05,
        delta_coin_low=0.05,
        delta_coin_high=0.05,
        delta_coin_options=0.05,
        delta_coin_futures=0.0,
        delta_coin_collateral=0.0,
        delta_coin_expiring=0.0,
        delta_coin_surviving=0.164,
        delta_coin_delivered=0.0,
        gamma_coin_per_usd=1e-5,
        gamma_coin_per_hour=0.009,
        band_low_coin=-0.1,
        band_high_coin=0.1,
        target_coin=None,
        trade_coin=0.0,
        price_usd=97_000.0,
        index_usd=97_000.0,
        hedge_instrument=InstrumentId("BTC-PERPETUAL"),
        hedge_age_ns=Ns(1),
        option_age_ns_max=None,
        doubtful=(),
        detail="",
    )
    status = BookStatus(
        book="BTC",
        convention="options_only",
        phase=Phase.RUNNING,
        phase_cause="reconciled",
        is_reconciled=True,
        now_ns=_NOW_NS,
        decided=decided,
        positions_native={InstrumentId("BTC-PERPETUAL"): Decimal(-6200)},
        orders_unknown=0,
        orders_live=0,
        profit_usd=ProfitUsd(total=1.0, options=1.0, hedge=0.0, slippage=0.0, fees=0.0, funding=0.0),
    )
    return structs.replace(status, **changes)


def _server(*statuses: BookStatus, host: str = "127.0.0.1", port: int = 0) -> HealthServer:
    server = HealthServer(
        host=host, port=port, metrics=Metrics(["BTC"], now_ns=lambda: _NOW_NS), now_ns=lambda: _NOW_NS
    )
    if statuses:
        server.follow(lambda: statuses)
    return server


async def _get(server: HealthServer, page: str) -> tuple[int, object]:
    async with TestClient(TestServer(server.app())) as client, client.get(page) as response:
        return response.status, await response.json()


_OLD_NS = Ns(_NOW_NS - TICK_AGE_NS_MAX - NS_PER_S // 2)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("statuses", "health", "readiness"),
    [
        ([], (503, "starting: no book yet"), (503, "starting: no book yet")),
        (
            [_status(decided=None)],
            (503, "BTC: no decision yet"),
            (503, "BTC: no decision yet"),
        ),
        ([_status()], (200, ""), (200, "")),
        ([_status(now_ns=Ns(_NOW_NS - TICK_AGE_NS_MAX))], (200, ""), (200, "")),
        (
            [_status(now_ns=_OLD_NS)],
            (503, "BTC: no decision for 15.5 s"),
            (503, "BTC: no decision for 15.5 s"),
        ),
        (
            [_status(), _status(book="ETH", now_ns=_OLD_NS)],
            (503, "ETH: no decision for 15.5 s"),
            (503, "ETH: no decision for 15.5 s"),
        ),
        (
            [_status(phase=Phase.RECONCILING, phase_cause="start", is_reconciled=False)],
            (200, ""),
            (503, "BTC: reconciling: start"),
        ),
        ([_status(is_reconciled=False)], (200, ""), (503, "BTC: running: reconciled")),
        (
            [_status(), _status(book="ETH", phase=Phase.HALTED, phase_cause="order_unresolved")],
            (200, ""),
            (503, "ETH: halted: order_unresolved"),
        ),
        ([_status(phase=Phase.STOPPING, phase_cause="SIGTERM")], (200, ""), (503, "BTC: stopping: SIGTERM")),
    ],
)
async def test_health_is_progress_and_readiness_is_agreement(
    statuses: list[BookStatus], health: tuple[int, str], readiness: tuple[int, str]
) -> None:
    """A halted bot is alive and not ready: restarting it blindly is not what it needs."""
    server = _server(*statuses)
    answers = [await _get(server, page) for page in ("/healthz", "/readyz")]

    expected = [(code, {"ok": code == 200, "reason": reason}) for code, reason in (health, readiness)]
    assert expected == answers


@pytest.mark.asyncio
async def test_status_shows_every_book() -> None:
    """Exact amounts as text, the last decision with all that mattered."""
    code, books = await _get(_server(_status(), _status(book="ETH")), "/status")

    assert code == 200
    assert isinstance(books, list)
    assert [book["book"] for book in books] == ["BTC", "ETH"]
    assert books[0]["positions_native"] == {"BTC-PERPETUAL": "-6200"}
    assert books[0]["decided"]["reason"] == "inside_band"


@pytest.mark.asyncio
async def test_metrics_are_in_prometheus_format() -> None:
    """With the content type its scraper expects."""
    server = _server(_status())
    async with TestClient(TestServer(server.app())) as client, client.get("/metrics") as response:
        text = await response.text()

    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# TYPE hedgebot_decisions_total counter" in text


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_changed(method: str) -> None:
    """Pages are read-only, and there are no others."""
    async with TestClient(TestServer(_server(_status()).app())) as client:
        codes = [(await client.request(method, page)).status for page in _PAGES]
        missing = (await client.get("/")).status

    assert (codes, missing) == ([405] * len(_PAGES), 404)


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_it_listens_on_a_free_port_and_stops(host: str) -> None:
    """Port 0 is any; after the end nothing listens; stopping twice is harmless."""
    server = _server(_status(), host=host)
    port = await server.start()
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as response:
        code = response.status
    await server.stop()
    await server.stop()
    again = _server(_status(), host=host, port=port)
    same = await again.start()
    await again.stop()

    assert (code, same) == (200, port)


@pytest.mark.asyncio
async def test_a_port_in_use_is_a_configuration_error() -> None:
    """One line with the next step."""
    first = _server()
    port = await first.start()
    with pytest.raises(ConfigError) as caught:
        await _server(port=port).start()
    await first.stop()

    text = str(caught.value)
    assert text.startswith(f"health.port: cannot listen on 127.0.0.1:{port} (")
    assert text.endswith("take another, 0 for any, or health.enabled = false")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "example.org", "", "127.0.0.1.example.org"])  # noqa: S104
def test_nobody_beyond_this_machine_is_served(host: str) -> None:
    """Positions and profit are nobody else's business."""
    with pytest.raises(ConfigError, match="is not loopback; use 127"):
        _server(host=host)


def test_pages_are_read_from_the_books_each_time() -> None:
    """Nothing is remembered between two requests."""
    found: list[BookStatus] = []
    server = HealthServer(host="::1", port=0, metrics=Metrics(now_ns=lambda: _NOW_NS), now_ns=lambda: _NOW_NS)
    statuses: Callable[[], tuple[BookStatus, ...]] = lambda: tuple(found)  # noqa: E731
    server.follow(statuses)
    before = server.health().ok
    found.append(_status())

    assert (before, server.health().ok) == (False, True)
