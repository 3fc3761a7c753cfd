"""The recorded day, and the command that writes its page."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.app import real_day
from bot.research.real_day import Case

Call = Callable[..., int]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("coin", "portfolio", "more"),
    [("BTC", "call", ("--policy", "whalley_wilmott")), ("ETH", "strangle", ("--linear", "--policy", "delta_percent"))],
)
def test_a_real_day_closes_and_is_explained(
    call: Call,
    shared_data: Path,
    capsys: pytest.CaptureFixture[str],
    coin: str,
    portfolio: str,
    *,
    more: tuple[str, ...],
) -> None:
    """Three hours around an inflation print: profit closes to 1e-9 and the venue's rounding, steps are in bounds."""
    day = shared_data / "history" / "demo_deribit_2023-04-12"
    if "delta_percent" in more:
        more = (*more, "--set", "percent=10", "--set", "half_coin_min=0.01")
    arguments = ["--tape", str(day), "--currency", coin, "--portfolio", f"config/portfolios/{portfolio}.toml", *more]
    assert call("backtest", *arguments, "--hours", "3", "--json") == 0
    told = json.loads(capsys.readouterr().out)

    assert (told["closes"], told["violations"]) == (True, [])
    assert told["apart_beyond_rounding_share"] <= 1e-9
    assert told["variance"]["ratio_delta"] < 0.3
    assert told["tradable_share"] > 0.99
    for leg in told["steps"]:
        assert leg["steps_count"] - len(leg["missed"]) >= 0.99 * leg["steps_count"], leg["missed"]


def test_every_portfolio_meets_every_policy(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two coins, two settlements, three portfolios, three policies; then the page is written."""
    seen: list[Case] = []
    result = SimpleNamespace(hedges=1, closes=True, steps=())
    monkeypatch.setattr(real_day, "history_of", lambda *_: None)
    monkeypatch.setattr(real_day, "nearest", lambda *_: None)
    monkeypatch.setattr(real_day, "played", lambda *_: result)
    monkeypatch.setattr(real_day.page_of, "write", lambda _, cases, __: seen.extend(cases))
    assert call("real-day", str(tmp_path / "p.md"), "--tape", str(tmp_path)) == 0

    assert len(seen) == len({(case.coin, case.settlement, case.portfolio, case.policy) for case in seen}) == 36
