"""Opening the database, and its transactions: SQLite by default, PostgreSQL by URL, the same promises on both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from central.errors import StoreError
from central.store import engines, meta
from central.store.schema import REVISION

_OWNER_ONLY = 0o600
_VERSION_TABLE = "alembic_version"


class Store:
    """The database, one transaction at a time per caller.

    A writing transaction has the database to itself from its start, so that it never finds out later that what it read
    has changed; others wait. What it committed survives a power cut.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engines.reading(engine)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back on an error."""
        with self._engine.begin() as db:
            yield db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._reader.begin() as db:
            yield db

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()


def create_store(url: str, *, tenant: str) -> Store:
    """Make the tables of a new centre.

    Raises:
        StoreError: The database can't be opened, or has tables already.
    """
    with _opening(url, create=True) as store, store.write() as db:
        if _revision(db) is not None:
            raise StoreError(f"{engines.name_of(url)}: there is a database already; nothing was changed")
        _upgrade(db)
        meta.write(db, meta.TENANT, tenant)
        meta.write(db, meta.GENERATION, "1")
    return store


def open_store(url: str) -> Store:
    """Open an existing database.

    Raises:
        StoreError: It is missing, of another version, or can't be opened.
    """
    with _opening(url) as store, store.read() as db:
        if _known_revision(db, url) < REVISION:
            raise StoreError(f"{engines.name_of(url)}: the database is an older one; run comptoir-central migrate")
    return store


def migrate_store(url: str) -> tuple[str, str]:
    """Bring an older database to the newest tables, wholly or not at all; a new one stays as it is.

    Returns:
        The revision before and after.

    Raises:
        StoreError: It is missing, newer than this program, or can't be opened.
    """
    with _opening(url) as store:
        with store.write() as db:
            before = _known_revision(db, url)
            if before < REVISION:
                _upgrade(db)
        store.close()
    return before, REVISION


def _revision(db: Connection) -> str | None:
    """The last migration that ran; None for a database that isn't ours."""
    if not inspect(db).has_table(_VERSION_TABLE):
        return None
    revision: str | None = db.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar_one_or_none()
    return revision


def _known_revision(db: Connection, url: str) -> str:
    revision = _revision(db)
    if revision is None:
        raise StoreError(
            f"{engines.name_of(url)}: no database of comptoir-central; make one with comptoir-central init"
        )
    if revision > REVISION:
        raise StoreError(f"{engines.name_of(url)}: the database is of a newer program; install the newer program")
    return revision


def _upgrade(db: Connection) -> None:
    # Loaded only here: every other command would wait for it.
    from central.store.migrations import upgrade

    upgrade(db)


@contextmanager
def _opening(url: str, *, create: bool = False) -> Iterator[Store]:
    """A store that is closed again if it turns out to be unusable."""
    engine = engines.make_engine(url)
    name = engines.name_of(url)
    try:
        _keep_private(engine, create=create)
        yield Store(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        cause = error.orig if isinstance(error, DBAPIError) else error
        where = "folder, its rights and the disk" if engine.dialect.name == "sqlite" else "server and its rights there"
        raise StoreError(f"{name}: can't use the database ({cause}); check the {where}") from error
    except OSError as error:
        engine.dispose()
        todo = "choose another folder" if create else "check its owner"
        raise StoreError(f"{name}: can't keep the database for its owner only ({error.strerror}); {todo}") from None
    except BaseException:
        engine.dispose()
        raise


def _keep_private(engine: Engine, *, create: bool) -> None:
    """Make the database's files its owner's only: it holds codes that are worth money.

    SQLite gives its -wal and -shm files the database's mode.
    """
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return
    path = Path(name)
    if create:
        path.touch(mode=_OWNER_ONLY)
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists() and file.stat().st_mode & 0o777 != _OWNER_ONLY:
            file.chmod(_OWNER_ONLY)
