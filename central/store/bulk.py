"""Many rows at once: put into a table, or named in a query, by the fastest way that each database has."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Table,
    Text,
    any_,
    bindparam,
    func,
    select,
)

from central.errors import StoreError

Value = str | bytes | int | bool | None
_TYPES = ((LargeBinary, "bytea"), (Boolean, "bool"), (BigInteger, "int8"), (Integer, "int8"))


def among(db: Connection, column: Column[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """Whether a text is one of many: one parameter however many there are, so that the statement stays the same."""
    texts = [str(value) for value in values]
    if db.dialect.name == "postgresql":
        return column == any_(bindparam(None, texts, type_=ARRAY(Text)))
    each = func.json_each(json.dumps(texts)).table_valued("value")
    return column.in_(select(each.c.value))


def by_programme(keys: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Instruments by programme: most queries are about one programme."""
    found: dict[str, list[str]] = defaultdict(list)
    for programme, instrument in keys:
        found[programme].append(instrument)
    return found


def insert_rows(db: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Value, ...]]) -> None:
    """Insert rows that aren't there, all or none.

    Args:
        columns: What each row holds, in order.
        rows: PostgreSQL takes the first while the last are made.

    Raises:
        StoreError: PostgreSQL refused them, or is gone; the transaction is lost.
    """
    coming = iter(rows)
    first = next(coming, None)
    if first is None:
        return
    every = chain([first], coming)
    names = ", ".join(columns)
    if db.dialect.name == "postgresql":
        types = [_type(table, column) for column in columns]
        _copy(db, f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)", types, every)
    else:
        places = ", ".join("?" for _ in columns)
        db.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(every))


def _type(table: Table, column: str) -> str:
    kind = table.c[column].type
    return next((name for python, name in _TYPES if isinstance(kind, python)), "text")


def _copy(db: Connection, statement: str, types: list[str], rows: Iterable[tuple[Value, ...]]) -> None:
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
