"""The state table as `programme.state` sees it: a mapping, read as needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

import msgspec

from programme.canonical import from_bytes
from programme.state import OPERATION, SOLD, Changes, Record, record_kind

_PER_OPERATION = (OPERATION, SOLD)
# Records are no evidence, verify compares what they say: they need no canonical form, and a scan has no time for it.


class StoredRecords(Mapping[str, Record]):
    """Records of the state table; those that every operation reads are kept decoded."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._kept: dict[str, Record] = {}

    def __getitem__(self, key: str) -> Record:
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        found = self._connection.execute("SELECT record FROM state WHERE key = ?", (key,)).fetchone()
        if found is None:
            raise KeyError(key)
        record = from_bytes(found[0], record_kind(key))
        if not key.startswith(_PER_OPERATION):
            self._kept[key] = record
        return record

    def __iter__(self) -> Iterator[str]:
        keys = self._connection.execute("SELECT key FROM state ORDER BY key").fetchall()
        return iter([key for (key,) in keys])

    def __len__(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM state").fetchone()
        return int(count)

    def __contains__(self, key: object) -> bool:
        if key in self._kept:
            return True
        return self._connection.execute("SELECT 1 FROM state WHERE key = ?", (key,)).fetchone() is not None

    def change(self, changes: Changes) -> None:
        """Store what an event changed, within the caller's transaction."""
        for key, record in changes.items():
            self._kept.pop(key, None)
            if record is None:
                self._connection.execute("DELETE FROM state WHERE key = ?", (key,))
            else:
                self._connection.execute(
                    "INSERT INTO state (key, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
                    (key, msgspec.json.encode(record)),
                )
                if not key.startswith(_PER_OPERATION):
                    self._kept[key] = record

    def forget(self) -> None:
        """Read again from the database: it was rolled back."""
        self._kept.clear()
