"""Single values about the whole database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select, text

from central.store.schema import META
from programme.instants import to_us

TENANT = "tenant"
GENERATION = "generation"
"""Rises when central is restored from a backup."""
SIGNED_US = "signed_us"
"""The last signed time."""
WALL_US = "wall_us"
"""The latest wall clock that a time was signed by."""


_SET = text(
    "INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


def every(db: Connection) -> dict[str, str]:
    """All values: there are few."""
    return {row.name: row.value for row in db.execute(select(META))}


def read(db: Connection, name: str) -> str:
    """One value."""
    value: str = db.execute(select(META.c.value).where(META.c.name == name)).scalar_one()
    return value


def write(db: Connection, name: str, value: str) -> None:
    """Set a value that wasn't set."""
    db.execute(insert(META).values(name=name, value=value))


def set_instants(db: Connection, instants: Mapping[str, datetime]) -> None:
    """Set instants, or set them anew."""
    db.execute(_SET, [{"name": name, "value": str(to_us(at))} for name, at in instants.items()])
