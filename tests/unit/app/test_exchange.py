"""The local exchange as a process: world, account, portfolio, server, until a signal."""

import asyncio
import os
import signal
import socket
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bot.app import exchange
from bot.app.exchange import ExchangeOptions
from bot.domain.errors import ConfigError
from bot.domain.portfolio import LegSpec, PortfolioSpec

_CALL = PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(2), kind="call", expiry="2nd", strike="atm"),))


def _options(**change: Any) -> ExchangeOptions:
    defaults = {
        "port": 0,
        "seed": 1,
        "keys": ("demo:demo", "other:other"),
        "portfolio": None,
        "currency": "BTC",
        "vol_scale": 1.0,
        "claim_production": False,
    }
    return ExchangeOptions(**(defaults | change))


async def _positions(address: str, authorization: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": authorization}) as http,
        http.get(f"http://{address}/api/v2/private/get_positions") as response,
    ):
        rows: list[dict[str, Any]] = (await response.json())["result"]
        return rows


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_a_signal_and_the_first_account_has_the_portfolio(number: signal.Signals) -> None:
    """The address is told once it is open; the second account is flat; nobody listens after the end."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(exchange._serve(_options(portfolio=_CALL), told.set_result))
    async with asyncio.timeout(10.0):
        address = await told
        held = await _positions(address, "Basic ZGVtbzpkZW1v")
        other = await _positions(address, "Basic b3RoZXI6b3RoZXI=")
        os.kill(os.getpid(), number)
        await serving

    assert [(row["kind"], row["size"]) for row in held] == [("option", 2.0)]
    assert other == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) != 0


@pytest.mark.asyncio
@pytest.mark.parametrize("claims", [False, True])
async def test_it_may_claim_to_be_production(claims: bool) -> None:
    """Replies and refusals over HTTP and websocket then say `testnet: false`; a test venue without the option."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(exchange._serve(_options(claim_production=claims), told.set_result))
    async with asyncio.timeout(10.0):
        address = await told
        async with aiohttp.ClientSession() as http:
            said = []
            for method in ("public/get_time", "private/get_positions", "public/no_such_method"):
                async with http.get(f"http://{address}/api/v2/{method}") as response:
                    said.append((await response.json())["testnet"])
            async with http.ws_connect(f"http://{address}/ws/api/v2") as socket_:
                for frame in ('{"jsonrpc": "2.0", "id": 1, "method": "public/test"}', "nonsense"):
                    await socket_.send_str(frame)
                    said.append((await socket_.receive_json())["testnet"])
        os.kill(os.getpid(), signal.SIGTERM)
        await serving

    assert said == [not claims] * 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keys": ("nonsense",)}, "^--key: "),
        (
            {"portfolio": PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(1), instrument="BTC-NO"),))},
            "^--portfolio: .*BTC-NO",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_by_its_option(change: dict[str, Any], said: str) -> None:
    """One line that names the option."""
    with pytest.raises(ConfigError, match=said):
        exchange.serve(_options(**change), lambda _: None)


def test_a_port_in_use_is_refused() -> None:
    """With the next step."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=f"--port: cannot listen on {port}: .*; choose another"):
            exchange.serve(_options(port=port), lambda _: None)
