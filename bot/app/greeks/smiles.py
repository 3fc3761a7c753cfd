"""A volatility surface per coin and settlement, from the quotes of a snapshot.

Knows how quotes of instruments become chains; the fit is `pricing.surface_fit`'s.
"""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from bot.app.greeks.snapshot import Quote, Snapshot
from bot.domain.instruments import Instrument, Settlement
from bot.domain.time import NS_PER_S, Ns, expiry_code, tau_years
from bot.pricing import surface_fit
from bot.pricing.chain_quotes import Chain
from bot.pricing.surface import Surface

_AGE_NS_MAX: Final = Ns(600 * NS_PER_S)
"""Older quotes shape no smile; a collector goes once round a chain in a few minutes."""

ChainName = tuple[str, Settlement]


def chain_of(spec: Instrument) -> ChainName:
    """The chain an option belongs to."""
    return spec.base, spec.settlement


def surfaces_of(snapshot: Snapshot, wanted: Iterable[Instrument]) -> dict[ChainName, Surface]:
    """A surface per coin and settlement of the wanted options, from every quote of those chains."""
    keys = {chain_of(spec) for spec in wanted}
    found = {}
    for key in keys:
        fitted = surface_fit.fit(_chains(snapshot, key))
        if isinstance(fitted, Surface):
            found[key] = fitted
    return found


def _chains(snapshot: Snapshot, key: ChainName) -> list[Chain]:
    by_expiry: dict[Ns, list[tuple[Instrument, Quote]]] = {}
    for name, quote in snapshot.quotes.items():
        spec = snapshot.listed.get(name)
        if snapshot.now_ns - quote.time_ns > _AGE_NS_MAX:
            continue
        if spec is not None and spec.is_option and spec.expiry_ns is not None and chain_of(spec) == key:
            by_expiry.setdefault(spec.expiry_ns, []).append((spec, quote))
    return [
        _quotes_of(expiry_ns, rows, tau_years(snapshot.now_ns, expiry_ns))
        for expiry_ns, rows in by_expiry.items()
        if expiry_ns > snapshot.now_ns
    ]


def _quotes_of(expiry_ns: Ns, rows: list[tuple[Instrument, Quote]], years: float) -> Chain:
    forward = np.array([quote.forward_usd or math.nan for _, quote in rows])
    unit = np.array([forward[at] if spec.is_inverse else 1.0 for at, (spec, _) in enumerate(rows)])
    return Chain(
        expiry=expiry_code(expiry_ns),
        tau_years=years,
        forward=forward,
        strike=np.array([spec.strike_usd or math.nan for spec, _ in rows]),
        is_call=np.array([spec.is_call is True for spec, _ in rows]),
        bid=np.array([quote.bid_native or math.nan for _, quote in rows]) * unit,
        ask=np.array([quote.ask_native or math.nan for _, quote in rows]) * unit,
    )
