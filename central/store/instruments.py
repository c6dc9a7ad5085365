"""The registry: one entry per instrument, and a version per programme."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, bindparam, insert, select, update

from central.store.bulk import insert_rows
from central.store.events import chunks
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
    for programme in {programme for programme, _ in keys}:
        for part in chunks(instrument for name, instrument in keys if name == programme):
            query = select(INSTRUMENTS).where(INSTRUMENTS.c.programme == programme, INSTRUMENTS.c.instrument.in_(part))
            for row in db.execute(query):
                found[row.programme, row.instrument] = from_bytes(row.entry, RegistryEntry)
    return found


def put(
    db: Connection, programme: str, changed: Iterable[RegistryEntry], *, version: int, known: Collection[InstrumentKey]
) -> None:
    """Write entries at a version.

    Args:
        known: Those that are there already.
    """
    fresh, others = [], []
    for entry in changed:
        text = canonical_bytes(entry).decode()
        if (programme, entry.instrument) in known:
            others.append({"its": entry.instrument, "entry": text, "version": version})
        else:
            fresh.append((programme, entry.instrument, text, version))
    insert_rows(db, INSTRUMENTS, ("programme", "instrument", "entry", "version"), fresh)
    if others:
        same = (INSTRUMENTS.c.programme == programme) & (INSTRUMENTS.c.instrument == bindparam("its"))
        db.execute(update(INSTRUMENTS).where(same), others)


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
