"""How the book's option delta moves with volatility: for policies that hedge as if at another one.

Apart from the exposure, which is measured on every decision: only some policies ask for it.
"""

from bot.domain.time import Ns, tau_years
from bot.market.view import MarketView
from bot.pricing import black76
from bot.pricing.settlement_window import Window
from bot.risk.legs import Legs


def vanna_coin_per_vol(view: MarketView, legs: Legs, now_ns: Ns, window: Window) -> float:
    """Sum of d delta / d sigma, coins per 1.00 of volatility.

    Left out: legs without usable greeks, and those inside their settlement window, where half an hour is all there is.
    """
    total = 0.0
    for index_name, expiry_ns, _, options in legs.expiries:
        forward, tau = view.forward_usd(index_name, expiry_ns), tau_years(now_ns, expiry_ns)
        if forward is None or expiry_ns - now_ns < window.length_ns:
            continue
        for name, qty, strike, is_call in options:
            marked = view.options.get(name)
            if marked is not None and marked.iv_mark is not None:
                vanna = black76.greeks_scalar(forward, strike, tau, marked.iv_mark, is_call).vanna
                total += qty * vanna if vanna == vanna else 0.0  # NaN: no ground for a formula  # noqa: PLR0124
    return total
