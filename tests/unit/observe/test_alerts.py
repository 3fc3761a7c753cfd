"""What wakes somebody, how often, and in which words."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import NOTHING, Decided, Note, Outcome, PhaseChanged, StopLatched, StopLifted
from bot.domain.reasons import Phase, RefusalKind
from bot.domain.status import BookStatus, EquitySeen, ProfitUsd
from bot.domain.stops import HEDGEBOT, Latch, StopKind
from bot.domain.time import NS_PER_S, Ns
from bot.observe.alerts import Alert, Alerts, AlertTerms, Picture, Severity

_NOW_NS = Ns(1_774_598_400 * NS_PER_S)  # 2026-03-27T08:00:00Z
_HOUR_NS = 3_600 * NS_PER_S
_LATCH = Latch(kind=StopKind.PAUSE, cause="spread", since_ns=Ns(1), by=HEDGEBOT, detail="60 bps over 50")


class Desk:
    """Alerts and what they posted."""

    def __init__(self, severity_min: Severity = Severity.INFO, *, summary_utc_hours: int | None = 8) -> None:
        self.posted: list[Alert] = []
        terms = AlertTerms(
            severity_min=severity_min,
            cooldown_ns=Ns(900 * NS_PER_S),
            margin_ratio_max=0.7,
            summary_utc_hours=summary_utc_hours,
        )
        self.alerts = Alerts(terms, self.posted.append)

    def note(self, note: Note, at_s: int = 0) -> None:
        """A note at a moment."""
        self.alerts.applied("BTC", ev.Ticked(now_ns=Ns(_NOW_NS + at_s * NS_PER_S)), Outcome(notes=(note,)))

    @property
    def pictures(self) -> list[Picture | None]:
        """What went with each."""
        return [alert.picture for alert in self.posted]

    @property
    def told(self) -> list[tuple[str, str]]:
        """Severity and text so far."""
        return [(alert.severity.name, alert.text) for alert in self.posted]


def test_what_happens_to_a_book_is_told_by_its_gravity(notes: dict[str, Note]) -> None:
    """Halts, mismatches and alarms at once; stops and figures today; that it goes on with the next coffee."""
    desk = Desk()
    running = PhaseChanged(phase_before=Phase.HALTED, phase_after=Phase.RUNNING, cause="", detail="")
    lifted = StopLifted(latch=_LATCH, by="ann", reason="looked", at_ns=Ns(2))
    for word in ("trading.halted", "position.mismatched", "alarm.raised", "figure.differs"):
        desk.note(notes[word])
    for note in (StopLatched(latch=_LATCH), lifted, running):
        desk.note(note)
    for word in ("figure.agrees", "order.filled", "book.reconciled", "market.trusted", "regime.changed"):
        desk.note(notes[word])
    desk.note(StopLatched(latch=structs.replace(_LATCH, kind=StopKind.HALT)))  # its halt was told

    assert desk.told == [
        ("CRITICAL", "BTC halted: task_failed x"),
        ("CRITICAL", "BTC: BTC-PERPETUAL is 1 by our books, 2 by the venue's"),
        ("CRITICAL", "BTC: stream_lost:"),
        ("WARNING", "BTC: options_delta is 0.5 by our books, 0.4 by the venue's"),
        ("WARNING", "BTC: stop pause, spread by hedgebot: 60 bps over 50"),
        ("INFO", "BTC: stop pause lifted by ann: looked"),
        ("INFO", "BTC trades again"),
    ]


def test_what_comes_from_the_venue_is_told(told_events: dict[str, ev.Event], notes: dict[str, Note]) -> None:
    """Lost streams, unknown orders, grave refusals, margin, stale data; told to two books, once."""
    desk = Desk()
    rich, poor = (
        structs.replace(told_events["account.seen"], equity_native=equity, margin_maintenance_native=0.75)
        for equity in (2.0, 1.0)
    )
    refused = told_events["order.refused"]
    minor = structs.replace(refused, kind=RefusalKind.REQUOTE)
    for event in (told_events["stream.lost"], told_events["order.unknown"], refused, minor, rich, poor):
        for book in ("BTC", "ETH"):
            desk.alerts.applied(book, event, NOTHING)
    desk.note(notes["market.distrusted"])

    assert desk.told == [
        ("WARNING", "deribit: the account stream is lost: closed"),
        ("WARNING", "order hbbtcr1000001 may exist or not: timeout"),
        ("WARNING", "the venue refused an order: not_enough_funds (10009, no_funds)"),
        ("CRITICAL", "deribit BTC: maintenance margin is 75% of equity"),
        ("WARNING", "BTC: the data of BTC-PERPETUAL is stale"),
    ]


def test_the_same_again_waits_and_is_counted(notes: dict[str, Note]) -> None:
    """A quarter of an hour; another cause is another thing."""
    desk = Desk()
    for at_s in (0, 60, 899, 900):
        desk.note(notes["trading.halted"], at_s)
    halted = notes["trading.halted"]
    desk.note(structs.replace(halted, cause="triggered"), 901)

    assert [text for _, text in desk.told] == [
        "BTC halted: task_failed x",
        "BTC halted: task_failed x (and 2 times since)",
        "BTC halted: triggered x",
    ]


@pytest.mark.parametrize(("least", "count"), [(Severity.INFO, 2), (Severity.WARNING, 1), (Severity.CRITICAL, 0)])
def test_what_is_under_the_least_severity_is_not_told(least: Severity, count: int) -> None:
    """As configured."""
    desk = Desk(least)
    desk.note(StopLatched(latch=_LATCH))
    desk.note(StopLifted(latch=_LATCH, by="ann", reason="looked", at_ns=Ns(2)))

    assert len(desk.posted) == count


def test_a_secret_in_a_text_is_taken_out(told_events: dict[str, ev.Event]) -> None:
    """As in the log; and lines are joined."""
    desk = Desk()
    event = structs.replace(told_events["order.unknown"], cause="timeout at\n/buy?client_secret=abcdef123456&x=1")
    desk.alerts.applied("BTC", event, NOTHING)

    assert "abcdef123456" not in desk.posted[0].text
    assert "\n" not in desk.posted[0].text


def test_memory_of_what_was_told_is_bounded(notes: dict[str, Note]) -> None:
    """A thousand kinds; the oldest are forgotten."""
    desk = Desk()
    for number in range(1_500):
        desk.note(structs.replace(notes["alarm.raised"], name=f"n{number}"))

    assert len(desk.alerts._told) == 1_000


def test_a_day_ends_once_at_its_hour() -> None:
    """Not at the start, not twice, and never without an hour."""
    desk, silent = Desk(), Desk(summary_utc_hours=None)
    moments = [Ns(_NOW_NS + hours * _HOUR_NS) for hours in (-3, -1, 0, 1, 23, 24)]

    assert [desk.alerts.is_summary_due(now_ns) for now_ns in moments] == [False, False, True, False, False, True]
    assert not any(silent.alerts.is_summary_due(now_ns) for now_ns in moments)


def test_the_summary_says_how_the_day_was(decided: Callable[..., Decided]) -> None:
    """Whatever the least severity: profit since the last one and since the start, by part; equity, delta, stops."""
    desk = Desk(Severity.CRITICAL)
    status = BookStatus(
        book="BTC",
        convention="options_only",
        phase=Phase.RUNNING,
        phase_cause="",
        is_reconciled=True,
        now_ns=_NOW_NS,
        decided=decided(),
        positions_native={},
        orders_unknown=0,
        orders_live=0,
        profit_usd=ProfitUsd(total=6.0, options=10.0, hedge=-1.0, slippage=-2.0, fees=-1.5, funding=0.5),
        stops=(_LATCH,),
        equity=(EquitySeen(currency="BTC", opening_native=Decimal(2), bot_native=Decimal(2), venue_native=Decimal(3)),),
    )
    desk.alerts.sum_up(status, hedges_count=4, fills_count=5)
    assert desk.pictures == [None]
    later = structs.replace(status, profit_usd=structs.replace(status.profit_usd, total=4.0), decided=None, equity=())
    desk.alerts.sum_up(later, hedges_count=4, fills_count=5, draw=lambda: "<svg/>")
    chart = desk.pictures[-1]

    assert chart is not None
    assert (chart.name, chart.draw()) == ("hedgebot-BTC", "<svg/>")
    first, second = (text for _, text in desk.told)
    assert first == (
        "BTC until 2026-03-27T08:00: running, stops pause; profit +6.00 USD since the last summary, "
        "+6.00 since the start (options +10.00, hedge -1.00, slippage -2.00, fees -1.50, funding +0.50); "
        "4 hedges and 5 fills since the start; equity 3.0000 BTC; net delta +0.1640 (options_only)"
    )
    assert "profit -2.00 USD since the last summary, +4.00" in second
    assert "equity unknown; net delta unknown" in second
