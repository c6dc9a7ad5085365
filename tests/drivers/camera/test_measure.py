"""How a decoder is measured on a folder of photographs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera.decode import Grey
from drivers.camera.measure import Measurement, Reading, measure
from drivers.errors import SetUpError
from drivers.scan import ScannedCode


class ReadsTheShade:
    """A decoder that reads a picture's brightness; black ones it misses."""

    def decode(self, grey: Grey) -> tuple[ScannedCode, ...]:
        shade = int(grey[0, 0])
        return (ScannedCode(payload=str(shade)),) if shade else ()


class Clock:
    """Two milliseconds pass between two looks at it."""

    now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.002
        return self.now_s


def photograph(folder: Path, name: str, shade: int) -> None:
    assert cv2.imwrite(str(folder / name), np.full((2, 2), shade, dtype=np.uint8))


def measured(folder: Path) -> Measurement:
    return measure(folder, ReadsTheShade(), monotonic_s=Clock())


def test_exact_missed_and_wrong_are_told_apart(tmp_path: Path) -> None:
    for name, shade in (("a.png", 10), ("b.png", 0), ("c.png", 30), ("d.png", 40)):
        photograph(tmp_path, name, shade)
    (tmp_path / "expected.csv").write_text("file,payload,source\na.png,10,\nb.png,20,\nc.png,33,\nd.png,40,\n")

    result = measured(tmp_path)

    assert [result.count(reading) for reading in (Reading.EXACT, Reading.MISSED, Reading.WRONG)] == [2, 1, 1]
    assert result.exact_rate == 0.5
    assert [(one.file, one.reading) for one in result.not_exact] == [
        ("b.png", Reading.MISSED),
        ("c.png", Reading.WRONG),
    ]
    assert result.median_ms == pytest.approx(2.0)
    assert result.slowest_ms == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (None, r"Can't read .*expected\.csv"),
        ("file,text\na.png,10\n", "has no column 'payload'"),
        ("file,payload\n", "names no photograph"),
        ("file,payload\nz.png,10\n", r"Can't read the photograph .*z\.png"),
        ("file,payload\nexpected.csv,10\n", r"expected\.csv is not a picture"),
        ("file,payload\na.png\n", "photograph 1 lacks its file or its payload"),
        ("file,payload\na.png,10\n,10\n", "photograph 2 lacks its file or its payload"),
    ],
    ids=["no table", "no column", "no rows", "no such file", "not a picture", "no payload", "no file"],
)
def test_a_folder_that_can_not_be_measured_says_why(tmp_path: Path, table: str | None, complaint: str) -> None:
    photograph(tmp_path, "a.png", 10)
    if table is not None:
        (tmp_path / "expected.csv").write_text(table)

    with pytest.raises(SetUpError, match=complaint) as caught:
        measured(tmp_path)
    assert caught.value.french


@pytest.mark.parametrize(
    "table",
    ["file,payload\na.png,d\u00e9j\u00e0\n".encode("cp1252"), b"file,payload\na.png," + b"x" * 200_000],
    ids=["another encoding", "an endless field"],
)
def test_a_table_that_is_none_says_how_to_save_it(tmp_path: Path, table: bytes) -> None:
    (tmp_path / "expected.csv").write_bytes(table)

    with pytest.raises(SetUpError, match="Save it as CSV, UTF-8") as caught:
        measured(tmp_path)
    assert "enregistrez-le en CSV, UTF-8" in caught.value.french


def test_a_table_that_a_spreadsheet_saved_with_its_mark(tmp_path: Path) -> None:
    photograph(tmp_path, "a.png", 10)
    (tmp_path / "expected.csv").write_text("file,payload\na.png,10\n", encoding="utf-8-sig")

    assert measured(tmp_path).count(Reading.EXACT) == 1
