"""Real photographs, read for their exact payload. Needs the folder that COMPTOIR_QR_DIR names."""

import os
import time
from pathlib import Path

import pytest

from drivers.camera.decode import GatedDecoder
from drivers.camera.measure import Reading, measure

FLOOR = 0.80
_FOLDER = os.environ.get("COMPTOIR_QR_DIR")


@pytest.mark.skipif(not _FOLDER, reason="COMPTOIR_QR_DIR names no folder of photographs with an expected.csv")
def test_photographs_are_read_exactly_and_never_wrongly(capsys: pytest.CaptureFixture[str]) -> None:
    result = measure(Path(_FOLDER or ""), GatedDecoder(), monotonic_s=time.perf_counter)

    with capsys.disabled():
        print(
            f"\nphotographs: {result.count(Reading.EXACT)} of {len(result.photographs)} exact "
            f"({result.exact_rate:.1%}), "
            f"{result.count(Reading.WRONG)} wrong; {result.median_ms:.1f} ms a frame (median), "
            f"{result.slowest_ms:.1f} at worst"
        )
    assert [one.file for one in result.not_exact if one.reading is Reading.WRONG] == []
    assert result.exact_rate >= FLOOR
