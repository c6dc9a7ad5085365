"""Single values about the whole database."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from central.store.schema import META

SCHEMA_VERSION = "schema_version"
TENANT = "tenant"
GENERATION = "generation"
"""Rises when central is restored from a backup."""


def read(db: Connection, name: str) -> str:
    """One value."""
    value: str = db.execute(select(META.c.value).where(META.c.name == name)).scalar_one()
    return value


def write(db: Connection, name: str, value: str) -> None:
    """Set a value that wasn't set."""
    db.execute(insert(META).values(name=name, value=value))
