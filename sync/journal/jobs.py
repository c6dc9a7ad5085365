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


def job_by_id(connection: sqlite3.Connection, job_id: int) -> Job | None:
    """One job."""
    found = connection.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone()
    return None if found is None else _job(*found)


def set_job(connection: sqlite3.Connection, job_id: int, state: JobState, detail: str) -> None:
    """Say how far a job is, within the caller's transaction."""
    connection.execute("UPDATE jobs SET state = ?, detail = ? WHERE id = ?", (state.value, detail, job_id))


def _job(job_id: int, kind: str, event_id: bytes, payload: bytes, state: str, detail: str) -> Job:
    return Job(
        job_id=job_id,
        kind=kind,
        event_id=UUID(bytes=event_id),
        payload=payload,
        state=JobState(state),
        detail=detail,
    )
