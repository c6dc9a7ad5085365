"""A centre on either database, two boxes in two shops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.central.world import Box, Centre, Databases, InFolder


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """What uses it is tried on both."""
    if request.param == "sqlite":
        return InFolder()
    postgres: Databases = request.getfixturevalue("postgres")
    return postgres


@pytest.fixture(scope="session")
def founded(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre that nothing happened in: to be copied, for founding one takes longer."""
    centre = Centre.create(tmp_path_factory.mktemp("founded") / "centre", databases)
    yield centre
    centre.close()


@pytest.fixture(scope="session")
def founded_in_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """The same for properties: their examples need dozens of centres, and another database takes a while to copy."""
    centre = Centre.create(tmp_path_factory.mktemp("founded") / "centre", InFolder())
    yield centre
    centre.close()


@pytest.fixture
def centre(founded: Centre, tmp_path: Path) -> Iterator[Centre]:
    centre = founded.again(tmp_path / "centre")
    yield centre
    centre.close()


@pytest.fixture
def box_a(centre: Centre) -> Box:
    return centre.box("box-a", "a")


@pytest.fixture
def box_b(centre: Centre) -> Box:
    return centre.box("box-b", "b")
