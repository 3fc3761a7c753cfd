"""Each question about contracts, against venues that would answer differently from the local one."""

from typing import Any

import pytest

from bot.app.probe import contract_questions
from bot.app.probe.question import Bench, Verdict

ANSWERED, INCONCLUSIVE = Verdict.ANSWERED, Verdict.INCONCLUSIVE


def _listed(base: str, contract: float = 0.01, least: float = 0.01, fee: float = 0.0003) -> dict[str, Any]:
    return {
        "instrument_name": f"{base}_USDC-27MAR26-60000-C",
        "base_currency": base,
        "contract_size": contract,
        "min_trade_amount": least,
        "maker_commission": fee,
        "taker_commission": fee,
    }


@pytest.mark.asyncio
async def test_linear_option_units(bench: Bench, road: Any) -> None:
    """Each different pair once, other coins not at all; without a coin there is no answer."""
    road.answers["public/get_instruments"] = [
        [_listed("BTC"), _listed("BTC"), _listed("ETH", 0.1, 0.1), _listed("SOL"), _listed("BTC", 1.0)],
        [_listed("BTC")],
    ]
    whole, half = [await contract_questions.linear_option_units(bench) for _ in range(2)]

    assert whole.verdict is ANSWERED
    assert whole.observed == (
        "BTC: contract_size 0.01, min_trade_amount 0.01 or contract_size 1, min_trade_amount 0.01;"
        " ETH: contract_size 0.1, min_trade_amount 0.1"
    )
    assert half.verdict is INCONCLUSIVE
    assert "no linear options of ETH" in half.observed


@pytest.mark.asyncio
async def test_option_fees(bench: Bench, road: Any) -> None:
    """Rates as listed, and for programs what the account's own trades cost and its discounts."""
    trade = {"amount": 0.1, "fee": 0.00003, "fee_currency": "BTC"}
    road.answers |= {
        "public/get_instruments": [[_listed("BTC")], [_listed("ETH", fee=0.0005)], []],
        "private/get_user_trades_by_currency": [{"trades": [trade]}, {"trades": []}],
        "private/get_account_summary": [{"fees": [{"currency": "BTC"}]}],
    }
    answer = await contract_questions.option_fees(bench)
    empty = await contract_questions.option_fees(bench)

    assert (answer.verdict, empty.verdict) == (ANSWERED, INCONCLUSIVE)
    assert "linear ETH: maker_commission 0.0005" in answer.observed
    assert answer.facts["inverse_trades"] == ["0.00003 BTC for 0.1"]
    assert answer.facts["discounts"] == [{"currency": "BTC"}]


@pytest.mark.asyncio
async def test_delivery_fees(bench: Bench, road: Any) -> None:
    """From rows of options only; without any there is no answer."""
    option = {"instrument_name": "BTC-27MAR26-60000-C", "amount": 1.0, "commission": 0.00015, "timestamp": 1}
    future = {"instrument_name": "BTC-27MAR26", "amount": 10.0, "commission": 0.0, "timestamp": 1}
    empty = {"instrument_name": "BTC-27MAR26-61000-C", "amount": None, "commission": None}
    road.answers["private/get_transaction_log"] = [{"logs": [future]}, {"logs": [option, empty, {}]}, {"logs": []}]
    answer = await contract_questions.delivery_fees(bench)
    none = await contract_questions.delivery_fees(bench)

    assert (answer.verdict, answer.observed) == (
        ANSWERED,
        "BTC-27MAR26-60000-C: 0.00015 for 1; BTC-27MAR26-61000-C: 0 for 0",
    )
    assert none.verdict is INCONCLUSIVE


def _held(size: float, mark: float = 61_000.0) -> dict[str, float]:
    return {"size": size, "size_currency": 0.0001 if size else 0.0, "mark_price": mark, "average_price": 60_000.0}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("positions", "verdict", "observed", "orders"),
    [
        ([_held(0.0), _held(6.1)], ANSWERED, "size = size_currency × mark_price", 1),
        ([_held(6.0)], ANSWERED, "size = size_currency × average_price", 0),
        ([_held(0.0), _held(6.0, 60_000.0), _held(6.0, 60_000.0), _held(6.1)], ANSWERED, "mark_price", 1),
        ([_held(7.0)], INCONCLUSIVE, "neither formula fits alone", 0),
        ([_held(0.0)], INCONCLUSIVE, "no position came about", 1),
    ],
)
async def test_linear_size(
    *,
    bench: Bench,
    road: Any,
    placed: Any,
    monkeypatch: pytest.MonkeyPatch,
    positions: list[Any],
    verdict: Verdict,
    observed: str,
    orders: int,
) -> None:
    """Mark and average have to differ first; a position that is there already is only looked at."""
    monkeypatch.setattr(contract_questions, "_LOOK_PAUSE_S", 0.0)
    road.answers |= {"private/get_position": positions, "private/buy": [placed()]}
    answer = await contract_questions.linear_size(bench)

    assert answer.verdict is verdict
    assert observed in answer.observed
    assert len(road.sent("private/buy")) == orders
