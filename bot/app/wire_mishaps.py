"""What happens at planned moments at wire depth, whatever the bot does: connections, books, humans, clocks, kills.

Knows the loop, the venue and the process, and sees to it that each fault happens when its time has come.
"""

import random
from collections.abc import Callable, Mapping
from typing import Final

from bot.app.wire_loop import WireLoop
from bot.app.wire_process import WireProcess
from bot.app.wire_world import WireWorld
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_MS, NS_PER_S
from bot.drive.hands import Hands
from bot.sim.faults import Fault, FaultKind, Faults

_CLOCK_MS_MAX: Final = 900
"""Within what is tolerated of stamps from the future."""

_K = FaultKind
_Act = Callable[[Fault, random.Random], bool]


class WireMishaps:
    """Makes the planned ones happen."""

    def __init__(self, faults: Faults, loop: WireLoop, world: WireWorld, hands: Hands, hedge: InstrumentId) -> None:
        """Nothing is planned yet."""
        self._faults = faults
        self._loop = loop
        self._world = world
        self._hands = hands
        self._hedge = hedge

    def plan(self, process: WireProcess) -> None:
        """Set a timer for each; the world is served already."""

        def kill(fault: Fault, dice: random.Random) -> bool:
            del fault, dice
            was_up = process.is_up
            process.kill()
            return was_up

        happen: Mapping[FaultKind, _Act] = {
            _K.CONNECTION_DROPPED: self._drop,
            _K.NETWORK_SILENT: self._silence,
            _K.SUBSCRIPTION_MISSING: self._mute,
            _K.BOOK_GAP: self._gap,
            _K.HUMAN_TRADED: lambda _, dice: self._told(self._hands.trade_hedge(dice)),
            _K.HUMAN_TRADED_OPTION: lambda _, dice: self._told(self._hands.trade_option(dice, self._world.options)),
            _K.LIQUIDATED: lambda *_: self._told(self._hands.close_hedge()),
            _K.CLOCK_STEPPED: self._step_clock,
            _K.KILLED: kill,
        }
        for fault in self._faults.planned:
            act = happen.get(fault.kind)
            if act is not None:
                self._loop.call_later(self._until_s(fault.start_ns), self._happen, act, fault)

    def _until_s(self, at_ns: int) -> float:
        return (at_ns - self._loop.now_ns()) / NS_PER_S

    def _happen(self, act: _Act, fault: Fault) -> None:
        exchange = self._world.exchange
        exchange.advance(max(self._loop.now_ns(), exchange.now_ns))
        if act(fault, self._faults.dice_of(fault)):
            self._faults.felt(fault.kind)

    def _told(self, has_traded: bool) -> bool:
        if has_traded:
            self._world.server.step()
        return has_traded

    def _drop(self, fault: Fault, dice: random.Random) -> bool:
        del fault
        links = list(self._loop.network.links)
        if links:
            dice.choice(links).reset()
        return bool(links)

    def _silence(self, fault: Fault, dice: random.Random) -> bool:
        """One connection at least, or all of them."""
        del fault
        links = list(self._loop.network.links)
        for link in links if dice.random() < 0.5 else links[-1:]:
            link.is_black_hole = True
        return bool(links)

    def _mute(self, fault: Fault, dice: random.Random) -> bool:
        """One option is left out of what is subscribed from now on, on new connections."""
        faults = self._world.server.faults
        channel = f"ticker.{dice.choice(self._world.options)}.100ms"
        faults.mute_channel(channel)
        self._loop.call_later(self._until_s(fault.until_ns), faults.unmute_channel, channel)
        return faults.drop_sockets() > 0

    def _gap(self, fault: Fault, dice: random.Random) -> bool:
        del fault, dice
        self._world.server.faults.gap_book(self._hedge)
        return True

    def _step_clock(self, fault: Fault, dice: random.Random) -> bool:
        step_ns = dice.choice((-1, 1)) * dice.randrange(100, _CLOCK_MS_MAX) * NS_PER_MS
        self._loop.clock_ahead_ns = step_ns

        def back() -> None:
            if self._loop.clock_ahead_ns == step_ns:
                self._loop.clock_ahead_ns = 0

        self._loop.call_later(self._until_s(fault.until_ns), back)
        return True
