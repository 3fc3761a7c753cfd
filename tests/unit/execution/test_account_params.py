"""Parameters of the account side: a reconciler for each venue."""

from typing import Any

from bot.book import account_params_of
from bot.domain.ids import DERIBIT, VenueId
from bot.execution.account_params import reconcilers_of


def test_every_venue_has_a_reconciler_of_its_own(make: Any) -> None:
    """One venue's answer is no answer of the other."""
    okx = VenueId("okx")
    made = reconcilers_of(account_params_of(make.book()), (DERIBIT, okx))
    first = {venue: each.is_due(make.now_ns) for venue, each in made.items()}
    made[okx].demand(make.now_ns)

    assert first == {DERIBIT: True, okx: True}
    assert [each.is_due(make.now_ns) for each in made.values()] == [False, True], "asked, and asked for anew"
