"""The journal: append-only rows, the state they add up to, and what they leave to do, in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from programme.events import EpochReason, RowLink
from programme.instants import from_us
from sync.chain import Row
from sync.clock import BootClock, OrderClock
from sync.errors import JournalError, JournalMissing
from sync.journal import jobs, replica
from sync.journal.acks import take_ack
from sync.journal.database import connect_read_only, damage_note, meaning, noticed
from sync.journal.fork import open_epoch
from sync.journal.lock import FileLock
from sync.journal.mover import Mover
from sync.journal.moving import ROWS_IN_FILE
from sync.journal.opening import first_session, next_session
from sync.journal.rows import first_position_of
from sync.journal.shelf import Shelf
from sync.journal.standing import Standing
from sync.journal.transaction import Session, Transaction
from sync.journal.values import AckOutcome, Job, JobState, Queue
from sync.journal.writer import Work, Writer
from sync.wire import Ack, Head, RegistryDelta, RegistrySnapshot

T = TypeVar("T")
MakeId = Callable[[], UUID]

_SNAPSHOT_CHUNK = 500
"""Entries of a snapshot per transaction, so that a scan never waits for a whole one."""


class Journal:
    """One box's journal; one process at a time may have it open.

    Its methods block and may be called from any thread, but not from within a work.

    Attributes:
        left_out: The damaged rows that `recover` didn't take along.
    """

    def __init__(self, session: Session, path: Path, lock: FileLock, new_id: MakeId, key: Ed25519PrivateKey) -> None:
        self._session = session
        self._path = path
        self._lock = lock
        self._new_id = new_id
        self._key = key
        self.left_out: tuple[RowLink, ...] = ()
        self._writer = Writer(session, path)
        self._reader = connect_read_only(path)
        self._shelf = Shelf(path)
        self._reading = threading.Lock()
        self._mover = Mover(session, self._writer, path, key)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        device: str,
        key: Ed25519PrivateKey,
        clock: BootClock,
        signed_time: datetime,
        new_id: MakeId = uuid7,
    ) -> Journal:
        """Begin the journal of a newly enrolled box.

        Args:
            key: The journal key.
            signed_time: Central's, from the enrolment; sets the order clock.

        Raises:
            JournalError: There is a journal already, or the file can't be written.
        """
        lock = FileLock(path)
        with _letting_go(path, lock):
            session = first_session(path, device, key, clock, OrderClock.starting_at(clock, signed_time), new_id)
            return cls(session, path, lock, new_id, key)

    @classmethod
    def open(
        cls, path: Path, *, device: str, key: Ed25519PrivateKey, clock: BootClock, new_id: MakeId = uuid7
    ) -> Journal:
        """Go on with a journal.

        Raises:
            JournalBroken: Its last rows or its state don't hold, or a page couldn't be read when it was last used.
            JournalError: There is none, another program has it open, or it is another box's.
        """
        if not path.exists():
            raise JournalMissing(f"{path} doesn't exist: enrol this box")
        lock = FileLock(path)
        with _letting_go(path, lock):
            return cls(next_session(path, device, key, clock), path, lock, new_id, key)

    @classmethod
    def recover(
        cls, path: Path, *, device: str, key: Ed25519PrivateKey, clock: BootClock, new_id: MakeId = uuid7
    ) -> Journal:
        """Go on with a journal whose rows don't hold any more, in a new epoch after the last acknowledged row.

        Raises:
            JournalBroken: Nothing is left to go on from.
            JournalError: As with `open`.
        """
        lock = FileLock(path)
        with _letting_go(path, lock):
            journal = cls(next_session(path, device, key, clock, damaged=True), path, lock, new_id, key)
        try:
            journal.left_out = journal.open_epoch(EpochReason.CORRUPTION)
        except BaseException:
            journal.close()
            raise
        damage_note(path).unlink(missing_ok=True)
        return journal

    def close(self) -> None:
        """Finish what was submitted, and let the file go."""
        with self._reading:
            self._reader.close()
        # Last, so that it empties the write-ahead log into the file: a copy of the file alone is then whole.
        self._writer.close()
        self._lock.release()

    def submit(self, work: Work[T]) -> Future[T]:
        """Have a work done in a transaction; its future is done once that is on disk.

        A work that raises is undone alone, and its future raises the same. The future raises `JournalFull` where the
        disk is full and `JournalError` where it fails: then nothing was recorded, and the journal goes on when it can.

        Raises:
            JournalError: The journal is closed.
        """
        return self._writer.submit(work)

    @property
    def head(self) -> RowLink | None:
        """The last row on disk."""
        return self._session.committed.head

    @property
    def watermark(self) -> RowLink:
        """The last row of this epoch that central acknowledged; seq 0 for none."""
        return self._session.committed.watermark

    @property
    def epoch(self) -> str:
        """The current epoch."""
        return self._session.committed.place.epoch

    def rows(self, first_seq: int, last_seq: int, max_bytes: int, *, epoch: str | None = None) -> list[Row]:
        """Consecutive rows from `first_seq`, up to a size but at least one where there is one.

        Args:
            epoch: The current one by default.
        """
        place = self._session.committed.place
        chosen = epoch or place.epoch
        with self._read() as reader:
            start = place.first_position if chosen == place.epoch else first_position_of(reader, chosen)
            if start is None:
                return []
            rows = self._shelf.rows_between(reader, start + first_seq - 1, start + last_seq - 1, max_bytes)
        return [row for row in rows if row.epoch == chosen]

    def mark_sent(self, seq: int) -> None:
        """Write down that rows up to this one may have left the box; before they do."""

        def work(_: Transaction) -> None:
            self._session.mark_sent(seq)

        if self._session.committed.sent_position < self._session.committed.place.position(seq):
            self._writer.call(work)

    def acknowledge(self, ack: Ack, signed: str) -> AckOutcome:
        """Take an ack whose signature was verified.

        Args:
            signed: The message, verbatim, to keep.

        Raises:
            Unreadable: It is for another box.
        """
        return self._writer.call(lambda _: take_ack(self._session, ack, signed))

    def signed_time(self, at: datetime) -> None:
        """Take a signed time that came otherwise than by an ack."""
        self._writer.call(lambda _: self._session.clock.signed_time(at))

    def open_epoch(self, reason: EpochReason) -> tuple[RowLink, ...]:
        """Begin a new epoch after the last acknowledged row, with copies of the later rows and without a grant.

        Returns:
            The later rows that weren't copied, for they are damaged.
        """
        return self._writer.call(lambda _: open_epoch(self._session, reason, self._new_id, self._key))

    def archive(self, *, before: datetime, rows_in_file: int = ROWS_IN_FILE) -> int:
        """Move booked rows that are ordered before a time to archives; takes a while, and no scan waits for it.

        Returns:
            How many archives were written.

        Raises:
            JournalFull: There is no room for one.
        """
        return self._mover.archive(before=before, rows_in_file=rows_in_file)

    def delete_archives(self, *, before: datetime) -> list[str]:
        """Delete the archives all of whose rows are ordered before a time; the ids of their events stay.

        Returns:
            Their files' names.
        """
        return self._mover.delete(before=before)

    def has_room(self, reserve_bytes: int) -> bool:
        """Whether so much may still be taken: of the file system, and of what rows left free in the file."""
        file_system = os.statvfs(self._path.parent)
        free_bytes = file_system.f_bavail * file_system.f_frsize
        if free_bytes >= reserve_bytes:
            return True
        with self._read() as reader:
            ((pages,),) = reader.execute("PRAGMA freelist_count")
            ((page_bytes,),) = reader.execute("PRAGMA page_size")
        return bool(free_bytes + pages * page_bytes >= reserve_bytes)

    def jobs(self, state: JobState | None = None) -> list[Job]:
        """Jobs in a state, or all, in the order they were queued."""
        with self._read() as reader:
            return jobs.read_jobs(reader, state)

    def job(self, job_id: int) -> Job | None:
        """One job."""
        with self._read() as reader:
            return jobs.job_by_id(reader, job_id)

    def update_job(self, job_id: int, state: JobState, detail: str = "", *, after: JobState | None = None) -> bool:
        """Write down how far a job is.

        Args:
            after: Only where this is its state still.

        Returns:
            Whether it was.
        """
        return self._writer.call(lambda _: jobs.set_job(self._session.connection, job_id, state, detail, after))

    def queue(self) -> Queue:
        """What central hasn't booked yet."""
        with self._read() as reader:
            standing = self._session.committed
            return _read_queue(reader, standing)

    def replica_head(self, programme: str) -> Head | None:
        """How far a programme's replica is; None before its first snapshot."""
        with self._read() as reader:
            return replica.head(reader, programme)

    def replica_heads(self) -> dict[str, Head]:
        """How far every replica is."""
        with self._read() as reader:
            return replica.heads(reader)

    def apply_delta(self, delta: RegistryDelta) -> bool:
        """Take a registry delta whose signature was verified; False where a snapshot must be fetched."""

        def work(_: Transaction) -> bool:
            self._session.clock.signed_time(delta.time)
            return replica.apply_delta(self._session.connection, delta)

        return self._writer.call(work)

    def replace_replica(self, snapshot: RegistrySnapshot) -> bool:
        """Put a verified snapshot in place of a programme's replica, in one step; one at a time.

        Returns:
            False where deltas have meanwhile led further, and for an earlier generation of central.
        """
        session, call, programme = self._session, self._writer.call, snapshot.programme
        self._clear_unused(programme)
        slot = call(lambda _: replica.free_slot(session.connection, programme))
        for start in range(0, len(snapshot.entries), _SNAPSHOT_CHUNK):
            part = snapshot.entries[start : start + _SNAPSHOT_CHUNK]
            call(lambda _, part=part: replica.load(session.connection, programme, slot, part))  # type: ignore[misc]
        head = Head(generation=snapshot.generation, version=snapshot.version)
        swapped = call(lambda _: replica.swap(session.connection, programme, slot, head))
        self._clear_unused(programme)
        return swapped

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """The reading connection, for one thread at a time."""
        with self._reading:
            try:
                yield self._reader
            except sqlite3.Error as error:
                raise noticed(error, self._path) from error

    def _clear_unused(self, programme: str) -> None:
        while self._writer.call(lambda _: replica.clear_unused(self._session.connection, programme, _SNAPSHOT_CHUNK)):
            pass


@contextmanager
def _letting_go(path: Path, lock: FileLock) -> Iterator[None]:
    """Release the lock where a journal can't be had, and say why in our words."""
    try:
        yield
    except (sqlite3.Error, JournalError) as error:
        lock.release()
        raise meaning(error, path) if isinstance(error, sqlite3.Error) else error from None


def _read_queue(connection: sqlite3.Connection, standing: Standing) -> Queue:
    # A restored central may lack archived rows, too: they are counted, though not their value.
    booked_position = standing.place.position(standing.watermark_seq)
    (oldest_us,) = connection.execute(
        "SELECT min(ordered_at_us) FROM rows WHERE position > ?", (booked_position,)
    ).fetchone()
    values = connection.execute(
        "SELECT currency, sum(value_minor) FROM rows WHERE position > ? AND value_minor IS NOT NULL GROUP BY currency",
        (booked_position,),
    ).fetchall()
    return Queue(
        unbooked_rows=standing.place.last_position - booked_position,
        value_at_risk_minor=dict(values),
        oldest_unbooked_at=None if oldest_us is None else from_us(oldest_us),
    )
