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
    ],
    ids=["no table", "no column", "no rows", "no such file", "not a picture"],
)
def test_a_folder_that_can_not_be_measured_says_why(tmp_path: Path, table: str | None, complaint: str) -> None:
    photograph(tmp_path, "a.png", 10)
    if table is not None:
        (tmp_path / "expected.csv").write_text(table)

    with pytest.raises(SetUpError, match=complaint):
        measured(tmp_path)
