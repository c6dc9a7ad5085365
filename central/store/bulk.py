"""Many rows into one table, by the fastest way that each database has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Table

from central.errors import StoreError

Value = str | bytes | int | bool | None
_TYPES = ((LargeBinary, "bytea"), (Boolean, "bool"), (BigInteger, "int8"), (Integer, "int8"))


def insert_rows(db: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Value, ...]]) -> None:
    """Insert rows that aren't there, all or none.

    Args:
        columns: What each row holds, in order.

    Raises:
        StoreError: PostgreSQL refused them, or is gone; the transaction is lost.
    """
    if not rows:
        return
    names = ", ".join(columns)
    if db.dialect.name == "postgresql":
        types = [_type(table, column) for column in columns]
        _copy(db, f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)", types, rows)
    else:
        places = ", ".join("?" for _ in columns)
        db.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(rows))


def _type(table: Table, column: str) -> str:
    kind = table.c[column].type
    return next((name for python, name in _TYPES if isinstance(kind, python)), "text")


def _copy(db: Connection, statement: str, types: list[str], rows: Sequence[tuple[Value, ...]]) -> None:
    driver: Any = db.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except db.dialect.loaded_dbapi.Error as error:
        if db.dialect.is_disconnect(error, driver, None):
            db.invalidate()
        # Without the server's detail, which quotes the row: codes and all.
        reason = error.diag.message_primary or type(error).__name__
        raise StoreError(f"can't write ({reason}); check the database server and its disk") from None
