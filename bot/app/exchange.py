"""The local exchange as a process: world, account, portfolio, server, until a signal."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop
from msgspec import Struct

from bot.app import clock
from bot.app.demo import LISTENING
from bot.app.playback import PlayClock, open_playback
from bot.domain.errors import ConfigError
from bot.domain.instruments import Kind
from bot.domain.portfolio import PortfolioSpec, resolve
from bot.domain.time import NS_PER_S, Ns, iso_utc
from bot.drive.simulate import seed_positions
from bot.localex.server import STEP_S_DEFAULT, LocalExchange, Rules, open_accounts, parse_key
from bot.sim.exchange import Exchange
from bot.sim.world import build_exchange

_OPEN_BEFORE_STEPS, _OPEN_BEFORE_STEP_NS = 200, 3 * NS_PER_S
"""Ten minutes, in half a second: a real venue has a last price and a chart when one arrives."""
_READ_BYTES = 4096


class ExchangeOptions(Struct, frozen=True, kw_only=True):
    """What the command line says."""

    port: int
    seed: int
    keys: tuple[str, ...]
    """`ID:SECRET:SCOPES`; the first one's account gets the portfolio."""
    portfolio: PortfolioSpec | None
    currency: str
    vol_scale: float
    claim_production: bool
    """Whether replies say `testnet: false`."""
    tape: Path | None
    """Folder with a recorded day or a run's tape; None: a drawn market."""
    speed_multiple: float
    """Of the tape against the wall clock."""
    until_stdin_ends: bool
    """Whether a closed standard input is a stop: whoever started it is gone."""


def serve(options: ExchangeOptions, say: Callable[[str], None]) -> None:
    """Serve on loopback until SIGTERM or SIGINT; `say` gets a line with the address once it is open."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options, say))


async def _serve(options: ExchangeOptions, say: Callable[[str], None]) -> None:
    playback = None if options.tape is None else open_playback(options.tape, options.currency, options.seed)
    exchange = _open_drawn(options.seed, clock.now_ns(), options.vol_scale) if playback is None else playback.exchange
    try:
        keys = [parse_key(text) for text in options.keys]
    except ValueError as error:
        raise ConfigError(f"--key: {error}") from None
    open_accounts(exchange, keys)
    _seed(exchange, options, [key.client_id for key in keys])
    played = None if playback is None else PlayClock(exchange.now_ns, clock.now_ns, options.speed_multiple)
    server = LocalExchange(
        exchange,
        keys=keys,
        now_ns=played or clock.now_ns,
        rules=Rules(testnet=not options.claim_production, wall_ns=clock.now_ns),
        port=options.port,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if options.until_stdin_ends:
        _stop_at_end_of_stdin(loop, stop)
    try:
        port = await server.start()
    except OSError as error:
        raise ConfigError(f"--port: cannot listen on {options.port}: {error.strerror}; choose another") from None
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    say(f"{LISTENING}127.0.0.1:{port}")
    if playback is not None and played is not None:
        say(f"tape: {iso_utc(exchange.now_ns)} to {iso_utc(playback.end_ns)}; this is what get_time answers")
        over = f"tape: over at {iso_utc(playback.end_ns)}; time goes on, its last prices stand"
        # The world has made its last recorded step by then.
        loop.call_later(played.wall_s(playback.end_ns) + 2.0 * STEP_S_DEFAULT, say, over)
    # A failing server ends the process; a stop ends the server.
    running = asyncio.create_task(server.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (running, stopping):
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    await server.stop()
    if running.done() and not running.cancelled():
        running.result()


def _stop_at_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def read() -> None:
        if not os.read(sys.stdin.fileno(), _READ_BYTES):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    try:
        loop.add_reader(sys.stdin.fileno(), read)
    except (OSError, ValueError):
        raise ConfigError("--until-stdin-ends: standard input is neither a pipe nor a terminal") from None


def _open_drawn(seed: int, now_ns: Ns, vol_scale: float) -> Exchange:
    """A drawn market that has been open for a while: perpetuals have traded, and go on trading whoever watches."""
    exchange = build_exchange(seed, Ns(now_ns - _OPEN_BEFORE_STEPS * _OPEN_BEFORE_STEP_NS), vol_scale=vol_scale)
    for item in exchange.instruments():
        if item.kind is Kind.PERPETUAL:
            exchange.watch(item.id)
    for step in range(1, _OPEN_BEFORE_STEPS + 1):
        exchange.advance(Ns(now_ns - (_OPEN_BEFORE_STEPS - step) * _OPEN_BEFORE_STEP_NS))
    exchange.changes()  # nobody was there to be told
    return exchange


def _seed(exchange: Exchange, options: ExchangeOptions, accounts: Sequence[str]) -> None:
    if options.portfolio is None:
        return
    base = options.currency.upper()
    try:
        holdings = resolve(
            options.portfolio,
            base=base,
            listed=[spec for spec in exchange.instruments() if any(exchange.mark(spec.id))],
            index_usd=exchange.index_usd(f"{base.lower()}_usd"),
            now_ns=exchange.now_ns,
        )
    except ValueError as error:
        raise ConfigError(f"--portfolio: {error}") from None
    seed_positions(exchange, accounts[0], holdings)
