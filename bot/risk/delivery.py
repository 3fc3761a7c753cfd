"""What a delivery comes to: money for the account, and the coins it would have been had it been physical.

Knows one contract and its delivery price; must not know positions, markets or why anybody asks.
"""

from decimal import Decimal

from bot.domain.instruments import Instrument
from bot.domain.units import ZERO, coin_from_amount, decimal_from_wire


def payoff_native(spec: Instrument, delivery_usd: Decimal) -> Decimal:
    """What a coin of option pays, coins or USDC, or the last price of a future, at a delivery price."""
    if spec.strike_usd is None:
        return delivery_usd
    strike_usd = decimal_from_wire(spec.strike_usd)
    over_usd = delivery_usd - strike_usd if spec.is_call else strike_usd - delivery_usd
    return max(over_usd, ZERO) / delivery_usd if spec.is_inverse else max(over_usd, ZERO)


def delivered_coin(spec: Instrument, amount_native: Decimal, delivery_usd: float) -> float:
    """Signed coins that change hands in a physical delivery: all of an option in the money, or of a future."""
    amount_coin = coin_from_amount(spec, amount_native, delivery_usd)
    if spec.strike_usd is None:
        return amount_coin
    if spec.is_call:
        return amount_coin if delivery_usd > spec.strike_usd else 0.0
    return -amount_coin if delivery_usd < spec.strike_usd else 0.0
