"""Which venues a book waits for: every combination of loss, return, objection and agreement."""

import pytest

from bot.domain.ids import DERIBIT, VenueId
from bot.domain.time import NS_PER_S, Ns
from bot.execution.agreement import Agreement
from bot.execution.reconcile import Reconciler

OKX = VenueId("okx")
_NOW = Ns(10 * NS_PER_S)


def _agreement(*hedge_venues: VenueId) -> Agreement:
    def made(venue: VenueId) -> Reconciler:
        return Reconciler(base="BTC", label_prefix="hb", interval_ns=_NOW, adopts_positions=False, venue=venue)

    return Agreement(hedge_venues or (OKX,), {venue: made(venue) for venue in (DERIBIT, OKX)})


def _play(agreement: Agreement, steps: str) -> bool:
    """Letters: a agrees, o objects, l is lost, q only its account is, h its quotes too, r is back; capital: OKX."""
    for step in steps:
        venue = OKX if step.isupper() else DERIBIT
        match step.lower():
            case "a":
                agreement.agree(venue)
            case "o":
                agreement.object(venue)
            case "h":
                agreement.sight(venue, is_gone=True, has_quotes=False)
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


@pytest.mark.parametrize(
    ("steps", "is_whole"),
    [
        ("a", False),
        ("aA", True),
        # one is lost, then the other: the last one to hedge at is waited for, and both once one is back
        ("aAL", True),
        ("aAl", True),
        ("aALl", False),
        ("aAlL", False),
        ("aALlr", False),
        ("aALlra", True),
        ("aALlRA", True),
        ("aALR", False),
        ("aALRA", True),
        # of which only the account is out of sight, nothing is known: until its quotes go as well
        ("aAQ", False),
        ("aAQH", True),
        ("aALlQ", False),
        ("aALlQra", False),
        ("aALlQraH", True),
        # an objection is no loss
        ("aAO", False),
        ("aAOL", False),
        ("aAOLRA", True),
        ("aLA", True),
        ("al", False),
    ],
)
def test_with_two_venues_to_hedge_at_either_may_go(steps: str, is_whole: bool) -> None:
    """While the other one is there and agrees."""
    agreement = _agreement(DERIBIT, OKX)

    assert _play(agreement, steps) is is_whole
    assert agreement.is_whole is not any(map(agreement.awaits, (DERIBIT, OKX)))


def test_of_one_venue_every_loss_is_waited_for() -> None:
    """The hedge is where the options are."""
    agreement = _agreement(DERIBIT)

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
