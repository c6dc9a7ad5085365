"""Opening the database: only one of ours, of this version, and safe against a power cut."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from central.errors import StoreError
from central.store import meta
from central.store.database import Store, create_store, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_store(f"sqlite:///{tmp_path / 'central.sqlite'}", tenant="albret").close()
    return tmp_path / "central.sqlite"


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}")


def test_commits_survive_a_power_cut(path: Path) -> None:
    with closing(opened(path)) as store, store.read() as db:
        pragmas = {
            name: db.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }

    # 2 is FULL (https://www.sqlite.org/pragma.html#pragma_synchronous).
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_missing_database_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="comptoir-central init"):
        opened(tmp_path / "nothing.sqlite")


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "central.sqlite"
    path.write_bytes(b"not a database" * 100)

    with pytest.raises(StoreError, match="can't use the database"):
        opened(path)


@pytest.mark.parametrize("url", ["nonsense", "nosuch://host/db", "postgresql+nosuchdriver://host/db"])
def test_a_wrong_url_is_told(url: str) -> None:
    with pytest.raises(StoreError, match="correct its URL"):
        open_store(url)


def test_the_database_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "central.sqlite"
    url = f"sqlite:///{path}"
    create_store(url, tenant="albret").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.chmod(0o644)
    with closing(open_store(url)) as store, store.write() as db:
        meta.write(db, "test", "written")
        files = sorted(tmp_path.iterdir())
        assert [file.name for file in files] == ["central.sqlite", "central.sqlite-shm", "central.sqlite-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
