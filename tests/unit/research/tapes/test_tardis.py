"""CSV in the style of Tardis.dev."""

import gzip
from pathlib import Path

import pytest

from bot.domain.time import Ns
from bot.research.tapes import tardis
from bot.research.tapes.defects import Defect, DefectKind
from bot.research.tapes.sift import Read

_US = 1_681_300_000_000_000
_OPTIONS = (
    "exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,open_interest,last_price,bid_price,"
    "bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,delta,gamma,"
    "vega,theta,rho"
)
_TICKER = (
    "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,"
    "last_price,index_price,mark_price"
)


def _option(
    after_us: int, *, exchange: str = "deribit", bid: str = "0.0135", expiry: int = 9, mark: str = "0.0142"
) -> str:
    return (
        f"{exchange},BTC-14APR23-30000-C,{_US + after_us},{_US + after_us + 5},call,30000,{expiry},3.5,,{bid},5,50,"
        f"0.0145,3.2,999,{mark},52.5,BTC-14APR23,30010.5,0.5,0.0001,8,-50,1"
    )


def _write(path: Path, *lines: str) -> Path:
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_options_are_read_with_the_index_of_a_ticker(tmp_path: Path) -> None:
    """The newest of then; empty and off-scale cells are no numbers."""
    indices = tardis.Indices()
    ticker = f"deribit,BTC-PERPETUAL,{_US},{_US},,,,100,30000,29999.5,30001"
    assert list(tardis.read_csv(_write(tmp_path / "t.csv.gz", _TICKER, ticker), indices)) == []
    found = list(tardis.read_csv(_write(tmp_path / "o.csv", _OPTIONS, _option(7), _option(9, bid="0")), indices))

    assert [type(one) for one in found] == [Read, Read]
    row = found[0].row
    assert (row.instrument, row.time_ns, row.index_usd) == ("BTC-14APR23-30000-C", Ns((_US + 7) * 1_000), 29_999.5)
    assert (row.forward_usd, row.mark_native, row.iv_mark_percent, row.delta) == (30_010.5, 0.0142, 52.5, 0.5)
    assert (row.bid_native, row.iv_bid_percent, row.iv_ask_percent, row.last_native) == (0.0135, 50.0, None, None)
    assert found[1].row.bid_native is None


def test_without_a_ticker_the_nearest_forward_is_the_index(tmp_path: Path) -> None:
    """Which is told, row by row."""
    found = list(tardis.read_csv(_write(tmp_path / "o.csv", _OPTIONS, _option(7)), tardis.Indices()))

    assert [(one.kind, one.row) for one in found if isinstance(one, Defect)] == [(DefectKind.INDEX_FROM_FORWARD, 2)]
    assert [read.row.index_usd for read in found if isinstance(read, Read)] == [30_010.5]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (_option(7, exchange="okex-options"), DefectKind.FOREIGN),
        (_option(7, mark=""), DefectKind.UNREADABLE),
        (_option(7, mark="nan"), DefectKind.UNREADABLE),
        (_option(7, mark="much"), DefectKind.UNREADABLE),
        ("deribit,BTC-14APR23-30000-C", DefectKind.UNREADABLE),
    ],
)
def test_a_row_that_cannot_be_used_is_told(tmp_path: Path, line: str, kind: DefectKind) -> None:
    """With its line, the heading being the first."""
    found = list(tardis.read_csv(_write(tmp_path / "o.csv", _OPTIONS, line), tardis.Indices()))

    assert [(one.kind, one.row) for one in found if isinstance(one, Defect)] == [(kind, 2)]


@pytest.mark.parametrize(
    ("header", "known", "is_ticker"),
    [(_OPTIONS, True, False), (_TICKER, True, True), ("a,b", False, False), ("", False, False)],
)
def test_files_are_known_by_their_heading(tmp_path: Path, header: str, known: bool, is_ticker: bool) -> None:
    """A ticker file is read before the options."""
    names = tardis.header_of(_write(tmp_path / "x.csv", header))

    assert (tardis.is_tardis(names), tardis.is_ticker(names)) == (known, is_ticker)


def test_a_file_that_is_no_text_has_no_heading(tmp_path: Path) -> None:
    """And is somebody else's."""
    (tmp_path / "x.csv.gz").write_bytes(b"\x00\xff" * 9)

    assert tardis.header_of(tmp_path / "x.csv.gz") == ()
