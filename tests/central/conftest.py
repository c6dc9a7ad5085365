"""A centre, two boxes in two shops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.central.world import Box, Centre


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    centre = Centre.create(tmp_path / "centre")
    yield centre
    centre.close()


@pytest.fixture
def box_a(centre: Centre) -> Box:
    return centre.box("box-a", "a")


@pytest.fixture
def box_b(centre: Centre) -> Box:
    return centre.box("box-b", "b")
