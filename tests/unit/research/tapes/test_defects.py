"""Defects counted and written."""

from pathlib import Path

from bot.research.tapes.defects import LEFT_OUT, Defect, DefectKind, counted, write

_SOME = [Defect("a", row, DefectKind.NO_BID, "BTC-X", "") for row in range(1, 15)] + [
    Defect("a", 3, DefectKind.DUPLICATE, "BTC-X", "as a row 2"),
    Defect("b", 0, DefectKind.FOREIGN, "", "no recording"),
]


def test_defects_are_counted_by_file_and_kind() -> None:
    """With the first rows, and whether they are played."""
    counts = counted(_SOME)

    assert [(one.file, one.kind.value, one.rows_count, one.is_left_out) for one in counts] == [
        ("a", "no_bid", 14, False),
        ("a", "duplicate", 1, True),
        ("b", "foreign", 1, True),
    ]
    assert (counts[0].first_rows, counts[1].example) == (tuple(range(1, 11)), "BTC-X as a row 2")


def test_every_defect_is_written(tmp_path: Path) -> None:
    """A line each, under a heading."""
    write(tmp_path / "d.csv", _SOME)
    lines = (tmp_path / "d.csv").read_text().splitlines()

    assert len(lines) == 1 + len(_SOME)
    assert (lines[0], lines[-2]) == (
        "file,row,kind,is_left_out,instrument,detail",
        "a,3,duplicate,True,BTC-X,as a row 2",
    )


def test_what_is_left_out_is_a_kind_of_defect() -> None:
    """Most kinds are played all the same."""
    assert set(DefectKind) > LEFT_OUT
