"""A simulated run put together from the configuration and the command line: a drawn world, or a recorded one.

Knows where a world comes from; runs nothing.
"""

import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from bot import __version__
from bot.app import arming
from bot.app.config import Config
from bot.book import BookParams, hedges_of
from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT, InstrumentId, venue_of
from bot.domain.portfolio import PortfolioSpec
from bot.domain.stops import Act
from bot.domain.time import Ns, iso_utc, ns_from_iso, ns_from_s
from bot.drive.line import Cut
from bot.drive.sim_process import Audit
from bot.drive.simulate import SimulateParams, Simulation, Storm
from bot.journal.ledger import Ledger
from bot.journal.tape import Tape
from bot.research.tapes.defects import LEFT_OUT
from bot.research.tapes.history import History, first_round_ns, open_history
from bot.sim.exchange import Exchange
from bot.sim.faults import ENGINE_KINDS, WIRE_KINDS, Fault, FaultLevel, Faults, draw
from bot.sim.history import RecordedMarket
from bot.sim.impact import Impact
from bot.sim.listing import perpetual_elsewhere
from bot.sim.world import build_exchange

SIMULATION_START_NS: Final = ns_from_iso("2026-11-22T09:00:00Z")
"""Fixed, so that a seed means the same run for ever; an hour after a settlement."""
_DATE_LENGTH: Final = len("2026-11-22")
_HOUR_OF_DAY: Final = re.compile(r"[0-2]\d:[0-5]\d")
_SAMPLE_EVERY_S: Final = 60.0
SIMULATION_TAG: Final = "sim"
_HOURS: Final = 24.0
_LOG_PAGE: Final = 4096
"""Bytes of a page of the ledger's write-ahead log."""
_STORM_HOURS: Final = 1.0 / 6.0
_WIRE_HOURS: Final = 0.5
STORM_VOL_SCALE: Final = 3.0
"""A run with faults is on a stormy day: without orders nothing could go wrong with them."""


class SimulateOptions(Struct, frozen=True, kw_only=True):
    """What the command line adds to the configuration of a simulation."""

    seed: int
    hours: float | None
    """None: a day, or the whole tape."""
    step_ms: int
    tape: Path | None
    currency: str
    start: str | None = None
    """`HH:MM` of the simulated day, or an ISO instant; None: an hour after a settlement."""
    tape_out: Path | None = None
    """Folder of the run's own tape; None: no tape."""
    takers_scale: float | None = None
    """Strangers who take, times the fitted intensity; None: 1."""
    impact: Impact | None = None
    """What own trades do to the price of a drawn world, or of a perpetual quoted from its index; None: nothing."""
    cuts: tuple[Cut, ...] = ()
    """When which venue is out of reach."""
    acts: tuple[tuple[Ns, Act], ...] = ()
    """What an operator asks for, and how long after the start."""
    faults: FaultLevel = FaultLevel.NONE
    """How much goes wrong; a run with faults is ten minutes unless told otherwise."""
    is_wire: bool = False
    """At wire depth: the daemon and its sockets, on a network in memory; half an hour unless told otherwise."""


def start_ns_of(text: str | None) -> Ns:
    """When a drawn world begins; ConfigError names the forms."""
    if text is None:
        return SIMULATION_START_NS
    day = iso_utc(SIMULATION_START_NS)[:_DATE_LENGTH]
    try:
        return ns_from_iso(f"{day}T{text}:00Z" if _HOUR_OF_DAY.fullmatch(text) else text)
    except ValueError:
        raise ConfigError(f"start: {text!r} is neither HH:MM (UTC) nor an instant like {day}T05:00:00Z") from None


def refuse_tapes(options: SimulateOptions) -> None:
    """ConfigError where a run with faults, or at wire depth, would read or write a tape."""
    why = "wire" if options.faults is FaultLevel.NONE else "faults"
    if options.tape is not None:
        raise ConfigError(f"{why}: a recorded day is as it was; leave --tape out")
    if options.tape_out is not None:
        raise ConfigError(f"{why}: a process that is killed ends its tape; leave --tape-out out")


def planned(options: SimulateOptions) -> tuple[Fault, ...]:
    """The faults of a run, by its seed."""
    start_ns = start_ns_of(options.start)
    kinds = WIRE_KINDS if options.is_wire else ENGINE_KINDS
    return draw(options.seed, options.faults, start_ns, Ns(start_ns + span_ns_of(options)), kinds)


def storm_of(config: Config, faults: Sequence[Fault], folder: Path) -> Storm:
    """What goes wrong, on a machine that keeps its ledger in a folder."""
    file = folder / "storm.db"
    venues = {DERIBIT, *(venue_of(name) for book in config.books for name in hedges_of(book))}

    def open_ledger(run_id: str, started_ns: Ns) -> Ledger:
        return Ledger.open(
            f"sqlite:///{file}",
            run_id=run_id,
            started_ns=started_ns,
            mode=config.mode.value,
            config_hash=config.digest,
            version=__version__,
            venues=tuple(sorted(venues)),
        )

    return Storm(faults=Faults(faults), open_ledger=open_ledger, tear_ledger=partial(_tear, file))


def _tear(file: Path, give_back: Callable[[], None], dice: random.Random) -> None:
    """Put the file back as a power cut leaves it: the last page of its log in part, nothing of it in the database."""
    log = file.with_name(f"{file.name}-wal")
    before, written = file.read_bytes(), log.read_bytes()
    give_back()
    file.with_name(f"{file.name}-shm").unlink(missing_ok=True)
    file.write_bytes(before)
    log.write_bytes(written[: -dice.randrange(1, _LOG_PAGE)])


def span_ns_of(options: SimulateOptions) -> Ns:
    """How long it plays."""
    hours = _WIRE_HOURS if options.is_wire else _HOURS if options.faults is FaultLevel.NONE else _STORM_HOURS
    return ns_from_s((options.hours or hours) * 3600.0)


def simulation_of(
    config: Config,
    options: SimulateOptions,
    tape: Tape | None = None,
    storm: Storm | None = None,
    *,
    history: History | None = None,
    audits: Sequence[Audit] = (),
) -> Simulation:
    """A simulated run that has not begun. `history`: the recorded day of `options.tape`, where it was read already."""
    arming.refuse_flat(config)
    assert config.portfolio is not None, "refused otherwise"
    book = config.book(options.currency)
    return simulation_with(book, config.portfolio, options, tape, storm, history=history, audits=audits)


def simulation_with(
    book: BookParams,
    portfolio: PortfolioSpec,
    options: SimulateOptions,
    tape: Tape | None = None,
    storm: Storm | None = None,
    *,
    history: History | None = None,
    audits: Sequence[Audit] = (),
) -> Simulation:
    """The same of a book without its configuration."""
    recorded: RecordedMarket | None = None
    has_opened = False
    elsewhere = elsewhere_of(book)
    key = f"books.{book.book.lower()}.hedge_instrument"
    if options.tape is None:
        vol_scale = 1.0 if storm is None else STORM_VOL_SCALE
        exchange = drawn_exchange(options, elsewhere, book.book, vol_scale)
        refuse_unlisted(book, exchange)
        span_ns = span_ns_of(options)
    elif elsewhere:
        raise ConfigError(f"{key}: a recorded day has one venue, and no {elsewhere[0]}")
    elif options.start is not None:
        raise ConfigError("start: a recorded day begins with its first row; leave --start out")
    elif options.takers_scale is not None:
        raise ConfigError("takers: a recorded day has none to multiply; leave --takers out")
    else:
        history = history or strict_history(options)
        exchange, recorded, span_ns = recorded_exchange(options, history)
        has_opened = exchange.now_ns > history.start_ns
    params = SimulateParams(
        book=book,
        portfolio=portfolio,
        span_ns=span_ns,
        step_ns=Ns(options.step_ms * 1_000_000),
        sample_every_ns=ns_from_s(_SAMPLE_EVERY_S),
        has_opened=has_opened,
        cuts=options.cuts,
        acts=options.acts,
    )
    return Simulation(params, exchange, recorded, tape, storm, audits=audits)


def refuse_unlisted(book: BookParams, exchange: Exchange) -> None:
    """ConfigError for a hedge instrument this world does not have: nothing would ever be hedged with it."""
    listed = {instrument.id for instrument in exchange.instruments()}
    for name in hedges_of(book):
        if name not in listed:
            raise ConfigError(
                f"books.{book.book.lower()}.hedge_instrument: {name} is not listed in a simulation; "
                f"name one that is, e.g. {book.book}-PERPETUAL"
            )


def elsewhere_of(book: BookParams) -> list[InstrumentId]:
    """Hedge instruments of a book that are not where its options are."""
    return [name for name in hedges_of(book) if venue_of(name) != DERIBIT]


def drawn_exchange(
    options: SimulateOptions, elsewhere: Sequence[InstrumentId], base: str, vol_scale: float
) -> Exchange:
    """With the hedge instruments of another venue, where there are some."""
    return build_exchange(
        options.seed,
        start_ns_of(options.start),
        vol_scale=vol_scale,
        takers_scale=1.0 if options.takers_scale is None else options.takers_scale,
        impact=options.impact,
        elsewhere=[perpetual_elsewhere(name, base) for name in elsewhere],
    )


def strict_history(options: SimulateOptions) -> History:
    """The recorded day of the options; ConfigError where a row of it would have to be left out."""
    assert options.tape is not None, "only with a tape"
    history = open_history([options.tape], options.currency.upper())
    left_out = next((defect for defect in history.defects if defect.kind in LEFT_OUT), None)
    if left_out is not None:
        where = f"{left_out.file} line {left_out.row}: {left_out.kind}: {left_out.detail}"
        raise ConfigError(f"tape: {where}; `hedgebot backtest` leaves it out and says so")
    return history


def recorded_exchange(options: SimulateOptions, history: History) -> tuple[Exchange, RecordedMarket, Ns]:
    """A venue that plays history, and for how long; where that was heard as it happened, its chain has been shown."""
    recorded = RecordedMarket(history.rows(), history.listed, history.index_usd, options.impact)
    start_ns = history.start_ns
    exchange = Exchange(seed=options.seed, start_ns=start_ns, market=recorded, listed=history.listed, takers_scale=None)
    if history.is_continuous:
        exchange.advance(first_round_ns(history.first_seen_ns))
    whole_ns = Ns(history.end_ns - exchange.now_ns)
    return exchange, recorded, whole_ns if options.hours is None else Ns(min(whole_ns, ns_from_s(options.hours * 3600)))
