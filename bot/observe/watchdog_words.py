"""What the watchdog has to say, in words of the catalogue."""

from collections.abc import Sequence

from bot.domain.ids import Label, OrderId
from bot.observe.logs import Log


class WatchdogTeller:
    """Tells one watchdog."""

    def __init__(self, log: Log) -> None:
        """Bound to run and venue."""
        self._log = log

    def started(self, ledger: str, silence_s: float) -> None:
        """It looks from now on."""
        self._log.tell("watchdog.started", ledger=ledger, silence_s=silence_s)

    def alarmed(self, cause: str, *, found_count: int, cancelled_count: int, failed: Sequence[str]) -> None:
        """Nobody is there, and what was done about it; `failed` says why."""
        self._log.tell(
            "watchdog.alarmed",
            cause=cause,
            found_count=found_count,
            cancelled_count=cancelled_count,
            failed=list(failed),
        )

    def cancelled(self, order_id: OrderId, label: Label | None) -> None:
        """One order."""
        self._log.tell("watchdog.cancelled", order_id=order_id, label=label)

    def calmed(self, holder: str) -> None:
        """Somebody is there, or ended in order."""
        self._log.tell("watchdog.calmed", holder=holder)
