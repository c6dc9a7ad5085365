"""Single values about the whole database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from central.store.schema import META
from programme.instants import from_us, to_us

TENANT = "tenant"
GENERATION = "generation"
"""Rises when central is restored from a backup."""
SIGNED_US = "signed_us"
"""The last signed time."""
WALL_US = "wall_us"
"""The latest wall clock that a time was signed by."""


def read(db: Connection, name: str) -> str:
    """One value."""
    value: str = db.execute(select(META.c.value).where(META.c.name == name)).scalar_one()
    return value


def write(db: Connection, name: str, value: str) -> None:
    """Set a value that wasn't set."""
    db.execute(insert(META).values(name=name, value=value))


def instant(db: Connection, name: str) -> datetime | None:
    """An instant; None before it was first set."""
    us = db.execute(select(META.c.value).where(META.c.name == name)).scalar_one_or_none()
    return None if us is None else from_us(int(us))


def set_instant(db: Connection, name: str, at: datetime) -> None:
    """Set an instant, or set it anew."""
    db.execute(delete(META).where(META.c.name == name))
    write(db, name, str(to_us(at)))
