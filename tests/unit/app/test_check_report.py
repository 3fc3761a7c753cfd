"""What a look before a run says, to people and to programs."""

import json
from pathlib import Path

from bot.app.check_report import FAILED, MIND, OK, SKIPPED, Finding, Report, as_json, as_text, would_run
from bot.app.config import load
from bot.app.exit_codes import ExitCode

_FINDINGS = (
    Finding(name="http", status=OK, detail="answers"),
    Finding(name="ledger", status=FAILED, detail="ledger x is locked", exit_code=ExitCode.JOURNAL),
    Finding(name="key", status=FAILED, detail="venue.client_id: no", exit_code=ExitCode.CONFIG),
    Finding(name="account", status=SKIPPED, detail="needs what failed above"),
)


def test_the_first_failure_is_the_exit_code() -> None:
    """As a run would end; without a failure it would start."""
    assert Report(would_run={}, checks=_FINDINGS).exit_code == 4
    assert Report(would_run={}, checks=_FINDINGS[:1]).exit_code == 0


def test_a_line_per_check_and_the_end() -> None:
    """Groups of what would run have rows of their own."""
    report = Report(would_run={"mode": "live", "books.btc": {"a": 1, "limits": {"b": 2, "c": 3}}}, checks=_FINDINGS)

    assert [" ".join(line.split()) for line in as_text(report).splitlines()] == [
        "mode live",
        "books.btc a 1",
        "books.btc.limits b 2, c 3",
        "ok http answers",
        "FAILED ledger ledger x is locked",
        "FAILED key venue.client_id: no",
        "skipped account needs what failed above",
        "2 FAILED, exit code 4: not fit to run",
    ]
    assert as_text(Report(would_run={}, checks=_FINDINGS[:1])).endswith("\na run would start")


def test_what_is_to_be_minded_ends_no_run() -> None:
    """It is counted in the last line, and is no failure."""
    minded = Finding(name="limits BTC", status=MIND, detail="over 20 times the equity")
    report = Report(would_run={}, checks=(*_FINDINGS[:1], minded))

    assert (report.exit_code, as_text(report).splitlines()[-1]) == (0, "a run would start; 1 to mind")
    assert json.loads(as_json(report))["ok"] is True


def test_one_line_for_programs() -> None:
    """Whether it is well, with which code it would end, and all the rest."""
    read = json.loads(as_json(Report(would_run={"mode": "live"}, checks=_FINDINGS)))

    assert (read["ok"], read["exit_code"], read["would_run"]) == (False, 4, {"mode": "live"})
    assert [(check["name"], check["status"]) for check in read["checks"]] == [(f.name, f.status) for f in _FINDINGS]
    assert json.loads(as_json(Report(would_run={}, checks=())))["ok"] is True


def test_what_would_run_holds_no_secret(repo_root: Path) -> None:
    """Addresses, key id, account, books with convention, band, limits and hedge instrument, ledger, tape."""
    key = {"venue": {"client_id": "me", "client_secret": "c4n4ry"}, "live": {"account_id": 7}}
    told = would_run(load(repo_root / "config/live.toml", key, run_tag="t"), has_account=True)

    assert "c4n4ry" not in str(told)
    assert (told["mode"], told["key"], told["account"], told["testnet"]) == ("live", "me", "7", False)
    assert (told["ws_url"], told["ledger"]) == ("wss://www.deribit.com/ws/api/v2", "sqlite:///var/live.db")
    book = told["books.btc"]
    assert isinstance(book, dict)
    assert (book["convention"], book["hedge_instrument"], book["labels"]) == (
        "options_only",
        "BTC-PERPETUAL",
        "hbbtc...",
    )
    assert book["limits"]["order_usd_max"] == 250_000.0
    assert book["band"]


def test_a_demonstration_has_no_address_yet(repo_root: Path) -> None:
    """Its exchange, key and ledger are made when it runs."""
    config = load(repo_root / "config/demo.toml", {"portfolio": repo_root / "config/portfolios/demo.toml"}, run_tag="t")

    assert {"ws_url", "key", "ledger"}.isdisjoint(would_run(config, has_account=False))
