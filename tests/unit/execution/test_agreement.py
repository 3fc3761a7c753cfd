"""Which venues a book waits for: every combination of loss, return, objection and agreement."""

import pytest

from bot.domain.ids import DERIBIT, VenueId
from bot.domain.time import NS_PER_S, Ns
from bot.execution.agreement import Agreement
from bot.execution.reconcile import Reconciler

OKX = VenueId("okx")
_NOW = Ns(10 * NS_PER_S)


def _agreement(hedge_venue: VenueId = OKX) -> Agreement:
    def made(venue: VenueId) -> Reconciler:
        return Reconciler(base="BTC", label_prefix="hb", interval_ns=_NOW, adopts_positions=False, venue=venue)

    return Agreement((hedge_venue,), {venue: made(venue) for venue in (DERIBIT, OKX)})


def _play(agreement: Agreement, steps: str) -> bool:
    """Letters: a agrees, o objects, l is lost, q only its account is, r is back; capital of the hedge's venue."""
    for step in steps:
        venue = OKX if step.isupper() else DERIBIT
        match step.lower():
            case "a":
                agreement.agree(venue)
            case "o":
                agreement.object(venue)
            case "l" | "q":
                agreement.doubt(venue, _NOW, is_gone=True, has_quotes=step.lower() == "q")
            case _:
                agreement.doubt(venue, _NOW, is_gone=False, has_quotes=True)
    return agreement.is_whole


@pytest.mark.parametrize(
    ("steps", "is_whole"),
    [
        ("", False),
        ("a", False),
        ("A", False),
        ("aA", True),
        ("aAL", False),
        ("aALR", False),
        ("aALRA", True),
        ("aAl", True),
        ("aAlr", False),
        ("aAlra", True),
        ("aAlrl", True),
        ("aAq", False),
        ("aAql", True),
        ("aAlq", False),
        ("aAqra", True),
        ("aAo", False),
        ("aAol", False),
        ("aAolra", True),
        ("aAlL", False),
        ("aAlLRA", True),
        ("l", False),
        ("Al", False),
        ("aAO", False),
        ("aAOA", True),
    ],
)
def test_a_book_waits_for_its_hedges_venue_and_once_for_every_other(steps: str, is_whole: bool) -> None:
    """And for one that objected, or has just come back."""
    assert _play(_agreement(), steps) is is_whole


def test_of_one_venue_every_loss_is_waited_for() -> None:
    """The hedge is where the options are."""
    agreement = _agreement(hedge_venue=DERIBIT)

    assert _play(agreement, "aA")
    assert not _play(agreement, "l")


def test_only_the_first_agreement_is_the_first() -> None:
    """Profit counts from there."""
    agreement = _agreement()

    assert [agreement.agree(DERIBIT), agreement.agree(DERIBIT), agreement.agree(OKX)] == [True, False, True]


def test_a_venue_in_doubt_is_asked_at_once() -> None:
    """Whatever was asked before the gap."""
    agreement = _agreement()
    reconciler = agreement.reconcilers[OKX]
    asked = [reconciler.is_due(_NOW), reconciler.is_due(_NOW)]
    agreement.doubt(OKX, _NOW, is_gone=False, has_quotes=True)

    assert asked == [True, False]
    assert reconciler.is_due(_NOW)
