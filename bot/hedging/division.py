"""Divides what a decision wants traded over the hedge instruments of a book: one order for each, all in one direction.

Pure. What is due is `decide`'s word and how it is split is `target`'s; here each part meets the limits that one order
has to meet by itself, and what cannot be traded anywhere becomes a refusal that says why.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.decided import LegSplit
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.reasons import Action, Reason
from bot.domain.units import ZERO, amount_from_coin_toward_zero, coin_from_amount, float_from_decimal
from bot.hedging.decide import Situation, Verdict, explained, largest_native
from bot.hedging.hedge_set import Among
from bot.hedging.target import HedgeLeg, LegTrade, Why, split

_ROUNDING: Final = 1.0 + 1e-9
"""A position that uses up its limit to the lot is within it, whatever the last bits of its sum."""


class Part(Struct, frozen=True, kw_only=True):
    """What one instrument gets of a hedge; amounts signed, all of one sign."""

    instrument: Instrument
    amount_native: Decimal
    amount_max_native: Decimal
    taker_native: Decimal
    trade_coin: float
    price_usd: float
    """Its coins are counted at this."""


class Division(Struct, frozen=True):
    """A verdict with its parts: none unless it is to hedge."""

    verdict: Verdict
    parts: tuple[Part, ...] = ()
    told: tuple[LegSplit, ...] = ()
    """For the record: every instrument, traded or not."""


def whole(verdict: Verdict, now: Situation) -> Part:
    """All of a hedge, where a book names one instrument."""
    return Part(
        instrument=now.hedge,
        price_usd=now.price_usd,
        amount_native=verdict.amount_native,
        amount_max_native=verdict.amount_max_native,
        taker_native=verdict.taker_native,
        trade_coin=verdict.trade_coin,
    )


def divide(now: Situation, verdict: Verdict, among: Among) -> Division:
    """The parts of a verdict to hedge, cheapest first: together never more than it, each within its own limits."""
    assert verdict.action is Action.HEDGE, f"{verdict.action} cannot be divided"
    legs = {leg.spec.id: leg for leg in among.legs}
    found = split(verdict.trade_coin, _at_cost(verdict, among), among.terms)
    told = tuple(_told(trade, among) for trade in found.trades)
    trades = [trade for trade in found.trades if trade.amount_native != ZERO]
    if not trades:
        return Division(_untraded(now, verdict, found.trades, among), (), told)
    parts = _within(now, [_part(now, verdict, trade, legs[trade.instrument]) for trade in trades], among)
    if not parts:
        return Division(_refused(verdict, Reason.LIMIT_POSITION_USD, _over(now, among)), (), _left(told, {}))
    trade_coin = math.fsum(part.trade_coin for part in parts)
    explained_coin = abs(coin_from_amount(now.hedge, verdict.amount_max_native, now.price_usd))
    objection = explained(abs(trade_coin), explained_coin)
    if objection is not None:
        return Division(_refused(verdict, objection.reason, objection.detail), (), _left(told, {}))
    kept = {part.instrument.id: part.trade_coin for part in parts}
    return Division(structs.replace(verdict, trade_coin=trade_coin), tuple(parts), _left(told, kept))


def of_resting(verdict: Verdict, resting: Mapping[InstrumentId, Decimal], among: Among) -> Division:
    """The parts of a verdict to hedge while orders of it rest: each answers for its share of what rests.

    Nothing is opened elsewhere meanwhile: the split was made when they were sent, and is made anew once they are over.
    What rests where nothing can be traded any more has no part.
    """
    assert verdict.action is Action.HEDGE, f"{verdict.action} cannot be divided"
    legs = {leg.spec.id: leg for leg in among.legs}
    coins = {
        name: coin_from_amount(legs[name].spec, amount, legs[name].price_usd)
        for name, amount in resting.items()
        if name in legs and name not in among.bars
    }
    total = math.fsum(map(abs, coins.values()))
    parts = tuple(_scaled(verdict, legs[name], abs(coin) / total) for name, coin in coins.items() if coin)
    return Division(verdict, parts)


def gross_after_usd(among: Among, parts: Sequence[Part]) -> float:
    """What would be held of all instruments after the parts, unsigned."""
    traded = {part.instrument.id: part.trade_coin for part in parts}
    after = (abs(leg.position_coin + traded.get(leg.spec.id, 0.0)) * leg.price_usd for leg in among.legs)
    return math.fsum(after) + among.beside_usd


def _at_cost(verdict: Verdict, among: Among) -> tuple[HedgeLeg, ...]:
    """The legs at what this hedge will pay: a maker's cost where it waits for a counterparty."""
    fees = among.fees_maker
    if not fees or verdict.is_urgent or verdict.taker_native != ZERO:
        return among.legs
    return tuple(structs.replace(leg, fee_rate_taker=fees[leg.spec.id], half_spread_usd=0.0) for leg in among.legs)


def _part(now: Situation, verdict: Verdict, trade: LegTrade, leg: HedgeLeg) -> Part:
    """A trade cut to the largest order, with its share of what may wait and of what must not."""
    largest = largest_native(now.limits, leg.spec, leg.price_usd)
    amount = max(min(trade.amount_native, largest), -largest)
    most, taker = (
        _native(leg, _share(verdict, total) * trade.trade_coin)
        for total in (verdict.amount_max_native, verdict.taker_native)
    )
    is_buy = amount > ZERO
    if verdict.taker_native == verdict.amount_native:
        taker = amount  # all of it: no lot is left behind by rounding
    return Part(
        instrument=leg.spec,
        price_usd=leg.price_usd,
        amount_native=amount,
        amount_max_native=max(most, amount) if is_buy else min(most, amount),
        taker_native=min(taker, amount) if is_buy else max(taker, amount),
        trade_coin=coin_from_amount(leg.spec, amount, leg.price_usd),
    )


def _scaled(verdict: Verdict, leg: HedgeLeg, share: float) -> Part:
    """A share of a verdict, in units of a leg: a lot at least, as something of it rests there."""
    amount, most, taker = (
        _native(leg, _share(verdict, total) * verdict.trade_coin * share)
        for total in (verdict.amount_native, verdict.amount_max_native, verdict.taker_native)
    )
    amount = amount or leg.spec.lot_native.copy_sign(verdict.amount_native)
    return Part(
        instrument=leg.spec,
        price_usd=leg.price_usd,
        amount_native=amount,
        amount_max_native=most,
        taker_native=taker,
        trade_coin=coin_from_amount(leg.spec, amount, leg.price_usd),
    )


def _share(verdict: Verdict, total_native: Decimal) -> float:
    """A figure of a verdict over its amount; both of one sign."""
    return float_from_decimal(total_native) / float_from_decimal(verdict.amount_native)


def _native(leg: HedgeLeg, coin: float) -> Decimal:
    return amount_from_coin_toward_zero(leg.spec, coin, leg.price_usd)


def _within(now: Situation, parts: list[Part], among: Among) -> list[Part]:
    """As many parts, from the cheapest on, as the limit on positions and the order rate leave room for."""
    kept = [part for part in parts if part.amount_native != ZERO]
    most_usd, before_usd = now.limits.hedge_position_usd_max * _ROUNDING, among.gross_usd
    while kept and most_usd < (after_usd := gross_after_usd(among, kept)) and after_usd > before_usd:
        kept.pop()
    return kept[: now.limits.orders_per_minute_max - now.orders_last_minute]


# --- in words --------------------------------------------------------------------------------------------


def _told(trade: LegTrade, among: Among) -> LegSplit:
    bar = among.bars.get(trade.instrument)
    return LegSplit(
        instrument=trade.instrument,
        trade_coin=trade.trade_coin,
        cost_fraction=trade.cost_fraction,
        carry_fraction=trade.carry_fraction,
        why=trade.why.value if bar is None else bar.reason.value,
    )


def _left(told: Sequence[LegSplit], kept: Mapping[InstrumentId, float]) -> tuple[LegSplit, ...]:
    """The record with what is really traded."""
    return tuple(structs.replace(each, trade_coin=kept.get(each.instrument, 0.0)) for each in told)


def _refused(verdict: Verdict, reason: Reason, detail: str) -> Verdict:
    return Verdict(action=Action.REFUSE, reason=reason, detail=detail, refused_native=verdict.amount_native)


def _untraded(now: Situation, verdict: Verdict, trades: Sequence[LegTrade], among: Among) -> Verdict:
    """Why nothing is traded anywhere: first what is wrong with a market, then what leaves no room, then the size."""
    bars = [among.bars[name] for name in among.opened if name in among.bars]
    if bars:
        return _refused(verdict, bars[0].reason, "; ".join(bar.detail for bar in bars))
    for why in (Why.NO_HEADROOM, Why.NO_DEPTH, Why.BAD_FIGURES):
        names = ", ".join(trade.instrument for trade in trades if trade.why is why)
        if names and why is Why.NO_HEADROOM and among.gross_usd >= now.limits.hedge_position_usd_max:
            return _refused(verdict, Reason.LIMIT_POSITION_USD, _over(now, among))
        if names:
            reason = Reason.NO_HEADROOM if why is Why.NO_HEADROOM else Reason.HEDGE_QUOTE_DISTRUSTED
            return _refused(verdict, reason, f"{why.value.replace('_', ' ')}: {names}")
    return Verdict(action=Action.SKIP, reason=Reason.BELOW_TRADE_MIN)


def _over(now: Situation, among: Among) -> str:
    return f"hedge positions of {among.gross_usd:.0f} USD, limit {now.limits.hedge_position_usd_max:.0f} USD"
