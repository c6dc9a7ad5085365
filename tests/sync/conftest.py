"""What the tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sync.boxes import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """An enrolled box."""
    shop = Shop(tmp_path / "journal.sqlite")
    shop.create()
    yield shop
    shop.close()


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio is the only event loop here."""
    return "asyncio"
