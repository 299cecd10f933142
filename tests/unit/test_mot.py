"""MOTChallenge files: what is read, what is refused, and where it says the fault is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.tracking.mot import (
    MotFileError,
    MotRow,
    by_frame,
    format_rows,
    parse_row,
    read_rows,
)


def test_rows_are_read_with_blanks_spaces_and_missing_columns(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text(
        "1,-1,10.5,20,30,40,0.9,-1,-1,-1\r\n\n  \n 2, -1, 1e1 ,2,3,4 \n2,-1,5,6,7,8,0.5,\n"
    )

    rows = read_rows(path)

    assert rows[0] == MotRow(1, -1, 10.5, 20, 30, 40, 0.9)
    assert rows[1] == MotRow(2, -1, 10, 2, 3, 4, 1.0)
    assert [row.score for row in by_frame(rows)[2]] == [1.0, 0.5]
    assert rows[0].corners == (10.5, 20, 40.5, 60)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,-1,2,3,4", "5 columns"),
        ("frame,id,x,y,w,h", "not all of the first 7 columns are numbers"),
        ("0,-1,1,2,3,4", "frames count from 1"),
        ("1.5,-1,1,2,3,4", "frames count from 1"),
        ("99999999999,-1,1,2,3,4", "frame number too large"),
        ("nan,-1,1,2,3,4", "frames count from 1"),
        ("1,0.5,1,2,3,4", "not a whole number"),
        ("1,-1,1,nan,3,4", "no picture holds"),
        ("1,-1,1,1e300,3,4", "no picture holds"),
        ("1,-1,1,2,3,4,inf", "score is inf"),
        ("1;-1;1;2;3;4", "1 columns"),
    ],
)
def test_a_wrong_line_is_named_with_its_number(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "det.txt"
    path.write_text(f"1,-1,1,2,3,4\n{line}\n")

    with pytest.raises(MotFileError, match=f"det.txt:2: .*{why}"):
        read_rows(path)


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x89PNG\xff\xfe\x00")

    for path, why in [("binary", "not a text"), ("missing", "No such file"), (".", "directory")]:
        with pytest.raises(MotFileError, match=why):
            read_rows(tmp_path / path)


def test_results_are_sorted_and_have_ten_columns() -> None:
    rows = [
        MotRow(2, 1, 1, 2, 3, 4, 0.5),
        MotRow(1, 7, 0.126, 2, 3, 4, 1),
        MotRow(1, 3, 1, 2, 3, 4, 1),
    ]

    assert format_rows(rows) == (
        "1,3,1.00,2.00,3.00,4.00,1.0000,-1,-1,-1\n"
        "1,7,0.13,2.00,3.00,4.00,1.0000,-1,-1,-1\n"
        "2,1,1.00,2.00,3.00,4.00,0.5000,-1,-1,-1\n"
    )


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    said = ""
    try:
        row = parse_row(line, "fuzz:1")
    except MotFileError as error:
        said = str(error)
    assert said.startswith("fuzz:1: ") or row.frame >= 1


pixels = st.floats(-1e4, 1e4).map(lambda value: round(value, 2))


@given(
    st.lists(
        st.builds(MotRow, st.integers(1, 999), st.integers(1, 99), *[pixels] * 4, st.just(0.25)),
        unique_by=lambda row: (row.frame, row.track_id),
    )
)
def test_what_is_written_is_read_back(rows: list[MotRow]) -> None:
    lines = format_rows(rows).splitlines()

    assert {parse_row(line, "") for line in lines} == set(rows)
