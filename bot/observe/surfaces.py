"""Words for fits of the volatility surface: one a minute and book, and whenever a defect comes or goes."""

from bot.domain.decided import TOLD_AGAIN_AFTER_NS
from bot.domain.events import SurfaceFitted
from bot.domain.time import Ns


class Surfaces:
    """Remembers what was told last of each book."""

    def __init__(self) -> None:
        """Nothing told."""
        self._told: dict[str, tuple[Ns, str]] = {}

    def words(self, event: SurfaceFitted) -> dict[str, object] | None:
        """The fields of `surface.fitted`; None for a fit that says nothing new."""
        told = self._told.get(event.book)
        if told is not None and told[1] == event.defect and event.as_of_ns - told[0] < TOLD_AGAIN_AFTER_NS:
            return None
        self._told[event.book] = event.as_of_ns, event.defect
        return {
            "book": event.book,
            "expiries": len(event.slices),
            "defect": event.defect,
            "ssr_ratio": event.ssr_ratio,
            "variance_ratios": {verdict.rule: verdict.variance_ratio for verdict in event.verdicts},
            "better": [verdict.rule for verdict in event.verdicts if verdict.is_better],
        }
