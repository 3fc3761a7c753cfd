"""What recorded runs came to, and how to write it anew: `python tests/golden/regenerate.py` from the checkout.

A changed figure is a changed behaviour: it belongs into CHANGELOG.md under "Trading behaviour".
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from bot.app import simulated
from bot.app.config import load
from bot.domain.commands import Command, PlaceOrder
from bot.domain.decided import Outcome
from bot.domain.events import Event
from bot.drive.simulate import Simulation

HERE: Final = Path(__file__).resolve().parent
_ROOT: Final = HERE.parents[1]
SEEDS: Final = (1, 2, 3)
TAPED: Final = tuple((name, coin) for name in ("call", "straddle") for coin in ("BTC", "ETH"))
DAY: Final = Path("history/demo_deribit_2023-04-12")
"""Under the folder of recorded data."""
_DIGITS: Final = 9
"""Significant digits kept of a float: what differs beyond them is the mathematics library, not the bot."""


def drawn(seed: int) -> dict[str, Any]:
    """One virtual hour of the default straddle in a drawn world; its orders in words as well."""
    simulation = _simulation("config/simulate.toml", "straddle", seed=seed, hours=1.0)
    return _played(simulation, with_orders=True)


def taped(portfolio: str, coin: str, data: Path) -> dict[str, Any]:
    """A recorded day; figures of ours only, nothing of what was recorded."""
    simulation = _simulation("config/tape.toml", portfolio, seed=1, hours=None, tape=data / DAY, currency=coin)
    return _played(simulation, with_orders=False)


def _simulation(config: str, portfolio: str, **options: Any) -> Simulation:
    file = _ROOT / "config" / "portfolios" / f"{portfolio}.toml"
    loaded = load(_ROOT / config, {"portfolio": file}, run_tag=simulated.SIMULATION_TAG)
    defaults = {"tape": None, "currency": "BTC", "step_ms": 1_000}
    return simulated.simulation_of(loaded, simulated.SimulateOptions(**(defaults | options)))


def _played(simulation: Simulation, *, with_orders: bool) -> dict[str, Any]:
    commands: list[Command] = []
    count = simulation.tally.saw

    def saw(event: Event, outcome: Outcome) -> None:
        commands.extend(outcome.commands)
        count(event, outcome)

    simulation.tally.saw = saw  # type: ignore[method-assign]
    result = simulation.run("golden")
    lines = [json.dumps(_rounded(_said(command)), sort_keys=True) for command in commands]
    told: dict[str, Any] = _rounded(
        {
            "hedges": result.hedges,
            "orders": result.orders,
            "fills": result.fills,
            "refused": result.refused,
            "net_delta_coin_final": result.net_delta_coin_final,
            "gamma_coin_per_usd_final": result.gamma_coin_per_usd_final,
            "outside_band_s": result.outside_band_s,
            "positions_match": result.positions_match,
            "violations": list(result.violations),
            "pnl_usd": msgspec.to_builtins(result.pnl_usd),
            "var_ratio": result.var_ratio,
            "var_ratio_delta": result.var_ratio_delta,
            "commands": len(lines),
            "commands_sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        }
    )
    if with_orders:
        told["orders_in_words"] = [_words(command) for command in commands if isinstance(command, PlaceOrder)]
    return told


def _said(command: Command) -> dict[str, Any]:
    """A command without its place on the tape: one more message of any kind moves that, and changes no trade."""
    said: dict[str, Any] = msgspec.to_builtins(command)
    said.pop("decided_seq", None)
    return said


def _words(order: PlaceOrder) -> str:
    return f"{order.label} {order.amount_native:+f} {order.instrument} at {order.price_native:f}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def read(name: str) -> Any:
    """A golden file."""
    return json.loads((HERE / f"{name}.json").read_text())


def _write(name: str, told: dict[str, Any]) -> None:
    (HERE / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n")


def main() -> None:
    """Write all golden files; those of the recorded day only where the recording is."""
    _write("drawn", {f"seed {seed}": drawn(seed) for seed in SEEDS})
    data = (_ROOT / os.environ.get("HEDGEBOT_SHARED", "../shared") / "data").resolve()
    if not data.is_dir():
        sys.exit("no recorded data: taped.json stays as it is")
    _write("taped", {f"{name} {coin}": taped(name, coin, data) for name, coin in TAPED})


if __name__ == "__main__":
    main()
