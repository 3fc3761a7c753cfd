"""A book of one-day straddles in a drawn world where its own hedges move the price: the engine itself, a few minutes.

Knows how such a run is put together; what is looked at is the caller's audits, what it means `research.validation`'s.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import structs

from bot.app import simulated
from bot.app.config import load
from bot.drive.sim_process import Audit
from bot.observe.tally import RunResult
from bot.research.validation.feedback import Pressed

_STEP_MS: Final = 1_000


def play(pressed: Pressed, audits: Sequence[Audit]) -> RunResult:
    """From the first look to the end; every audit sees every event."""
    with tempfile.TemporaryDirectory() as folder:
        config = load(_written(Path(folder), pressed), {"portfolio": Path(folder) / "book.toml"}, run_tag="sim")
    books = tuple(structs.replace(book, stability=pressed.guards) for book in config.books)
    options = simulated.SimulateOptions(
        seed=pressed.seed,
        hours=pressed.minutes / 60.0,
        step_ms=_STEP_MS,
        tape=None,
        currency="BTC",
        impact=pressed.impact,
    )
    return simulated.simulation_of(structs.replace(config, books=books), options, audits=audits).run("pressed")


def _written(folder: Path, pressed: Pressed) -> Path:
    legs = "".join(
        f'[[legs]]\nkind = "{kind}"\nexpiry = "1st"\nstrike = "atm"\nqty_coin = "{pressed.straddles}"\n'
        for kind in ("call", "put")
    )
    (folder / "book.toml").write_text(legs)
    path = folder / "config.toml"
    path.write_text(f"""
mode = "simulate"

[books.btc]
convention = "options_only"

[books.btc.band]
low_coin = {-pressed.half_coin}
high_coin = {pressed.half_coin}
low_coin_per_option_coin = 0
high_coin_per_option_coin = 0
trade_to = "{pressed.trade_to}"

[books.btc.limits]
order_usd_max = 1_000_000
hedge_position_usd_max = 20_000_000
delta_coin_worst_max = 200
orders_per_minute_max = 100
""")
    return path
