"""What the watchdog has to say: in words of the catalogue, and to whoever is to be woken."""

from collections.abc import Callable, Sequence

from bot.domain.ids import Label, OrderId
from bot.domain.time import Ns
from bot.observe.alerts import Alerts, Severity
from bot.observe.logs import Log


class WatchdogTeller:
    """Tells one watchdog."""

    def __init__(self, log: Log, alerts: Alerts | None, *, now_ns: Callable[[], Ns]) -> None:
        """The log is bound to run and venue; without `alerts` nobody is called."""
        self._log = log
        self._alerts = alerts
        self._now_ns = now_ns

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
        text = f"{cause}; of {found_count} open orders of ours {cancelled_count} were cancelled"
        if failed:
            text = f"{text}, {len(failed)} things failed, the first: {failed[0]}"
        self._call("failed" if failed else "silent", Severity.CRITICAL, text)

    def cancelled(self, order_id: OrderId, label: Label | None) -> None:
        """One order."""
        self._log.tell("watchdog.cancelled", order_id=order_id, label=label)

    def calmed(self, holder: str) -> None:
        """Somebody is there, or ended in order."""
        self._log.tell("watchdog.calmed", holder=holder)
        self._call("calmed", Severity.INFO, f"{holder} is there again, or has ended in order")

    def _call(self, kind: str, severity: Severity, text: str) -> None:
        if self._alerts is not None:
            self._alerts.tell(self._now_ns(), ("watchdog", kind), severity, f"watchdog: {text}")
