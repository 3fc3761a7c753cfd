"""What a tape says about smile-aware deltas: `pricing.smile_evidence` over its five-minute steps.

Knows how recorded quotes become steps; the judgement is the pricing module's.
"""

from pathlib import Path
from typing import Final

from bot.app.greeks.snapshot import moments
from bot.domain.time import NS_PER_S, Ns, expiry_code, tau_years
from bot.pricing.smile_evidence import Seen, SmileEvidence

_STEP_NS: Final = Ns(300 * NS_PER_S)
"""Theory 2: five-minute data."""


def evidence_of(folder: Path, currency: str, at_ns: Ns | None) -> SmileEvidence:
    """Every coin-settled option of the tape up to a moment; ConfigError says what is wrong with the tape."""
    evidence = SmileEvidence()
    for rows in moments(folder, currency, at_ns, _STEP_NS):
        evidence.step(
            [
                Seen(
                    name=spec.id,
                    expiry=expiry_code(spec.expiry_ns),
                    forward=quote.forward_usd,
                    strike=spec.strike_usd,
                    tau_years=tau_years(quote.time_ns, spec.expiry_ns),
                    iv=quote.iv,
                    is_call=spec.is_call is True,
                )
                for spec, quote in rows
                if spec.is_inverse
                and spec.expiry_ns is not None
                and spec.strike_usd is not None
                and quote.forward_usd is not None
                and quote.iv is not None
            ]
        )
    return evidence
