"""The figures of one process for Prometheus: what was counted, and what the books are like when asked.

State is read when somebody scrapes, never when something happens. A figure that is not known is NaN, never 0.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from msgspec import structs
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from bot.domain.decided import Outcome
from bot.domain.events import AccountSeen, Event, StreamName
from bot.domain.reasons import Phase
from bot.domain.status import BookStatus
from bot.domain.stops import StopKind
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.observe.counts import Counts, Spread
from bot.observe.metric_names import METRICS, Kind

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ABSENT: Final = float("nan")
"""Prometheus' own word for a figure that is not known."""
_FIGURES: Final = (
    *("delta_coin_net", "delta_coin_low", "delta_coin_high", "band_low_coin", "band_high_coin"),
    *("gamma_coin_per_usd", "index_usd", "price_usd"),
)
"""Fields of a decision that are metrics by the same name."""

_Labels = tuple[str, ...]
_Statuses = Callable[[], Sequence[BookStatus]]
_Gauges = dict[str, dict[_Labels, float]]


class Rationed(Protocol):
    """A way to a venue: what is asked of its gateway."""

    @property
    def order_credits_left(self) -> float:
        """Orders and cancels that could leave now without waiting."""


class Metrics:
    """All figures of one process, in a registry of their own."""

    def __init__(
        self,
        books: Iterable[str] = (),
        *,
        now_ns: Callable[[], Ns],
        info: Mapping[str, str] | None = None,
        trade_coin_min: Mapping[str, float] | None = None,
    ) -> None:
        """`info`: version and mode, where they are told; `trade_coin_min`: of each book."""
        self._counts: Final = Counts(books, now_ns)
        self._state: Final = _State(self._counts, now_ns, info, trade_coin_min or {})
        self._registry: Final = CollectorRegistry()
        self._registry.register(self._state)
        ProcessCollector(registry=self._registry)
        self.applied: Final[Callable[[str, Event, Outcome], None]] = self._counts.applied
        """One event and what it led to in one book; an event handed over once per book counts once."""
        self.passed: Final = self._counts.passed
        """What says nothing new, counted as `applied` counts each of it; it has no lag."""
        self.alarmed: Final = self._counts.alarmed
        """Somebody else than an engine raised an alarm."""
        self.stalled: Final = self._counts.stalled
        """The ledger took long."""

    def follow(self, statuses: _Statuses) -> None:
        """Tell of these books from now on."""
        self._state.statuses = statuses

    def meter(self, venue: str, way: Rationed) -> None:
        """Tell how many requests a venue would take from us now."""
        self._state.ways[venue] = way

    def text(self) -> bytes:
        """Everything in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)


class _State(Collector):
    """Reads counts and books when it is asked."""

    def __init__(
        self,
        counts: Counts,
        now_ns: Callable[[], Ns],
        info: Mapping[str, str] | None,
        trade_coin_min: Mapping[str, float],
    ) -> None:
        self._counts: Final = counts
        self._now_ns: Final = now_ns
        self._info: Final = info
        self._trade_coin_min: Final = trade_coin_min
        self.statuses: _Statuses = tuple
        self.ways: Final[dict[str, Rationed]] = {}

    def collect(self) -> Iterator[Family]:
        series = self._counts.read() | self._gauges()
        for name, metric in METRICS.items():
            if metric.kind is Kind.HISTOGRAM:
                yield _histogram(name, metric.meaning, self._counts.spreads[name])
                continue
            family: CounterMetricFamily | GaugeMetricFamily
            if metric.kind is Kind.COUNTER:
                family = CounterMetricFamily(name, metric.meaning, labels=metric.labels)
            else:
                family = GaugeMetricFamily(name, metric.meaning, labels=metric.labels)
            for labels, value in series.pop(name, {}).items():
                assert len(labels) == len(metric.labels), f"{name}: {labels} for {metric.labels}"
                family.add_metric(labels, value)
            yield family
        assert not series, f"{sorted(series)}: in no table of metrics"

    def _gauges(self) -> _Gauges:
        now_ns, gauges = self._now_ns(), _Series()
        if self._info is not None:
            gauges.put("build_info", 1.0, self._info["version"], self._info["mode"])
        if self._counts.lease_until_ns is not None:
            gauges.put("lease_left_seconds", (self._counts.lease_until_ns - now_ns) / NS_PER_S)
        for account in self._counts.accounts.values():
            _tell_account(gauges, account)
        for book, count in self._counts.figures_apart.items():
            gauges.put("figures_apart", count, book)
        for book, coin in self._trade_coin_min.items():
            gauges.put("trade_coin_min", coin, book)
        for status in self.statuses():
            _tell_book(gauges, status, now_ns)
        for venue, way in self.ways.items():
            gauges.put("order_credits_left", way.order_credits_left, venue)
        return gauges.by_name


class _Series:
    """Gauges in the making."""

    def __init__(self) -> None:
        self.by_name: Final[_Gauges] = {}

    def put(self, name: str, value: float | None, *labels: str) -> None:
        """One value; None is not known. Told twice, the newer one stays."""
        self.by_name.setdefault(f"hedgebot_{name}", {})[labels] = _ABSENT if value is None else value


def _tell_account(gauges: _Series, account: AccountSeen) -> None:
    labels = (account.venue, account.currency)
    gauges.put("margin_initial_native", account.margin_initial_native, *labels)
    gauges.put("margin_maintenance_native", account.margin_maintenance_native, *labels)
    gauges.put("margin_available_native", account.available_native, *labels)
    equity = account.equity_native
    gauges.put("margin_used_ratio", account.margin_maintenance_native / equity if equity > 0.0 else None, *labels)
    gauges.put("vega_usd_per_point", account.vega_usd_per_point_options, *labels)
    gauges.put("theta_usd_per_day", account.theta_usd_per_day_options, *labels)


def _tell_book(gauges: _Series, status: BookStatus, now_ns: Ns) -> None:
    book, decided = status.book, status.decided
    gauges.put("book_info", 1.0, book, status.convention)
    gauges.put("is_running", status.phase is Phase.RUNNING and status.is_reconciled, book)
    gauges.put("is_halted", status.phase is Phase.HALTED, book)
    gauges.put("orders_live", status.orders_live, book)
    gauges.put("orders_unknown", status.orders_unknown, book)
    gauges.put("tick_age_seconds", None if decided is None else (now_ns - status.now_ns) / NS_PER_S, book)
    for kind in StopKind:
        gauges.put("stops", sum(latch.kind is kind for latch in status.stops), book, kind.value)
    for name in _FIGURES:
        gauges.put(name, None if decided is None else getattr(decided, name), book)
    gauges.put("doubtful_legs", None if decided is None else len(decided.doubtful), book)
    gauges.put("hedge_quote_age_seconds", None if decided is None else _seconds(decided.hedge_age_ns), book)
    gauges.put("option_quote_age_seconds", None if decided is None else _seconds(decided.option_age_ns_max), book)
    for instrument, amount_native in status.positions_native.items():
        gauges.put("position_native", float_from_decimal(amount_native), book, instrument)
    parts = structs.asdict(status.profit_usd)
    gauges.put("profit_usd", parts.pop("total"), book)
    for part, usd in parts.items():
        gauges.put("profit_part_usd", usd, book, part)
    for seen in status.equity:
        labels = (book, seen.venue, seen.currency)
        gauges.put("equity_native", float_from_decimal(seen.bot_native), *labels, "bot")
        gauges.put("equity_native", float_from_decimal(seen.venue_native), *labels, "venue")
    for venue in status.venues:
        gauges.put("stream_up", venue.is_market_up, venue.venue, StreamName.MARKET.value)
        gauges.put("stream_up", venue.is_account_up, venue.venue, StreamName.ACCOUNT.value)


def _seconds(span_ns: Ns | None) -> float | None:
    return None if span_ns is None else span_ns / NS_PER_S


def _histogram(name: str, meaning: str, spread: Spread) -> HistogramMetricFamily:
    buckets, running = [], 0
    for end, count in zip((*map(str, spread.buckets), "+Inf"), spread.counts, strict=True):
        running += count
        buckets.append((end, float(running)))
    return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=spread.total)
