"""Databases of their own, empty or new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from central.store.database import Store, create_store, open_store
from tests.central.world import Databases


@pytest.fixture
def empty(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    url = databases.new() or f"sqlite:///{tmp_path / 'central.sqlite'}"
    yield url
    databases.drop(url)


@pytest.fixture
def url(empty: str) -> str:
    """The URL of a new centre's database."""
    create_store(empty, tenant="albret").close()
    return empty


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as store:
        yield store
