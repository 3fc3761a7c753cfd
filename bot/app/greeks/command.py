"""The command `hedgebot greeks`: picks the market it was pointed at, and what is held of it.

Knows the options of the command line; the figures are `sheet`'s.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from msgspec import Struct

from bot.app import clock
from bot.app.config import load, load_portfolio
from bot.app.greeks import feed, table
from bot.app.greeks.evidence import evidence_of
from bot.app.greeks.figures import Sheet
from bot.app.greeks.given import Given, market_of
from bot.app.greeks.sheet import Choices, sheet
from bot.app.greeks.snapshot import Snapshot, from_folder
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId, VenueId, base_of
from bot.domain.portfolio import Holding, LegSpec, PortfolioSpec, resolve
from bot.domain.time import Ns, ns_from_iso
from bot.pricing.smile_evidence import SmileEvidence
from bot.venues.link import Link
from bot.venues.registry import option_side_of, venue_named
from bot.venues.settings import VenueSettings

_VENUE: Final = VenueId("deribit")
_ONE: Final = Decimal(1)


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be shown, whatever the market comes from."""

    portfolio: PortfolioSpec
    currency: str
    ssr_ratio: float | None
    """None: measured where there is evidence, else 1."""
    equity_coin: float | None
    with_ladder: bool


def greeks(  # noqa: PLR0913 - the options of a command line
    instrument: Annotated[str | None, typer.Argument(help="One option: BTC-27MAR26-100000-C.")] = None,
    *,
    portfolio: Annotated[Path | None, typer.Option(help="Portfolio file instead of one instrument.")] = None,
    tape: Annotated[Path | None, typer.Option(help="Market from a run's tape or a recorded day.")] = None,
    at: Annotated[str | None, typer.Option(help="Moment of the tape, or now of given numbers (ISO, Z).")] = None,
    hosts: Annotated[str, typer.Option(help="Market from a venue's public data: production, testnet, local.")] = "",
    config: Annotated[Path | None, typer.Option(help="Market from the venue of this configuration.")] = None,
    currency: Annotated[str, typer.Option(help="Coin of the portfolio.")] = "BTC",
    forward: Annotated[float | None, typer.Option(help="Given numbers: forward, USD per coin.")] = None,
    index: Annotated[float | None, typer.Option(help="Given numbers: index, USD per coin.")] = None,
    strike: Annotated[float | None, typer.Option(help="Given numbers: strike, USD.")] = None,
    put: Annotated[bool, typer.Option("--put", help="Given numbers: a put, not a call.")] = False,
    linear: Annotated[bool, typer.Option("--linear", help="Given numbers: settled in dollars, not in coins.")] = False,
    iv: Annotated[str | None, typer.Option(help="Given numbers: volatility, 0.6 or 60%.")] = None,
    price_usd: Annotated[float | None, typer.Option(help="Given numbers: price instead of a volatility.")] = None,
    price_coin: Annotated[float | None, typer.Option(help="The same in coins.")] = None,
    days: Annotated[float | None, typer.Option(help="Given numbers: days left, fractions allowed.")] = None,
    expiry: Annotated[str | None, typer.Option(help="Given numbers: 27MAR26 or an instant.")] = None,
    ssr: Annotated[
        float | None, typer.Option(min=-1.0, max=2.5, help="Skew-stickiness ratio; default 1, or the measured one.")
    ] = None,
    evidence: Annotated[bool, typer.Option("--evidence", help="Judge smile-aware deltas on the tape.")] = False,
    equity_coin: Annotated[float | None, typer.Option(help="Equity of the account, for the usd delta.")] = None,
    ladder: Annotated[bool, typer.Option("--ladder", help="Gap-risk ladder too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line.")] = False,
) -> None:
    """Greeks of an option or a portfolio, each delta named by the convention it belongs to. Sends no order."""
    if (instrument is None) == (portfolio is None) and forward is None:
        raise ConfigError("greeks: name an instrument, or give --portfolio or --forward")
    _refuse_without_past(evidence=evidence, tape=tape if forward is None else None)
    at_ns = _moment(at)
    wanted = Wanted(
        portfolio=_legs(instrument, portfolio),
        currency=(base_of(InstrumentId(instrument)) if instrument else None) or currency.upper(),
        ssr_ratio=ssr,
        equity_coin=equity_coin,
        with_ladder=ladder,
    )
    if forward is not None:
        given = Given(
            instrument=instrument,
            forward_usd=forward,
            strike_usd=strike,
            expiry=expiry,
            days_left=days,
            is_put=put,
            iv=iv,
            price_usd=price_usd,
            price_coin=price_coin,
            is_linear=linear,
            index_usd=index,
        )
        found = _from_numbers(given, wanted, at_ns or clock.now_ns())
    elif tape is not None:
        judged = evidence_of(tape, wanted.currency, at_ns) if evidence else None
        found = _sheet(from_folder(tape, wanted.currency, at_ns), wanted, judged)
    else:
        found = _from_feed(_settings(hosts, config), wanted)
    typer.echo(table.as_json(found) if as_json else table.as_text(found))


def _refuse_without_past(*, evidence: bool, tape: Path | None) -> None:
    if evidence and tape is None:
        raise ConfigError("--evidence: takes a past to judge by; give --tape")


def _moment(text: str | None) -> Ns | None:
    try:
        return None if text is None else ns_from_iso(text)
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from None


def _legs(instrument: str | None, portfolio: Path | None) -> PortfolioSpec:
    if portfolio is not None:
        return load_portfolio(portfolio)
    return PortfolioSpec(legs=() if instrument is None else (LegSpec(qty_coin=_ONE, instrument=instrument),))


def _from_numbers(given: Given, wanted: Wanted, now_ns: Ns) -> Sheet:
    snapshot, holding, source = market_of(given, now_ns)
    choices = Choices(
        ssr_ratio=1.0 if wanted.ssr_ratio is None else wanted.ssr_ratio,
        equity_coin=wanted.equity_coin,
        with_ladder=wanted.with_ladder,
        iv_from=source,
    )
    return sheet(snapshot, (holding,), choices)


def _sheet(snapshot: Snapshot, wanted: Wanted, evidence: SmileEvidence | None = None) -> Sheet:
    measured = 1.0 if evidence is None else evidence.ssr()
    choices = Choices(
        ssr_ratio=measured if wanted.ssr_ratio is None else wanted.ssr_ratio,
        evidence=evidence,
        equity_coin=wanted.equity_coin,
        with_ladder=wanted.with_ladder,
        window=option_side_of(_VENUE).settlement_window,
    )
    return sheet(snapshot, _held(snapshot, wanted), choices)


def _held(snapshot: Snapshot, wanted: Wanted) -> Sequence[Holding]:
    index_usd = snapshot.index_usd(wanted.currency)
    if index_usd is None:
        raise ConfigError(f"--currency: nothing of {wanted.currency} is known in {snapshot.source}")
    try:
        return resolve(
            wanted.portfolio,
            base=wanted.currency,
            listed=list(snapshot.listed.values()),
            index_usd=index_usd,
            now_ns=snapshot.now_ns,
        )
    except ValueError as error:
        raise ConfigError(f"portfolio: {error}") from None


def _settings(hosts: str, config: Path | None) -> VenueSettings:
    """The venue to ask, without any key."""
    if config is not None:
        venue = load(config, {}, run_tag="greeks").venue
        return VenueSettings(
            venue=venue.venue, ws_url=venue.ws_url, rest_url=venue.rest_url, is_testnet=venue.is_testnet
        )
    known = venue_named(_VENUE).hosts
    if hosts not in known:
        raise ConfigError(f"--hosts: give one of {', '.join(known)}, or --config, --tape or --forward")
    return VenueSettings(
        venue=_VENUE, ws_url=known[hosts].ws_url, rest_url=known[hosts].rest_url, is_testnet=known[hosts].is_testnet
    )


def _from_feed(settings: VenueSettings, wanted: Wanted) -> Sheet:
    link = Link(settings=settings, now_ns=clock.now_ns, rng=random.SystemRandom())
    choose: Callable[[Snapshot], list[InstrumentId]] = lambda seen: [  # noqa: E731 - one line, one use
        item.instrument.id for item in _held(seen, wanted)
    ]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return _sheet(runner.run(feed.look(venue_named(settings.venue), link, wanted.currency, choose)), wanted)
