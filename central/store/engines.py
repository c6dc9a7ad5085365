"""What SQLite and PostgreSQL each need so that a transaction means the same on both.

| | SQLite | PostgreSQL |
|---|---|---|
| one writer at a time, from the start | BEGIN IMMEDIATE | an advisory lock, held until the end |
| a reader's one view | BEGIN, in WAL mode | REPEATABLE READ, READ ONLY |
| committed means on disk | synchronous = FULL | synchronous_commit not off |
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError

from central.errors import StoreError

_WAIT_FOR_LOCK_MS = 30_000
"""Commands may write while the server runs; each transaction is short."""
_WAIT_FOR_SERVER_S = 10
_WRITERS = 0x636F6D70746F6972
"""Key of the advisory lock, "comptoir": advisory locks are per database, and so is a centre."""
_READS_ONLY = "comptoir_reads_only"


def make_engine(url: str) -> Engine:
    """An engine that keeps the table above.

    Raises:
        StoreError: The URL isn't one, or its driver isn't installed.
    """
    parsed = _parse(url)
    try:
        return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    except ArgumentError:
        raise _no_url() from None
    except ImportError as error:
        raise StoreError(f"{name_of(url)}: {error.name} isn't installed: pip install 'comptoir[postgres]'") from None


def reading(engine: Engine) -> Engine:
    """The same database, for transactions that write nothing."""
    options: dict[str, Any] = {_READS_ONLY: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine.execution_options(**options)


def name_of(url: str) -> str:
    """The database as a person knows it, without a password, wherever that stands in the URL."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed.database or "database"
    return parsed.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _no_url() from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(
            f"database: {parsed.drivername} isn't supported; "
            "correct its URL in the settings: sqlite:///… or postgresql://…"
        )
    return parsed


def _no_url() -> StoreError:
    # What is no URL may hold a password anywhere: it isn't repeated.
    return StoreError("database: this is no URL of a database; correct its URL in the settings")


def _sqlite(url: URL) -> Engine:
    # Parameters are events and tokens: they stay out of error messages.
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


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
    db.exec_driver_sql("BEGIN" if _reads_only(db) else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    # READ COMMITTED takes a new view at each statement, so none is older than the lock, and with one writer at a time
    # nothing changes between two of them. REPEATABLE READ would take its view before it waited for the lock.
    engine = create_engine(
        url,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        # A server that was restarted costs a new connection, not a failed message.
        pool_pre_ping=True,
        connect_args={} if "connect_timeout" in url.query else {"connect_timeout": _WAIT_FOR_SERVER_S},
    )
    event.listen(engine, "connect", _set_up_postgresql)
    event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "handle_error", _hide_rows)
    return engine


def _set_up_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 - whatever the driver returns
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {_WAIT_FOR_LOCK_MS}")
        # Every other value waits for the disk too, and perhaps for a second server.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _begin_postgresql(db: Connection) -> None:
    if not _reads_only(db):
        db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


def _hide_rows(context: ExceptionContext) -> None:
    # The server tells what the row held that it refused, "DETAIL: Failing row contains (…)", codes and all.
    diagnosis, told = getattr(context.original_exception, "diag", None), context.sqlalchemy_exception
    if told is not None and diagnosis is not None and diagnosis.message_detail:
        context.original_exception.args = (diagnosis.message_primary,)
        told.args = (f"({type(context.original_exception).__name__}) {diagnosis.message_primary}",)


def _reads_only(db: Connection) -> bool:
    return bool(db.get_execution_options().get(_READS_ONLY, False))
