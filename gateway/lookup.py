"""Questions to the journal that need no writer: committed rows, through a connection that can't write."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from programme.canonical import from_bytes
from programme.cloudevents import decode_event
from programme.events import (
    OPERATIONS,
    TYPE_NAMES,
    AuthorisationAbandoned,
    ClockState,
    DayClosed,
    EpochOpened,
    Event,
    ProgrammeTotals,
    Sold,
    Voided,
)
from programme.grants import Consignment
from programme.state import DAY, GRANT, OPERATION, SOLD, HeldGrant, OpenOperation, Totals
from sync.chain import Row
from sync.errors import ArchiveDamaged
from sync.journal import Job, JobState
from sync.journal.database import connect_read_only, noticed
from sync.journal.shelf import Shelf, archives_after

_OPEN_JOBS = (JobState.QUEUED, JobState.SENDING, JobState.UNCERTAIN)
_OPERATIONS = tuple(TYPE_NAMES[kind] for kind in OPERATIONS)
_TOLD = (*_OPERATIONS, TYPE_NAMES[DayClosed])
"""What tills are told of."""
_ROW = "SELECT position, epoch, seq, event, previous, hash FROM rows"
_COPY = """
SELECT 1 FROM rows AS copy
WHERE copy.ends = rows.ends AND copy.event_id = rows.event_id AND copy.position > rows.position
"""
"""A row that was copied to a later epoch is the same event."""
_MARKS = """
SELECT first_position + seq - 1, sent_position, first_position + watermark_seq - 1
FROM standing JOIN epochs USING (epoch)
"""


class Stage(Enum):
    """How far an operation is on its way."""

    RECORDED = "recorded"
    """On this box's disk."""
    SENT = "sent"
    BOOKED = "booked"
    """Committed by central."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A recorded event and how far it is."""

    event: Event
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Positions in the journal up to which rows are recorded, sent and booked."""

    recorded: int
    sent: int
    booked: int

    def stage(self, position: int) -> Stage:
        """How far a row is."""
        return Stage.BOOKED if position <= self.booked else Stage.SENT if position <= self.sent else Stage.RECORDED


class Lookup:
    """Finds rows; for use on one thread. Its questions raise JournalError where the file can't be read."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._shelf = Shelf(path)

    @classmethod
    def open(cls, path: Path) -> Lookup:
        """Open a journal that a `sync.journal.Journal` has open, or has left."""
        return cls(connect_read_only(path), path)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def ended_by(self, authorisation: UUID) -> Event | None:
        """The one row that ended an ask or carries this event id, whatever its epoch."""
        found = self._ask(f"{_ROW} WHERE ends = ? ORDER BY position DESC LIMIT 1", (authorisation.bytes,))
        tracked = _tracked(self.marks(), *found[0]) if found else self._archived(authorisation)
        return None if tracked is None else tracked.event

    def find(self, event_id: UUID) -> Tracked | None:
        """An operation or a closure by its id."""
        found = self._ask(
            f"{_ROW} WHERE ends = ? AND event_id = ends ORDER BY position DESC LIMIT 1",
            (event_id.bytes,),
        )
        tracked = _tracked(self.marks(), *found[0]) if found else self._archived(event_id)
        return tracked if tracked is not None and tracked.event.event_id == event_id else None

    def _archived(self, ended: UUID) -> Tracked | None:
        """An event of an archive by its id, or by the ask that it ended."""
        for (position,) in self._ask("SELECT position FROM archived WHERE id = ?", (ended.bytes,)):
            row = self._shelf.row_at(self._connection, position)
            if row is not None:
                return Tracked(event=decode_event(row.event), stage=self.marks().stage(position))
        return None

    def last_operations(self, count: int) -> list[Tracked]:
        """The newest operations, the newest first."""
        return self._newest(_OPERATIONS, count)

    def last_told(self, count: int) -> list[Tracked]:
        """The newest operations and closures, the newest first."""
        return self._newest(_TOLD, count)

    def _newest(self, names: tuple[str, ...], count: int) -> list[Tracked]:
        marks = ",".join("?" * len(names))
        found = self._ask(
            f"{_ROW} WHERE type IN ({marks}) AND NOT EXISTS ({_COPY}) ORDER BY position DESC LIMIT ?", (*names, count)
        )
        known, closed_again = self.marks(), self._closed_again()
        return [
            tracked
            for row in found
            if (tracked := _tracked(known, *row)) is not None and not _is_over(row, closed_again)
        ]

    def _closed_again(self) -> list[range]:
        """The positions whose closures no epoch holds any more: after a fork those days were closed anew."""
        first_positions = dict(self._ask("SELECT epoch, first_position FROM epochs"))
        begun = self._ask(f"{_ROW} WHERE position IN (SELECT first_position FROM epochs)")
        positions = []
        for row in begun:
            opened = decode_event(row[3]).data if _is_sound(*row) else None
            if isinstance(opened, EpochOpened) and opened.parent is not None:
                positions.append(range(first_positions[opened.parent.epoch] + opened.parent.seq, row[0]))
        return positions

    def given_up(self) -> tuple[UUID, ...]:
        """Asks whose abandonment central hasn't acknowledged."""
        found = self._ask(
            "SELECT ends FROM rows WHERE position > ? AND type = ? ORDER BY position",
            (self.marks().booked, TYPE_NAMES[AuthorisationAbandoned]),
        )
        return tuple(UUID(bytes=ends) for (ends,) in found)

    def jobs_of(self, event_id: UUID) -> list[Job]:
        """What was left to do for an event, in order."""
        return self._jobs("event_id = ?", event_id.bytes)

    def open_jobs(self) -> list[Job]:
        """Jobs that wait for the printer or for a person, in order."""
        return self._jobs("state IN (?, ?, ?)", *(state.value for state in _OPEN_JOBS))

    def job(self, job_id: int) -> Job | None:
        """One job."""
        return next(iter(self._jobs("id = ?", job_id)), None)

    def grant(self) -> HeldGrant | None:
        """The grant in force."""
        found = self._record(GRANT)
        return None if found is None else from_bytes(found, HeldGrant)

    def day_totals(self, day: date) -> dict[str, ProgrammeTotals]:
        """What a business day adds up to, by programme, since its last closure."""
        found = self._record(f"{DAY}{day}")
        return {} if found is None else from_bytes(found, Totals).programmes

    def has_open_days(self, *, up_to: date) -> bool:
        """Whether a business day up to this one has operations that no closure sums up."""
        first, after = f"{DAY}", f"{DAY}{up_to}~"
        return bool(self._ask("SELECT 1 FROM state WHERE key >= ? AND key < ? LIMIT 1", (first, after)))

    def open_operations(self) -> dict[UUID, OpenOperation]:
        """The operations of the days that aren't closed, by event id."""
        found = self._ask("SELECT record FROM state WHERE key >= ? AND key < ?", (OPERATION, f"{OPERATION}~"))
        operations = (from_bytes(record, OpenOperation) for (record,) in found)
        return {operation.event_id: operation for operation in operations}

    def unsold(self) -> dict[str, list[Consignment]]:
        """By programme, the vouchers that this box may still sell."""
        grant = self.grant()
        if grant is None:
            return {}
        return {
            programme: [
                voucher for voucher in allowance.consigned if self._record(f"{SOLD}{voucher.instrument}") is None
            ]
            for programme, allowance in grant.allowances.items()
            if allowance.consigned
        }

    def told_after(self, position: int, count: int) -> list[tuple[int, bytes | None]]:
        """Operations and closures recorded after a position in the journal: their positions and bytes, in order.

        None stands for a row that was damaged on the disk, or a closure that a fork took out of the journal.
        """
        found, position = self._archived_after(position, count)
        marks = ",".join("?" * len(_TOLD))
        question = f"{_ROW} WHERE position > ? AND type IN ({marks}) ORDER BY position LIMIT ?"
        found += self._ask(question, (position, *_TOLD, count - len(found)))
        closed_again = self._closed_again()
        return [(row[0], row[3] if _is_sound(*row) and not _is_over(row, closed_again) else None) for row in found]

    def _archived_after(self, position: int, count: int) -> tuple[list[tuple[Any, ...]], int]:
        """The first rows of these kinds that moved to archives, and where those at hand go on."""
        found: list[tuple[Any, ...]] = []
        for archive in archives_after(self._connection, position):
            with contextlib.suppress(ArchiveDamaged):  # nothing more can be told of its rows
                rows = enumerate(self._shelf.section(archive).rows, start=archive.first_position)
                for at, row in rows:
                    if position < at <= archive.moved_to and decode_event(row.event).type in _TOLD:
                        found.append((at, row.epoch, row.seq, row.event, row.previous, row.hash))
                    if len(found) == count:
                        return found, at
            position = archive.moved_to
        return found, position

    def is_voided(self, event_id: UUID, sold: Sold) -> bool:
        """Whether a sale was voided here, be its day closed or not."""
        found = self._ask(f"{_ROW} WHERE instrument = ? AND type = ?", (sold.instrument, TYPE_NAMES[Voided]))
        voids = (decode_event(row[3]).data for row in found if _is_sound(*row))
        return any(isinstance(void, Voided) and void.target == event_id and not void.counter.training for void in voids)

    def last_position(self) -> int:
        """Where the journal ends."""
        ((position,),) = self._ask("SELECT coalesce(max(position), 0) FROM rows")
        return int(position)

    def marks(self) -> Marks:
        """How far everything is."""
        ((recorded, sent, booked),) = self._ask(_MARKS)
        return Marks(recorded=recorded, sent=sent, booked=booked)

    def clock_state(self) -> ClockState:
        """Whether the order clock can be believed as a date."""
        ((state,),) = self._ask("SELECT clock_state FROM standing")
        return ClockState(state)

    def _record(self, key: str) -> bytes | None:
        found = self._ask("SELECT record FROM state WHERE key = ?", (key,))
        return bytes(found[0][0]) if found else None

    def _jobs(self, condition: str, *parameters: bytes | str | int) -> list[Job]:
        found = self._ask(
            f"SELECT id, kind, event_id, payload, state, detail FROM jobs WHERE {condition} ORDER BY id", parameters
        )
        return [
            Job(
                job_id=job_id,
                kind=kind,
                event_id=UUID(bytes=event_id),
                payload=payload,
                state=JobState(state),
                detail=detail,
            )
            for job_id, kind, event_id, payload, state, detail in found
        ]

    def _ask(self, question: str, parameters: Sequence[object] = ()) -> list[Any]:
        try:
            return self._connection.execute(question, parameters).fetchall()
        except sqlite3.Error as error:
            raise noticed(error, self._path) from error


def _tracked(
    marks: Marks, position: int, epoch: str, seq: int, event: bytes, previous: bytes, digest: bytes
) -> Tracked | None:
    """The event, unless its row was damaged on the disk: then what it says counts for nothing."""
    if not _is_sound(position, epoch, seq, event, previous, digest):
        return None
    return Tracked(event=decode_event(event), stage=marks.stage(position))


def _is_sound(_: int, epoch: str, seq: int, event: bytes, previous: bytes, digest: bytes) -> bool:
    return Row(epoch=epoch, seq=seq, event=event, previous=previous, hash=digest).is_sound


def _is_over(row: Sequence[Any], closed_again: list[range]) -> bool:
    """Whether a sound row is a closure that was made anew."""
    return any(row[0] in positions for positions in closed_again) and isinstance(decode_event(row[3]).data, DayClosed)
