"""Rows in the database: their columns, and how they are found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from programme.events import AuthorisationAbandoned, Event, EventData, Operation, Voided
from programme.instants import to_us
from sync.chain import Row

MAX_POSITION = 2**63 - 1
"""SQLite counts no further."""

_INSERT = """
INSERT INTO rows (position, epoch, seq, event_id, ends, type, occurred_at_us, ordered_at_us, clock,
                  programme, instrument, currency, value_minor, event, previous, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT = "SELECT epoch, seq, event, previous, hash FROM rows"
_IS_TAKEN = """
SELECT 1 FROM rows WHERE ends = :id UNION ALL SELECT 1 FROM rows WHERE event_id = :id AND event_id <> ends
UNION ALL SELECT 1 FROM archived WHERE id = :id
"""
_LAST_POSITION_OF = """
SELECT max(position) FROM (
    SELECT position FROM rows WHERE ends = :id AND event_id = :id
    UNION ALL SELECT position FROM rows WHERE event_id = :id AND event_id <> ends
    UNION ALL SELECT position FROM archived WHERE id = :id)
"""
_IS_CLOSURE = "type IN ('comptoir.day_closed.v1', 'comptoir.period_closed.v1')"
"""The index's own condition, or SQLite wouldn't use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next row goes.

    Attributes:
        first_position: Of the epoch's first row.
        seq: The last row's; 0 in an empty epoch.
        hash: The last row's.
    """

    epoch: str
    first_position: int
    seq: int
    hash: bytes

    def position(self, seq: int) -> int:
        """Where a row of this epoch is."""
        return self.first_position + seq - 1

    @property
    def last_position(self) -> int:
        """Of the last row; of the previous epoch's while this one is empty."""
        return self.position(self.seq)


def ends_of(event_id: UUID, data: EventData) -> UUID:
    """The authorisation that an event ends: one that it abandons, else the one of its own id."""
    return data.authorisation if isinstance(data, AuthorisationAbandoned) else event_id


def columns_of(event: Event) -> tuple[Any, ...]:
    """What the searchable columns say of an event, from `event_id` to `value_minor`."""
    data = event.data
    head = (
        event.event_id.bytes,
        ends_of(event.event_id, data).bytes,
        event.type,
        to_us(event.occurred_at),
        to_us(event.ordered_at),
        event.clock.value,
    )
    if not isinstance(data, Operation):
        return (*head, None, None, None, None)
    moves_value = not isinstance(data, Voided) and not data.counter.training
    return (*head, data.programme, data.instrument, data.currency, data.amount_minor if moves_value else None)


def insert_row(connection: sqlite3.Connection, position: int, row: Row, event: Event) -> None:
    """Store a row.

    Raises:
        sqlite3.IntegrityError: The event id, or what it ends, is taken in this epoch.
    """
    parameters = (position, row.epoch, row.seq, *columns_of(event), row.event, row.previous, row.hash)
    connection.execute(_INSERT, parameters)


def is_taken(connection: sqlite3.Connection, event_id: UUID) -> bool:
    """Whether a row of any epoch has this id or ends this authorisation."""
    return connection.execute(_IS_TAKEN, {"id": event_id.bytes}).fetchone() is not None


def last_position_of(connection: sqlite3.Connection, event_id: UUID) -> int | None:
    """Where an event was written last."""
    (position,) = connection.execute(_LAST_POSITION_OF, {"id": event_id.bytes}).fetchone()
    return None if position is None else int(position)


def first_position_of(connection: sqlite3.Connection, epoch: str) -> int | None:
    """Where an epoch starts; None for one that isn't in this journal."""
    found = connection.execute("SELECT first_position FROM epochs WHERE epoch = ?", (epoch,)).fetchone()
    return None if found is None else int(found[0])


def last_closure_position(connection: sqlite3.Connection, place: Place) -> int | None:
    """Where this epoch's last closure is."""
    question = f"SELECT max(position) FROM rows WHERE position >= ? AND {_IS_CLOSURE}"
    (position,) = connection.execute(question, (place.first_position,)).fetchone()
    return None if position is None else int(position)


def closures_between(connection: sqlite3.Connection, first: int, last: int) -> list[Row]:
    """The closures' rows, in order."""
    found = connection.execute(
        f"{_SELECT} WHERE position BETWEEN ? AND ? AND {_IS_CLOSURE} ORDER BY position", (first, last)
    )
    return list(map(_row, found))


def last_archived_position(connection: sqlite3.Connection) -> int:
    """Rows up to here may be in archives alone; 0 before there are any."""
    (position,) = connection.execute("SELECT coalesce(max(moved_to), 0) FROM archives").fetchone()
    return int(position)


def row_at_hand(connection: sqlite3.Connection, position: int) -> Row | None:
    """The row at a position, where it is in the database."""
    return next(rows_since(connection, position, position), None)


def rows_since(connection: sqlite3.Connection, first: int, last: int, since_us: int = 0) -> Iterator[Row]:
    """The rows at hand, in order, those apart that are ordered before a time."""
    condition = "position BETWEEN ? AND ? AND ordered_at_us >= ?"
    found = connection.execute(f"{_SELECT} WHERE {condition} ORDER BY position", (first, last, since_us))
    yield from map(_row, found)


def checked(rows: Iterable[Row]) -> Iterator[tuple[Row, bool]]:
    """Rows in order, each with whether it is as it was written: its hash, and the next row's word."""
    row: Row | None = None
    for following in rows:
        if row is not None:
            follows = (following.epoch, following.seq) == (row.epoch, row.seq + 1)
            yield row, row.is_sound and (not follows or following.previous == row.hash)
        row = following
    if row is not None:
        yield row, row.is_sound


def rows_on(connection: sqlite3.Connection, programme: str, instrument: str, after_position: int) -> list[Row]:
    """Rows of the operations on an instrument that were written after a position, in order; damaged ones apart."""
    found = connection.execute(
        f"{_SELECT} WHERE instrument = ? AND programme = ? AND position > ? ORDER BY position",
        (instrument, programme, after_position),
    )
    return [row for row in map(_row, found) if row.is_sound]


def kept_rows_on(connection: sqlite3.Connection, programme: str, instrument: str, up_to_position: int) -> list[Row]:
    """Rows of the operations on an instrument, up to a position, that central acknowledged without booking them."""
    found = connection.execute(
        "SELECT epoch, seq, event, previous, hash FROM kept CROSS JOIN rows USING (position)"
        " WHERE instrument = ? AND programme = ? AND position <= ? ORDER BY position",
        (instrument, programme, up_to_position),
    )
    return [row for row in map(_row, found) if row.is_sound]


def _row(found: tuple[str, int, bytes, bytes, bytes]) -> Row:
    epoch, seq, event, previous, digest = found
    return Row(epoch=epoch, seq=seq, event=event, previous=previous, hash=digest)
