"""What the tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.till import Till
from tests.gateway.world import Box


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """An enrolled box without a printer."""
    box = Box(tmp_path)
    yield box
    box.stop()


@pytest.fixture
def printing_box(tmp_path: Path) -> Iterator[Box]:
    """An enrolled box with a printer set up."""
    box = Box(tmp_path, prints=True)
    yield box
    box.stop()


@pytest.fixture
def till(box: Box) -> Till:
    return Till(box)


@pytest.fixture
def printing_till(printing_box: Box) -> Till:
    return Till(printing_box, has_printer=True)
