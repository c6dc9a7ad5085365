"""Booked rows move from the database to archives, a little at a time, so that no scan waits for it.

    choose (reads) ─▶ write the file, synced ─▶ note it: one transaction ─▶ move its rows: many small transactions

It may stop anywhere: a file that isn't noted is written again, and of a noted one the rest of the rows move later.
Closures, openings, voids and the rows that central didn't book stay in the database as well: few, and asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.cloudevents import decode_event
from programme.events import Event, ProgrammeTotals
from programme.instants import to_us
from sync.chain import Row, b64
from sync.errors import ArchiveDamaged
from sync.journal import replica
from sync.journal.archive import Header, Section, perpetual_after
from sync.journal.rows import ends_of
from sync.journal.shelf import Shelf, last_archive, noted_archives, read_archive
from sync.journal.standing import Standing
from sync.journal.transaction import Session, Transaction

ROWS_IN_FILE = 2_000
_BYTES_IN_FILE = 1 << 20
_MOVED_AT_ONCE = 100
"""About three milliseconds of the writer's time."""

_CANDIDATES = """
SELECT position, epoch, seq, event, previous, hash, programme, ordered_at_us, EXISTS (
    SELECT 1 FROM rows AS copy
    WHERE copy.ends = rows.ends AND copy.event_id = rows.event_id AND copy.position > :booked)
FROM rows WHERE position > :after AND position <= :booked AND position < :head ORDER BY position
"""
_WAS_THERE = """
SELECT 1 FROM archived WHERE id = :id
UNION ALL SELECT 1 FROM rows WHERE ends = :ends AND event_id = :id AND position < :position
"""
_ACK = """
SELECT signed FROM acks JOIN epochs USING (epoch) WHERE seq > 0 AND first_position + seq - 1 >= ?
ORDER BY counter DESC, generation DESC LIMIT 1
"""
_NOTE = """
INSERT INTO archives (first_position, last_position, moved_to, name, header, signature) VALUES (?, ?, ?, ?, ?, ?)
"""
_NOTE_IDS = """
INSERT INTO archived (id, position) SELECT {id}, position FROM rows WHERE position BETWEEN ? AND ?
ON CONFLICT DO UPDATE SET position = max(position, excluded.position)
"""
_NOTE_ID = """
INSERT INTO archived (id, position) VALUES (?, ?)
ON CONFLICT DO UPDATE SET position = max(position, excluded.position)
"""
_DELETE = """
DELETE FROM rows WHERE position BETWEEN ? AND ? AND position NOT IN (SELECT position FROM kept) AND type NOT IN (
    'comptoir.day_closed.v1', 'comptoir.period_closed.v1', 'comptoir.epoch_opened.v1', 'comptoir.voided.v1')
"""


def choose(connection: sqlite3.Connection, standing: Standing, *, before: datetime, rows_in_file: int) -> list[Row]:
    """The next archive's rows: booked, counted by the replicas, ordered before a time; none where they are too few.

    Damaged rows are passed over: they stay where they are.
    """
    newest = last_archive(connection)
    places = {
        "after": 0 if newest is None else newest.last_position,
        "booked": standing.place.position(standing.watermark_seq),
        "head": standing.place.last_position,
    }
    chosen: list[Row] = []
    size_bytes = 0
    for position, *columns, programme, ordered_at_us, is_unbooked in connection.execute(_CANDIDATES, places):
        row = _row(*columns)
        if is_unbooked or ordered_at_us >= to_us(before) or not _is_counted(connection, programme, position):
            return []
        follows = not chosen or (row.epoch, row.seq, row.previous) == _after(chosen[-1])
        if not follows or not row.is_sound:
            if chosen:
                return chosen
            continue
        chosen.append(row)
        size_bytes += len(row.event)
        if len(chosen) == rows_in_file or size_bytes >= _BYTES_IN_FILE:
            return chosen
    return []


def perpetual_before(connection: sqlite3.Connection) -> dict[str, ProgrammeTotals]:
    """The perpetual totals of all that is archived."""
    newest = last_archive(connection)
    return {} if newest is None else newest.signed.read().perpetual


def head_for(
    connection: sqlite3.Connection,
    rows: list[Row],
    *,
    perpetual: Mapping[str, ProgrammeTotals],
    device: str,
    key: Ed25519PrivateKey,
    booked: int,
) -> Header:
    """The header of a section of these rows.

    Args:
        perpetual: Totals before the first one.
        booked: The last position that central has booked.
    """
    (first_position,) = connection.execute(
        "SELECT first_position + ? - 1 FROM epochs WHERE epoch = ?", (rows[0].seq, rows[0].epoch)
    ).fetchone()
    last_position = first_position + len(rows) - 1
    events = [decode_event(row.event) for row in rows]
    counted = [(event, _was_there(connection, event, first_position + at)) for at, event in enumerate(events)]
    return Header(
        device=device,
        journal_key=b64(key.public_key().public_bytes_raw()),
        epoch=rows[0].epoch,
        first_position=first_position,
        first_seq=rows[0].seq,
        count=len(rows),
        previous=rows[0].previous.hex(),
        head=rows[-1].hash.hex(),
        first_at=events[0].ordered_at,
        last_at=events[-1].ordered_at,
        perpetual=perpetual_after(perpetual, counted),
        ack=_ack_for(connection, last_position) if last_position <= booked else None,
    )


def file_name(header: Header) -> str:
    """Of its archive; says what it holds, so that two branches of a copied disk don't share one."""
    return f"{header.first_position:012}-{header.last_position:012}-{header.head[:12]}.zst"


def note(session: Session, section: Section, name: str) -> bool:
    """Note an archive, within the open transaction; False where its rows aren't booked any more."""
    header, standing = section.header, session.standing
    newest = last_archive(session.connection)
    if header.last_position > standing.place.position(standing.watermark_seq):
        return False
    if newest is not None and newest.last_position >= header.first_position:
        return False
    _note(session.connection, section, name, moved_to=header.first_position - 1)
    return True


def move_some(session: Session) -> bool:
    """Delete some rows of an archive that is noted, within the open transaction; False where nothing is left to do."""
    connection = session.connection
    found = connection.execute(
        "SELECT first_position, last_position, moved_to FROM archives WHERE moved_to < last_position LIMIT 1"
    ).fetchone()
    if found is None:
        return False
    first_position, last_position, moved_to = found
    part = moved_to + 1, min(last_position, moved_to + _MOVED_AT_ONCE)
    connection.execute(_NOTE_IDS.format(id="event_id"), part)
    connection.execute(_NOTE_IDS.format(id="ends"), part)
    connection.execute(_DELETE, part)
    connection.execute("UPDATE archives SET moved_to = ? WHERE first_position = ?", (part[1], first_position))
    return True


def expired(connection: sqlite3.Connection, before: datetime) -> list[tuple[int, str]]:
    """The oldest archives, all of whose rows are ordered before a time: first position and file name."""
    found = []
    for archive in noted_archives(connection):
        if archive.moved_to < archive.last_position or archive.signed.read().last_at >= before:
            break
        if archive.name is not None:
            found.append((archive.first_position, archive.name))
    return found


def forget(session: Session, first_position: int, _: Transaction) -> None:
    """Note that an archive's file is gone, as a work; its header stays, and tells what the rows after it follow."""
    session.connection.execute("UPDATE archives SET name = NULL WHERE first_position = ?", (first_position,))


def note_found(connection: sqlite3.Connection, shelf: Shelf) -> None:
    """Note the archives that lie beside a journal whose own notes are lost; within the caller's transaction."""
    last_position = 0
    for path in sorted(shelf.folder.glob("*.zst")):
        try:
            section = read_archive(path)
        except ArchiveDamaged:
            continue
        header = section.header
        if header.first_position <= last_position or not _is_of(connection, header):
            continue
        last_position = header.last_position
        _note(connection, section, path.name, moved_to=last_position)
        for at, row in enumerate(section.rows):
            event = decode_event(row.event)
            for taken in {event.event_id, ends_of(event.event_id, event.data)}:
                connection.execute(_NOTE_ID, (taken.bytes, header.first_position + at))


def _is_of(connection: sqlite3.Connection, header: Header) -> bool:
    """Whether it is this journal's, and not a branch's that was left behind when the disk was put back."""
    ((device, key),) = connection.execute("SELECT device, journal_key FROM box")
    epoch = connection.execute(
        "SELECT 1 FROM epochs WHERE epoch = ? AND first_position = ?",
        (header.epoch, header.first_position - header.first_seq + 1),
    ).fetchone()
    following = connection.execute(
        "SELECT previous FROM rows WHERE position = ? AND epoch = ?",
        (
            header.last_position + 1,
            header.epoch,
        ),
    ).fetchone()
    fits = following is None or following[0].hex() == header.head
    return (header.device, header.journal_key) == (device, b64(key)) and epoch is not None and fits


def _note(connection: sqlite3.Connection, section: Section, name: str, *, moved_to: int) -> None:
    header, signed = section.header, section.signed
    places = header.first_position, header.last_position, moved_to
    connection.execute(_NOTE, (*places, name, signed.line, signed.signature))


def _row(epoch: str, seq: int, event: bytes, previous: bytes, digest: bytes) -> Row:
    return Row(epoch=epoch, seq=seq, event=event, previous=previous, hash=digest)


def _after(row: Row) -> tuple[str, int, bytes]:
    return row.epoch, row.seq + 1, row.hash


def _is_counted(connection: sqlite3.Connection, programme: str | None, position: int) -> bool:
    """Until the replica holds what it did, the box needs an operation at hand to decide by."""
    return programme is None or position <= replica.counted_position(connection, programme)


def _ack_for(connection: sqlite3.Connection, position: int) -> str | None:
    """Central's newest ack, as signed, that covers rows up to a position."""
    found = connection.execute(_ACK, (position,)).fetchone()
    return None if found is None else str(found[0])


def _was_there(connection: sqlite3.Connection, event: Event, position: int) -> bool:
    ends = ends_of(event.event_id, event.data)
    asked = {"id": event.event_id.bytes, "ends": ends.bytes, "position": position}
    return connection.execute(_WAS_THERE, asked).fetchone() is not None
