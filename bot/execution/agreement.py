"""Whether the venues of a book agree with our positions, and which of them it has to wait for.

A book begins once every venue has agreed. From then on the loss of the last venue to hedge at stops it until that venue
agrees again; the loss of another one does not: stopping is not safe for short gamma, nobody but us trades that account,
and its quotes grow stale, which widens the delta to an interval by itself. Where they do not, because only the account
is out of sight, nothing would bound what is not known, and it is waited for. One that is back is heard first.
"""

from collections.abc import Collection, Mapping

from bot.domain.ids import VenueId
from bot.domain.time import Ns
from bot.execution.reconcile import Reconciler


class Agreement:
    """Mutable private state of one engine."""

    def __init__(self, hedge_venues: Collection[VenueId], reconcilers: Mapping[VenueId, Reconciler]) -> None:
        """Nobody has agreed yet."""
        self._hedge_venues = frozenset(hedge_venues)
        self.reconcilers = dict(reconcilers)
        """By venue; each takes the snapshots of its own."""
        self._agreed: set[VenueId] = set()
        """At least once."""
        self._unheard = set(reconcilers)
        """Not heard since something may have happened there unseen."""
        self._gone: set[VenueId] = set()
        """Out of sight whole: neither account nor quotes."""
        self._objecting: set[VenueId] = set()
        self._back_ns: dict[VenueId, Ns] = {}
        """Of those that are there: since when."""

    @property
    def is_whole(self) -> bool:
        """Whether nobody is waited for."""
        return not any(map(self.awaits, self._unheard))

    @property
    def answering(self) -> Mapping[VenueId, Ns] | None:
        """Since when each venue that is there can be asked; None of a single one, whose absence excuses nothing."""
        return self._back_ns if len(self.reconcilers) > 1 else None

    def awaits(self, venue: VenueId) -> bool:
        """Whether this one is waited for."""
        return venue in self._unheard and not (venue in self._gone and self.outlives(venue))

    def outlives(self, venue: VenueId) -> bool:
        """Whether the book may go on while this one is out of sight whole: there is another one to hedge at."""
        if venue not in self._agreed or venue in self._objecting:
            return False
        return any(other != venue and other not in self._unheard for other in self._hedge_venues) or (
            venue not in self._hedge_venues
        )

    def unheard(self) -> frozenset[VenueId]:
        """The venues whose word is missing, whether or not it is waited for."""
        return frozenset(self._unheard)

    def sight(self, venue: VenueId, *, is_gone: bool, has_quotes: bool) -> None:
        """What is left to be seen of a venue."""
        if is_gone and not has_quotes:
            self._gone.add(venue)
        else:
            self._gone.discard(venue)

    def doubt(self, venue: VenueId, now_ns: Ns, *, is_gone: bool, has_quotes: bool) -> None:
        """An account may have changed unseen: ask the venue, and wait for its word unless that may take for ever."""
        self.reconcilers[venue].demand(now_ns)
        if is_gone:
            self._back_ns.pop(venue, None)
        else:
            self._back_ns[venue] = now_ns
        self.sight(venue, is_gone=is_gone, has_quotes=has_quotes)
        self._unheard.add(venue)

    def object(self, venue: VenueId) -> None:
        """A venue shows other positions than ours."""
        self._unheard.add(venue)
        self._objecting.add(venue)

    def agree(self, venue: VenueId) -> bool:
        """A venue shows our positions; whether it is the first time."""
        is_first = venue not in self._agreed
        self._agreed.add(venue)
        self._unheard.discard(venue)
        self._objecting.discard(venue)
        return is_first
