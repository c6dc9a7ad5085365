"""The registry replica: central's instrument states as this box knows them, one head per programme."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from programme.canonical import canonical_bytes, from_bytes
from programme.registry import RegistryEntry
from sync.wire import Head, RegistryDelta

_PUT = "INSERT OR REPLACE INTO replica (programme, slot, instrument, entry) VALUES (?, ?, ?, ?)"
_PUT_HEAD = "INSERT OR REPLACE INTO replica_head (programme, slot, generation, version) VALUES (?, ?, ?, ?)"
_ENTRY = """
SELECT entry FROM replica JOIN replica_head USING (programme, slot) WHERE programme = ? AND instrument = ?
"""
_COUNT = """
INSERT INTO counted (programme, generation, version, position) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET position = max(position, excluded.position)
"""
_COUNTED = """
SELECT max(position) FROM counted JOIN replica_head USING (programme, generation)
WHERE programme = ? AND counted.version <= replica_head.version
"""
_FORGET_COUNTS = "DELETE FROM counted WHERE programme = ? AND (generation < ? OR generation = ? AND position < ?)"


def head(connection: sqlite3.Connection, programme: str) -> Head | None:
    """How far a programme's replica is; None before its first snapshot."""
    found = _slot_and_head(connection, programme)
    return None if found is None else found[1]


def heads(connection: sqlite3.Connection) -> dict[str, Head]:
    """How far every replica is, by programme."""
    found = connection.execute("SELECT programme, generation, version FROM replica_head")
    return {programme: Head(generation=generation, version=version) for programme, generation, version in found}


def entry(connection: sqlite3.Connection, programme: str, instrument: str) -> RegistryEntry | None:
    """What the replica says of an instrument."""
    found = connection.execute(_ENTRY, (programme, instrument)).fetchone()
    return None if found is None else from_bytes(found[0], RegistryEntry)


def apply_delta(connection: sqlite3.Connection, delta: RegistryDelta) -> bool:
    """Take what changed; entries are whole, so one that overlaps what is known does no harm.

    Returns:
        False where a snapshot is needed: there is none yet, a gap before this delta, or another generation.
    """
    found = _slot_and_head(connection, delta.programme)
    if found is None:
        return False
    slot, known = found
    if delta.generation != known.generation or delta.from_version > known.version:
        return False
    if delta.version > known.version:
        _put(connection, delta.programme, slot, delta.entries)
        _set_head(connection, delta.programme, slot, Head(generation=delta.generation, version=delta.version))
    return True


def free_slot(connection: sqlite3.Connection, programme: str) -> int:
    """Where a snapshot can be loaded, beside the entries in use."""
    found = _slot_and_head(connection, programme)
    return 0 if found is None else 1 - found[0]


def load(connection: sqlite3.Connection, programme: str, slot: int, entries: Sequence[RegistryEntry]) -> None:
    """Load a part of a snapshot; nobody sees it before `swap`."""
    _put(connection, programme, slot, entries)


def swap(connection: sqlite3.Connection, programme: str, slot: int, new: Head) -> bool:
    """Use a loaded snapshot, unless it is of an earlier generation, or deltas have meanwhile led further than it."""
    known = head(connection, programme)
    if known is not None and (known.generation, known.version) > (new.generation, new.version):
        return False
    _set_head(connection, programme, slot, new)
    return True


def clear_unused(connection: sqlite3.Connection, programme: str, limit: int) -> int:
    """Delete some entries that are not in use; returns how many."""
    found = _slot_and_head(connection, programme)
    used = -1 if found is None else found[0]
    cursor = connection.execute(
        "DELETE FROM replica WHERE (programme, slot, instrument) IN"
        " (SELECT programme, slot, instrument FROM replica WHERE programme = ? AND slot <> ? LIMIT ?)",
        (programme, used, limit),
    )
    return cursor.rowcount


def record_counted(connection: sqlite3.Connection, heads_then: dict[str, Head], position: int) -> None:
    """Remember that these registry versions hold every row up to a position."""
    for programme, then in heads_then.items():
        connection.execute(_COUNT, (programme, then.generation, then.version, position))


def counted_position(connection: sqlite3.Connection, programme: str) -> int:
    """The last row that the replica, as it is, is known to hold; 0 for none."""
    (position,) = connection.execute(_COUNTED, (programme,)).fetchone()
    return int(position or 0)


def _slot_and_head(connection: sqlite3.Connection, programme: str) -> tuple[int, Head] | None:
    found = connection.execute(
        "SELECT slot, generation, version FROM replica_head WHERE programme = ?", (programme,)
    ).fetchone()
    if found is None:
        return None
    slot, generation, version = found
    return slot, Head(generation=generation, version=version)


def _set_head(connection: sqlite3.Connection, programme: str, slot: int, new: Head) -> None:
    connection.execute(_PUT_HEAD, (programme, slot, new.generation, new.version))
    # What lower positions were counted in no longer matters: the replica's version only rises within a generation.
    counted = counted_position(connection, programme)
    connection.execute(_FORGET_COUNTS, (programme, new.generation, new.generation, counted))


def _put(connection: sqlite3.Connection, programme: str, slot: int, entries: Iterable[RegistryEntry]) -> None:
    connection.executemany(_PUT, ((programme, slot, known.instrument, canonical_bytes(known)) for known in entries))
