"""Costs of several fills: sums, basis points of what was traded, mark-outs only where all are known."""

import pytest

from bot.observe.costs import MARK_OUTS_NS, Money, Piece, added, maker_mark_outs


def _piece(traded_usd: float, *, is_maker: bool = False, **mark_outs_usd: float) -> Piece:
    return Piece(
        traded_usd=traded_usd,
        half_spread_usd=1.0,
        waiting_usd=2.0,
        beyond_usd=-0.5,
        fee_usd=3.0,
        is_maker=is_maker,
        mark_outs_usd=mark_outs_usd,
    )


def test_parts_add_up() -> None:
    """Slippage is spread, waiting and beyond; the total has the fees as well."""
    told = added([_piece(30_000.0), _piece(10_000.0, is_maker=True)])

    assert told.traded_usd == 40_000.0
    assert told.half_spread == Money(usd=2.0, bps=0.5)
    assert told.slippage == Money(usd=5.0, bps=1.25)
    assert told.total == Money(usd=11.0, bps=pytest.approx(2.75))
    assert told.maker_share == 0.25


def test_a_mark_out_is_known_when_each_of_them_is() -> None:
    """Half of a sum would look like a whole one."""
    told = added([_piece(1.0, after_1_s=0.5, after_10_s=1.0), _piece(1.0, after_1_s=0.25)])

    assert told.mark_outs == {"after_1_s": Money(usd=0.75, bps=3_750.0), "after_10_s": None, "after_60_s": None}


def test_nothing_traded_costs_nothing() -> None:
    """And has no basis points."""
    told = added([])

    assert told.total == Money(usd=0.0, bps=None)
    assert told.maker_share is None
    assert told.mark_outs == dict.fromkeys(MARK_OUTS_NS)


def test_what_rested_has_mark_outs_of_its_own() -> None:
    """Of the fills that are known, in basis points of their own money; takers are left out."""
    told = maker_mark_outs(
        [
            _piece(10_000.0, after_1_s=5.0),
            _piece(10_000.0, is_maker=True, after_1_s=-1.0, after_10_s=-2.0),
            _piece(30_000.0, is_maker=True, after_1_s=-3.0),
        ]
    )

    assert told == {"after_1_s": Money(usd=-4.0, bps=-1.0), "after_10_s": Money(usd=-2.0, bps=-2.0), "after_60_s": None}
