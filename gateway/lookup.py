"""Questions to the journal that need no writer: committed rows, through a connection that can't write."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from uuid import UUID

from programme.canonical import from_bytes
from programme.cloudevents import decode_event
from programme.events import OPERATIONS, TYPE_NAMES, AuthorisationAbandoned, ClockState, Event
from programme.state import GRANT, HeldGrant
from sync.chain import Row
from sync.journal import Job, JobState
from sync.journal.database import connect_read_only

_OPEN_JOBS = (JobState.QUEUED, JobState.SENDING, JobState.UNCERTAIN)
_ROW = "SELECT position, epoch, seq, event, previous, hash FROM rows"
_MARKS = """
SELECT first_position + watermark_seq - 1, sent_position
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


class Lookup:
    """Finds rows; for use on one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Lookup:
        """Open a journal that a `sync.journal.Journal` has open, or has left."""
        return cls(connect_read_only(path))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def ended_by(self, authorisation: UUID) -> Event | None:
        """The one row that ended an ask or carries this event id, whatever its epoch."""
        found = self._connection.execute(
            f"{_ROW} WHERE ends = ? ORDER BY position DESC LIMIT 1", (authorisation.bytes,)
        ).fetchone()
        tracked = None if found is None else self._tracked(*found)
        return None if tracked is None else tracked.event

    def find(self, event_id: UUID) -> Tracked | None:
        """An operation or a closure by its id."""
        found = self._connection.execute(
            f"{_ROW} WHERE ends = ? AND event_id = ends ORDER BY position DESC LIMIT 1",
            (event_id.bytes,),
        ).fetchone()
        return None if found is None else self._tracked(*found)

    def last_operations(self, count: int) -> list[Tracked]:
        """The newest operations, the newest first."""
        names = tuple(TYPE_NAMES[kind] for kind in OPERATIONS)
        marks = ",".join("?" * len(names))
        found = self._connection.execute(
            f"{_ROW} WHERE type IN ({marks}) ORDER BY position DESC LIMIT ?", (*names, count)
        ).fetchall()
        return [tracked for row in found if (tracked := self._tracked(*row)) is not None]

    def given_up(self) -> tuple[UUID, ...]:
        """Asks whose abandonment central hasn't acknowledged."""
        booked_up_to, _ = self._marks()
        found = self._connection.execute(
            "SELECT ends FROM rows WHERE position > ? AND type = ? ORDER BY position",
            (booked_up_to, TYPE_NAMES[AuthorisationAbandoned]),
        ).fetchall()
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
        found = self._connection.execute("SELECT record FROM state WHERE key = ?", (GRANT,)).fetchone()
        return None if found is None else from_bytes(found[0], HeldGrant)

    def clock_state(self) -> ClockState:
        """Whether the order clock can be believed as a date."""
        (state,) = self._connection.execute("SELECT clock_state FROM standing").fetchone()
        return ClockState(state)

    def _jobs(self, condition: str, *parameters: bytes | str | int) -> list[Job]:
        found = self._connection.execute(
            f"SELECT id, kind, event_id, payload, state, detail FROM jobs WHERE {condition} ORDER BY id", parameters
        ).fetchall()
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

    def _tracked(
        self, position: int, epoch: str, seq: int, event: bytes, previous: bytes, digest: bytes
    ) -> Tracked | None:
        """The event, unless its row was damaged on the disk: then what it says counts for nothing."""
        if not Row(epoch=epoch, seq=seq, event=event, previous=previous, hash=digest).is_sound:
            return None
        booked_up_to, sent_up_to = self._marks()
        stage = Stage.BOOKED if position <= booked_up_to else Stage.SENT if position <= sent_up_to else Stage.RECORDED
        return Tracked(event=decode_event(event), stage=stage)

    def _marks(self) -> tuple[int, int]:
        booked_up_to, sent_up_to = self._connection.execute(_MARKS).fetchone()
        return int(booked_up_to), int(sent_up_to)
