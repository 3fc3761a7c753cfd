"""Which forward each held expiry was priced on, in words: index, expiry, price, source, age."""

from bot.domain.decided import ForwardUsed
from bot.domain.time import NS_PER_S, expiry_code


def forward_words(used: ForwardUsed) -> str:
    """`btc_usd 27MAR26: 100,250.00 by options, 0.4 s old`."""
    name = f"{used.index_name} {expiry_code(used.expiry_ns)}"
    if used.forward_usd is None or used.age_ns is None:
        return f"{name}: not known"
    return f"{name}: {used.forward_usd:,.2f} by {used.source}, {used.age_ns / NS_PER_S:.1f} s old"
