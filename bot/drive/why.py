"""Plays a tape up to one decision and takes that decision apart, with the engine's own functions.

Knows the tape, the engine and where each figure comes from; words are `observe/explain.py`'s.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from bot.book import BookParams, hedges_of
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Outcome
from bot.domain.errors import JournalError
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_S, Ns, iso_utc
from bot.domain.units import ZERO, coin_from_amount, float_from_decimal
from bot.drive.moment import Sought, find
from bot.drive.replay import Comparison, Difference, otherness
from bot.engine import Engine
from bot.execution.tactics import slice as sliced
from bot.hedging.appetite import width_ratio
from bot.hedging.band import stretched, taker_cost_fraction
from bot.hedging.decide import spread_bps, worst_coin
from bot.hedging.expiry import pinned, widened
from bot.hedging.hedger import Looked
from bot.hedging.modifiers import Modifiers, shaped
from bot.hedging.policies import entry_of
from bot.hedging.situation import hedge_cause, hedge_seen
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Taken
from bot.journal.tape_reader import Read, TapeReader
from bot.observe.explained import BandTold, Explained, Gauge, LegTold, OrderSent, OrderUnderWay
from bot.pricing.settlement_window import share_of
from bot.risk.conventions import NO_COLLATERAL
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.legs import arrange

_TRUSTED: Final = "trusted"
_HOUR_NS: Final = 3600 * NS_PER_S


class Strayed(Struct, frozen=True, kw_only=True):
    """The replay parted from the tape before the decision was reached: nothing can be said about it."""

    sentence: str


def why(folder: Path, sought: Sought, book: str | None) -> Explained | Strayed:
    """The decision that was sought, explained; JournalError and ConfigError as the tape and the search give them."""
    run, digest = manifest.read(folder)
    moment = find(folder, run, digest, sought, book)
    because = otherness(run)
    comparison = Comparison(run, is_exact=not because)
    for read in TapeReader(folder, digest).records():
        is_same = comparison.is_same(read)
        if (read.record.book, read.record.seq) == (moment.book, moment.seq):
            return _explained(run, comparison, read, because)
        if not is_same:
            break
    seen = comparison.difference
    if seen is None:
        raise JournalError(f"tape: {folder} ends before seq {moment.seq} of book {moment.book}")
    return strayed(seen)


def _explained(run: Manifest, comparison: Comparison, read: Read, because: tuple[str, ...]) -> Explained | Strayed:
    outcome, theirs, seen = comparison.outcome, read.record, comparison.difference
    if outcome is None or outcome.decided is None:
        assert seen is not None, "a decision on the tape was not made again, and nothing differs"
        return strayed(seen)
    contradiction = _contradiction(outcome, theirs)
    if seen is not None:
        contradiction = f"{seen.field}: ours {seen.ours or 'none'}, recorded {seen.recorded or 'none'}"
    compared = "to the last bit" if not because else f"in action, reason and order; {'; '.join(because)}"
    params = next(item for item in run.books if item.book == theirs.book)
    return explain(
        params,
        comparison.engine(theirs.book),
        outcome,
        (run.run_id, run.mode),
        verdict=(compared, contradiction),
    )


def strayed(seen: Difference) -> Strayed:
    """Where replay and tape parted."""
    ours, recorded = seen.ours or "none", seen.recorded or "none"
    return Strayed(
        sentence=f"NOT EQUAL: book {seen.book}, seq {seen.seq}, {seen.field}: "
        f"ours {ours}, recorded {recorded}; nothing can be said about it"
    )


def _contradiction(outcome: Outcome, theirs: Taken) -> str:
    """Where other code or another machine decided otherwise; figures may differ in their last bit there."""
    ours, recorded = outcome.decided, theirs.decided
    if ours is None or recorded is None or (ours.action, ours.reason) == (recorded.action, recorded.reason):
        return ""
    return f"ours {ours.action} because of {ours.reason}, recorded {recorded.action} because of {recorded.reason}"


def explain(
    params: BookParams, engine: Engine, outcome: Outcome, of_run: tuple[str, str], *, verdict: tuple[str, str]
) -> Explained:
    """The decision of `outcome`, which the engine has just made; `of_run` is (id, mode), `verdict` how it compares."""
    decided, looked = outcome.decided, engine.looked
    assert decided is not None, "only a tick decides"
    assert looked is not None, "a decision without a look"
    view, account, now_ns = engine.view, engine.account, decided.now_ns
    sent = tuple(_sent(command, engine, decided) for command in outcome.commands if isinstance(command, PlaceOrder))
    touch = view.touch(decided.hedge_instrument)
    return Explained(
        run_id=of_run[0],
        mode=of_run[1],
        at=iso_utc(now_ns),
        decided=decided,
        treasury_coin=params.treasury_coin,
        account=account.figures.message(),
        legs=tuple(_leg(engine, params, looked, decided, held) for held in account.held().items()),
        band=_band(params, engine, looked, now_ns),
        bid_usd=None if touch is None else touch.bid_native,
        ask_usd=None if touch is None else touch.ask_native,
        hedge_trust=_trust(hedge_cause(view, decided.hedge_instrument, params.window, now_ns)),
        tactic=type(params.tactic).__module__.rpartition(".")[2],
        tactic_params=_plain(params.tactic),
        volume_usd_per_day_max=params.tactic.volume_usd_per_day
        if isinstance(params.tactic, sliced.Params)
        else params.stability.volume_usd_per_day,
        sent=sent,
        orders=_under_way(engine, params, sent, now_ns),
        limits=_gauges(params, engine, looked, decided, sent),
        compared=verdict[0],
        contradiction=verdict[1],
    )


def _sent(order: PlaceOrder, engine: Engine, decided: Decided) -> OrderSent:
    spec, touch = engine.view.instruments[order.instrument], engine.view.touch(order.instrument)
    is_whole = order.instrument == decided.hedge_instrument and not decided.split
    price = _counted_at(engine, decided, order.instrument)
    return OrderSent(
        order=order,
        unit=_unit(spec, decided.book),
        trade_coin=decided.trade_coin if is_whole else coin_from_amount(spec, order.amount_native, price),
        touch_usd=None if touch is None else touch.ask_native if order.amount_native > ZERO else touch.bid_native,
    )


def _counted_at(engine: Engine, decided: Decided, name: InstrumentId) -> float:
    """The price at which coins of a hedge instrument were counted."""
    hedge = hedge_seen(engine.view, name, decided.now_ns)
    assert hedge is not None, f"an order of {name}, which has no price"
    return hedge.price_usd


def _under_way(engine: Engine, params: BookParams, sent: Sequence[OrderSent], now_ns: Ns) -> tuple[OrderUnderWay, ...]:
    """What was open when it was decided: without the orders it led to."""
    ours = {each.order.label for each in sent}
    return tuple(
        OrderUnderWay(
            label=working.label,
            instrument=working.instrument,
            state=working.state.value,
            open_native=working.open_native,
            unit=_unit(engine.view.instruments.get(working.instrument), params.book),
            age_s=(now_ns - working.created_ns) / NS_PER_S,
        )
        for working in engine.account.working.live()
        if working.label not in ours
    )


def _leg(
    engine: Engine, params: BookParams, looked: Looked, decided: Decided, held: tuple[InstrumentId, Decimal]
) -> LegTold:
    """One position, measured alone: by the function that measures them all."""
    (name, amount), view, now_ns = held, engine.view, decided.now_ns
    spec, price = view.instruments.get(name), None
    alone = _alone(engine, params, looked, decided, held)
    marked = view.options.get(name)
    future = view.futures.get(name)
    seen_ns, cause = None, view.future_verdict(name, now_ns)
    left_ns = None if spec is None or spec.expiry_ns is None else spec.expiry_ns - now_ns
    share = 1.0 if left_ns is None else share_of(params.window, left_ns)
    if spec is not None and spec.is_option:
        assert spec.expiry_ns is not None, f"option {name} has no expiry"
        newest = view.newest_of(spec.index_name, spec.expiry_ns)
        price = None if newest is None else newest.forward_usd if share == 1.0 else newest.index_usd
        seen_ns, cause = None if marked is None else marked.received_ns, view.option_verdict(marked, now_ns)
        if alone is not None and alone.doubtful:
            cause = cause or DistrustCause.NO_GREEKS
    elif future is not None:
        price, seen_ns = future.mark_usd, future.received_ns
    qty = float_from_decimal(amount)
    is_option = spec is not None and spec.is_option
    return LegTold(
        instrument=name,
        amount_native=amount,
        unit=_unit(spec, params.book),
        price_usd=price,
        iv_mark=None if marked is None else marked.iv_mark,
        hours_left=None if left_ns is None else left_ns / _HOUR_NS,
        delta_each_coin=alone.delta_coin_net / qty if alone is not None and is_option else None,
        delta_coin=None if alone is None else alone.delta_coin_net,
        delta_coin_low=None if alone is None else alone.delta_coin_low,
        delta_coin_high=None if alone is None else alone.delta_coin_high,
        gamma_coin_per_usd=None if alone is None else alone.gamma_coin_per_usd,
        age_s=None if seen_ns is None else (now_ns - seen_ns) / NS_PER_S,
        trust="no specification" if spec is None else _trust(cause),
        open_share=share,
    )


def _alone(
    engine: Engine, params: BookParams, looked: Looked, decided: Decided, held: tuple[InstrumentId, Decimal]
) -> Exposure | None:
    """Exposure of one position without collateral and orders; None where it cannot be counted."""
    told = looked.desk.collateral
    # Inverse futures count at the prices of the account message that gave the equity.
    collateral = NO_COLLATERAL if isinstance(told, str) else structs.replace(told, coin=0.0, doubt_coin=0.0)
    terms = Terms(
        convention=params.convention,
        window=params.window,
        collateral=collateral,
        price_usd=decided.price_usd,
        index_usd=decided.index_usd,
    )
    return measure(engine.view, arrange(dict([held]), engine.view.instruments), decided.now_ns, terms, {})


def _band(params: BookParams, engine: Engine, looked: Looked, now_ns: Ns) -> BandTold | None:
    """The band again, step by step: policies are pure, so that the same inputs give the same steps."""
    inputs, now = looked.cheap or looked.inputs, looked.now
    widths = looked.widths
    if inputs is None or now is None or widths is None:
        return None
    entry, share = entry_of(params.band), looked.desk.appetite_share
    policy = entry.make(params.band)
    asked = shaped(policy, entry.laws, params.modifiers)(inputs)
    pin = pinned(params.expiry, engine.view, arrange(engine.account.held(), engine.view.instruments), now_ns)
    return BandTold(
        policy=str(type(params.band).__struct_config__.tag),
        params=_plain(params.band),
        inputs=inputs,
        cost_fraction=taker_cost_fraction(inputs),
        parts={} if entry.parts is None else entry.parts(params.band, inputs),
        of_policy=policy(inputs),
        shaped=stretched(asked if pin is None else widened(params.expiry, asked), widths.ratio * width_ratio(share)),
        appetite_share=share,
        guard_width_ratio=widths.guard.width_ratio,
        regime_width_ratio=widths.regime.width_ratio,
        final=now.band,
        taker=now.band_taker,
        modifiers=_changed(params.modifiers),
        pinned_to=pin,
        held_back="" if now.held_back is None else now.held_back.value,
        trade_coin_min=params.trade_coin_min,
    )


def _gauges(
    params: BookParams, engine: Engine, looked: Looked, decided: Decided, sent: Sequence[OrderSent]
) -> tuple[Gauge, ...]:
    """Each limit and where this decision stands, its own orders counted."""
    now, limits, trust, standing = looked.now, params.limits, params.trust, engine.account.standing
    message, doubt_ns = engine.account.figures.message(), engine.account.working.doubt_since_ns()
    rows: list[tuple[str, float | None, float, str]] = [
        ("age of the hedge quote", _s(decided.hedge_age_ns), trust.hedge_age_ns_max / NS_PER_S, "s"),
        ("age of the oldest option", _s(decided.option_age_ns_max), trust.option_age_ns_max / NS_PER_S, "s"),
    ]
    if message is not None:
        age_s = _s(decided.now_ns - message.received_ns)
        rows.append(("age of the account figures", age_s, trust.account_age_ns_max / NS_PER_S, "s"))
    if now is not None:
        prices = [_counted_at(engine, decided, each.order.instrument) for each in sent]
        orders_usd = [abs(each.trade_coin) * price for each, price in zip(sent, prices, strict=True)]
        is_priced = now.hedge_cause is None
        rows += [
            ("spread", spread_bps(now) if is_priced else None, now.spread_bps_max, "bps"),
            ("order", max(orders_usd, default=0.0), limits.order_usd_max, "USD"),
            ("hedge position", _gross_usd(params, engine, decided, sent), limits.hedge_position_usd_max, "USD"),
            ("worst-case net delta", worst_coin(now, decided.trade_coin), now.limits.delta_coin_worst_max, params.book),
        ]
    waited_s = 0.0 if doubt_ns is None else (decided.now_ns - doubt_ns) / NS_PER_S
    rows += [
        ("orders in the last minute", looked.desk.orders_last_minute, limits.orders_per_minute_max, "orders"),
        ("refusals in a row", standing.refusals_in_a_row, limits.refusals_in_a_row_max, "orders"),
        ("wait for the fate of an order", waited_s, limits.unresolved_ns_max / NS_PER_S, "s"),
    ]
    return tuple(Gauge(name=name, value=value, value_max=most, unit=unit) for name, value, most, unit in rows)


def _gross_usd(params: BookParams, engine: Engine, decided: Decided, sent: Sequence[OrderSent]) -> float:
    """What is held of all hedge instruments once the orders have filled, unsigned."""
    traded = {each.order.instrument: each.order.amount_native for each in sent}
    total = 0.0
    for name in hedges_of(params):
        hedge = hedge_seen(engine.view, name, decided.now_ns)
        if hedge is not None:
            amount = engine.account.held().get(name, ZERO) + traded.get(name, ZERO)
            total += abs(coin_from_amount(hedge.spec, amount, hedge.price_usd)) * hedge.price_usd
    return total


def _s(age_ns: int | None) -> float | None:
    return None if age_ns is None else age_ns / NS_PER_S


def _trust(cause: DistrustCause | None) -> str:
    return _TRUSTED if cause is None else cause.value


def _unit(spec: Instrument | None, coin: str) -> str:
    """Of native amounts."""
    return "USD" if spec is not None and spec.amount_is_in_usd else coin


def _plain(params: Struct) -> dict[str, str]:
    """Parameters by name, as text with their unit where it is time."""
    return {name: _value(name, getattr(params, name)) for name in params.__struct_fields__}


def _changed(modifiers: Modifiers) -> dict[str, str]:
    """What the owner laid over the policy: parameters that are not at their defaults."""
    usual = _plain(Modifiers())
    return {name: value for name, value in _plain(modifiers).items() if value != usual[name]}


def _value(name: str, value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, int) and "ns" in name.split("_"):
        return f"{value / NS_PER_S:g} s"
    return msgspec.json.encode(value).decode().strip('"')
