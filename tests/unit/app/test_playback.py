"""Opening recorded venues, and the clock that plays them."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app.playback import PlayClock, open_playback
from bot.domain import events as ev
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_S, Ns, ns_from_ms

_MS = 1_681_300_000_000
Write = Callable[..., Path]

_CALL, _PUT = "BTC-14APR23-30000-C", "BTC-14APR23-30000-P"


def test_a_recorded_day_opens_when_its_chain_was_quoted_once(write_history: Write, tmp_path: Path) -> None:
    """The perpetual is quoted from the index of then, one tick to each side."""
    folder = write_history(tmp_path, (_CALL, 0, 30_000.0), (_PUT, 20, 30_100.0), (_CALL, 300, 30_200.0))
    playback = open_playback(folder, "BTC", 1)
    touch = playback.exchange.touch("BTC-PERPETUAL")

    assert playback.exchange.now_ns == ns_from_ms(_MS + 20_000)
    assert playback.end_ns == ns_from_ms(_MS + 300_000)
    assert (touch.bid_native, touch.ask_native) == (30_099.5, 30_100.5)
    assert playback.exchange.ticker(_PUT).touch.bid_native is not None


def test_prices_off_the_coarse_grid_bring_the_ladder_of_today(write_history: Write, tmp_path: Path) -> None:
    """A recording of 2026 quotes in steps of 0.0001 below 0.005."""
    playback = open_playback(write_history(tmp_path, (_CALL, 0, 30_000.0), bid=0.0013), "BTC", 1)

    assert float(playback.exchange.touch(_CALL).bid_native or 0) == 0.0013
    assert [str(step.tick_native) for step in playback.exchange.instrument(_CALL).tick_steps] == ["0.0005"]


def test_a_tape_of_ours_is_played_with_its_own_quotes(make: Any, tmp_path: Path) -> None:
    """The perpetual's too; greeks follow from the taped volatility."""
    listed: list[ev.Event] = [
        ev.InstrumentListed(instrument=spec, received_ns=make.now_ns) for spec in (make.perpetual(), make.option())
    ]
    later = Ns(make.now_ns + NS_PER_S)
    events = [*listed, make.option_marked(), make.future_marked(), make.quoted(received_ns=later, bid_native=99_990.0)]
    playback = open_playback(make.tape(tmp_path, events), "BTC", 1)
    exchange = playback.exchange
    before = exchange.touch("BTC-PERPETUAL")
    exchange.advance(later)
    option = exchange.ticker("BTC-27MAR26-100000-C")

    assert (before.bid_native, exchange.touch("BTC-PERPETUAL").bid_native) == (99_999.5, 99_990)
    assert (float(option.touch.bid_native or 0), option.mark_native, option.iv_mark_percent) == (0.06, 0.061, 60.0)
    assert option.greeks is not None
    assert option.greeks.delta == pytest.approx(0.53, abs=0.02)
    assert option.iv_bid_percent == pytest.approx(58.0, abs=4.0)
    assert (exchange.index_names(), playback.end_ns) == (("btc_usd",), later)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "--tape: there is no folder"),
        ({}, "btc_get_order_book_5min.jsonl.gz does not exist"),
        ({"btc_get_order_book_5min.jsonl.gz": b""}, "--tape: "),
        ({"btc_get_order_book_5min.jsonl.gz": gzip.compress(b"")}, "--tape: recorded history has no rows"),
        ({"btc_get_order_book_5min.jsonl.gz": gzip.compress(b"{}")}, "--tape: .* line 1"),
        ({"manifest.json": b"{}"}, "--tape: .*is not a manifest"),
    ],
)
def test_a_bad_tape_is_one_line(tmp_path: Path, content: dict[str, bytes] | None, said: str) -> None:
    """It names the option and what is wrong."""
    folder = tmp_path / "tape"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)

    with pytest.raises(ConfigError, match=said) as refused:
        open_playback(folder, "BTC", 1)
    assert "\n" not in str(refused.value)


def test_only_coins_whose_contracts_are_known_are_played(write_history: Write, tmp_path: Path) -> None:
    """Lots and ticks of others are not guessed."""
    folder = write_history(tmp_path, ("SOL-14APR23-30-C", 0, 25.0))

    with pytest.raises(ConfigError, match="--tape: no history of SOL can be played; BTC and ETH can"):
        open_playback(folder, "SOL", 1)


def test_the_clock_runs_from_the_tapes_time() -> None:
    """Three times as fast here, and on after the end."""
    wall = [Ns(50 * NS_PER_S)]
    clock = PlayClock(Ns(1_000 * NS_PER_S), lambda: wall[0], 3.0)
    began = clock()
    wall[0] = Ns(52 * NS_PER_S)

    assert (began, clock()) == (1_000 * NS_PER_S, 1_006 * NS_PER_S)
    assert clock.wall_s(Ns(1_009 * NS_PER_S)) == 1.0
    assert clock.wall_s(Ns(0)) == 0.0


@pytest.mark.realdata
@pytest.mark.parametrize("currency", ["BTC", "ETH"])
def test_the_recorded_day_opens(shared_data: Path, currency: str) -> None:
    """Thousands of rows, quoted as they were."""
    playback = open_playback(shared_data / "history" / "demo_deribit_2023-04-12", currency, 1)
    exchange = playback.exchange
    options = [spec.id for spec in exchange.instruments() if spec.is_option]

    assert len(options) > 50
    assert playback.end_ns - exchange.now_ns > 12 * 3600 * NS_PER_S
    assert sum(exchange.touch(name).ask_native is not None for name in options) > 40
