"""A decision in plain words and numbers, for somebody who knows options but not this program.

Knows words and units; computes nothing that was decided on.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bot.domain.reasons import Regime
from bot.domain.time import NS_PER_S
from bot.hedging.band import Band
from bot.observe.explained import BandTold, Explained, LegTold, OrderSent
from bot.observe.forward_words import forward_words
from bot.observe.reason_words import sentence, span_words
from bot.observe.split_words import split_words

_WIDTH: Final = 200
_DAYS_PER_YEAR: Final = 365.0

_CONVENTIONS: Final = {
    "usd": "flat in dollars: the account's equity, less the options' value in it, counts as coins held",
    "coin": "flat in coins: deltas less the premium; coins held as collateral are meant to be held",
    "options_only": "the options against their hedge: Black-76 deltas on each leg's forward, no collateral",
    "linear_usd": "a dollar-settled book: deltas by the spot (times forward over index), no collateral",
}
_FEE_WORDS: Final = {False: "taker fee", True: "maker fee and adverse selection"}
"""By whether a maker's cost makes the band."""
_PARTS: Final = {
    "cost_fraction": ("λ, cost of trading one way: fee and half the spread", "of the price"),
    "risk_aversion_per_usd": ("ra, absolute risk aversion", "per USD"),
    "gamma_half_coin": ("half width that gamma asks for", "coins"),
    "dead_half_coin": ("H0, half width that is left where gamma is nil", "coins"),
    "residual_half_coin": ("half width that leaves the wanted residual a day", "coins"),
    "outer_half_coin": ("A, from where on a trade is due", "coins"),
    "inner_half_coin": ("B, to where it trades (`inner`)", "coins"),
    "shift_ratio": ("K, by which the volatility of the centre is shifted", "of its variance"),
    "shifted_iv": ("volatility the centre is taken at", "per sqrt(year)"),
    "vanna_coin_per_vol": ("vanna, delta per 1.00 of volatility", "coins"),
}
_FORMULAS: Final = {
    "whalley_wilmott": "half width = sqrt(W² + H0²), W = (3/2 λ S Γ² / ra)^(1/3), H0 = λ / (ra S σ² τ)",
    "whalley_wilmott_fixed_cost": "A B (A + B) = 3 λ S Γ² / ra, (A + B)(A - B)³ = 12 k Γ² / ra",
    "zakamouline": "half width = H0 + H1, around the delta at the shifted volatility",
    "gamma_scaled": "half width = |Γ| S move_fraction, at least half_coin_min",
    "variance_budget": "half width = budget / (S σ sqrt(horizon))",
    "fixed": "edges = absolute part + part per coin of option x coins of option",
    "delta_percent": "half width = percent of the options' delta, at least half_coin_min",
    "time_based": "no width once the interval since the last hedge is over, the widest before",
    "leland_time": "no width once the interval is over, the widest before; centre at Leland's volatility",
    "price_move": "no width once the price has moved so far since the last hedge, the widest before",
}


_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode


def as_json(told: Explained) -> str:
    """One line; the sentence is in it."""
    plain = msgspec.to_builtins(told, builtin_types=(Decimal,))
    return _to_json({**plain, "sentence": sentence(told)}).decode()


def as_text(told: Explained) -> str:
    """Sections from what was held to what was sent; the last line is the one-sentence reason."""
    decided = told.decided
    parts: list[str | Table] = [
        _header(told),
        "\nWhat was held, as it counted",
        _legs(told),
        *(f"forward of {forward_words(used)}" for used in decided.forwards),
        _convention(told),
        _sums(told),
    ]
    if (band := told.band) is not None:
        parts += [f"Band of the policy {band.policy}: {_FORMULAS.get(band.policy, '')}", _band(told, band)]
    parts += ["Limits, and how near they are", _limits(told), _hedge(told), *_under_way(told), *_waits(told)]
    parts += [*_features(told), *_volume(told), *_split(told)]
    parts += [*_order(told), _compared(told), "", sentence(told)]
    return _printed(parts)


def record_as_text(told: Explained) -> str:
    """Of a decision of which only the record is left: without legs, limits and orders; the last line is the reason."""
    decided = told.decided
    table = _table("figure", decided.book)
    edges = ("band, from", decided.band_low_coin), ("band, to", decided.band_high_coin)
    for name, value in (*edges, ("target", decided.target_coin), ("hedge", decided.trade_coin or None)):
        table.add_row(name, _number(value, "+.6f", "none"))
    price = _number(decided.price_usd, ",.2f", "not known")
    parts: list[str | Table] = [
        *(_header(told), *(f"forward of {forward_words(used)}" for used in decided.forwards), _convention(told)),
        *(_sums(told), table, f"hedge instrument: {decided.hedge_instrument}, counted at {price} USD"),
        *(*_features(told), *_split(told)),
        f"told from its record; legs, limits, orders are on the tape: hedgebot why {told.run_id} {decided.seq}",
        *("", sentence(told)),
    ]
    return _printed(parts)


def _printed(parts: Sequence[str | Table]) -> str:
    console = Console(width=_WIDTH, no_color=True, highlight=False, emoji=False, markup=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part, soft_wrap=isinstance(part, str))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _header(told: Explained) -> str:
    return f"{told.run_id} ({told.mode}), book {told.decided.book}, decision {told.decided.seq} at {told.at}"


def _convention(told: Explained) -> str:
    name = told.decided.convention
    return f"Net delta by the convention {name}: {_CONVENTIONS.get(name, '')}"


# --- sections ----------------------------------------------------------------------------------------------


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table


def _legs(told: Explained) -> Table:
    coin = told.decided.book
    table = _table(
        *("leg", "quantity", "delta per coin", f"delta {coin}", "can be", f"gamma {coin}/USD"),
        *("volatility", "price USD", "hours left", "age s", "trust"),
    )
    for leg in told.legs:
        table.add_row(
            *(leg.instrument, f"{leg.amount_native:+} {leg.unit}", _number(leg.delta_each_coin, "+.4f")),
            *(_number(leg.delta_coin, "+.6f"), _range(leg), _number(leg.gamma_coin_per_usd, "+.3g")),
            *("" if leg.iv_mark is None else f"{leg.iv_mark:.2%}", _number(leg.price_usd, ",.2f")),
            *("" if leg.hours_left is None else f"{leg.hours_left:,.2f}", _number(leg.age_s, ".2f"), _trust(leg)),
        )
    if not told.legs:
        table.add_row("nothing")
    return table


def _range(leg: LegTold) -> str:
    low, high = leg.delta_coin_low, leg.delta_coin_high
    if low is None or high is None:
        return "anything"
    return "" if high - low < 1e-9 else f"{low:+.4f} to {high:+.4f}"


def _trust(leg: LegTold) -> str:
    words = leg.trust.replace("_", " ")
    if leg.open_share == 0.0:
        return f"{words}; expired"
    return words if leg.open_share == 1.0 else f"{words}; settling, {leg.open_share:.1%} of its average open"


def _sums(told: Explained) -> Table:
    decided, unit = told.decided, told.decided.book
    table = _table("part", unit)
    rows: list[tuple[str, float | None]] = [
        ("options", decided.delta_coin_options),
        ("futures", decided.delta_coin_futures),
        ("collateral", decided.delta_coin_collateral),
        ("delivered outside, hedge kept", decided.delta_coin_delivered or None),
    ]
    for name, value in rows:
        if value is not None:
            table.add_row(name + (_account(told) if name == "collateral" else ""), f"{value:+.6f}")
    table.add_section()
    table.add_row("net", "cannot be counted" if decided.delta_coin_net is None else f"{decided.delta_coin_net:+.6f}")
    low, high = decided.delta_coin_low, decided.delta_coin_high
    if low is not None and high is not None:
        is_sure = high - low < 1e-9
        table.add_row(
            "possible" if not is_sure else "possible: nothing else", span_words(low, high) if not is_sure else ""
        )
    if decided.delta_coin_expiring:
        table.add_row("of the net: settles now", f"{decided.delta_coin_expiring:+.6f}")
        table.add_row("of the net: survives", _number(decided.delta_coin_surviving, "+.6f"))
    if decided.gamma_coin_per_hour is not None:
        table.add_row("gamma moves it in an hour by (one standard deviation)", f"{decided.gamma_coin_per_hour:+.6f}")
    return table


def _account(told: Explained) -> str:
    seen = told.account
    if seen is None:
        return ""
    age_s = (told.decided.now_ns - seen.received_ns) / NS_PER_S
    worth = "" if seen.options_value_native is None else f", options in it {seen.options_value_native:.6f}"
    treasury = f", treasury {told.treasury_coin:g}" if told.treasury_coin else ""
    return f" (equity {seen.equity_native:.6f} {seen.currency}{worth}{treasury}; {age_s:.1f} s old)"


def _band(told: Explained, band: BandTold) -> Table:
    table = _table("figure", "value")
    table.add_column("unit", justify="left")
    given, coin = band.inputs, told.decided.book
    rows: list[tuple[str, str, str]] = [
        ("S, price of the hedge", f"{given.price_usd:,.2f}", "USD per coin"),
        ("Γ, gamma of the book", f"{given.gamma_coin_per_usd:+.6g}", f"{coin} per USD"),
        ("σ, its volatility (weighted by gamma)", _number(given.iv_mark, ".4%", "no option"), "per sqrt(year)"),
        ("τ, time left (weighted by gamma)", _days(given.tau_years), "days"),
        ("coins of option", f"{given.option_coin_gross:g}", coin),
        (_FEE_WORDS[band.taker is not None], f"{given.fee_rate_taker:.4%}", "of the price"),
        ("half the spread", f"{given.half_spread_usd:.4g}", "USD per coin"),
        ("beyond the touch, for the size that is due", f"{given.beyond_touch_usd:.4g}", "USD per coin"),
        ("all of it", f"{band.cost_fraction:.4%}", "of the price"),
        ("funding, a long pays", f"{given.funding_rate_8h:+.4%}", "per 8 hours"),
    ]
    rows += [(f"parameter {name}", value, "") for name, value in band.params.items()]
    for name, value in band.parts.items():
        words, unit = _PARTS.get(name, (name.replace("_", " "), ""))
        rows.append((words, f"{value:.6g}", unit))
    rows.append(("the policy's band", _edges(band.of_policy), coin))
    rows += [(f"laid over it: {name}", value, "") for name, value in band.modifiers.items()]
    if band.pinned_to is not None:
        rows.append(("the price sits on the strike of", band.pinned_to, ""))
    if band.appetite_share < 1.0:
        rows.append(("equity near its floor: of budget and hard limit", f"{band.appetite_share:.0%}", "left"))
    if band.guard_width_ratio > 1.0:
        rows.append(("wider for a while: hedges took each other back", f"{band.guard_width_ratio:g}", "times"))
    if band.regime_width_ratio != 1.0:
        rows.append(("by the regime", f"{band.regime_width_ratio:g}", "times"))
    if band.shaped != band.of_policy:
        rows.append(("with what is laid over it", _edges(band.shaped), coin))
    if band.final != band.shaped:
        rows.append(("cut to the hard limit" + _budget(told), _edges(band.final), coin))
    if band.taker is not None:
        rows.append(("beyond it nothing waits for a counterparty", _edges(band.taker), coin))
    rows.append(("target", f"{band.final.target_coin:+.6f}", coin))
    rows.append(("smallest hedge", f"{band.trade_coin_min:g}", coin))
    for row in rows:
        table.add_row(*row)
    return table


def _hedge(told: Explained) -> str:
    decided = told.decided
    touch = f"bid {_number(told.bid_usd, ',.2f', 'none')}, ask {_number(told.ask_usd, ',.2f', 'none')} USD"
    price = "no price yet" if decided.price_usd is None else f"counted at {decided.price_usd:,.2f} USD"
    return f"hedge instrument: {decided.hedge_instrument}, {told.hedge_trust.replace('_', ' ')}; {touch}; {price}"


def _split(told: Explained) -> tuple[str, ...]:
    """Over which instruments the hedge was split; nothing where there is one."""
    if not told.decided.split:
        return ()
    return ("split over: " + "; ".join(split_words(leg) for leg in told.decided.split),)


def _limits(told: Explained) -> Table:
    table = _table("limit", "now", "most")
    table.add_column("unit", justify="left")
    table.add_column("used")
    for gauge in told.limits:
        used = "" if gauge.value is None or not gauge.value_max else f"{gauge.value / gauge.value_max:.0%}"
        table.add_row(gauge.name, _short(gauge.value), _short(gauge.value_max), gauge.unit, used)
    return table


def _under_way(told: Explained) -> tuple[str, ...]:
    if not told.orders:
        return ("under way: no order",)
    return tuple(
        f"under way: order {order.label} on {order.instrument}, {order.state.replace('_', ' ')} "
        f"for {order.age_s:.1f} s, may still fill {order.open_native:+} {order.unit}"
        for order in told.orders
    )


def _waits(told: Explained) -> tuple[str, ...]:
    if told.band is None:
        return ()
    since_ns, before = told.band.inputs.since_hedge_ns, told.band.inputs.price_at_hedge_usd
    if since_ns is None or before is None:
        last = "no hedge has filled yet"
    else:
        moved = told.band.inputs.price_usd / before - 1.0
        ago_s = since_ns / NS_PER_S
        last = f"the last one filled {ago_s:,.1f} s ago at {before:,.2f} USD, the price has moved {moved:+.4%}"
    held = told.band.held_back
    filters = f"a filter holds hedges back: {held.replace('_', ' ')}" if held else "no filter holds hedges back"
    return (f"filters: {filters}; {last}",)


def _features(told: Explained) -> tuple[str, ...]:
    """How the market, and our part in it, looked; nothing where it was not asked for."""
    seen = told.decided.features
    if seen is None:
        return ()
    parts = [f"width times {seen.width_ratio:g}"]
    if seen.loop_gain_ratio is not None:
        parts.append(f"own hedges: loop gain of at least {seen.loop_gain_ratio:.3f}")
    if seen.regime is not None:
        vol = "too little seen to tell" if seen.vol_ratio is None else f"{seen.vol_ratio:.2f} times usual"
        parts.append(
            f"market {seen.regime}: volatility {vol}, this hour has {_number(seen.hour_ratio, '.2f')} of a day's"
        )
        parts.append(f"excess variance {_number(seen.cusum_ratio, '.1f')} minutes")
        parts.append(f"jump test {_number(seen.jump_test_sigmas, '+.1f', 'not yet')}")
    if seen.has_jumped:
        parts.append("the price has just jumped")
    return (f"seen besides: {'; '.join(parts)}",)


def _volume(told: Explained) -> tuple[str, ...]:
    """What caps on our part in the market count with; nothing where there is no such cap."""
    seen, most = told.decided.volume_usd_per_day, told.volume_usd_per_day_max
    if most is None:
        return ()
    if seen is None:
        return (f"traded by everybody in a day: not told by the venue; caps count with {most:,.0f} USD, as configured",)
    counted = f"caps count with {min(seen, most):,.0f} USD, {most:,.0f} configured at most"
    return (f"traded by everybody in a day: {seen:,.0f} USD; {counted}",)


def _budget(told: Explained) -> str:
    seen = told.decided.features
    return ", or to the budget of a crisis" if seen is not None and seen.regime is Regime.CRISIS else ""


def _order(told: Explained) -> tuple[str, ...]:
    settings = ", ".join(f"{name} {value}" for name, value in told.tactic_params.items())
    tactic = f"tactic: {told.tactic} ({settings})"
    if not told.sent:
        return (f"{tactic}; no order",)
    return tactic, *(_sent(each, told) for each in told.sent)


def _sent(sent: OrderSent, told: Explained) -> str:
    order, touch = sent.order, sent.touch_usd
    is_buy = order.amount_native > 0
    beyond = (
        "" if touch is None else f", {(float(order.price_native) / touch - 1.0) * 1e4:+.2f} bps of the {_side(is_buy)}"
    )
    how = "rests in the book" if order.rests else "immediate or cancelled"
    valid_s = (order.valid_until_ns - told.decided.now_ns) / NS_PER_S
    where = f" of {order.instrument}" if told.decided.split else ""
    return (
        f"order {order.label}: {'buy' if is_buy else 'sell'} {abs(order.amount_native):,} {sent.unit}{where} "
        f"({sent.trade_coin:+.6f} {told.decided.book}) at {order.price_native:,} USD or better{beyond}; "
        f"mid {order.arrival_mid_native:,.2f} USD; {how}, to be started within {valid_s:g} s"
    )


def _side(is_buy: bool) -> str:
    return "ask" if is_buy else "bid"


def _compared(told: Explained) -> str:
    if told.contradiction:
        return f"CONTRADICTION: made again, the decision is another one than on the tape: {told.contradiction}"
    if not told.compared:
        return f"told by the running bot; hedgebot why {told.run_id} {told.decided.seq} makes it again from the tape"
    return f"made again from the tape, the decision is the same ({told.compared})"


# --- numbers -----------------------------------------------------------------------------------------------


def _number(value: float | None, how: str, none: str = "") -> str:
    return none if value is None else format(value, how)


def _short(value: float | None) -> str:
    if value is None:
        return "unknown"
    text = f"{value:,.4f}"
    return text.rstrip("0").rstrip(".")


def _days(tau_years: float | None) -> str:
    return "no option" if tau_years is None else f"{tau_years * _DAYS_PER_YEAR:,.4f}"


def _edges(band: Band) -> str:
    return span_words(band.low_coin, band.high_coin)
