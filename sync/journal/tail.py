"""What an opening verifies, however long the journal is: the rows since the last closure, and the state against them.

A closure is signed and holds the perpetual totals, so that nothing before it need be read. `verify` reads everything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.canonical import from_bytes
from programme.cloudevents import decode_event
from programme.errors import NotUnderstood, ProgrammeError
from programme.events import CLOSURES, Event
from programme.state import DAY, EPOCH, PERPETUAL, CurrentEpoch, Record, Totals, at_least, evolve, record_kind
from sync.chain import GENESIS, Row
from sync.closures import check_closure
from sync.errors import BadSignature, JournalBroken
from sync.journal.rows import Place, last_archived_position, last_closure_position, rows_since

MOST_ROWS = 2_000
"""Read at an opening where nobody closes days; what is older and damaged is met when it is read or sent."""


def vouched_records(connection: sqlite3.Connection, place: Place, key: Ed25519PublicKey) -> dict[str, Record]:
    """Verify this epoch's rows since its last closure.

    Returns:
        The state's records that these rows fix; none where they begin neither with a closure nor with the first row.

    Raises:
        JournalBroken: One is missing or isn't as it was written.
    """
    closure = last_closure_position(connection, place)
    at_hand = last_archived_position(connection) + 1
    first = max(place.first_position, closure or 0, at_hand, place.last_position - MOST_ROWS + 1)
    rows = _sound_rows(connection, place, first)
    if first == closure:
        row = next(rows)
        records = _closed_with(_event(row), row, place, key)
    elif first == 1:
        records = {}
    else:
        for _ in rows:
            pass
        return {}
    for row in rows:
        _add(records, _event(row), row)
    return records


def differing(connection: sqlite3.Connection, records: dict[str, Record]) -> dict[str, Record]:
    """The records that the state holds otherwise, as they should be."""
    wrong: dict[str, Record] = {}
    for key, record in records.items():
        stored = _stored(connection, key)
        if key.startswith(DAY) and isinstance(stored, Totals) and isinstance(record, Totals):
            # Its first operations may be older than the closure of another day.
            record = Totals(programmes=at_least(stored.programmes, record.programmes))
        if stored != record and (stored is not None or record != Totals()):
            wrong[key] = record
    return wrong


def _sound_rows(connection: sqlite3.Connection, place: Place, first: int) -> Iterator[Row]:
    seq, previous = first - place.first_position, None if first > place.first_position else GENESIS
    for row in rows_since(connection, first, place.last_position):
        seq += 1
        if (row.epoch, row.seq) != (place.epoch, seq):
            raise _broken(place.epoch, seq, "missing")
        if not row.is_sound or (previous is not None and row.previous != previous):
            raise _broken(row.epoch, row.seq, "damaged")
        previous = row.hash
        yield row
    if seq != place.seq:
        raise _broken(place.epoch, seq + 1, "missing")


def _event(row: Row) -> Event:
    try:
        return decode_event(row.event)
    except NotUnderstood as error:
        raise _broken(row.epoch, row.seq, f"unreadable ({error})") from error


def _closed_with(closure: Event, row: Row, place: Place, key: Ed25519PublicKey) -> dict[str, Record]:
    assert isinstance(closure.data, CLOSURES)
    try:
        check_closure(closure.data, key)
    except BadSignature as error:
        raise _broken(row.epoch, row.seq, "a closure that this box didn't sign") from error
    return {EPOCH: CurrentEpoch(epoch=place.epoch), PERPETUAL: Totals(programmes=closure.data.perpetual)}


def _add(records: dict[str, Record], event: Event, row: Row) -> None:
    try:
        changes = evolve(records, event)
    except ProgrammeError as error:
        raise _broken(row.epoch, row.seq, f"without an effect that can be told ({error})") from error
    records.update({key: record for key, record in changes.items() if record is not None})
    for key in [key for key, record in changes.items() if record is None]:
        records.pop(key, None)


def _stored(connection: sqlite3.Connection, key: str) -> Record | None:
    found = connection.execute("SELECT record FROM state WHERE key = ?", (key,)).fetchone()
    try:
        return None if found is None else from_bytes(found[0], record_kind(key))
    except NotUnderstood:
        return None


def _broken(epoch: str, seq: int, what: str) -> JournalBroken:
    message = f"row {epoch}/{seq} of the journal is {what}: keep the file, a new epoch is needed"
    return JournalBroken(message, epoch=epoch, seq=seq)
