"""The registry: one entry per instrument, and a version per programme."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select, update

from central.store.bulk import among, by_programme, insert_rows
from central.store.schema import INSTRUMENTS, REGISTRY_HEADS
from programme.canonical import canonical_bytes, from_bytes
from programme.fold.books import InstrumentKey
from programme.registry import RegistryEntry


def entry(db: Connection, key: InstrumentKey) -> RegistryEntry | None:
    """An instrument's entry; `used_in` holds the shop's id."""
    return entries(db, [key]).get(key)


def entries(db: Connection, keys: Collection[InstrumentKey]) -> dict[InstrumentKey, RegistryEntry]:
    """The entries that are there."""
    found: dict[InstrumentKey, RegistryEntry] = {}
    for programme, theirs in by_programme(keys).items():
        query = select(INSTRUMENTS).where(
            INSTRUMENTS.c.programme == programme, among(db, INSTRUMENTS.c.instrument, theirs)
        )
        for row in db.execute(query):
            found[row.programme, row.instrument] = from_bytes(row.entry, RegistryEntry)
    return found


def put(db: Connection, programme: str, changed: Collection[RegistryEntry], *, version: int) -> None:
    """Write entries, new ones or in place of those that are there, at a version."""
    names = [entry.instrument for entry in changed]
    db.execute(
        delete(INSTRUMENTS).where(INSTRUMENTS.c.programme == programme, among(db, INSTRUMENTS.c.instrument, names))
    )
    rows = [(programme, entry.instrument, canonical_bytes(entry).decode(), version) for entry in changed]
    insert_rows(db, INSTRUMENTS, ("programme", "instrument", "entry", "version"), rows)


def every(db: Connection, programme: str) -> list[RegistryEntry]:
    """A programme's whole registry."""
    query = select(INSTRUMENTS.c.entry).where(INSTRUMENTS.c.programme == programme)
    return [
        from_bytes(found, RegistryEntry) for found in db.execute(query.order_by(INSTRUMENTS.c.instrument)).scalars()
    ]


def changed_since(db: Connection, programme: str, version: int) -> list[tuple[int, RegistryEntry]]:
    """Version and entry of what changed after a version, oldest first."""
    query = select(INSTRUMENTS.c.version, INSTRUMENTS.c.entry).where(
        INSTRUMENTS.c.programme == programme, INSTRUMENTS.c.version > version
    )
    ordered = query.order_by(INSTRUMENTS.c.version, INSTRUMENTS.c.instrument)
    return [(row.version, from_bytes(row.entry, RegistryEntry)) for row in db.execute(ordered)]


def add_head(db: Connection, programme: str) -> None:
    """Start a programme's registry, empty."""
    db.execute(insert(REGISTRY_HEADS).values(programme=programme, version=0))


def raise_head(db: Connection, programme: str) -> int:
    """Take the next version."""
    same = REGISTRY_HEADS.c.programme == programme
    db.execute(update(REGISTRY_HEADS).where(same).values(version=REGISTRY_HEADS.c.version + 1))
    return int(db.execute(select(REGISTRY_HEADS.c.version).where(same)).scalar_one())


def heads(db: Connection) -> dict[str, int]:
    """Every programme's version."""
    query = select(REGISTRY_HEADS).order_by(REGISTRY_HEADS.c.programme)
    return {row.programme: row.version for row in db.execute(query)}
