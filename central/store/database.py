"""Opening the database, and its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from central.errors import StoreError
from central.store import meta
from central.store.schema import META, METADATA, VERSION

_OWNER_ONLY = 0o600
_WAIT_FOR_LOCK_MS = 30_000
"""Commands may write while the server runs; each transaction is short."""


class Store:
    """The database, one transaction at a time per caller.

    On SQLite a writing transaction takes the write lock at once (BEGIN IMMEDIATE), so that it never finds out later
    that what it read has changed; others wait.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(comptoir_reads_only=True)

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
    engine = _engine(url)
    try:
        _keep_private(engine, create=True)
        if inspect(engine).has_table(META.name):
            raise StoreError(f"{_name(url)}: there is a database already; nothing was changed")
        store = Store(engine)
        with store.write() as db:
            METADATA.create_all(db)
            meta.write(db, meta.SCHEMA_VERSION, str(VERSION))
            meta.write(db, meta.TENANT, tenant)
            meta.write(db, meta.GENERATION, "1")
    except SQLAlchemyError as error:
        raise _unusable(url, error) from error
    except OSError as error:
        raise StoreError(f"{_name(url)}: can't make the database ({error.strerror}); choose another folder") from None
    return store


def open_store(url: str) -> Store:
    """Open an existing database.

    Raises:
        StoreError: It is missing, of another version, or can't be opened.
    """
    engine = _engine(url)
    try:
        _keep_private(engine, create=False)
        if not inspect(engine).has_table(META.name):
            raise StoreError(f"{_name(url)}: no database of comptoir-central; make one with comptoir-central init")
        store = Store(engine)
        with store.read() as db:
            version = db.execute(select(META.c.value).where(META.c.name == meta.SCHEMA_VERSION)).scalar_one_or_none()
    except SQLAlchemyError as error:
        raise _unusable(url, error) from error
    except OSError as error:
        raise StoreError(f"{_name(url)}: can't be kept from others' eyes ({error.strerror}); check its owner") from None
    if version != str(VERSION):
        raise StoreError(
            f"{_name(url)}: the database is of version {version}, this program needs {VERSION}; "
            "use the program that it was made with"
        )
    return store


def _engine(url: str) -> Engine:
    try:
        # Parameters are events and tokens: they stay out of error messages.
        engine = create_engine(url, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise StoreError(f"database: {error}; correct its URL in the settings") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


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


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - whatever the driver returns
    # The driver would begin transactions late and by itself; _begin_sqlite does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {_WAIT_FOR_LOCK_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(db: Connection) -> None:
    reads_only = db.get_execution_options().get("comptoir_reads_only", False)
    db.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _name(url: str) -> str:
    """The database as a person knows it, without a password."""
    parsed = make_url(url)
    return parsed.database or "database" if parsed.drivername.startswith("sqlite") else parsed.render_as_string()


def _unusable(url: str, error: SQLAlchemyError) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return StoreError(f"{_name(url)}: can't use the database ({cause}); check the folder, its rights and the disk")
