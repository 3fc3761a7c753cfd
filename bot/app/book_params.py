"""One `[books.COIN]` table of the configuration turned into the parameters of a book.

Knows what keys mean in domain types and which of them do not go together; reads nothing.
"""

from bot.app.band_settings import band_of, modifiers_of
from bot.app.regime_settings import regime_of
from bot.app.settings import AppetiteSection, BookSection, ExpirySection, LadderSection, Names, RunSection, TrustSection
from bot.app.stability_settings import stability_of
from bot.app.stop_settings import stops_of
from bot.app.tactic_settings import tactic_of
from bot.book import BookParams
from bot.domain.errors import ConfigError
from bot.domain.ids import (
    DERIBIT,
    LABEL_LENGTH_MAX,
    InstrumentId,
    base_of,
    instrument_at,
    name_at_venue,
    venue_of,
)
from bot.domain.time import NS_PER_MS, Ns, ns_from_s
from bot.hedging.appetite import AppetiteParams
from bot.hedging.bands import fixed
from bot.hedging.expiry import ExpiryParams
from bot.hedging.modifiers import Modifiers
from bot.hedging.policies import BandParams
from bot.hedging.target import LEGS_MAX
from bot.market.quality import TrustLimits
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Convention
from bot.risk.forward import ForwardSource
from bot.risk.gap import GapParams
from bot.risk.ladder import LadderLimits
from bot.risk.limits import Limits
from bot.risk.sources import Sources
from bot.venues.deribit_wire import is_option_name


def params_of(
    name: str, book: BookSection, run: RunSection, run_tag: str, window: Window, *, is_alone: bool = True
) -> BookParams:
    """Parameters of `[books.NAME]`, the only one or not, where `window` makes delivery prices; ConfigError by key."""
    limits = book.limits
    band, modifiers = band_of(name, book.band), modifiers_of(name, book.band)
    _refuse_wide_edges(name, band, modifiers, limits.delta_coin_worst_max)
    _refuse_without_effect(name, book)
    base = name.upper()
    if not base.isalnum() or len(base) > 7:  # with prefix, tag and number a label stays in its 32 characters
        raise ConfigError(f"books.{name}: a book is named after its coin, e.g. [books.btc]")
    hedges = _named(name, book, book.hedge_instrument or f"{base}-PERPETUAL", "")
    longs = _named(name, book, book.hedge_instrument_long, "_long") or hedges
    shorts = _named(name, book, book.hedge_instrument_short, "_short") or hedges
    _refuse_many(name, {hedges[0], *longs, *shorts})
    prefix = f"{run.label_prefix}{base.lower()}"
    assert len(prefix) + len(run_tag) + 7 <= LABEL_LENGTH_MAX, f"label prefix {prefix} is too long"
    return BookParams(
        book=base,
        convention=book.convention,
        treasury_coin=book.treasury_coin,
        counts_usdc=book.counts_usdc,
        hedge_instrument=hedges[0],
        hedges_long=() if longs == hedges[:1] else longs,
        hedges_short=() if shorts == hedges[:1] else shorts,
        hedge_open_until_ns=ns_from_s(book.hedge_open_hours_min * 3_600.0),
        label_prefix=prefix,
        run_tag=run_tag,
        band=band,
        modifiers=modifiers,
        trade_coin_min=book.band.trade_coin_min,
        tactic=tactic_of(name, book.tactic, band),
        trust=_trust(book.trust),
        limits=Limits(
            order_usd_max=limits.order_usd_max,
            hedge_position_usd_max=limits.hedge_position_usd_max,
            delta_coin_worst_max=limits.delta_coin_worst_max,
            orders_per_minute_max=limits.orders_per_minute_max,
            refusals_in_a_row_max=limits.refusals_in_a_row_max,
            unresolved_ns_max=ns_from_s(limits.unresolved_s_max),
        ),
        appetite=_appetite(name, book.appetite),
        stability=stability_of(name, book.stability),
        stops=stops_of(book.stops, shares_dollars=not is_alone),
        regime=regime_of(name, book.regime),
        gap=_gap(name, book.ladder),
        window=window,
        expiry=_expiry(book.expiry),
        sources=Sources(
            forward=ForwardSource(book.forward.source),
            volatility=book.volatility.source,
            smile=book.delta.smile,
            compares=book.delta.compare,
            fit_every_ns=ns_from_s(book.delta.fit_interval_s),
        ),
        reconcile_interval_ns=ns_from_s(run.reconcile_interval_s),
        adopts_positions=run.adopt_positions,
    )


def _trust(trust: TrustSection) -> TrustLimits:
    return TrustLimits(
        option_age_ns_max=Ns(trust.option_age_ms_max * NS_PER_MS),
        hedge_age_ns_max=Ns(trust.hedge_age_ms_max * NS_PER_MS),
        clock_ahead_ns_max=Ns(trust.clock_ahead_ms_max * NS_PER_MS),
        spread_bps_max=trust.spread_bps_max,
        account_age_ns_max=Ns(trust.account_age_ms_max * NS_PER_MS),
        differs_alarm_ns=ns_from_s(trust.cross_check_alarm_s),
        differs_refuse_ns=ns_from_s(trust.cross_check_refuse_s),
    )


def _refuse_without_effect(name: str, book: BookSection) -> None:
    """A key that the convention does not look at is a misunderstanding about what is hedged."""
    for key, is_set, convention in (
        ("treasury_coin", book.treasury_coin != 0.0, Convention.USD),
        ("counts_usdc", book.counts_usdc, Convention.COIN),
    ):
        if is_set and book.convention is not convention:
            raise ConfigError(
                f"books.{name}.{key}: is of convention {convention.value}, the book has {book.convention.value}; "
                "remove one of the two"
            )


def _named(name: str, book: BookSection, names: Names | None, suffix: str) -> tuple[InstrumentId, ...]:
    """The instruments of a key, each once; none where it is not set."""
    given = () if names is None else (names,) if isinstance(names, str) else names
    return tuple(dict.fromkeys(_checked(name, book, InstrumentId(each), suffix) for each in given))


def _refuse_many(name: str, hedges: set[InstrumentId]) -> None:
    if len(hedges) > LEGS_MAX:
        raise ConfigError(
            f"books.{name}.hedge_instrument: {len(hedges)} hedge instruments, at most {LEGS_MAX} can be split over; "
            "name fewer"
        )


def _checked(name: str, book: BookSection, hedge: InstrumentId, suffix: str) -> InstrumentId:
    """A future or perpetual of the coin; at another venue than the options' only where the book allows it."""
    key, venue = f"books.{name}.hedge_instrument{suffix}", venue_of(hedge)
    if base_of(hedge) != name.upper():
        raise ConfigError(f"{key}: {hedge} is not of {name.upper()}; name one that is, e.g. {name.upper()}-PERPETUAL")
    if venue == DERIBIT:
        if is_option_name(hedge):
            raise ConfigError(
                f"{key}: {hedge} is an option; name a perpetual or a future, e.g. {name.upper()}-PERPETUAL"
            )
        return hedge
    written = instrument_at(venue, name_at_venue(hedge))
    if hedge != written:
        raise ConfigError(f"{key}: {hedge} has its venue in small letters; write {written}")
    if book.counts_usdc:
        raise ConfigError(
            f"books.{name}.counts_usdc: counts the dollars where the options are, and the hedge's are at "
            f"{venue}; remove it"
        )
    return hedge


def _appetite(name: str, section: AppetiteSection) -> AppetiteParams | None:
    floor, full = section.floor_usd, section.full_cushion_usd
    if floor is None and full is None:
        return None
    if floor is None or full is None:
        missing = "floor_usd" if floor is None else "full_cushion_usd"
        raise ConfigError(f"books.{name}.appetite.{missing}: is missing; the cushion needs both, or remove the section")
    return AppetiteParams(floor_usd=floor, full_cushion_usd=full, share_min=section.share_min)


def _gap(name: str, section: LadderSection) -> GapParams | None:
    limits = LadderLimits(
        loss_usd_max=section.loss_usd_max,
        delta_coin_max=section.delta_coin_max,
        margin_share_max=section.margin_share_max,
    )
    if section.interval_s is not None:
        return GapParams(interval_ns=ns_from_s(section.interval_s), limits=limits)
    if limits.any_set:
        raise ConfigError(f"books.{name}.ladder: limits without interval_s watch nothing; set it, e.g. 5")
    return None


def _expiry(section: ExpirySection) -> ExpiryParams:
    return ExpiryParams(
        hedge=section.hedge,
        pin=section.pin,
        pin_from_ns=ns_from_s(section.pin_from_s),
        pin_distance_fraction=section.pin_distance_bps / 1e4,
        pin_interval_ns=ns_from_s(section.pin_interval_s),
        pin_width_ratio=section.pin_width_ratio,
    )


def _refuse_wide_edges(name: str, band: BandParams, modifiers: Modifiers, delta_coin_max: float) -> None:
    """The target, and the absolute edges of a book of one coin; what grows with the book is cut while it runs.

    Around a target at the limit a band is cut to nothing: every move of the price would be a trade.
    """
    if isinstance(band, fixed.Params):
        low, high = band.low_coin + band.low_coin_per_option_coin, band.high_coin + band.high_coin_per_option_coin
        widest = max(max(abs(step.coin + low), abs(step.coin + high)) for step in modifiers.target)
        if widest > delta_coin_max:
            raise ConfigError(
                f"books.{name}.band: an edge at {widest:g} coin is wider than limits.delta_coin_worst_max "
                f"{delta_coin_max:g}; narrow the band or raise the limit"
            )
    farthest = max(abs(step.coin) for step in modifiers.target)
    if farthest >= delta_coin_max:
        raise ConfigError(
            f"books.{name}.band: a target of {farthest:g} coin leaves no band under limits.delta_coin_worst_max "
            f"{delta_coin_max:g}; lower the target or raise the limit"
        )
