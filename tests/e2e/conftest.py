"""What the end-to-end tests share: the story played once, and that no process outlives its tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.places import Said, children, end, say, short_folder


@pytest.fixture(scope="module", autouse=True)
def no_survivors() -> Iterator[None]:
    """Whatever became of a module's tests, no process that they started goes on."""
    before = children()
    yield
    survivors = {pid: command for pid, command in children().items() if pid not in before}
    for pid in survivors:
        end(pid)
    assert not survivors


@pytest.fixture(scope="session")
def played() -> Iterator[tuple[Said, Path]]:
    """The story as `comptoir-sim story` told it, and the folder with its results (`out`) and its town (`town`)."""
    with short_folder() as folder:
        told = say("hardware_sim.cli", "story", "--out", str(folder / "out"), "--keep", str(folder / "town"))
        yield told, folder
