"""What the account pays, as the venue tells it."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.domain.instruments import Instrument, Kind
from bot.venues.deribit_fees import AccountFees


def _row(kind: str = "perpetual", index: str = "btc_usd", **default: object) -> dict[str, Any]:
    return {"kind": kind, "index_name": index, "value": {"default": default, "block_trade": 0.3}}


def _fees(*rows: object) -> AccountFees:
    return AccountFees({"id": 7, "summaries": [{"currency": "ETH"}, {"currency": "BTC", "fees": list(rows)}]})


def _rates(fees: AccountFees, instrument: Instrument) -> tuple[str, str]:
    found = fees.of(instrument)
    return str(found.fee_rate_maker), str(found.fee_rate_taker)


def test_fixed_rates_stand_in_place_of_the_listed_ones(perp: Instrument) -> None:
    """A rebate is a negative rate."""
    fees = _fees(_row(type="fixed", maker=-0.0001, taker=0.0003))

    assert _rates(fees, perp) == ("-0.0001", "0.0003")


def test_relative_ones_are_a_share_of_the_listed(perp: Instrument) -> None:
    """0.5 of 1.5 and 3.5 bp."""
    fees = _fees(_row(type="relative", maker=0.5, taker=0.5))

    assert _rates(fees, perp) == ("0.000075", "0.000175")


def test_other_kinds_and_indices_keep_their_own(perp: Instrument) -> None:
    """A rate is told for one kind on one index."""
    fees = _fees(
        _row(kind="future", type="fixed", maker=0.0, taker=0.0), _row(index="eth_usd", type="fixed", maker=0, taker=0)
    )

    assert _rates(fees, perp) == ("0.00015", "0.00035")
    assert _rates(fees, structs.replace(perp, kind=Kind.FUTURE)) == ("0", "0")


@pytest.mark.parametrize(
    "row",
    [
        _row(type="fixed", maker=3.5, taker=3.5),
        _row(type="fixed", maker=-0.02, taker=-0.02),
        _row(type="relative", maker=-1.0, taker=35.0),
        _row(type="tiered", maker=0.0, taker=0.0),
        _row(type="fixed", maker="0", taker=None),
        _row(kind="spot", type="fixed", maker=0.0, taker=0.0),
        {"currency": "BTC", "fee_type": "fixed", "instrument_type": "perpetual", "maker_fee": 0.0, "taker_fee": 0.0},
        7,
    ],
)
def test_what_is_no_rate_changes_nothing(perp: Instrument, row: object) -> None:
    """Basis points for fractions, other words, the shape of before December 2025: as listed, which is the dearest."""
    assert _rates(_fees(row), perp) == ("0.00015", "0.00035")


@pytest.mark.parametrize("summaries", [None, [], {"summaries": 3}, {"summaries": [{"fees": {}}]}, {"id": 7}])
def test_an_account_without_any_pays_as_listed(perp: Instrument, summaries: object) -> None:
    """`fees` is told only where there is a discount."""
    assert _rates(AccountFees(summaries), perp) == ("0.00015", "0.00035")


@pytest.mark.realdata
def test_recorded_rates(shared_data: Path, perp: Instrument) -> None:
    """Futures at fixed rates, options at 0.625 of the listed one."""
    name = "messages/deribit/nautilus_trader/docs_or_edited/http_get_account_summaries.json"
    fees = AccountFees(json.loads((shared_data / name).read_bytes())["result"])

    assert _rates(fees, perp) == ("-0.0001", "0.00035")
    assert _rates(fees, structs.replace(perp, kind=Kind.OPTION))[1] == "0.00021875"
