"""Durable jobs: what an operation leaves to do, stored in its own transaction."""

from __future__ import annotations

import sqlite3
from uuid import UUID

from sync.journal.values import Job, JobState

_SELECT = "SELECT id, kind, event_id, payload, state, detail FROM jobs"


def add_job(connection: sqlite3.Connection, kind: str, event_id: UUID, payload: bytes) -> int:
    """Queue a job, within the caller's transaction."""
    cursor = connection.execute(
        "INSERT INTO jobs (kind, event_id, payload, state, detail) VALUES (?, ?, ?, ?, '')",
        (kind, event_id.bytes, payload, JobState.QUEUED.value),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def read_jobs(connection: sqlite3.Connection, state: JobState | None) -> list[Job]:
    """Jobs in a state, or all, in the order they were queued."""
    if state is None:
        found = connection.execute(f"{_SELECT} ORDER BY id")
    else:
        found = connection.execute(f"{_SELECT} WHERE state = ? ORDER BY id", (state.value,))
    return [_job(*columns) for columns in found]


def jobs_of(connection: sqlite3.Connection, event_id: UUID) -> list[Job]:
    """What an event left to do, in the order it was queued."""
    found = connection.execute(f"{_SELECT} WHERE event_id = ? ORDER BY id", (event_id.bytes,))
    return [_job(*columns) for columns in found]


def job_by_id(connection: sqlite3.Connection, job_id: int) -> Job | None:
    """One job."""
    found = connection.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone()
    return None if found is None else _job(*found)


def set_job(
    connection: sqlite3.Connection, job_id: int, state: JobState, detail: str, after: JobState | None = None
) -> bool:
    """Say how far a job is, within the caller's transaction; False where it isn't in the state it is to come after."""
    cursor = connection.execute(
        "UPDATE jobs SET state = ?, detail = ? WHERE id = ? AND state = coalesce(?, state)",
        (state.value, detail, job_id, None if after is None else after.value),
    )
    return cursor.rowcount > 0


def fail_jobs_of(connection: sqlite3.Connection, event_id: UUID, detail: str) -> None:
    """Do no more of what an event left to do, within the caller's transaction; what may be on paper stays uncertain."""
    connection.execute(
        "UPDATE jobs SET state = ?, detail = ? WHERE event_id = ? AND state IN (?, ?)",
        (JobState.FAILED.value, detail, event_id.bytes, JobState.QUEUED.value, JobState.SENDING.value),
    )


def _job(job_id: int, kind: str, event_id: bytes, payload: bytes, state: str, detail: str) -> Job:
    return Job(
        job_id=job_id,
        kind=kind,
        event_id=UUID(bytes=event_id),
        payload=payload,
        state=JobState(state),
        detail=detail,
    )
